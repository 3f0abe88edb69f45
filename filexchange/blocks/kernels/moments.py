"""Count, sum and squared deviations of the elements of a block, and of blocks together.

The sum is kept in place of the mean: sums of infinities and of nothing come out as they should.
"""

import math
from collections.abc import Callable
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.lib.array_utils import normalize_axis_tuple

from filexchange.aliases import Array, DType
from filexchange.errors import UnsupportedArrayError
from filexchange.geometry import block_shape, iter_blocks

# Elements that are worked on at a time: 1 MiB as float64, which stays in the cache of one core.
# With fewer, threads wait for each other's calls.
_TILE = 1 << 17

# Lanes of a tile: enough to hide what a call costs, few enough to leave it many rows.
_LANES = 1024

# Reductions over shorter contiguous axes are faster with the axis in front.
_SHORT = 32

Axes: TypeAlias = int | tuple[int, ...] | None


class Moments(NamedTuple):
    """What mean and variance come from, for each lane that a reduction leaves.

    Attributes
    ----------
    count : int64 ndarray
        How many elements there were.
    total : float64 or complex128 ndarray
        Their sum.
    m2 : float64 ndarray
        The sum of their squared distances to their mean.

    Notes
    -----
    A value, safe in threads; pickled it is as large as its arrays.

    Examples
    --------
    >>> together = merge(moments(np.array([1, 2])), moments(np.array([3.0, 6.0])))
    >>> together.mean, together.variance(), together.variance(ddof=4)
    (np.float64(3.0), np.float64(3.5), np.float64(nan))
    """

    count: Any
    total: Any
    m2: Any

    @property
    def mean(self) -> Any:
        """The arithmetic mean; NaN of nothing."""
        return _quotient(self.total, self.count)

    def variance(self, ddof: float = 0) -> Any:
        """Return the mean squared distance to the mean; NaN unless there are more than `ddof`."""
        return _quotient(self.m2, self.count - ddof)


def moments(block: Array, axis: Axes = None) -> Moments:
    """Return the moments of a block along some axes, or along all.

    Parameters
    ----------
    block : ndarray
        Of any numeric dtype; each element is converted to float64 first.
    axis : int, tuple of int or None
        As of `numpy.var`.

    Returns
    -------
    Moments
        Its arrays have the axes of `block` without `axis`.

    Raises
    ------
    UnsupportedArrayError
        If the elements are not numbers.

    Notes
    -----
    Two passes over tiles that fit the cache of a core (the mean, then the distances to it), which
    are merged as in :func:`merge`: a large common offset costs no more than rounding the mean to
    float64 does. The same block gives the same bits whatever runs beside it. Safe in threads;
    NumPy lets go of the GIL meanwhile.

    Blocks in C or Fortran order are read in place; others may be copied.

    Examples
    --------
    >>> found = moments(np.array([[1, 2], [3, 6]], "i2"), axis=0)
    >>> found.count, found.mean, found.variance()
    (array([2, 2]), array([2., 4.]), array([1., 4.]))
    """
    return _moments(block, axis, _of_tile)


def nan_moments(block: Array, axis: Axes = None) -> Moments:
    """Return the moments of the elements that are not NaN; otherwise as :func:`moments`.

    Examples
    --------
    >>> found = nan_moments(np.array([[1, 2], [3, np.nan], [5, np.nan]]), axis=0)
    >>> found.count, found.mean
    (array([3, 1]), array([3., 2.]))
    """
    return _moments(block, axis, _of_tile_without_nan)


def merge(*parts: Moments) -> Moments:
    """Return the moments of the elements of all parts, which have the same lanes.

    Notes
    -----
    The same up to rounding in any order and grouping; for the same bits, keep to one. Merged with
    nothing, a part stays exactly what it is. Chan, Golub and LeVeque, "Updating Formulae and a
    Pairwise Algorithm for Computing Sample Variances", 1979.

    Examples
    --------
    >>> merge(moments(np.array([1e9, 1e9 + 2])), moments(np.array([1e9 + 4]))).m2
    np.float64(8.0)
    """
    if len(parts) == 1:
        return parts[0]
    with np.errstate(invalid="ignore", over="ignore"):
        if len(parts) == 2:  # noqa: PLR2004 - without copies of both
            return _of_both(*parts)
        return _merged(Moments(*map(np.stack, zip(*parts, strict=True))), 0)


def _merged(parts: Moments, axis: int) -> Moments:
    """Merge what is along an axis."""
    count = parts.count.sum(axis=axis, keepdims=True)
    total = parts.total.sum(axis=axis, keepdims=True)
    distance = parts.total / np.maximum(parts.count, 1) - total / np.maximum(count, 1)
    # In this order, so that a count of 0 meets no square that overflowed.
    between = np.real(distance * parts.count * np.conjugate(distance))
    m2 = (parts.m2 + between).sum(axis=axis)
    return Moments(count.squeeze(axis), total.squeeze(axis), m2)


def _of_both(first: Moments, second: Moments) -> Moments:
    count = first.count + second.count
    distance = second.total / np.maximum(second.count, 1)
    distance = distance - first.total / np.maximum(first.count, 1)
    # Nothing adds nothing, however far it seems to be.
    weight = first.count * (second.count / np.maximum(count, 1))
    between = np.real(distance * np.conjugate(distance)) * weight
    m2 = first.m2 + second.m2 + np.where(weight == 0, 0, between)
    return Moments(count, first.total + second.total, m2[()])


def _quotient(dividend: Array, count: Array) -> Any:
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(count > 0, dividend / count, np.nan)[()]


_OfTile: TypeAlias = Callable[[Array], Moments]


def _moments(block: Array, axis: Axes, of_tile: _OfTile) -> Moments:
    _check_numeric(block.dtype)
    axes = normalize_axis_tuple(range(block.ndim) if axis is None else axis, block.ndim)
    with np.errstate(invalid="ignore", over="ignore"):
        if block.dtype.kind == "c":
            return _of_complex(block, axes, of_tile)
        if block.flags.fnc:
            mirrored = tuple(block.ndim - 1 - i for i in axes)
            return Moments(*map(np.transpose, _of_axes(block.T, mirrored, of_tile)))
        return _of_axes(block, axes, of_tile)


def _check_numeric(dtype: DType) -> None:
    if not np.can_cast(dtype, np.complex128, "same_kind"):
        raise UnsupportedArrayError(
            f"elements of dtype {dtype!r} have no mean: give numbers, for example by "
            "array.view('i8') of dates or array['name'] of a structured array"
        )


def _of_complex(block: Array, axes: tuple[int, ...], of_tile: _OfTile) -> Moments:
    """Return the moments of complex numbers: those of two real parts that are NaN together."""
    nan = np.isnan(block)
    parts = (np.where(nan, np.nan, part) for part in (block.real, block.imag))
    real, imaginary = (_of_axes(part, axes, of_tile) for part in parts)
    return Moments(real.count, real.total + 1j * imaginary.total, real.m2 + imaginary.m2)


def _of_axes(block: Array, axes: tuple[int, ...], of_tile: _OfTile) -> Moments:
    """Reduce the last of the axes, with its neighbors, at once, and the others by merging."""
    stop = max(axes, default=-1) + 1
    start = stop
    while start - 1 in axes:
        start -= 1
    outer, length = math.prod(block.shape[:start]), math.prod(block.shape[start:stop])
    rows = block.reshape(outer, length, math.prod(block.shape[stop:]))
    shape = block.shape[:start] + block.shape[stop:]
    found = Moments(*(part.reshape(shape) for part in _of_rows(rows, of_tile)))
    for axis in sorted((i for i in axes if i < start), reverse=True):
        found = _merged(found, axis)
    return found


def _of_rows(block: Array, of_tile: _OfTile) -> Moments:
    """Reduce the middle one of three axes."""
    outer, length, inner = block.shape
    folds = min(_LANES // max(1, inner), length // _SHORT)
    if inner == 1 or folds < 2:  # noqa: PLR2004 - one row is as it is
        return _of_lanes(block.transpose(1, 0, 2), of_tile)
    # Several short rows side by side make a long one, for which a call is worth its cost.
    whole = length - length % folds
    folded = block[:, :whole].reshape(outer, whole // folds, folds * inner)
    found = _of_lanes(folded.transpose(1, 0, 2), of_tile)
    unfolded = Moments(*(part.reshape(outer, folds, inner) for part in found))
    rest = _of_lanes(block[:, whole:].transpose(1, 0, 2), of_tile)
    return merge(_merged(unfolded, 1), rest)


def _of_lanes(block: Array, of_tile: _OfTile) -> Moments:
    """Reduce the first one of three axes."""
    length, *shape = block.shape
    result = Moments(np.zeros(shape, np.int64), np.zeros(shape), np.zeros(shape))
    if length == 0:
        return result
    is_along_memory = shape[1] == 1 and length > _SHORT
    most = max(1, _TILE // length) if is_along_memory else _LANES
    memory = np.empty(min(block.size, _TILE))
    for region in iter_blocks(tuple(shape), block_shape(tuple(shape), 1, most)):
        lanes = block[:, *region]
        height = max(1, _TILE // lanes[0].size)
        parts = (lanes[start : start + height] for start in range(0, length, height))
        found = merge(*(of_tile(_tile(part, memory, is_along_memory)) for part in parts))
        for whole, part in zip(result, found, strict=True):
            whole[region] = part.reshape(lanes.shape[1:])
    return result


def _tile(part: Array, memory: Array, is_along_memory: bool) -> Array:
    """Return `part` as float64 in `memory`, with all but the first axis as one."""
    length, width = len(part), part[0].size
    flat = memory[: part.size]
    tile = flat.reshape(width, length).T if is_along_memory else flat.reshape(length, width)
    np.copyto(tile.reshape(part.shape), part, casting="same_kind")
    return tile


def _of_tile(tile: Array) -> Moments:
    """Reduce the first axis of an array of float64, which is overwritten."""
    length, width = tile.shape
    total = np.add.reduce(tile, axis=0)
    tile -= total / length
    return Moments(np.full(width, length), total, np.einsum("ij,ij->j", tile, tile))


def _of_tile_without_nan(tile: Array) -> Moments:
    """As `_of_tile`, leaving NaN out."""
    missing = np.isnan(tile)
    if not missing.any():
        return _of_tile(tile)
    # As bits, because assignment under a mask takes several times as long.
    bits, kept = tile.view(np.int64), missing.astype(np.int64)
    kept -= 1
    bits &= kept
    count = -np.add.reduce(kept, axis=0)
    total = np.add.reduce(tile, axis=0)
    tile -= total / np.maximum(count, 1)
    bits &= kept
    return Moments(count, total, np.einsum("ij,ij->j", tile, tile))
