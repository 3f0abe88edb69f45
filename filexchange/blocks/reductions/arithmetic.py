"""NumPy's reductions over arrays larger than memory, in one pass each."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Unpack

import numpy as np

from filexchange.aliases import Array, DType
from filexchange.blocks.kernels.moments import Moments, merge, moments, nan_moments
from filexchange.blocks.reductions.merging import Along, Reducer
from filexchange.blocks.reductions.reducing import ReductionOptions, reduced
from filexchange.blocks.storage.sources import as_source

Axis = int | tuple[int, ...] | None


def sum(
    a: Any,
    axis: Axis = None,
    *,
    dtype: Any = None,
    keepdims: bool = False,
    **options: Unpack[ReductionOptions],
) -> Any:
    """Return the sum of the elements along axes; NumPy's `sum`, with the options of `reduction`.

    Examples
    --------
    >>> from filexchange import blocks
    >>> blocks.sum(np.arange(6).reshape(2, 3), axis=0)
    array([3, 5, 7])
    """
    chunk = Along(np.sum, None if dtype is None else np.dtype(dtype))
    return reduced("sum", a, Reducer(chunk, np.add), axis, keepdims, **options)


def prod(
    a: Any,
    axis: Axis = None,
    *,
    dtype: Any = None,
    keepdims: bool = False,
    **options: Unpack[ReductionOptions],
) -> Any:
    """Return the product of the elements along axes; NumPy's `prod`.

    Examples
    --------
    >>> from filexchange import blocks
    >>> int(blocks.prod(np.array([2, 3, 4])))
    24
    """
    chunk = Along(np.prod, None if dtype is None else np.dtype(dtype))
    return reduced("prod", a, Reducer(chunk, np.multiply), axis, keepdims, **options)


def min(
    a: Any, axis: Axis = None, *, keepdims: bool = False, **options: Unpack[ReductionOptions]
) -> Any:
    """Return the smallest element along axes, NaN if there is one; NumPy's `min`.

    Examples
    --------
    >>> from filexchange import blocks
    >>> float(blocks.min(np.array([3.0, 1.0, 2.0])))
    1.0
    """
    return reduced("min", a, Reducer(Along(np.min), np.minimum), axis, keepdims, **options)


def max(
    a: Any, axis: Axis = None, *, keepdims: bool = False, **options: Unpack[ReductionOptions]
) -> Any:
    """Return the largest element along axes, NaN if there is one; NumPy's `max`.

    Examples
    --------
    >>> from filexchange import blocks
    >>> float(blocks.max(np.array([3.0, 1.0, 2.0])))
    3.0
    """
    return reduced("max", a, Reducer(Along(np.max), np.maximum), axis, keepdims, **options)


def any(
    a: Any, axis: Axis = None, *, keepdims: bool = False, **options: Unpack[ReductionOptions]
) -> Any:
    """Return whether any element along axes is true; NumPy's `any`.

    Examples
    --------
    >>> from filexchange import blocks
    >>> bool(blocks.any(np.array([0, 0, 2])))
    True
    """
    return reduced("any", a, Reducer(Along(np.any), np.logical_or), axis, keepdims, **options)


def all(
    a: Any, axis: Axis = None, *, keepdims: bool = False, **options: Unpack[ReductionOptions]
) -> Any:
    """Return whether all elements along axes are true; NumPy's `all`.

    Examples
    --------
    >>> from filexchange import blocks
    >>> bool(blocks.all(np.array([0, 0, 2])))
    False
    """
    return reduced("all", a, Reducer(Along(np.all), np.logical_and), axis, keepdims, **options)


def count_nonzero(
    a: Any, axis: Axis = None, *, keepdims: bool = False, **options: Unpack[ReductionOptions]
) -> Any:
    """Return how many elements along axes are not zero; NumPy's `count_nonzero`.

    Examples
    --------
    >>> from filexchange import blocks
    >>> int(blocks.count_nonzero(np.array([0, 5, 2])))
    2
    """
    reducer = Reducer(Along(np.count_nonzero), np.add)
    return reduced("count_nonzero", a, reducer, axis, keepdims, **options)


@dataclass(frozen=True, slots=True)
class _OfMoments:
    """Mean, variance or deviation out of moments, in the dtype that NumPy would give."""

    name: str
    dtype: DType
    ddof: float = 0

    def __call__(self, found: Moments) -> Any:
        if self.name == "mean":
            return np.asarray(found.mean).astype(self.dtype)[()]
        variance = np.asarray(found.variance(self.ddof))
        return (np.sqrt(variance) if self.name == "std" else variance).astype(self.dtype)[()]


def _statistic(
    name: str,
    a: Any,
    axis: Axis,
    keepdims: bool,
    ddof: float,
    options: ReductionOptions,
    *,
    func: Callable[[Array, Axis], Moments] = moments,
    operation: str | None = None,
) -> Any:
    dtype = _float_of(a, is_real=name != "mean")
    reducer = Reducer(Along(func), merge, _OfMoments(name, dtype, ddof))
    return reduced(operation or name, a, reducer, axis, keepdims, **options)


def _float_of(a: Any, *, is_real: bool) -> DType:
    """Return the dtype in which NumPy gives the mean (or the variance) of such an array."""
    dtype = as_source(a).dtype
    found = dtype if dtype.kind in "fc" else np.dtype(np.float64)
    return np.empty(0, found).real.dtype if is_real else found


def mean(
    a: Any, axis: Axis = None, *, keepdims: bool = False, **options: Unpack[ReductionOptions]
) -> Any:
    """Return the arithmetic mean along axes, summed as float64; NumPy's `mean`.

    Examples
    --------
    >>> from filexchange import blocks
    >>> blocks.mean(np.arange(6.0).reshape(2, 3), axis=0)
    array([1.5, 2.5, 3.5])
    """
    return _statistic("mean", a, axis, keepdims, 0, options)


def var(
    a: Any,
    axis: Axis = None,
    *,
    ddof: float = 0,
    keepdims: bool = False,
    **options: Unpack[ReductionOptions],
) -> Any:
    """Return the variance along axes, in one pass; NumPy's `var`.

    Examples
    --------
    >>> from filexchange import blocks
    >>> float(blocks.var(np.array([1.0, 2.0, 3.0]), ddof=1))
    1.0
    """
    return _statistic("var", a, axis, keepdims, ddof, options)


def std(
    a: Any,
    axis: Axis = None,
    *,
    ddof: float = 0,
    keepdims: bool = False,
    **options: Unpack[ReductionOptions],
) -> Any:
    """Return the standard deviation along axes, in one pass; NumPy's `std`.

    Examples
    --------
    >>> from filexchange import blocks
    >>> float(blocks.std(np.array([1.0, 2.0, 3.0]), ddof=1))
    1.0
    """
    return _statistic("std", a, axis, keepdims, ddof, options)


def nanmean(
    a: Any, axis: Axis = None, *, keepdims: bool = False, **options: Unpack[ReductionOptions]
) -> Any:
    """Return the mean of the elements that are not NaN; NumPy's `nanmean`.

    Examples
    --------
    >>> from filexchange import blocks
    >>> float(blocks.nanmean(np.array([1.0, np.nan, 3.0])))
    2.0
    """
    return _statistic("mean", a, axis, keepdims, 0, options, func=nan_moments, operation="nanmean")


def nanvar(
    a: Any,
    axis: Axis = None,
    *,
    ddof: float = 0,
    keepdims: bool = False,
    **options: Unpack[ReductionOptions],
) -> Any:
    """Return the variance of the elements that are not NaN; NumPy's `nanvar`.

    Examples
    --------
    >>> from filexchange import blocks
    >>> float(blocks.nanvar(np.array([1.0, np.nan, 3.0])))
    1.0
    """
    return _statistic("var", a, axis, keepdims, ddof, options, func=nan_moments, operation="nanvar")


def nanstd(
    a: Any,
    axis: Axis = None,
    *,
    ddof: float = 0,
    keepdims: bool = False,
    **options: Unpack[ReductionOptions],
) -> Any:
    """Return the standard deviation of the elements that are not NaN; NumPy's `nanstd`.

    Examples
    --------
    >>> from filexchange import blocks
    >>> float(blocks.nanstd(np.array([1.0, np.nan, 3.0])))
    1.0
    """
    return _statistic("std", a, axis, keepdims, ddof, options, func=nan_moments, operation="nanstd")
