"""Functions along one axis after the other, whose blocks have all of it."""

import dataclasses
import itertools
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Unpack

import numpy as np
from numpy.lib.array_utils import normalize_axis_tuple

from filexchange import files
from filexchange.aliases import Array, DType
from filexchange.blocks.blocking import Request
from filexchange.blocks.budget import check_fits
from filexchange.blocks.calling import Call
from filexchange.blocks.mapped import Mapped, planned
from filexchange.blocks.options import Options, Settings
from filexchange.blocks.overlapping import Overlap
from filexchange.blocks.planning import Plan
from filexchange.blocks.scratch import directory, scratch_place
from filexchange.blocks.sources import Source, as_source
from filexchange.errors import BlockShapeError, UnsupportedOptionError

# A lane, what is made of it, and as much again for the function.
_COPIES = 4


def apply_over_axes(
    func: Callable[[Array, int], Any],
    a: Any,
    axes: int | Sequence[int],
    *,
    out: Any = None,
    dtype: Any = None,
    overwrite: bool = False,
    **options: Unpack[Options],
) -> Any:
    """Apply a function along axes, one after the other; NumPy's `apply_over_axes`.

    Parameters
    ----------
    func : callable
        ``func(block, axis)`` returns a block that may have another length along the axis, of which
        it gets all, or not have it any more, which counts as length 1.
    a : ArrayRef, path, ndarray or lazy array
    axes : int or sequence of int
        The first one comes first.
    out : path, ArrayRef, ndarray or array-like, optional
        As of :func:`map_blocks`.
    dtype : dtype_like, optional
        Of the output; by default what `func` returns for a lane of ones.
    overwrite, **options
        As of :func:`map_blocks`. What is done of several axes cannot be resumed.

    Returns
    -------
    ArrayRef or ndarray

    Raises
    ------
    MemoryBudgetError
        If one lane does not fit `memory`; nothing was read.
    BlockShapeError
        If `func` returns a block whose other axes have another length.

    Notes
    -----
    Between two axes the array is in a temporary npy file, beside the output or else where
    :mod:`tempfile` puts it. It is removed at the end, after an error too.

    Examples
    --------
    >>> from filexchange import blocks
    >>> a = fx.save("a.npy", np.arange(6).reshape(2, 3))
    >>> blocks.apply_over_axes(np.cumsum, a, (0, 1))
    array([[ 0,  1,  3],
           [ 3,  8, 15]])
    >>> blocks.apply_over_axes(np.sum, a, 1, out="sum.npy").load()
    array([[ 3],
           [12]])
    """
    return applied("apply_over_axes", func, a, axes, out, dtype, overwrite, Settings(**options))


@dataclass(frozen=True, slots=True)
class _Along:
    """A function along one axis, which stays with whatever length."""

    func: Callable[[Array, int], Any]
    axis: int

    def __call__(self, block: Array) -> Array:
        found = np.asarray(self.func(block, self.axis))
        return np.expand_dims(found, self.axis) if found.ndim == block.ndim - 1 else found


def applied(
    operation: str,
    func: Callable[[Array, int], Any],
    a: Any,
    axes: int | Sequence[int],
    out: Any,
    dtype: Any,
    overwrite: bool,
    settings: Settings,
) -> Any:
    """Apply a function along axes; arguments are those of :func:`apply_over_axes`."""
    source = as_source(a)
    order = normalize_axis_tuple(axes, len(source.shape), allow_duplicate=True)
    if not order:
        raise UnsupportedOptionError("axes=() names no axis: give one or more")
    if len(order) > 1 and settings.resume:
        raise UnsupportedOptionError(
            f"resume={settings.resume!r} goes on along one axis, not {len(order)}: apply one after "
            "the other, each to a file"
        )
    scratch = scratch_place(out, overwrite=overwrite)
    outs = [os.path.join(scratch, f"{i}.npy") for i in range(len(order) - 1)]
    passes: list[Mapped] = []
    for axis, place in zip(order, [*outs, out], strict=True):
        wanted = dtype if place is out else None
        passes.append(_along(operation, _Along(func, axis), source, place, wanted, settings))
        made = passes[-1].layouts[0]
        source = Source(made.shape, made.dtype, None, None)
    if settings.plan_only:
        return _plan(operation, passes)
    return _run(passes, scratch, settings, overwrite=overwrite)


def _along(
    operation: str, func: _Along, source: Source, out: Any, dtype: Any, settings: Settings
) -> Mapped:
    """Return what is to be done along one axis."""
    axis, shape = func.axis, source.shape
    length, found = _sampled(operation, func, source, settings.budget)
    chunks: list[Any] = ["auto"] * len(shape)
    chunks[axis] = length or (0,)
    # The axis is another one then, since blocks have all of it, also where there is nothing.
    kept = tuple(None if each == axis else each for each in range(len(shape)))
    request = Request.of(shape, kept, chunks, None)
    around = Overlap.of(shape, 0, "none")
    outputs = [(out, found if dtype is None else np.dtype(dtype))]
    return planned(operation, Call.to(func, (), None), [source], request, around, outputs, settings)


def _sampled(operation: str, func: _Along, source: Source, budget: int) -> tuple[int, DType]:
    """Return the length of the axis and the dtype that a function makes of one lane."""
    lane = tuple(n if axis == func.axis else 1 for axis, n in enumerate(source.shape))
    check_fits(operation, _COPIES * lane[func.axis] * source.dtype.itemsize, 0, budget)
    with np.errstate(all="ignore"):
        found = func(np.ones(lane, source.dtype))
    length = found.shape[func.axis] if found.ndim == len(lane) else 0
    if found.shape != tuple(length if axis == func.axis else 1 for axis in range(len(lane))):
        raise BlockShapeError(
            f"{func.func!r} returned a block of shape {found.shape} for one of shape {lane} and "
            f"axis {func.axis}: only that axis may get another length, or go"
        )
    return length, found.dtype


def _plan(operation: str, passes: Sequence[Mapped]) -> Plan:
    plans = [each.plan for each in passes]
    written = [0, *(each.bytes_written for each in plans[:-1]), 0]
    return Plan(
        operation=operation,
        blocks=sum(each.blocks for each in plans),
        block_shape=plans[-1].block_shape,
        block_memory=max(each.block_memory for each in plans),
        memory=plans[-1].memory,
        bytes_read=sum(each.bytes_read for each in plans),
        bytes_written=sum(each.bytes_written for each in plans),
        result_memory=plans[-1].result_memory,
        temporary=max(map(sum, itertools.pairwise(written))) + plans[-1].temporary,
    )


def _run(passes: Sequence[Mapped], scratch: str, settings: Settings, *, overwrite: bool) -> Any:
    with directory(scratch if len(passes) > 1 else None):
        made: Any = None
        for each in passes:
            ready = each
            if made is not None:
                ready = dataclasses.replace(each, sources=(as_source(made),))
            before, (made,) = made, ready.run(settings, overwrite=overwrite)
            if before is not None:
                files.remove(before.path)
    return made
