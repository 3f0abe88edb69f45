"""Axes in another order, in one pass: long runs are read, and long runs are written."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Unpack

import numpy as np
from numpy.lib.array_utils import normalize_axis_tuple

from filexchange.aliases import Array, Shape
from filexchange.blocks.filling import fill
from filexchange.blocks.grid import Grid
from filexchange.blocks.jobs import kept_block
from filexchange.blocks.options import Options, Settings
from filexchange.blocks.planning import Plan
from filexchange.blocks.sources import Piece, Source, as_source
from filexchange.blocks.targets import Layout, layout
from filexchange.errors import UnsupportedOptionError
from filexchange.ref import ArrayRef

# The block as it was read, as it is written, and room for what a codec needs.
_COPIES = 3

# Larger blocks make longer runs, with less and less to gain.
_MOST_BYTES = 64 << 20

# Runs that are read are so many times as long as those that are written: the kernel waits for the
# former, and gathers the latter.
_READ_FACTOR = 4

# Blocks that are under way at a time, as far as the budget goes.
_AT_A_TIME = 2


def transpose(
    a: Any,
    axes: Sequence[int] | None = None,
    *,
    out: Any = None,
    overwrite: bool = False,
    **options: Unpack[Options],
) -> Any:
    """Write an array with its axes in another order.

    Parameters
    ----------
    a : ArrayRef, path, ndarray or lazy array
    axes : sequence of int, optional
        Which axis of `a` each axis of the result is; in reverse by default.
    out, overwrite, **options
        As of :func:`map_blocks`.

    Returns
    -------
    ArrayRef or ndarray

    Raises
    ------
    MemoryBudgetError
        If a chunk of the output does not fit `memory`; nothing was read.
    UnsupportedOptionError
        If `axes` is not a permutation of the axes.

    Notes
    -----
    Each element of a file that lies as in memory is read once and written once, in blocks whose
    runs are long in both. Chunks of the input are read several times
    where blocks of whole ones would not fit the budget.

    Examples
    --------
    >>> from filexchange import blocks
    >>> a = fx.save("a.npy", np.arange(6).reshape(2, 3))
    >>> blocks.transpose(a, out="t.npy").load()
    array([[0, 3],
           [1, 4],
           [2, 5]])
    """
    source = as_source(a)
    order = _permutation(axes, len(source.shape))
    target = layout(out, tuple(source.shape[i] for i in order), source.dtype)
    settings = Settings(**options)
    _check_apart(source, target)
    block = kept_block(settings.resume, [target])
    if block is None:
        block = _block(source, order, target, settings.budget - target.memory)
    grid = Grid(target.shape, block)
    needed = _COPIES * math.prod(grid.block) * source.dtype.itemsize
    plan = Plan(
        operation="transpose",
        blocks=len(grid),
        block_shape=grid.block,
        block_memory=needed,
        memory=settings.budget,
        bytes_read=target.nbytes,
        bytes_written=target.nbytes,
        result_memory=target.memory,
        temporary=target.temporary,
    )
    if settings.plan_only:
        return plan

    def piece(number: int) -> Piece:
        region = grid[number]
        return source.piece(tuple(region[order.index(axis)] for axis in range(len(order))))

    return fill(_Work(order), piece, [source], [target], grid, plan, settings, overwrite=overwrite)[
        0
    ]


def moveaxis(
    a: Any, source: int | Sequence[int], destination: int | Sequence[int], **options: Any
) -> Any:
    """Write an array with some axes moved to other places; NumPy's `moveaxis`.

    Parameters
    ----------
    a : ArrayRef, path, ndarray or lazy array
    source, destination : int or sequence of int
    **options
        Those of :func:`transpose`.

    Examples
    --------
    >>> from filexchange import blocks
    >>> blocks.moveaxis(np.zeros((2, 3, 4)), 0, -1).shape
    (3, 4, 2)
    """
    ndim = len(as_source(a).shape)
    taken, places = (normalize_axis_tuple(each, ndim) for each in (source, destination))
    if len(taken) != len(places):
        raise UnsupportedOptionError(
            f"source={source!r} and destination={destination!r} name different numbers of axes"
        )
    order = [i for i in range(ndim) if i not in taken]
    for place, axis in sorted(zip(places, taken, strict=True)):
        order.insert(place, axis)
    return transpose(a, order, **options)


def _check_apart(source: Source, target: Layout) -> None:
    """Raise if blocks would be written over others that are still to be read."""
    read, written = source.array, target.out
    is_one_file = isinstance(read, ArrayRef) and isinstance(written, ArrayRef)
    is_one_memory = isinstance(read, np.ndarray) and isinstance(written, np.ndarray)
    if (is_one_file and read.path == written.path and read.key == written.key) or (
        is_one_memory and np.may_share_memory(read, written)
    ):
        raise UnsupportedOptionError(
            "out is the array that is read, which cannot be transposed in its place: give another"
        )


def _permutation(axes: Sequence[int] | None, ndim: int) -> tuple[int, ...]:
    if axes is None:
        return tuple(reversed(range(ndim)))
    order = normalize_axis_tuple(axes, ndim)
    if len(order) != ndim:
        raise UnsupportedOptionError(
            f"axes={axes!r} is not a permutation of the {ndim} axes of the array: name each once"
        )
    return order


def _block(source: Source, order: tuple[int, ...], target: Layout, budget: int) -> Shape:
    """Return the shape of blocks of the output."""
    most = min(_MOST_BYTES, max(0, budget) // (_COPIES * _AT_A_TIME)) // source.dtype.itemsize
    ones = (1,) * len(order)
    read = ones if source.chunks is None else tuple(source.chunks[i] for i in order)
    written = target.chunks or ones
    both = tuple(math.lcm(a, b) for a, b in zip(read, written, strict=True))
    inner = tuple(order.index(axis) for axis in reversed(range(len(order))))
    unit = both if math.prod(map(min, both, target.shape)) <= most else written
    return balanced_block(target.shape, unit, inner, most)


def balanced_block(shape: Shape, unit: Shape, inner: tuple[int, ...], most: int) -> Shape:
    """Return a block of at most `most` elements with long runs in two orders of its axes.

    Parameters
    ----------
    shape : tuple of int
        Of the array.
    unit : tuple of int
        What blocks consist of; one alone may have more elements than `most`.
    inner : tuple of int
        The axes from the innermost to the outermost in the other order; in this one the last axis
        is the innermost.
    most : int

    Examples
    --------
    >>> balanced_block((10_000, 10_000), (1, 1), (0, 1), 1 << 20)
    (2048, 512)
    """
    block = tuple(max(1, min(step, length)) for step, length in zip(unit, shape, strict=True))
    orders = (tuple(reversed(range(len(shape)))), inner)
    length = 1
    while length <= max(1, math.prod(shape)):
        grown = block
        for order, factor in zip(orders, (1, _READ_FACTOR), strict=True):
            grown = _extended(grown, shape, unit, order, factor * length)
        if math.prod(grown) > most:
            break
        block = grown
        length *= 2
    return block


def _extended(
    block: Shape, shape: Shape, unit: Shape, order: tuple[int, ...], length: int
) -> Shape:
    """Return the block made so long that its runs along `order` have at least this length."""
    lengths, run_length = list(block), 1
    for axis in order:
        wanted = -(-length // (run_length * unit[axis])) * unit[axis]
        lengths[axis] = max(1, min(shape[axis], max(lengths[axis], wanted)))
        run_length *= lengths[axis]
        if lengths[axis] < shape[axis]:
            break
    return tuple(lengths)


@dataclass(frozen=True, slots=True)
class _Work:
    """What a worker does with a block."""

    order: tuple[int, ...]

    def __call__(self, piece: Piece) -> list[Array]:
        return [np.transpose(piece.read(), self.order)]
