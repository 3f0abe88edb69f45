"""Partial results of blocks, merged in the order of the grid."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from filexchange.aliases import Array, DType, Shape, Slices
from filexchange.blocks.storage.grid import Grid


@dataclass(frozen=True, slots=True)
class Reducer:
    """Three functions that make a reduction, and what they need beside a block and a copy of it.

    Attributes
    ----------
    chunk : callable
        ``chunk(block, axes, start)`` returns a partial result, whose arrays have no reduced axes;
        `start` is where the block begins in the array, one int an axis. Of a source that is zipped
        `block` is a tuple of blocks.
    merge : callable
        ``merge(first, second)`` returns that of two neighbors.
    finish : callable
        ``finish(partial)`` returns the result, an array; by default what it gets. It has the axes
        that stay, and may have more behind them.
    element_bytes : int
        Memory that `chunk` needs for each element of a block.
    result_bytes : int
        Memory that a partial result takes for each element of what stays, beyond a few numbers.
    """

    chunk: Callable[[Any, tuple[int, ...], Shape], Any]
    merge: Callable[[Any, Any], Any]
    finish: Callable[[Any], Any] = lambda found: found
    element_bytes: int = 0
    result_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Along:
    """A function that takes an axis, as NumPy's do, applied to a block."""

    func: Callable[..., Any]
    dtype: DType | None = None

    def __call__(self, block: Array, axes: tuple[int, ...], start: Shape) -> Any:
        """Return what the function makes of the block, wherever that is."""
        return self.func(block, axis=axes, **({} if self.dtype is None else {"dtype": self.dtype}))


@dataclass(frozen=True, slots=True)
class Whole:
    """A function of blocks alone, where all axes are reduced."""

    func: Callable[[Any], Any]

    def __call__(self, block: Any, axes: tuple[int, ...], start: Shape) -> Any:
        """Return what the function makes of the block, wherever that is."""
        return self.func(block)


@dataclass(slots=True)
class Merged:
    """The partial results of the first blocks, merged in the order of the grid.

    Attributes
    ----------
    shape : tuple of int
        Of the result.
    count : int
        How many blocks are in it.
    whole : ndarray or any result
        The results of the parts that are complete.
    parts : dict
        Of the others, by their places along the axes that stay, what is merged so far and of how
        many blocks.
    is_changing : bool
        Whether some of this is ahead of the rest.
    """

    grid: Grid
    axes: tuple[int, ...]
    shape: Shape
    blocks_each: int
    count: int = 0
    whole: Any = None
    parts: dict[tuple[tuple[int, int], ...], tuple[Any, int]] = field(default_factory=dict)
    is_changing: bool = False

    @classmethod
    def of(cls, shape: Shape, grid: Grid, axes: tuple[int, ...]) -> "Merged":
        """Return what there is before the first block."""
        kept = tuple(n for i, n in enumerate(shape) if i not in axes)
        return cls(grid, axes, kept, math.prod(grid.counts[i] for i in axes))

    def add(self, found: Any, reducer: Reducer) -> None:
        """Merge the partial result of the next block."""
        self.is_changing = True
        region = self.grid[self.count]
        part = tuple((r.start, r.stop) for i, r in enumerate(region) if i not in self.axes)
        before, count = self.parts.pop(part, (None, 0))
        merged = found if count == 0 else reducer.merge(before, found)
        if count + 1 == self.blocks_each:
            # At once, because what is merged may take several times the memory.
            self._put(tuple(slice(*ends) for ends in part), reducer.finish(merged))
        else:
            self.parts[part] = merged, count + 1
        self.count += 1
        self.is_changing = False

    def _put(self, region: Slices, part: Any) -> None:
        """Put the result of a part in its place; of a single one as it is, whatever it is."""
        if all(r.stop - r.start == n for r, n in zip(region, self.shape, strict=True)):
            self.whole = part
            return
        if self.whole is None:
            found = np.asarray(part)
            self.whole = np.empty(self.shape + found.shape[len(self.shape) :], found.dtype)
        self.whole[region] = part
