"""Reductions that leave NaN out, in one pass each."""

from typing import Any, Unpack

import numpy as np

from filexchange.aliases import Array, DType
from filexchange.blocks.reductions.arithmetic import Axis
from filexchange.blocks.reductions.merging import Along, Reducer
from filexchange.blocks.reductions.reducing import ReductionOptions, reduced


def least(block: Array, axis: Axis) -> Any:
    """Return the smallest elements, NaN only where there is nothing else."""
    return np.fmin.reduce(block, axis=axis)


def greatest(block: Array, axis: Axis) -> Any:
    """Return the largest elements, NaN only where there is nothing else."""
    return np.fmax.reduce(block, axis=axis)


def nanmin(
    a: Any, axis: Axis = None, *, keepdims: bool = False, **options: Unpack[ReductionOptions]
) -> Any:
    """Return the smallest element along axes that is not NaN; NumPy's `nanmin`.

    Parameters
    ----------
    a : ArrayRef, path, ndarray or lazy array
    axis : int, tuple of int or None, optional
        All axes by default.
    keepdims : bool, optional
        Leave the axes with length 1.
    **options
        As of :func:`reduction`.

    Returns
    -------
    scalar or ndarray
        NaN where there is nothing else, without NumPy's warning.

    Raises
    ------
    MemoryBudgetError
        If one block needs more than `memory`; nothing was read.
    ValueError
        NumPy's, if there are no elements.

    Examples
    --------
    >>> from filexchange import blocks
    >>> float(blocks.nanmin(np.array([3.0, np.nan, 2.0])))
    2.0
    """
    return reduced("nanmin", a, Reducer(Along(least), np.fmin), axis, keepdims, **options)


def nanmax(
    a: Any, axis: Axis = None, *, keepdims: bool = False, **options: Unpack[ReductionOptions]
) -> Any:
    """Return the largest element along axes that is not NaN, as :func:`nanmin`.

    Examples
    --------
    >>> from filexchange import blocks
    >>> float(blocks.nanmax(np.array([3.0, np.nan, 2.0])))
    3.0
    """
    return reduced("nanmax", a, Reducer(Along(greatest), np.fmax), axis, keepdims, **options)


def nansum(
    a: Any,
    axis: Axis = None,
    *,
    dtype: Any = None,
    keepdims: bool = False,
    **options: Unpack[ReductionOptions],
) -> Any:
    """Return the sum along axes of what is not NaN; NumPy's `nansum`, 0 of nothing.

    Examples
    --------
    >>> from filexchange import blocks
    >>> float(blocks.nansum(np.array([3.0, np.nan, 2.0])))
    5.0
    """
    chunk = Along(np.nansum, _dtype(dtype))
    # NumPy's copy without NaN, and where they were.
    reducer = Reducer(chunk, np.add, element_bytes=1)
    return reduced("nansum", a, reducer, axis, keepdims, **options)


def nanprod(
    a: Any,
    axis: Axis = None,
    *,
    dtype: Any = None,
    keepdims: bool = False,
    **options: Unpack[ReductionOptions],
) -> Any:
    """Return the product along axes of what is not NaN; NumPy's `nanprod`, 1 of nothing.

    Examples
    --------
    >>> from filexchange import blocks
    >>> float(blocks.nanprod(np.array([3.0, np.nan, 2.0])))
    6.0
    """
    reducer = Reducer(Along(np.nanprod, _dtype(dtype)), np.multiply, element_bytes=1)
    return reduced("nanprod", a, reducer, axis, keepdims, **options)


def _dtype(dtype: Any) -> DType | None:
    return None if dtype is None else np.dtype(dtype)
