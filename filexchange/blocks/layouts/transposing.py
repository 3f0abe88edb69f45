"""Axes in another order."""

import math
from collections.abc import Sequence
from typing import Any, Unpack

from numpy.lib.array_utils import normalize_axis_tuple

from filexchange.aliases import Shape
from filexchange.blocks.execution.options import Options, Settings
from filexchange.blocks.layouts.rearranging import permutation, rearrange
from filexchange.blocks.layouts.routes import Lie
from filexchange.blocks.storage.sources import as_source
from filexchange.blocks.storage.targets import layout
from filexchange.errors import UnsupportedOptionError

# Runs that are read are so many times as long as those that are written: the kernel waits for the
# former, and gathers the latter.
_READ_FACTOR = 4


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
    In one pass where blocks that fit the budget are long enough in both orders; else in two, with a
    temporary file beside the output. The plan tells.

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
    order = permutation(axes, len(source.shape))
    target = layout(out, tuple(source.shape[i] for i in order), source.dtype)
    inner = tuple(order.index(axis) for axis in reversed(range(len(order))))

    def candidates(read: Lie, written: Lie, most: int) -> list[Shape]:
        units = _units(read, written, order, most)
        return [balanced_block(written.shape, unit, inner, most) for unit in units]

    return rearrange(
        "transpose", source, order, target, candidates, Settings(**options), overwrite=overwrite
    )


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


def _units(read: Lie, written: Lie, order: tuple[int, ...], most: int) -> list[Shape]:
    """Return what blocks of the output may consist of: its units, and those of both."""
    ones = (1,) * len(order)
    theirs = ones if read.unit is None else tuple(read.unit[i] for i in order)
    own = written.unit or ones
    both = tuple(math.lcm(a, b) for a, b in zip(theirs, own, strict=True))
    fits = math.prod(map(min, both, written.shape)) <= most
    return [own, both] if fits and both != own else [own]


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
