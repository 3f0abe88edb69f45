"""The elements that have given ranks among all of many blocks, exactly, in few passes.

Keys (see `keys`) are counted by their first 16 bits in one pass; each wanted rank then lies in one
bucket. Further passes count what is in these buckets by the next bits, until what is left is few
enough to be gathered, or all equal. That takes one pass for elements of up to 16 bits, two for 32
bits, and two to four for 64 bits.

    >>> import functools, operator
    >>> blocks = np.array_split(np.arange(1000)[::-1] ** 2, 7)
    >>> search = functools.reduce(operator.add, map(survey, blocks)).search([0, 500, 999])
    >>> while not search.is_done:
    ...     search = search.narrowed(functools.reduce(operator.add, map(search, blocks)))
    >>> search.values()
    array([     0, 250000, 998001])
"""

import operator
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np

from filexchange.aliases import Array, DType
from filexchange.blocks.kernels.digits import DIGIT_BITS, Counter, batches, beginning, key_tiles
from filexchange.blocks.kernels.keys import can_miss, from_keys, key_dtype, max_key
from filexchange.errors import ArrayMismatchError, RegionError

# Bytes of gathered keys, unless the caller says otherwise.
_MAX_BYTES = 64 << 20

# Together the counts for all intervals that are searched at once take at most 8 MiB.
_MAX_BUCKET_BITS = 20


@dataclass(frozen=True, slots=True, eq=False)
class Tally:
    """How many keys there are in each of equal buckets, and the lowest and highest of them.

    Tallies are added; their sum is the same in any order.
    """

    counts: Array
    low: int
    high: int

    def __add__(self, other: "Tally") -> "Tally":
        low, high = min(self.low, other.low), max(self.high, other.high)
        return Tally(self.counts + other.counts, low, high)


@dataclass(frozen=True, slots=True, order=True)
class Interval:
    """Keys from `low` to `high`, both included, that some of the elements have.

    Attributes
    ----------
    low, high : int
    before : int
        Number of elements with lower keys.
    count : int
        Number of elements with these keys.
    """

    low: int
    high: int
    before: int
    count: int

    def shift(self, bits: int) -> int:
        """Return how many bits of a key to leave out, to have at most ``2**bits`` buckets."""
        return max(0, (self.high - self.low).bit_length() - bits)

    def buckets(self, bits: int) -> int:
        """Return the number of buckets."""
        return ((self.high - self.low) >> self.shift(bits)) + 1

    def narrowed(self, tally: Tally, bits: int, ranks: Sequence[int]) -> "dict[int, Interval]":
        """Return the bucket that each rank is in, no larger than the keys that were there."""
        ends = self.before + np.cumsum(tally.counts)
        width = 1 << self.shift(bits)
        found = {}
        for rank, bucket in zip(ranks, np.searchsorted(ends, ranks, "right").tolist(), strict=True):
            low, count = self.low + bucket * width, int(tally.counts[bucket])
            high = min(low + width - 1, self.high, tally.high)
            found[rank] = Interval(max(low, tally.low), high, int(ends[bucket]) - count, count)
        return found


@dataclass(frozen=True, slots=True, eq=False)
class Survey:
    """What one pass tells about all elements: how their keys begin.

    Surveys of blocks are added; their sum is the same in any order.

    Attributes
    ----------
    dtype : numpy.dtype
        Of the elements.
    tally : Tally
        Of elements other than NaN and NaT, by the first 16 bits of their keys.
    missing : int
        Number of elements that are NaN or NaT.
    """

    dtype: DType
    tally: Tally
    missing: int

    @property
    def count(self) -> int:
        """The number of elements that are neither NaN nor NaT."""
        return int(self.tally.counts.sum())

    def __add__(self, other: "Survey") -> "Survey":
        return Survey(self.dtype, self.tally + other.tally, self.missing + other.missing)

    def search(self, ranks: Iterable[int], max_bytes: int = _MAX_BYTES) -> "Search":
        """Begin the search for the elements with these ranks, from 0, with NaN and NaT last.

        Parameters
        ----------
        ranks : iterable of int
        max_bytes : int
            Memory for gathered elements, over all blocks. Less of it can take more passes.

        Raises
        ------
        RegionError
            If there are not as many elements.
        """
        wanted = tuple(map(operator.index, ranks))
        total = self.count + self.missing
        if wanted and total == 0:
            raise RegionError(
                "there are 0 elements, which have no ranks, medians or quantiles: give an array "
                "that has some"
            )
        outside = [rank for rank in wanted if not 0 <= rank < total]
        if outside:
            raise RegionError(
                f"there are {total} elements, and none has the rank {outside[0]}: ranks begin at 0"
            )
        last = max_key(self.dtype)
        known = Interval(0, last, 0, self.count).narrowed(
            self.tally, DIGIT_BITS, [rank for rank in wanted if rank < self.count]
        )
        missing = Interval(last, last, self.count, self.missing)
        return Search(
            self.dtype, wanted, tuple(known.get(rank, missing) for rank in wanted), max_bytes
        )


def survey(block: Array) -> Survey:
    """Return the survey of one block.

    Raises
    ------
    UnsupportedArrayError
        If elements of this dtype have no keys, see `keys.key_dtype`.

    Notes
    -----
    Safe in threads; NumPy lets go of the GIL meanwhile. It needs up to 3 MiB of memory, and that
    of a copy if the block is neither in C nor in Fortran order.
    """
    last = max_key(block.dtype)
    whole = Interval(0, last, 0, block.size)
    counts = np.zeros(whole.buckets(DIGIT_BITS), np.int64)
    low, high, missing = last, 0, 0
    counter = Counter()
    for keys in key_tiles(block):
        counts += counter(keys, whole.shift(DIGIT_BITS), len(counts))
        low, high = min(low, int(keys.min())), max(high, int(keys.max()))
        if high == last and can_miss(block.dtype):
            missing += int(np.count_nonzero(keys == last))
    counts[-1] -= missing
    return Survey(block.dtype, Tally(counts, low, min(high, last - can_miss(block.dtype))), missing)


class Found(NamedTuple):
    """What one pass found in a block for each interval: a tally, or the keys themselves.

    What was found in several blocks is added; the sum says the same in any order.
    """

    parts: tuple[Any, ...]

    def __add__(self, other: Any) -> Any:
        # Tallies are summed; gathered keys are tuples of arrays, which are joined.
        return Found(tuple(map(operator.add, self.parts, other.parts)))


@dataclass(frozen=True, slots=True)
class Search:
    """The search for elements with given ranks: call it with each block, until it is done.

    Attributes
    ----------
    dtype : numpy.dtype
        Of the elements.
    ranks : tuple of int
        What is wanted.
    intervals : tuple of Interval
        Where each rank is.
    max_bytes : int
        Memory for gathered elements.

    Notes
    -----
    A value: a pass makes a new one. Safe in threads, and small when it is pickled.
    """

    dtype: DType
    ranks: tuple[int, ...]
    intervals: tuple[Interval, ...]
    max_bytes: int

    @property
    def is_done(self) -> bool:
        """Whether each rank has its element, and no pass is needed any more."""
        return not self._open()

    def values(self) -> Array:
        """Return the elements in the order of `ranks`, once the search is done."""
        keys = np.array([each.low for each in self.intervals], key_dtype(self.dtype))
        return from_keys(keys, self.dtype)

    def __call__(self, block: Array) -> Found:
        """Look for the intervals in a block; add up what is found in all blocks.

        It needs the memory of what it gathers, that of the counts (512 KiB for one interval, 8 MiB
        for many), and 3 MiB.
        """
        wanted = self._open()
        gathered = self._gathered()
        bits = self._bits()
        parts: list[Any] = [
            ()
            if each in gathered
            else Tally(np.zeros(each.buckets(bits), np.int64), each.high, each.low)
            for each in wanted
        ]
        counter = Counter()
        ranges = [(each.low, each.high) for each in wanted]
        for keys in batches(beginning(tile, ranges) for tile in key_tiles(block)):
            for i, each in enumerate(wanted):
                inside = keys - keys.dtype.type(each.low)  # below `low` it is very high
                inside = inside.compress(inside <= each.high - each.low)
                if not inside.size:
                    continue
                if each in gathered:
                    parts[i] += (inside,)
                else:
                    counts = counter(inside, each.shift(bits), each.buckets(bits))
                    low, high = (each.low + int(end) for end in (inside.min(), inside.max()))
                    parts[i] += Tally(counts, low, high)
        return Found(tuple(parts))

    def narrowed(self, found: Found) -> "Search":
        """Return the search after a pass.

        Parameters
        ----------
        found : Found
            The sum over all blocks.

        Raises
        ------
        ArrayMismatchError
            If the blocks are not what they were in the pass before.
        """
        bits = self._bits()
        known: dict[int, Interval] = {}
        pairs = list(zip(self.ranks, self.intervals, strict=True))
        for each, part in zip(self._open(), found.parts, strict=True):
            is_gathered = isinstance(part, tuple)
            count = sum(map(len, part)) if is_gathered else int(part.counts.sum())
            if count != each.count:
                raise ArrayMismatchError(
                    f"the array changed between two passes over it: {count} elements are where "
                    f"{each.count} were; let nobody write to it meanwhile, and begin again"
                )
            ranks = [rank for rank, interval in pairs if interval == each]
            known |= _picked(each, part, ranks) if is_gathered else each.narrowed(part, bits, ranks)
        return replace(self, intervals=tuple(known.get(rank, old) for rank, old in pairs))

    def _open(self) -> list[Interval]:
        return sorted({each for each in self.intervals if each.low < each.high})

    def _gathered(self) -> set[Interval]:
        """Return the intervals whose elements fit the memory, twice: they are joined later."""
        gathered = set()
        left = self.max_bytes // (2 * self.dtype.itemsize)
        for each in sorted(self._open(), key=operator.attrgetter("count")):
            left -= each.count
            if left >= 0:
                gathered.add(each)
        return gathered

    def _bits(self) -> int:
        """Return the binary logarithm of the number of buckets an interval may have."""
        return max(1, min(DIGIT_BITS, _MAX_BUCKET_BITS - len(self._open()).bit_length()))


def _picked(interval: Interval, parts: tuple[Array, ...], ranks: list[int]) -> dict[int, Interval]:
    """Return where each rank is, out of all the keys of an interval, counted from its beginning."""
    keys = np.concatenate(parts)
    keys.partition([rank - interval.before for rank in ranks])
    found = {}
    for rank in ranks:
        key = interval.low + int(keys[rank - interval.before])
        found[rank] = Interval(key, key, rank, 1)
    return found
