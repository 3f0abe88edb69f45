"""Exact quantiles of arrays larger than memory, in two passes for most, and never an estimate."""

import operator
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Unpack

from filexchange.aliases import Array
from filexchange.blocks.budget import memory_budget
from filexchange.blocks.quantiles import QuantileSearch, nan_quantile_search, quantile_search
from filexchange.blocks.reducing import Reducer, ReductionOptions, reduced
from filexchange.blocks.selection import survey

# Part of the budget for elements that lie near the quantiles; the rest is for blocks.
_GATHERED_SHARE = 8


@dataclass(frozen=True, slots=True)
class _Pass:
    """A function of blocks alone."""

    func: Callable[[Array], Any]

    def __call__(self, block: Array, axes: tuple[int, ...]) -> Any:
        return self.func(block)


def _searched(
    name: str,
    a: Any,
    q: Any,
    method: str,
    begin: Callable[..., QuantileSearch],
    options: ReductionOptions,
) -> Any:
    def passed(func: Callable[[Array], Any]) -> Any:
        return reduced(name, a, Reducer(_Pass(func), operator.add), None, False, **options)

    found = passed(survey)
    if options.get("plan_only"):
        return found
    gathered = memory_budget(options.get("memory")) // _GATHERED_SHARE
    search = begin(found, q, method, max_bytes=gathered)
    while not search.is_done:
        search = search.narrowed(passed(search))
    return search.values()


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
    return _searched("quantile", a, q, method, quantile_search, options)


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
    return _searched("nanquantile", a, q, method, nan_quantile_search, options)


def median(a: Any, **options: Unpack[ReductionOptions]) -> Any:
    """Return the exact median of all elements; NaN if there is one.

    Examples
    --------
    >>> from filexchange import blocks
    >>> float(blocks.median(np.array([3.0, 1.0, 2.0, 10.0])))
    2.5
    """
    return _searched("median", a, 0.5, "linear", quantile_search, options)
