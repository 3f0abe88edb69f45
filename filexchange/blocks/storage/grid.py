"""The grid of blocks that an array is worked on by: pure geometry."""

import math
from abc import abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import overload

from filexchange.aliases import Shape, Slices
from filexchange.geometry import iter_blocks


class Cells(Sequence[Slices]):
    """Regions that cover an array once, counted in C order."""

    __slots__ = ()

    @property
    @abstractmethod
    def counts(self) -> Shape:
        """Number of blocks along each axis."""

    @abstractmethod
    def region(self, position: Shape) -> Slices:
        """Return the slices of the block at a position."""

    def __len__(self) -> int:
        return math.prod(self.counts)

    @overload
    def __getitem__(self, index: int) -> Slices: ...

    @overload
    def __getitem__(self, index: slice) -> list[Slices]: ...

    def __getitem__(self, index: int | slice) -> Slices | list[Slices]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        return self.region(self.position(index))

    def position(self, index: int) -> Shape:
        """Return where the block of this number is, counted in blocks along each axis."""
        number = range(len(self))[index]
        position = []
        for count in reversed(self.counts):
            number, at = divmod(number, count)
            position.append(at)
        return tuple(reversed(position))


@dataclass(frozen=True, slots=True)
class Grid(Cells):
    """Regions of equal shape, but at the far edges, that cover an array once, in C order.

    Examples
    --------
    >>> grid = Grid((5, 4), (2, 4))
    >>> len(grid), grid.counts, grid[2]
    (3, (3, 1), (slice(4, 5, 1), slice(0, 4, 1)))
    """

    shape: Shape
    block: Shape

    @property
    def counts(self) -> Shape:
        """Number of blocks along each axis."""
        return tuple(-(-n // b) for n, b in zip(self.shape, self.block, strict=True))

    def region(self, position: Shape) -> Slices:
        """Return the slices of the block at a position."""
        return tuple(
            slice(at * step, min((at + 1) * step, length), 1)
            for at, step, length in zip(position, self.block, self.shape, strict=True)
        )


@dataclass(frozen=True, slots=True)
class UnevenGrid(Cells):
    """Regions of lengths that may all differ along an axis.

    Attributes
    ----------
    shape : tuple of int
        Of the array.
    starts : tuple of sequence of int
        Where the blocks begin along each axis: from 0 on, rising.

    Examples
    --------
    >>> grid = UnevenGrid((9, 4), ((0, 2, 6), range(0, 4, 4)))
    >>> grid[1], grid.step
    ((slice(2, 6, 1), slice(0, 4, 1)), (2, 4))
    """

    shape: Shape
    starts: tuple[Sequence[int], ...]

    @property
    def counts(self) -> Shape:
        """Number of blocks along each axis."""
        return tuple(map(len, self.starts))

    def region(self, position: Shape) -> Slices:
        """Return the slices of the block at a position."""
        return tuple(
            slice(each[at], each[at + 1] if at + 1 < len(each) else length, 1)
            for at, each, length in zip(position, self.starts, self.shape, strict=True)
        )

    @property
    def is_even(self) -> bool:
        """Whether all blocks have the length of the step, but at the far edges."""
        return all(isinstance(each, range) for each in self.starts)

    @property
    def step(self) -> Shape:
        """The largest lengths such that every block begins at a multiple of them."""
        return tuple(
            _step(each) or max(1, length)
            for each, length in zip(self.starts, self.shape, strict=True)
        )

    @property
    def largest(self) -> Shape:
        """Shape that has room for each block."""
        return tuple(
            _largest(each, length) for each, length in zip(self.starts, self.shape, strict=True)
        )


def _step(starts: Sequence[int]) -> int:
    """Return the greatest common divisor of what may be a range too long to look at."""
    if isinstance(starts, range):
        return starts.step if len(starts) > 1 else 0
    return math.gcd(*starts)


def _largest(starts: Sequence[int], length: int) -> int:
    if isinstance(starts, range):
        return max(0, min(starts.step, length))
    return max(b - a for a, b in zip(starts, (*starts[1:], length), strict=True))


def region_shape(region: Slices) -> Shape:
    """Return the shape of a block.

    Examples
    --------
    >>> region_shape((slice(4, 5, 1), slice(0, 4, 1)))
    (1, 4)
    """
    return tuple(part.stop - part.start for part in region)


def parts(region: Slices, step: Shape) -> Iterator[tuple[Slices, Slices]]:
    """Yield the parts of a region between multiples of a step: in the array, and in the region.

    Examples
    --------
    >>> for part, within in parts((slice(3, 8),), (4,)):
    ...     print(part, within)
    (slice(3, 4, 1),) (slice(0, 1, 1),)
    (slice(4, 8, 1),) (slice(1, 5, 1),)
    """
    starts = tuple(p.start // n * n for p, n in zip(region, step, strict=True))
    whole = tuple(p.stop - start for p, start in zip(region, starts, strict=True))
    for tile in iter_blocks(whole, step):
        part: Slices = tuple(
            slice(max(p.start, start + t.start), start + t.stop, 1)
            for p, start, t in zip(region, starts, tile, strict=True)
        )
        yield (
            part,
            tuple(
                slice(inner.start - p.start, inner.stop - p.start, 1)
                for inner, p in zip(part, region, strict=True)
            ),
        )
