"""Blocks reduced to partial results, and these to one, in the order of the blocks."""

import contextlib
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Unpack

import numpy as np
from numpy.lib.array_utils import normalize_axis_tuple

from filexchange.aliases import Array, ChunksLike, Shape, Slices
from filexchange.blocks.checkpoints import Checkpoint
from filexchange.blocks.grid import Grid
from filexchange.blocks.iterating import chosen_block
from filexchange.blocks.jobs import kept_block, working
from filexchange.blocks.options import Options, Settings
from filexchange.blocks.planning import Plan
from filexchange.blocks.progress import reported
from filexchange.blocks.recipes import recipe
from filexchange.blocks.running import run
from filexchange.blocks.sources import Piece, Source, as_source

# For an element of the result: itself, and the count, sum and square that it may come from.
_RESULT_BYTES = 4 * 8

# A block, and what NumPy needs beside it to reduce it.
_COPIES = 2


class ReductionOptions(Options, total=False):
    """What all reductions take; see :func:`reduction`."""

    chunks: ChunksLike


@dataclass(frozen=True, slots=True)
class Reducer:
    """Three functions that make a reduction.

    Attributes
    ----------
    chunk : callable
        ``chunk(block, axes)`` returns a partial result, whose arrays have no reduced axes.
    merge : callable
        ``merge(first, second)`` returns that of two neighbors.
    finish : callable
        ``finish(partial)`` returns the result, an array; by default what it gets.
    """

    chunk: Callable[[Array, tuple[int, ...]], Any]
    merge: Callable[[Any, Any], Any]
    finish: Callable[[Any], Any] = lambda found: found


def reduced(
    operation: str,
    array: Any,
    reducer: Reducer,
    axis: int | tuple[int, ...] | None,
    keepdims: bool,
    *,
    chunks: ChunksLike = "auto",
    **options: Unpack[Options],
) -> Any:
    """Return what a reducer makes of an array, or the plan; arguments are those of `reduction`."""
    source = as_source(array)
    axes = normalize_axis_tuple(
        range(len(source.shape)) if axis is None else axis, len(source.shape)
    )
    settings = Settings(**options)
    kept = kept_block(settings.resume) if chunks == "auto" else None
    grid = _grid(source, kept or chunks, settings.budget)
    plan = _plan(operation, source, grid, axes, settings.budget)
    if settings.plan_only:
        return plan
    if len(grid) == 0:
        # What NumPy says of nothing, errors included, comes from its own functions.
        empty = np.empty(source.shape, source.dtype)
        return _kept(reducer.finish(reducer.chunk(empty, axes)), source.shape, axes, keepdims)
    found = _fold(source, grid, axes, reducer, plan, settings)
    return _kept(found, source.shape, axes, keepdims)


def _grid(source: Source, chunks: ChunksLike, budget: int) -> Grid:
    shape = tuple(max(1, length) for length in source.shape)
    block = chosen_block(chunks, shape, source.dtype, source.chunks, budget)
    return Grid(source.shape, block)


def _plan(operation: str, source: Source, grid: Grid, axes: tuple[int, ...], budget: int) -> Plan:
    nbytes = math.prod(grid.block) * source.dtype.itemsize
    results = math.prod(n for i, n in enumerate(source.shape) if i not in axes)
    return Plan(
        operation=operation,
        blocks=len(grid),
        block_shape=grid.block,
        block_memory=_COPIES * nbytes,
        memory=budget,
        bytes_read=math.prod(source.shape) * source.dtype.itemsize,
        bytes_written=0,
        result_memory=_RESULT_BYTES * results,
    )


@dataclass(frozen=True, slots=True)
class _Work:
    """What a worker does with a block."""

    chunk: Callable[[Array, tuple[int, ...]], Any]
    axes: tuple[int, ...]

    def __call__(self, piece: Piece) -> Any:
        return self.chunk(piece.read(), self.axes)


def _fold(
    source: Source,
    grid: Grid,
    axes: tuple[int, ...],
    reducer: Reducer,
    plan: Plan,
    settings: Settings,
) -> Any:
    """Return the result for the axes that stay."""
    told = recipe(plan.operation, (reducer, axes), [source], (), grid) if settings.resume else {}
    with working(settings.resume, (), told) as job:
        checkpoint = None if job is None else job.checkpoint("state")
        before = None if checkpoint is None else checkpoint.load()
        merged = _Merged.of(source.shape, grid, axes) if before is None else before
        work = _Work(reducer.chunk, axes)
        pieces = (source.piece(grid[i]) for i in range(merged.count, len(grid)))
        made = run(work, pieces, settings.executor, plan.most, settings.budget)
        results = reported(made, settings.progress, plan, merged.count)
        with contextlib.closing(results), _saved(merged, checkpoint):
            for found in results:
                merged.add(found, reducer)
                if checkpoint is not None:
                    checkpoint.offer(merged)
    return merged.whole


@contextlib.contextmanager
def _saved(merged: "_Merged", checkpoint: Checkpoint | None) -> Iterator[None]:
    """Keep what is merged if an error ends the block."""
    try:
        yield
    except BaseException:
        if checkpoint is not None and not merged.is_changing:
            checkpoint.save(merged)
        raise


@dataclass(slots=True)
class _Merged:
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
    def of(cls, shape: Shape, grid: Grid, axes: tuple[int, ...]) -> "_Merged":
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
            self.whole = np.empty(self.shape, np.asarray(part).dtype)
        self.whole[region] = part


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

    def partial(self, block: Array, axes: tuple[int, ...]) -> Any:
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
    **options: Unpack[ReductionOptions],
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
    **options
        `memory`, `executor`, `progress` and `plan_only` as of :func:`map_blocks`; and `resume`, the
        path of a directory in which partial results are kept until the result is complete, and
        from which a process after this one goes on. Partial results are pickled there.

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
    return reduced("reduction", a, theirs.reducer(), axes, keepdims, **options)
