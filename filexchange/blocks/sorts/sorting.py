"""Sorted arrays, and the order that sorts them, of arrays larger than memory."""

import math
from typing import Any, Unpack

from numpy.lib.array_utils import normalize_axis_index

from filexchange.blocks.execution.jobs import begun_operation
from filexchange.blocks.execution.options import Options, Settings
from filexchange.blocks.execution.workspace import workspace
from filexchange.blocks.kernels.internalsort import check_sortable
from filexchange.blocks.layouts.rearranging import check_apart
from filexchange.blocks.sorts.externalsort import ExternalSort, external_sort
from filexchange.blocks.sorts.panelsort import panel_sort
from filexchange.blocks.sorts.sortkernels import Kernel, Ordering, Sorting
from filexchange.blocks.sorts.staging import StagedSort, staged_sort
from filexchange.blocks.storage.sources import Source, as_source
from filexchange.blocks.storage.targets import Layout, layout
from filexchange.errors import UnsupportedOptionError

_STABLE = ("stable", "mergesort")
_KINDS = (None, "quicksort", "heapsort", *_STABLE)


def sort(
    a: Any,
    axis: int | None = -1,
    *,
    kind: str | None = None,
    stable: bool | None = None,
    out: Any = None,
    overwrite: bool = False,
    **options: Unpack[Options],
) -> Any:
    """Write a sorted copy of an array; NumPy's `sort`.

    Parameters
    ----------
    a : ArrayRef, path, ndarray or lazy array
        Of numbers, booleans, dates, durations or strings.
    axis : int or None, optional
        Along which to sort; None for all elements in one flat array.
    kind : str, optional
        ``"stable"`` or ``"mergesort"`` for a stable sort. Other names that NumPy knows are taken
        for the fastest.
    stable : bool, optional
        Keep the order of equal elements. It shows in -0.0 and 0.0, and the bits of NaN.
    out, overwrite, **options
        As of :func:`map_blocks`.

    Returns
    -------
    ArrayRef or ndarray

    Raises
    ------
    MemoryBudgetError
        If `memory` is too little for the runs that are merged; it says how much would do, and
        nothing was read.
    UnsupportedArrayError
        If the elements have no order.
    UnsupportedOptionError
        If `kind` is unknown, or given together with `stable`.

    Notes
    -----
    Lanes along the axis that fit the budget are sorted in one pass, block by block. Others are
    sorted in runs in a temporary file beside the output, and merged by ranges of the result,
    both in parallel; where they do not lie along the last axis, they are brought there and
    back. Complex numbers and NaN come in NumPy's order. The result does not depend on the number of
    workers. Each pass tells its progress for itself.

    Examples
    --------
    >>> from filexchange import blocks
    >>> a = fx.save("a.npy", np.array([[3, 1, 2], [9, 7, 8]]))
    >>> blocks.sort(a, out="sorted.npy").load()
    array([[1, 2, 3],
           [7, 8, 9]])
    """
    source = as_source(a)
    kernel = Sorting(source.dtype, _is_stable(kind, stable))
    return _sorted(kernel, source, axis, out, Settings(**options), overwrite=overwrite)


def argsort(
    a: Any,
    axis: int | None = -1,
    *,
    kind: str | None = None,
    stable: bool | None = None,
    out: Any = None,
    overwrite: bool = False,
    **options: Unpack[Options],
) -> Any:
    """Write where the elements are that a sorted array consists of; NumPy's `argsort`.

    Parameters
    ----------
    a, axis, out, overwrite, **options
        As of :func:`sort`.
    kind, stable
        As of :func:`sort`; the order is stable in any case.

    Returns
    -------
    ArrayRef or ndarray
        Of int64.

    Examples
    --------
    >>> from filexchange import blocks
    >>> blocks.argsort(np.array([3.0, np.nan, 1.0, 3.0]))
    array([2, 0, 3, 1])
    """
    source = as_source(a)
    _is_stable(kind, stable)
    kernel = Ordering(source.dtype)
    return _sorted(kernel, source, axis, out, Settings(**options), overwrite=overwrite)


def _is_stable(kind: str | None, stable: bool | None) -> bool:
    if kind not in _KINDS:
        raise UnsupportedOptionError(f"kind={kind!r} is unknown: give one of {_KINDS}")
    if kind is not None and stable is not None:
        raise UnsupportedOptionError(
            f"kind={kind!r} and stable={stable!r} say the same thing twice: give one of them"
        )
    return bool(stable) or kind in _STABLE


def _sorted(
    kernel: Kernel,
    source: Source,
    axis: int | None,
    out: Any,
    settings: Settings,
    *,
    overwrite: bool,
) -> Any:
    check_sortable(source.dtype)
    axis = None if axis is None else normalize_axis_index(axis, len(source.shape))
    size = math.prod(source.shape)
    target = layout(out, (size,) if axis is None else source.shape, kernel.result)
    check_apart(source, target)
    panels = panel_sort(kernel, source, axis, target, settings)
    left = settings.budget - target.memory
    operation = f"{kernel.name} in runs"
    is_begun = begun_operation(settings.resume, [target]) == operation
    if size == 0 or (panels.memory <= left and not is_begun):
        if settings.plan_only:
            return panels.plan(target, settings.budget)
        return panels.into(target, settings, overwrite=overwrite)
    runs = _in_runs(kernel, source, axis, target, left)
    # The one that needs less says how much would do.
    best = runs if is_begun else min(panels, runs, key=lambda each: each.memory)
    plan = best.plan(target, settings.budget)
    if settings.plan_only:
        return plan
    with workspace(
        operation, (kernel, axis), [source], target, settings, overwrite=overwrite
    ) as space:
        return runs.into(target, space, overwrite=overwrite)


def _in_runs(
    kernel: Kernel, source: Source, axis: int | None, target: Layout, budget: int
) -> ExternalSort | StagedSort:
    if axis is None or (axis == len(source.shape) - 1 and _is_by_lane(target)):
        return external_sort(kernel, source, axis is None, target, budget)
    return staged_sort(kernel, source, axis, target, budget)


def _is_by_lane(target: Layout) -> bool:
    """Return whether no chunk has elements of two lanes along the last axis."""
    chunks = target.chunks
    return chunks is None or all(
        min(chunk, length) == 1 for chunk, length in zip(chunks[:-1], target.shape, strict=False)
    )
