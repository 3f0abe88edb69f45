"""The largest or smallest elements of many blocks, with where they are."""

import operator
from dataclasses import dataclass
from typing import Self

import numpy as np

from filexchange.aliases import Array, Shape
from filexchange.blocks.kernels.keys import to_keys
from filexchange.errors import UnsupportedOptionError

# Elements that are worked on at a time, which stay in the cache of one core.
_TILE = 1 << 16


@dataclass(frozen=True, slots=True, eq=False)
class Largest:
    """The largest elements, in descending order; those of several blocks are added.

    Attributes
    ----------
    k : int
        How many there are at most.
    values : ndarray
    indexes : int64 ndarray
        Of the elements in the flattened array. Of equal elements those with the lowest indexes
        are taken, and come first.

    Notes
    -----
    NaN and NaT count as larger than all others, as in `numpy.sort`. The sum is the same in any
    order. Safe in threads; NumPy lets go of the GIL meanwhile.

    Examples
    --------
    >>> array = np.array([[3, 1], [4, 1], [5, 9], [2, 6], [5, 3]])
    >>> found = Largest.of(array[:2], 3, (0, 0), array.shape)
    >>> found = found + Largest.of(array[2:], 3, (2, 0), array.shape)
    >>> found.values, found.indexes
    (array([9, 6, 5]), array([5, 7, 4]))
    """

    k: int
    values: Array
    indexes: Array

    @classmethod
    def of(cls, block: Array, k: int, start: Shape, shape: Shape) -> Self:
        """Find them in one block.

        Parameters
        ----------
        block : ndarray
            Read in place if it is in C order.
        k : int
        start : tuple of int
            Where the block begins in the whole array.
        shape : tuple of int
            Of the whole array.

        Raises
        ------
        UnsupportedOptionError
            If `k` is not positive.
        UnsupportedArrayError
            If elements of this dtype have no keys, see `keys.key_dtype`.
        """
        if operator.index(k) < 1:
            raise UnsupportedOptionError(f"k={k} elements cannot be searched for: give at least 1")
        found = _lowest(block.reshape(-1), k, cls)
        inside = np.unravel_index(found, block.shape) if block.ndim else ()
        whole = tuple(first + index for first, index in zip(start, inside, strict=True))
        indexes = np.ravel_multi_index(whole, shape) if whole else found
        return cls(k, block.reshape(-1)[found], np.asarray(indexes, np.int64))

    def __add__(self, other: Self) -> Self:
        values = np.concatenate([self.values, other.values], dtype=self.values.dtype)
        indexes = np.concatenate([self.indexes, other.indexes])
        best = np.lexsort([indexes, self.ranks(values)])[: self.k]
        return type(self)(self.k, values[best], indexes[best])

    @staticmethod
    def ranks(values: Array) -> Array:
        """Return keys of which the lowest are wanted."""
        return ~to_keys(values)


class Smallest(Largest):
    """The smallest elements, in ascending order; otherwise as `Largest`.

    Examples
    --------
    >>> array = np.array([3, 1, 4, 1, np.nan])
    >>> found = Smallest.of(array, 3, (0,), array.shape)
    >>> found.values, found.indexes
    (array([1., 1., 3.]), array([1, 3, 0]))
    """

    __slots__ = ()

    @staticmethod
    def ranks(values: Array) -> Array:
        """Return keys of which the lowest are wanted."""
        return to_keys(values)


def _lowest(flat: Array, k: int, of: type[Largest]) -> Array:
    """Return where the elements with the lowest ranks are, in order."""
    ranks, places = of.ranks(flat[:0]), np.empty(0, np.intp)
    worst = None
    for start in range(0, flat.size, _TILE):
        tile = of.ranks(flat[start : start + _TILE])
        # Elements that equal the worst of the best have higher indexes.
        better = np.arange(tile.size) if worst is None else np.flatnonzero(tile < worst)
        if better.size:
            ranks = np.concatenate([ranks, tile[better]])
            places = np.concatenate([places, start + better])
        if ranks.size >= k + _TILE or (worst is None and ranks.size >= k):
            ranks, places = _cut(ranks, places, k)
            worst = ranks.max()
    ranks, places = _cut(ranks, places, k)
    return places[np.argsort(ranks, kind="stable")]


def _cut(ranks: Array, places: Array, k: int) -> tuple[Array, Array]:
    """Return the `k` lowest, and of equal ones the first, without changing their order."""
    if ranks.size <= k:
        return ranks, places
    worst = np.partition(ranks, k - 1)[k - 1]
    kept = ranks < worst
    kept[np.flatnonzero(ranks == worst)[: k - np.count_nonzero(kept)]] = True
    return ranks[kept], places[kept]
