"""Blocks reduced to partial results, and these to one, in the order of the blocks."""

import contextlib
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypedDict

import numpy as np
from numpy.lib.array_utils import normalize_axis_tuple

from filexchange.aliases import Array, ChunksLike, Shape, Slices
from filexchange.blocks.budget import memory_budget
from filexchange.blocks.grid import Grid
from filexchange.blocks.iterating import chosen_block
from filexchange.blocks.planning import Plan
from filexchange.blocks.running import run
from filexchange.blocks.sources import Piece, Source, as_source

# A block, and what NumPy needs beside it to reduce it.
_COPIES = 2


class Options(TypedDict, total=False):
    """What all reductions take; see :func:`reduction`."""

    chunks: ChunksLike
    memory: int | str | None
    executor: Any
    plan_only: bool


@dataclass(frozen=True, slots=True)
class Reducer:
    """Three functions that make a reduction.

    Attributes
    ----------
    chunk : callable
        ``chunk(block, region, axes)`` returns a partial result, whose arrays have no reduced axes.
    merge : callable
        ``merge(first, second)`` returns that of two neighbors.
    finish : callable
        ``finish(partial)`` returns the result, an array.
    """

    chunk: Callable[[Array, Slices, tuple[int, ...]], Any]
    merge: Callable[[Any, Any], Any]
    finish: Callable[[Any], Any]


def reduced(
    operation: str,
    array: Any,
    reducer: Reducer,
    axis: int | tuple[int, ...] | None,
    keepdims: bool,
    *,
    chunks: ChunksLike = "auto",
    memory: int | str | None = None,
    executor: Any = None,
    plan_only: bool = False,
) -> Any:
    """Return what a reducer makes of an array, or the plan; arguments are those of `reduction`."""
    source = as_source(array)
    axes = normalize_axis_tuple(
        range(len(source.shape)) if axis is None else axis, len(source.shape)
    )
    budget = memory_budget(memory)
    grid = _grid(source, chunks, budget)
    plan = _plan(operation, source, grid, budget)
    if plan_only:
        return plan
    if len(grid) == 0:
        # What NumPy says of nothing, errors included, comes from its own functions.
        empty = np.empty(source.shape, source.dtype)
        return _kept(reducer.finish(reducer.chunk(empty, (), axes)), source.shape, axes, keepdims)
    found = _fold(source, grid, axes, reducer, executor, plan.most)
    kept = _assembled(found, source.shape, axes)
    return _kept(kept, source.shape, axes, keepdims)


def _grid(source: Source, chunks: ChunksLike, budget: int) -> Grid:
    shape = tuple(max(1, length) for length in source.shape)
    block = chosen_block(chunks, shape, source.dtype, source.chunks, budget)
    return Grid(source.shape, block)


def _plan(operation: str, source: Source, grid: Grid, budget: int) -> Plan:
    nbytes = math.prod(grid.block) * source.dtype.itemsize
    total = math.prod(source.shape) * source.dtype.itemsize
    return Plan(operation, len(grid), grid.block, _COPIES * nbytes, budget, total, 0)


@dataclass(frozen=True, slots=True)
class _Work:
    """What a worker does with a block."""

    chunk: Callable[[Array, Slices, tuple[int, ...]], Any]
    axes: tuple[int, ...]

    def __call__(self, task: tuple[Piece, Slices]) -> Any:
        piece, region = task
        return self.chunk(piece.read(), region, self.axes)


def _fold(
    source: Source, grid: Grid, axes: tuple[int, ...], reducer: Reducer, executor: Any, most: int
) -> list[tuple[Slices, Any]]:
    """Return the result of each part of the axes that stay, merged in the order of the grid."""
    tasks: Iterator[tuple[Piece, Slices]] = ((source.piece(region), region) for region in grid)
    partial: dict[tuple[tuple[int, int], ...], Any] = {}
    with contextlib.closing(run(_Work(reducer.chunk, axes), tasks, executor, most)) as results:
        for region, found in zip(grid, results, strict=True):
            kept = tuple((r.start, r.stop) for i, r in enumerate(region) if i not in axes)
            partial[kept] = reducer.merge(partial[kept], found) if kept in partial else found
    return [
        (tuple(slice(*ends) for ends in kept), reducer.finish(found))
        for kept, found in partial.items()
    ]


def _assembled(found: list[tuple[Slices, Any]], shape: Shape, axes: tuple[int, ...]) -> Any:
    if len(found) == 1:
        return found[0][1]
    dtype = np.asarray(found[0][1]).dtype
    whole = np.empty(tuple(n for i, n in enumerate(shape) if i not in axes), dtype)
    for region, part in found:
        whole[region] = part
    return whole


def _kept(result: Any, shape: Shape, axes: tuple[int, ...], keepdims: bool) -> Any:
    if not keepdims:
        return result[()] if isinstance(result, np.ndarray) and result.ndim == 0 else result
    return np.asarray(result).reshape([1 if i in axes else n for i, n in enumerate(shape)])


@dataclass(frozen=True, slots=True)
class _Theirs:
    """The caller's functions, which keep the axes that they reduce."""

    chunk: Callable[..., Any]
    combine: Callable[..., Any]
    aggregate: Callable[..., Any]
    axes: tuple[int, ...]

    def reducer(self) -> Reducer:
        return Reducer(self.partial, self.together, self.result)

    def partial(self, block: Array, region: Slices, axes: tuple[int, ...]) -> Any:
        return self.chunk(block, axis=axes, keepdims=True)

    def together(self, first: Any, second: Any) -> Any:
        both = np.concatenate([first, second], axis=self.axes[0])
        return self.combine(both, axis=(self.axes[0],), keepdims=True)

    def result(self, found: Any) -> Any:
        return self.aggregate(found, axis=self.axes, keepdims=False)


def reduction(
    a: Any,
    chunk: Callable[..., Any],
    aggregate: Callable[..., Any],
    *,
    combine: Callable[..., Any] | None = None,
    axis: int | tuple[int, ...] | None = None,
    keepdims: bool = False,
    chunks: ChunksLike = "auto",
    memory: int | str | None = None,
    executor: Any = None,
    plan_only: bool = False,
) -> Any:
    """Reduce an array along axes by functions of blocks.

    Parameters
    ----------
    a : ArrayRef, path, ndarray or lazy array
    chunk : callable
        ``chunk(block, axis=axes, keepdims=True)`` returns an array that has length 1 along `axes`,
        a tuple. Sent to the workers.
    aggregate : callable
        ``aggregate(partial, axis=axes, keepdims=False)`` returns the result.
    combine : callable, optional
        ``combine(partials, axis=axes, keepdims=True)`` reduces two partial results, which lie one
        behind the other along one axis. `aggregate` by default.
    axis : int, tuple of int or None, optional
        All axes by default.
    keepdims : bool, optional
        Leave the axes with length 1.
    chunks : int, tuple of int or "auto", optional
        Shape of the blocks, about 16 MiB of whole chunks of the file by default.
    memory, executor, plan_only
        As of :func:`map_blocks`.

    Returns
    -------
    ndarray or scalar

    Raises
    ------
    MemoryBudgetError
        If one block needs more than `memory`; nothing was read.

    Notes
    -----
    Partial results are combined in the order of the blocks, so that neither the number of workers
    nor which of them is faster changes a bit of the result. What has no axis to reduce is `chunk`
    of each block.

    Examples
    --------
    >>> from filexchange import blocks
    >>> a = fx.save("a.npy", np.arange(12).reshape(4, 3))
    >>> blocks.reduction(a, np.max, np.max, axis=0, chunks=(2, 3))
    array([ 9, 10, 11])
    """
    source = as_source(a)
    axes = normalize_axis_tuple(
        range(len(source.shape)) if axis is None else axis, len(source.shape)
    )
    theirs = _Theirs(chunk, combine or aggregate, aggregate, axes)
    return reduced(
        "reduction",
        a,
        theirs.reducer(),
        axes,
        keepdims,
        chunks=chunks,
        memory=memory,
        executor=executor,
        plan_only=plan_only,
    )
