"""Functions along one axis after the other, whose blocks have all of it."""

import functools
import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Unpack

import numpy as np
from numpy.lib.array_utils import normalize_axis_tuple

from filexchange import files
from filexchange.aliases import Array, DType
from filexchange.blocks.execution.budget import check_fits
from filexchange.blocks.execution.options import Options, Settings
from filexchange.blocks.execution.planning import Plan
from filexchange.blocks.execution.workspace import check_room, workspace
from filexchange.blocks.maps.along import Along
from filexchange.blocks.maps.blocking import Request
from filexchange.blocks.maps.calling import Call
from filexchange.blocks.maps.mapped import Mapped, planned
from filexchange.blocks.maps.overlapping import Overlap
from filexchange.blocks.storage.sources import Source, as_source
from filexchange.blocks.storage.targets import Layout, layout
from filexchange.errors import UnsupportedOptionError

# Stands for the files between two axes until there are some.
_BETWEEN = "between.npy"

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
        As of :func:`map_blocks`.

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
    steps = _Steps(operation, func, order, out, dtype, settings)
    passes = steps.planned(source)
    if settings.plan_only:
        return _plan(operation, passes)
    last = passes[-1].layouts[0]
    return steps.run(source, layout(out, last.shape, last.dtype), overwrite=overwrite)


@dataclass(frozen=True, slots=True)
class _Steps:
    """A function along one axis after the other."""

    operation: str
    func: Callable[[Array, int], Any]
    order: tuple[int, ...]
    out: Any
    dtype: Any
    settings: Settings

    def planned(self, source: Source) -> list[Mapped]:
        """Return what is to be done along each axis, as if files were between them."""
        passes: list[Mapped] = []
        for number in range(len(self.order)):
            passes.append(self._step(number, source, _BETWEEN, self.settings))
            made = passes[-1].layouts[0]
            source = Source(made.shape, made.dtype, None, None)
        return passes

    def run(self, source: Source, output: Layout, *, overwrite: bool) -> Any:
        """Do it, and return what the caller gets."""
        told = (self.func, self.order)
        with workspace(
            self.operation, told, [source], output, self.settings, overwrite=overwrite
        ) as space:
            *numbers, last = range(len(self.order))
            for number in numbers:
                made = space.made(f"{number}.npy", functools.partial(self._between, number, source))
                if number > 0 and space.job is None:
                    files.remove(source.array.path)
                source = as_source(made)
            settings = space.settings_of("last")
            step = self._step(last, source, None, settings)
            return step.run(settings, overwrite=overwrite)[0]

    def _between(self, number: int, source: Source, path: str, settings: Settings) -> Any:
        step = self._step(number, source, path, settings)
        check_room(path, step.plan.bytes_written)
        return step.run(settings, overwrite=True)[0]

    def _step(self, number: int, source: Source, between: Any, settings: Settings) -> Mapped:
        is_last = number == len(self.order) - 1
        out, dtype = (self.out, self.dtype) if is_last else (between, None)
        func = Along(self.func, self.order[number])
        return _along(self.operation, func, source, out, dtype, settings)


def _along(
    operation: str, func: Along, source: Source, out: Any, dtype: Any, settings: Settings
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


def _sampled(operation: str, func: Along, source: Source, budget: int) -> tuple[int, DType]:
    """Return the length of the axis and the dtype that a function makes of one lane."""
    lane = tuple(n if axis == func.axis else 1 for axis, n in enumerate(source.shape))
    check_fits(operation, _COPIES * lane[func.axis] * source.dtype.itemsize, 0, budget)
    with np.errstate(all="ignore"):
        found = func(np.ones(lane, source.dtype))
    return found.shape[func.axis], found.dtype


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
