"""The grid of blocks that an array is worked on by: pure geometry."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import overload

from filexchange.aliases import Shape, Slices


@dataclass(frozen=True, slots=True)
class Grid(Sequence[Slices]):
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

    def region(self, position: Shape) -> Slices:
        """Return the slices of the block at a position."""
        return tuple(
            slice(at * step, min((at + 1) * step, length), 1)
            for at, step, length in zip(position, self.block, self.shape, strict=True)
        )


def region_shape(region: Slices) -> Shape:
    """Return the shape of a block.

    Examples
    --------
    >>> region_shape((slice(4, 5, 1), slice(0, 4, 1)))
    (1, 4)
    """
    return tuple(part.stop - part.start for part in region)
