"""Products of an array with itself, in one pass: the Gram matrix, and covariances."""

import math
from dataclasses import dataclass
from typing import Any, NamedTuple, Unpack

import numpy as np

from filexchange.aliases import Array, DType, Shape
from filexchange.blocks.reductions.merging import Reducer
from filexchange.blocks.reductions.reducing import ReductionOptions, reduced
from filexchange.blocks.storage.sources import Source, as_source
from filexchange.errors import UnsupportedArrayError


class Scatter(NamedTuple):
    """What covariances come from.

    Attributes
    ----------
    observations : int
        How many there are.
    mean : ndarray
        Of each variable.
    products : ndarray
        Sums of the products of distances to the means, for each pair of variables.
    """

    observations: int
    mean: Array
    products: Array


@dataclass(frozen=True, slots=True)
class _Gram:
    dtype: DType

    def __call__(self, block: Array, axes: tuple[int, ...], start: Shape) -> Array:
        rows = block.astype(self.dtype)
        found: Array = rows.conj().T @ rows
        return found


@dataclass(frozen=True, slots=True)
class _Scatter:
    dtype: DType
    rowvar: bool

    def __call__(self, block: Array, axes: tuple[int, ...], start: Shape) -> Scatter:
        rows = np.atleast_2d(block)
        variables = (rows if self.rowvar or block.ndim == 1 else rows.T).astype(self.dtype)
        count = variables.shape[1]
        mean = variables.sum(axis=1) / max(1, count)
        variables -= mean[:, np.newaxis]
        return Scatter(count, mean, variables @ variables.conj().T)


def _merged(first: Scatter, second: Scatter) -> Scatter:
    count = first.observations + second.observations
    if count == 0:
        return first
    apart = second.mean - first.mean
    between = np.outer(apart, apart.conj()) * (first.observations * second.observations / count)
    mean = first.mean + apart * (second.observations / count)
    return Scatter(count, mean, first.products + second.products + between)


@dataclass(frozen=True, slots=True)
class _Covariance:
    ddof: int

    def __call__(self, found: Scatter) -> Any:
        with np.errstate(divide="ignore", invalid="ignore"):
            return (found.products / np.float64(max(0, found.observations - self.ddof))).squeeze()


def _double(source: Source) -> DType:
    if source.dtype.kind not in "biufc" or len(source.shape) not in {1, 2}:
        raise UnsupportedArrayError(
            f"an array of shape {source.shape} and dtype {source.dtype} is no matrix of numbers: "
            "give one with two axes, observations and variables"
        )
    return np.result_type(source.dtype, np.float64)


def _conversion(source: Source, dtype: DType) -> int:
    """Return the bytes for each element: converted, and conjugated."""
    return dtype.itemsize * (2 if source.dtype.kind == "c" else 1)


def gram(a: Any, **options: Unpack[ReductionOptions]) -> Any:
    """Return ``A.T @ A`` as float64: the products of all pairs of columns.

    Parameters
    ----------
    a : ArrayRef, path, ndarray or lazy array
        With two axes: rows are observations. Of complex numbers ``A.conj().T @ A``.
    **options
        As of :func:`reduction`. Blocks have whole rows.

    Returns
    -------
    ndarray
        Of float64 or complex128, as many rows and columns as `a` has columns.

    Raises
    ------
    UnsupportedArrayError
        If there are not two axes, or the elements are not numbers.
    MemoryBudgetError
        If one block or the result needs more than `memory`; nothing was read.

    Notes
    -----
    Blocks are converted to float64 and multiplied by BLAS, and the products are added in the order
    of the blocks.

    Examples
    --------
    >>> from filexchange import blocks
    >>> blocks.gram(np.array([[1, 2], [3, 4]]))
    array([[10., 14.],
           [14., 20.]])
    """
    source = as_source(a)
    dtype = _double(source)
    if len(source.shape) == 1:
        raise UnsupportedArrayError(
            f"an array of shape {source.shape} has no columns: give one with two axes"
        )
    nbytes = source.shape[1] ** 2 * dtype.itemsize
    reducer = Reducer(
        _Gram(dtype), np.add, element_bytes=_conversion(source, dtype), result_bytes=nbytes
    )
    return reduced("gram", source, reducer, None, False, whole=(1,), **options)


def cov(
    a: Any,
    *,
    rowvar: bool = True,
    bias: bool = False,
    ddof: int | None = None,
    **options: Unpack[ReductionOptions],
) -> Any:
    """Return the covariances of all pairs of variables, in one pass; NumPy's `cov`.

    Parameters
    ----------
    a : ArrayRef, path, ndarray or lazy array
        With one axis, or two.
    rowvar : bool, optional
        As in NumPy each row is a variable and each column an observation. For a table with an
        observation a row pass ``rowvar=False``.
    bias : bool, optional
        Divide by the number of observations, not by one less.
    ddof : int, optional
        Divide by the number of observations less this, whatever `bias` says.
    **options
        As of :func:`reduction`. Blocks have all variables of some observations.

    Returns
    -------
    ndarray
        Of float64 or complex128; without axes if there is one variable. Infinite or NaN where
        there are too few observations, without NumPy's warning.

    Raises
    ------
    UnsupportedArrayError
        If there are not one or two axes, or the elements are not numbers.
    MemoryBudgetError
        If one block or the result needs more than `memory`; nothing was read.

    Notes
    -----
    Blocks are converted to float64 and freed of their mean, so that a large common offset costs no
    precision, and merged in their order. Chan, Golub and LeVeque, "Updating Formulae and a Pairwise
    Algorithm for Computing Sample Variances", 1979.

    Examples
    --------
    >>> from filexchange import blocks
    >>> blocks.cov(np.array([[1, 2], [3, 4], [5, 9]]), rowvar=False)
    array([[ 4.,  7.],
           [ 7., 13.]])
    """
    source = as_source(a)
    dtype = _double(source)
    axis = 0 if rowvar else 1
    whole = () if len(source.shape) == 1 else (axis,)
    variables = math.prod(source.shape[i] for i in whole)
    reducer = Reducer(
        _Scatter(dtype, rowvar),
        _merged,
        _Covariance((0 if bias else 1) if ddof is None else ddof),
        element_bytes=_conversion(source, dtype),
        result_bytes=variables**2 * dtype.itemsize,
    )
    return reduced("cov", source, reducer, None, False, whole=whole, **options)
