"""Exact quantiles of arrays larger than memory, in two passes for most, and never an estimate."""

import functools
import itertools
import operator
from collections.abc import Callable
from typing import Any, Unpack

import numpy as np
from numpy.lib.array_utils import normalize_axis_tuple

from filexchange.aliases import Array, ChunksLike
from filexchange.blocks.execution.jobs import working
from filexchange.blocks.execution.options import Options, Settings
from filexchange.blocks.execution.planning import Plan
from filexchange.blocks.execution.recipes import recipe
from filexchange.blocks.kernels.quantiles import (
    QuantileSearch,
    check_quantiles,
    nan_quantile_search,
    quantile_search,
)
from filexchange.blocks.kernels.selection import survey
from filexchange.blocks.reductions.arithmetic import Axis
from filexchange.blocks.reductions.lanes import Quantiles, quantiles_along
from filexchange.blocks.reductions.merging import Along, Reducer, Whole
from filexchange.blocks.reductions.reducing import ReductionOptions, reduced
from filexchange.blocks.storage.sources import as_source

# Part of the budget for elements that lie near the quantiles; the rest is for blocks.
_GATHERED_SHARE = 8


def _searched(
    name: str,
    a: Any,
    q: Any,
    method: str,
    begin: Callable[..., QuantileSearch],
    chunks: ChunksLike = "auto",
    **options: Unpack[Options],
) -> Any:
    settings = Settings(**options)
    if settings.plan_only:
        return _passed(name, a, survey, chunks, options)
    resume = settings.resume
    told = recipe(name, (q, method, begin), [as_source(a)], (), ()) if resume else {}
    with working(resume, (), told) as job:
        numbers = itertools.count()

        def passed(func: Callable[[Array], Any]) -> Any:
            if job is None:
                return _passed(name, a, func, chunks, options)
            number = next(numbers)
            inner: Options = {**options, "resume": job.path(f"pass-{number}")}
            make = functools.partial(_passed, name, a, func, chunks, inner)
            return job.remembered(f"found-{number}", make)

        def budget() -> int:
            return settings.budget // _GATHERED_SHARE

        # Another budget would take other passes.
        gathered = budget() if job is None else job.remembered("gathered", budget)
        search = begin(passed(survey), q, method, max_bytes=gathered)
        while not search.is_done:
            search = search.narrowed(passed(search))
        return search.values()


def _passed(
    name: str, a: Any, func: Callable[[Array], Any], chunks: ChunksLike, options: Options
) -> Any:
    reducer = Reducer(Whole(func), operator.add)
    return reduced(name, a, reducer, None, False, chunks=chunks, **options)


def _quantiles(
    name: str,
    a: Any,
    q: Any,
    axis: Axis,
    keepdims: bool,
    method: str,
    begin: Callable[..., QuantileSearch],
    along: Callable[..., Any],
    options: ReductionOptions,
) -> Any:
    """Return quantiles of all elements by a search, or of lanes by a function of blocks."""
    source = as_source(a)
    ndim = len(source.shape)
    axes = normalize_axis_tuple(range(ndim) if axis is None else axis, ndim)
    check_quantiles(q, method, source.dtype)
    if len(axes) < ndim:
        return quantiles_along(name, source, q, axes, keepdims, along, **options)
    found = _searched(name, source, q, method, begin, **options)
    if isinstance(found, Plan) or not keepdims:
        return found
    return np.reshape(found, np.shape(q) + (1,) * ndim)


def quantile(
    a: Any,
    q: Any,
    axis: Axis = None,
    *,
    method: str = "linear",
    keepdims: bool = False,
    **options: Unpack[ReductionOptions],
) -> Any:
    """Return exact quantiles along axes, or of all elements; NaN if there is one.

    Parameters
    ----------
    a : ArrayRef, path, ndarray or lazy array
    q : float or array_like
        Between 0 and 1.
    axis : int, tuple of int or None, optional
        All axes by default.
    method : str, optional
        A definition that `numpy.quantile` has.
    keepdims : bool, optional
        Leave the axes with length 1.
    **options
        `chunks`, `memory`, `executor` and `plan_only` as of :func:`reduction`.

    Returns
    -------
    scalar or ndarray
        The shape of `q`, then the axes that stay; what `numpy.quantile` returns, but for the sign
        of zero.

    Raises
    ------
    UnsupportedOptionError
        If `q` or `method` is not as said.
    RegionError
        If there are no elements.
    ArrayMismatchError
        If the array changes meanwhile.
    MemoryBudgetError
        If a block does not fit `memory`: along axes it has the whole of these.

    Notes
    -----
    Of all elements: these are mapped to unsigned integers of the same order. One pass counts their
    first 16 bits; the next gathers what has those of the quantiles, or counts on where that is too
    much for the budget. The plan is that of one pass.

    Along some axes: one pass over blocks that have the whole of these axes. Where the file's chunks
    are small along them and the budget is, too, chunks are read several times.

    Examples
    --------
    >>> from filexchange import blocks
    >>> blocks.quantile(np.array([3.0, 1.0, 2.0, 10.0]), [0.5, 1])
    array([ 2.5, 10. ])
    >>> blocks.quantile(np.array([[3, 1], [2, 10]]), 0.5, axis=1)
    array([2., 6.])
    """
    along = Quantiles(np.quantile, q, method)
    return _quantiles("quantile", a, q, axis, keepdims, method, quantile_search, along, options)


def nanquantile(
    a: Any,
    q: Any,
    axis: Axis = None,
    *,
    method: str = "linear",
    keepdims: bool = False,
    **options: Unpack[ReductionOptions],
) -> Any:
    """Return exact quantiles of the elements that are not NaN, as :func:`quantile`.

    NaN where there is nothing else: along axes with NumPy's warning, and at NumPy's pace for NaN.

    Examples
    --------
    >>> from filexchange import blocks
    >>> float(blocks.nanquantile(np.array([3.0, np.nan, 2.0]), 0.5))
    2.5
    """
    along = Quantiles(np.nanquantile, q, method)
    return _quantiles(
        "nanquantile", a, q, axis, keepdims, method, nan_quantile_search, along, options
    )


def median(
    a: Any, axis: Axis = None, *, keepdims: bool = False, **options: Unpack[ReductionOptions]
) -> Any:
    """Return the exact median along axes, or of all elements; NaN if there is one.

    Examples
    --------
    >>> from filexchange import blocks
    >>> float(blocks.median(np.array([3.0, 1.0, 2.0, 10.0])))
    2.5
    """
    # The mean of two elements, which is not rounded as what lies halfway between them.
    along = Along(np.median)
    return _quantiles("median", a, 0.5, axis, keepdims, "linear", quantile_search, along, options)


def nanmedian(
    a: Any, axis: Axis = None, *, keepdims: bool = False, **options: Unpack[ReductionOptions]
) -> Any:
    """Return the exact median of the elements that are not NaN, as :func:`median`.

    Examples
    --------
    >>> from filexchange import blocks
    >>> float(blocks.nanmedian(np.array([3.0, np.nan, 2.0])))
    2.5
    """
    # The mean of two elements, which is not rounded as what lies halfway between them.
    along = Along(np.nanmedian)
    return _quantiles(
        "nanmedian", a, 0.5, axis, keepdims, "linear", nan_quantile_search, along, options
    )
