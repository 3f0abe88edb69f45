"""The largest or smallest elements, along an axis or of all, in one pass."""

import operator
from dataclasses import dataclass
from typing import Any, NamedTuple, Unpack

import numpy as np
from numpy.lib.array_utils import normalize_axis_index

from filexchange.aliases import Array, Shape
from filexchange.blocks.execution.planning import Plan
from filexchange.blocks.kernels.keys import key_dtype, to_keys
from filexchange.blocks.kernels.topk import Largest, Smallest
from filexchange.blocks.reductions.merging import Reducer
from filexchange.blocks.reductions.reducing import ReductionOptions, reduced
from filexchange.blocks.storage.sources import as_source
from filexchange.errors import UnsupportedOptionError

_INDEX_BYTES = 8


class _Best(NamedTuple):
    """The best elements of each lane, along the last axis, and their indexes along the axis."""

    values: Array
    indexes: Array


@dataclass(frozen=True, slots=True)
class _OfLanes:
    """The best along an axis: the largest if `k` is positive, else the smallest."""

    k: int

    def chunk(self, block: Array, axes: tuple[int, ...], start: Shape) -> _Best:
        lanes = np.moveaxis(block, axes[0], -1)
        first = start[axes[0]]
        indexes = np.arange(first, first + lanes.shape[-1], dtype=np.intp)
        return self._cut(_Best(lanes, np.broadcast_to(indexes, lanes.shape)))

    def merge(self, first: _Best, second: _Best) -> _Best:
        # Blocks come in the order of the axis, and so do equal elements.
        both = (np.concatenate(pair, axis=-1) for pair in zip(first, second, strict=True))
        return self._cut(_Best(*both))

    def _cut(self, found: _Best) -> _Best:
        keys = to_keys(found.values)
        ranks = ~keys if self.k > 0 else keys
        best = np.argsort(ranks, axis=-1, kind="stable")[..., : abs(self.k)]
        return _Best(*(np.take_along_axis(part, best, -1) for part in found))


@dataclass(frozen=True, slots=True)
class _OfAll:
    """The best of all elements, with their indexes in the flattened array."""

    k: int
    shape: Shape

    def chunk(self, block: Array, axes: tuple[int, ...], start: Shape) -> Largest:
        kind = Largest if self.k > 0 else Smallest
        return kind.of(block, abs(self.k), start, self.shape)


def _ranked(
    name: str, part: str, a: Any, k: int, axis: int | None, options: ReductionOptions
) -> Any:
    source = as_source(a)
    k = operator.index(k)
    if k == 0:
        raise UnsupportedOptionError(
            "k=0 elements cannot be searched for: give a positive k for the largest elements, or a "
            "negative one for the smallest"
        )
    key = key_dtype(source.dtype).itemsize
    finish = operator.attrgetter(part)
    ndim = len(source.shape)
    place = None if axis is None else normalize_axis_index(axis, ndim)
    longest = int(np.prod(source.shape)) if place is None else source.shape[place]
    kept = min(abs(k), longest)
    result = kept * (source.dtype.itemsize + _INDEX_BYTES)
    if place is None:
        reducer = Reducer(
            _OfAll(k, source.shape).chunk, operator.add, finish, result_bytes=2 * result
        )
        return reduced(name, source, reducer, None, False, **options)
    lanes = _OfLanes(k)
    reducer = Reducer(
        lanes.chunk, lanes.merge, finish, 2 * key + _INDEX_BYTES, result_bytes=2 * result
    )
    found = reduced(name, source, reducer, place, False, **options)
    return found if isinstance(found, Plan) else np.moveaxis(found, -1, place)


def topk(a: Any, k: int, axis: int | None = -1, **options: Unpack[ReductionOptions]) -> Any:
    """Return the `k` largest elements along an axis, in descending order; Dask's `topk`.

    Parameters
    ----------
    a : ArrayRef, path, ndarray or lazy array
        Of booleans, integers, floats, dates or durations.
    k : int
        Negative for the smallest ``-k`` elements, in ascending order. If there are not as many,
        all are returned.
    axis : int or None, optional
        The last one by default; None for the largest of all elements.
    **options
        As of :func:`reduction`.

    Returns
    -------
    ndarray
        With `k` elements along `axis`.

    Raises
    ------
    UnsupportedOptionError
        If `k` is 0.
    UnsupportedArrayError
        If the elements have no order, or more than 64 bits.
    MemoryBudgetError
        If one block or the result needs more than `memory`; nothing was read.

    Notes
    -----
    NaN and NaT are larger than all others, as in `numpy.sort`. Of equal elements the first ones
    are taken, and come first.

    Examples
    --------
    >>> from filexchange import blocks
    >>> blocks.topk(np.array([[3, 1, 4], [1, 5, 9]]), 2)
    array([[4, 3],
           [9, 5]])
    >>> blocks.topk(np.array([[3, 1, 4], [1, 5, 9]]), -3, axis=None)
    array([1, 1, 3])
    """
    return _ranked("topk", "values", a, k, axis, options)


def argtopk(a: Any, k: int, axis: int | None = -1, **options: Unpack[ReductionOptions]) -> Any:
    """Return where the `k` largest elements are, in the order of :func:`topk`.

    With ``axis=None`` in the flattened array, for `numpy.unravel_index`.

    Examples
    --------
    >>> from filexchange import blocks
    >>> blocks.argtopk(np.array([[3, 1, 4], [1, 5, 9]]), 2)
    array([[2, 0],
           [2, 1]])
    """
    return _ranked("argtopk", "indexes", a, k, axis, options)
