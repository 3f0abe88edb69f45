"""Exact quantiles of arrays larger than memory, in two passes for most, and never an estimate."""

import functools
import itertools
import operator
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Unpack

from filexchange.aliases import Array, ChunksLike, Shape
from filexchange.blocks.jobs import working
from filexchange.blocks.merging import Reducer
from filexchange.blocks.options import Options, Settings
from filexchange.blocks.quantiles import QuantileSearch, nan_quantile_search, quantile_search
from filexchange.blocks.recipes import recipe
from filexchange.blocks.reducing import ReductionOptions, reduced
from filexchange.blocks.selection import survey
from filexchange.blocks.sources import as_source

# Part of the budget for elements that lie near the quantiles; the rest is for blocks.
_GATHERED_SHARE = 8


@dataclass(frozen=True, slots=True)
class _Pass:
    """A function of blocks alone."""

    func: Callable[[Array], Any]

    def __call__(self, block: Array, axes: tuple[int, ...], start: Shape) -> Any:
        return self.func(block)


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
    reducer = Reducer(_Pass(func), operator.add)
    return reduced(name, a, reducer, None, False, chunks=chunks, **options)


def quantile(a: Any, q: Any, *, method: str = "linear", **options: Unpack[ReductionOptions]) -> Any:
    """Return exact quantiles of all elements; NaN if there is one.

    Parameters
    ----------
    a : ArrayRef, path, ndarray or lazy array
    q : float or array_like
        Between 0 and 1.
    method : str, optional
        A definition that `numpy.quantile` has.
    **options
        `chunks`, `memory`, `executor` and `plan_only` as of :func:`reduction`.

    Returns
    -------
    scalar or ndarray
        Of the shape of `q`; what `numpy.quantile` returns, but for the sign of zero.

    Raises
    ------
    UnsupportedOptionError
        If `q` or `method` is not as said.
    RegionError
        If there are no elements.
    ArrayMismatchError
        If the array changes meanwhile.

    Notes
    -----
    Elements are mapped to unsigned integers of the same order. One pass counts their first 16 bits;
    the next gathers what has those of the quantiles, or counts on where that is too much for the
    budget. The plan is that of one pass.

    Examples
    --------
    >>> from filexchange import blocks
    >>> blocks.quantile(np.array([3.0, 1.0, 2.0, 10.0]), [0.5, 1])
    array([ 2.5, 10. ])
    """
    return _searched("quantile", a, q, method, quantile_search, **options)


def nanquantile(
    a: Any, q: Any, *, method: str = "linear", **options: Unpack[ReductionOptions]
) -> Any:
    """Return exact quantiles of the elements that are not NaN, as :func:`quantile`.

    Examples
    --------
    >>> from filexchange import blocks
    >>> float(blocks.nanquantile(np.array([3.0, np.nan, 2.0]), 0.5))
    2.5
    """
    return _searched("nanquantile", a, q, method, nan_quantile_search, **options)


def median(a: Any, **options: Unpack[ReductionOptions]) -> Any:
    """Return the exact median of all elements; NaN if there is one.

    Examples
    --------
    >>> from filexchange import blocks
    >>> float(blocks.median(np.array([3.0, 1.0, 2.0, 10.0])))
    2.5
    """
    return _searched("median", a, 0.5, "linear", quantile_search, **options)
