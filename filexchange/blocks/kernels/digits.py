"""Counting and choosing keys by some of their bits, in tiles that stay in a core's cache."""

from collections.abc import Iterable, Iterator

import numpy as np

from filexchange.aliases import Array
from filexchange.blocks.kernels.keys import key_dtype, to_keys

#: Bits by which keys are counted at a time: the counts of all values still fit the cache.
DIGIT_BITS = 16

_TILE = 1 << 16


def key_tiles(block: Array) -> Iterator[Array]:
    """Yield the keys of a block, some at a time and in no particular order.

    Each array is overwritten when the next is made.

    Examples
    --------
    >>> list(key_tiles(np.array([[-1, 2]], "i2")))
    [array([32767, 32770], dtype=uint16)]
    """
    flat = block.ravel(order="K")
    # Memory that is new each time would cost more than all that is done with it.
    memory = np.empty(min(flat.size, _TILE), key_dtype(block.dtype))
    for start in range(0, flat.size, _TILE):
        tile = flat[start : start + _TILE]
        yield to_keys(tile, out=memory[: tile.size])


class Counter:
    """Counts keys by some of their bits.

    Notes
    -----
    It keeps memory from call to call, so each thread needs one of its own.

    Examples
    --------
    >>> Counter()(np.array([0x10, 0x22, 0x1F], "u4"), 4, 3)
    array([0, 2, 1])
    """

    def __init__(self) -> None:
        self._memory = np.empty(0, np.intp)

    def __call__(self, keys: Array, shift: int, buckets: int) -> Array:
        """Return how many of the keys, without their last `shift` bits, are 0, 1, 2 ..."""
        if keys.size > self._memory.size:
            self._memory = np.empty(max(keys.size, _TILE), np.intp)
        digits = self._memory[: keys.size]
        np.right_shift(keys, shift, out=digits, dtype=keys.dtype, casting="unsafe")
        return np.bincount(digits, minlength=buckets)


def beginning(keys: Array, ranges: Iterable[tuple[int, int]]) -> Array:
    """Return the keys that begin as some key of one of the ranges, by their first 16 bits.

    That leaves few, several times as fast as whole keys can be compared.

    Examples
    --------
    >>> beginning(np.array([0x10000, 0x2FFFF, 0x30000], "u4"), [(0x20000, 0x20001)])
    array([196607], dtype=uint32)
    """
    shift = 8 * keys.itemsize - DIGIT_BITS
    digits = np.right_shift(keys, shift, out=np.empty(keys.shape, np.uint16), casting="same_kind")
    chosen = np.zeros(keys.shape, bool)
    for first, last in sorted({(low >> shift, high >> shift) for low, high in ranges}):
        chosen |= digits - np.uint16(first) <= last - first
    return keys.compress(chosen)


def batches(arrays: Iterable[Array]) -> Iterator[Array]:
    """Yield the same elements in fewer arrays, of a size that is worth a call.

    Examples
    --------
    >>> list(batches([np.array([1]), np.array([2, 3])]))
    [array([1, 2, 3])]
    """
    batch: list[Array] = []
    for array in arrays:
        batch.append(array)
        if sum(map(len, batch)) >= _TILE:
            yield np.concatenate(batch)
            batch = []
    if batch:
        yield np.concatenate(batch)
