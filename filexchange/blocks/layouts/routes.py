"""Whether an array is rearranged in one pass or in two, and in which blocks: pure geometry.

The two passes are those of the rechunker package (Ryan Abernathey and Tom White, 2020): blocks that
are long in the input are written in tiles, and blocks that are long in the output are read from
these. One pass does where its blocks are long in both, or the input is read anew for less.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from filexchange.aliases import Shape
from filexchange.blocks.storage.tiling import Tiles
from filexchange.geometry import block_shape

# What one more run costs, as bytes that would be read or written meanwhile.
_RUN_BYTES = 16 << 10

# Two passes need room on the disk, so they have to be this much better; larger blocks memory.
_CLEARLY = _CLEARLY_LARGER = 0.8


@dataclass(frozen=True, slots=True)
class Lie:
    """How an array lies in its file.

    Attributes
    ----------
    shape : tuple of int
    unit : tuple of int or None
        The chunks or shards, if there are any.
    within : tuple of int or None
        Shape of the parts in which elements lie in C order and can be read for themselves: of the
        array or the unit. None if a unit is read or written as a whole.
    """

    shape: Shape
    unit: Shape | None
    within: Shape | None

    def cost(self, block: Shape, itemsize: int) -> int:
        """Return about what all blocks of a shape cost, in bytes."""
        size = self.touched(block) * itemsize
        if self.within is None:
            return size
        runs = -(-size // max(1, itemsize * run_length(self.within, block)))
        return size + _RUN_BYTES * runs

    def touched(self, block: Shape) -> int:
        """Return how many elements are read for all blocks, as often as they are."""
        unit = self.unit if self.within is None else None
        return math.prod(map(_touched, self.shape, block, unit or (1,) * len(self.shape)))


def _touched(length: int, step: int, unit: int) -> int:
    starts = np.arange(0, length, step)
    stops = np.minimum(starts + step, length)
    return int((np.minimum(-(-stops // unit) * unit, length) - starts // unit * unit).sum())


def run_length(shape: Shape, block: Shape) -> int:
    """Return how many elements of a block are contiguous in an array in C order."""
    length = 1
    for n, step in zip(reversed(shape), reversed(block), strict=True):
        length *= min(n, step)
        if step < n:
            break
    return length


@dataclass(frozen=True, slots=True)
class Route:
    """How an array is rearranged.

    Attributes
    ----------
    block : tuple of int
        Of the output, of whole units.
    first : tuple of int or None
        Of the input: the blocks of the first pass, if there are two.
    tiles : Tiles or None
        In the order of the input's axes: what is between the passes.
    touched : int
        Elements that are read from the input.
    """

    block: Shape
    first: Shape | None
    tiles: Tiles | None
    touched: int


def permuted(lengths: Shape, order: tuple[int, ...]) -> Shape:
    """Return lengths along the axes of the input, from those along the axes of the output."""
    return tuple(lengths[order.index(axis)] for axis in range(len(order)))


def route(
    read: Lie,
    written: Lie,
    order: tuple[int, ...],
    candidates: Iterable[list[Shape]],
    itemsize: int,
    most: int,
) -> Route:
    """Return the cheaper way.

    Parameters
    ----------
    read, written : Lie
        Of the input and the output.
    order : tuple of int
        Which axis of the input each axis of the output is.
    candidates : iterable of list of tuple of int
        Blocks of the output for one pass, of which the larger ones come later.
    itemsize : int
    most : int
        Elements of a block of two passes.
    """

    def cost(block: Shape) -> int:
        return read.cost(permuted(block, order), itemsize) + written.cost(block, itemsize)

    block, *larger = (min(blocks, key=cost) for blocks in candidates)
    for each in larger:
        block = each if cost(each) < _CLEARLY_LARGER * cost(block) else block
    one = Route(block, None, None, read.touched(permuted(block, order)))
    if not math.prod(read.shape) or _holds_all(block, written.shape):
        return one
    two, cost_of_two = _two_passes(read, written, order, itemsize, most)
    return two if cost_of_two < _CLEARLY * cost(block) else one


def _holds_all(block: Shape, shape: Shape) -> bool:
    return all(step >= n for step, n in zip(block, shape, strict=True))


def evened(block: Shape, shape: Shape, unit: Shape) -> Shape:
    """Return the smallest block of whole units of which no more are needed; less is padded.

    Examples
    --------
    >>> evened((304,), (720,), (16,))
    (240,)
    """
    even = []
    for step, length, each in zip(block, shape, unit, strict=True):
        count = max(1, -(-length // step))
        least = -(-length // count)
        even.append(min(step, -(-least // each) * each))
    return tuple(max(1, step) for step in even)


def _two_passes(
    read: Lie, written: Lie, order: tuple[int, ...], itemsize: int, most: int
) -> tuple[Route, int]:
    """Return the way by tiles, and what it costs."""
    second = block_shape(written.shape, itemsize, most * itemsize, written.unit)
    second = evened(second, written.shape, written.unit or (1,) * len(order))
    wanted = permuted(second, order)
    first = block_shape(read.shape, itemsize, most * itemsize, read.unit)
    # Blocks of the first pass consist of whole tiles.
    first = tuple(
        step if step >= n else max(step // want * want, min(step, want))
        for step, want, n in zip(first, wanted, read.shape, strict=True)
    )
    tile = tuple(map(min, first, wanted))
    # Where blocks of the output are whole, tiles follow each other.
    counted = sorted(range(len(order)), key=lambda axis: wanted[axis] >= read.shape[axis])
    tiles = Tiles(read.shape, tile, tuple(counted))
    between = tiles.elements * itemsize
    between += _RUN_BYTES * -(-between // max(1, math.prod(tile) * itemsize))
    cost = read.cost(first, itemsize) + 2 * between + written.cost(second, itemsize)
    return Route(second, first, tiles, read.touched(first)), cost
