"""An array in a file tile by tile: what is a block along any axes lies there in long runs."""

import itertools
import math
from dataclasses import dataclass

import numpy as np

from filexchange.aliases import Array, Shape, Slices


@dataclass(frozen=True, slots=True)
class Tiles:
    """Equal tiles that cover an array, each contiguous in an array of twice as many axes.

    Attributes
    ----------
    shape : tuple of int
        Of the array.
    tile : tuple of int
    order : tuple of int
        The axes along which tiles are counted, from the outermost to the innermost.

    Examples
    --------
    >>> tiles = Tiles((4, 6), (2, 3), (1, 0))
    >>> tiles.stored_shape, tiles.region((slice(0, 4), slice(3, 6)))
    ((2, 2, 2, 3), (slice(1, 2, 1), slice(0, 2, 1), slice(0, 2, 1), slice(0, 3, 1)))
    """

    shape: Shape
    tile: Shape
    order: tuple[int, ...]

    @property
    def stored_shape(self) -> Shape:
        """Shape of the array of tiles: how many there are along each axis, and that of one."""
        counts = [-(-n // step) for n, step in zip(self.shape, self.tile, strict=True)]
        return (*(counts[axis] for axis in self.order), *self.tile)

    def region(self, region: Slices) -> Slices:
        """Return where the tiles are that a region of the array touches."""
        spans = [
            slice(part.start // step, -(-part.stop // step), 1)
            for part, step in zip(region, self.tile, strict=True)
        ]
        return (*(spans[axis] for axis in self.order), *(slice(0, n, 1) for n in self.tile))

    def tiled(self, block: Array) -> Array:
        """Return a block that begins with a tile as tiles, filled up with zeros at its end."""
        counts = [-(-n // step) for n, step in zip(block.shape, self.tile, strict=True)]
        is_whole = all(n % step == 0 for n, step in zip(block.shape, self.tile, strict=True))
        make = np.empty if is_whole else np.zeros
        tiles = make((*(counts[axis] for axis in self.order), *self.tile), block.dtype)
        pairs = self._paired(tiles)
        # Along each axis whole tiles, and what is left.
        for ends in itertools.product(*map(_ends, block.shape, self.tile)):
            part = block[tuple(slice(start, start + n * step) for start, n, step in ends)]
            pairs[
                tuple(
                    each
                    for (start, n, step), tile in zip(ends, self.tile, strict=True)
                    for each in (slice(start // tile, start // tile + n), slice(0, step))
                )
            ] = part.reshape([length for _, n, step in ends for length in (n, step)])
        return tiles

    def _paired(self, tiles: Array) -> Array:
        """Return a view with the tiles along an axis beside the elements along it."""
        ndim = len(self.shape)
        return tiles.transpose(
            [i for axis in range(ndim) for i in (self.order.index(axis), ndim + axis)]
        )

    def untiled(self, tiles: Array, region: Slices) -> Array:
        """Return a region of the array from the tiles that it touches."""
        joined = self._paired(tiles)
        counts = joined.shape[::2]
        whole = joined.reshape([n * step for n, step in zip(counts, self.tile, strict=True)])
        starts = [
            part.start - part.start // step * step
            for part, step in zip(region, self.tile, strict=True)
        ]
        return whole[
            tuple(
                slice(start, start + part.stop - part.start)
                for start, part in zip(starts, region, strict=True)
            )
        ]

    @property
    def elements(self) -> int:
        """Elements of the array of tiles."""
        return math.prod(self.stored_shape)


def _ends(length: int, step: int) -> list[tuple[int, int, int]]:
    """Return of what consists of steps where it begins, how many there are, and their length."""
    whole, rest = divmod(length, step)
    return [(0, whole, step)] * (whole > 0) + [(whole * step, 1, rest)] * (rest > 0)
