"""Blocks reduced to partial results, and these to one, in the order of the blocks."""

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Unpack

import numpy as np
from numpy.lib.array_utils import normalize_axis_tuple

from filexchange.aliases import Array, ChunksLike, Shape
from filexchange.blocks.execution.checkpoints import Checkpoint
from filexchange.blocks.execution.jobs import kept_block, working
from filexchange.blocks.execution.options import Options, Settings
from filexchange.blocks.execution.planning import Plan
from filexchange.blocks.execution.progress import reported
from filexchange.blocks.execution.recipes import recipe
from filexchange.blocks.execution.running import run
from filexchange.blocks.execution.workers import check_can_be_sent
from filexchange.blocks.reductions.merging import Merged, Reducer
from filexchange.blocks.reductions.paneling import reduction_grid, reduction_plan
from filexchange.blocks.storage.grid import Grid
from filexchange.blocks.storage.sources import Piece, Source, as_source


class ReductionOptions(Options, total=False):
    """What all reductions take; see :func:`reduction`."""

    chunks: ChunksLike


def reduced(
    operation: str,
    array: Any,
    reducer: Reducer,
    axis: int | tuple[int, ...] | None,
    keepdims: bool,
    *,
    whole: tuple[int, ...] = (),
    chunks: ChunksLike = "auto",
    **options: Unpack[Options],
) -> Any:
    """Return what a reducer makes of an array, or the plan; arguments are those of `reduction`.

    Blocks are not divided along the axes in `whole`.
    """
    source = as_source(array)
    axes = normalize_axis_tuple(
        range(len(source.shape)) if axis is None else axis, len(source.shape)
    )
    settings = Settings(**options)
    kept = kept_block(settings.resume) if chunks == "auto" else None
    grid = reduction_grid(source, kept or chunks, whole, axes, reducer, settings.budget)
    plan = reduction_plan(operation, source, grid, axes, reducer, settings.budget)
    if settings.plan_only:
        return plan
    if len(grid) == 0:
        # What NumPy says of nothing, errors included, comes from its own functions.
        nothing = reducer.chunk(source.nothing, axes, (0,) * len(source.shape))
        return _kept(reducer.finish(nothing), source.shape, axes, keepdims)
    found = _fold(source, grid, axes, reducer, plan, settings)
    return _kept(found, source.shape, axes, keepdims)


@dataclass(frozen=True, slots=True)
class _Work:
    """What a worker does with a block."""

    chunk: Callable[[Any, tuple[int, ...], Shape], Any]
    axes: tuple[int, ...]

    def __call__(self, task: tuple[Piece, Shape]) -> Any:
        piece, start = task
        return self.chunk(piece.read(), self.axes, start)


def _fold(
    source: Source,
    grid: Grid,
    axes: tuple[int, ...],
    reducer: Reducer,
    plan: Plan,
    settings: Settings,
) -> Any:
    """Return the result for the axes that stay."""
    work = _Work(reducer.chunk, axes)
    check_can_be_sent(work, settings.executor)
    told = (
        recipe(plan.operation, (reducer, axes), source.parts, (), grid) if settings.resume else {}
    )
    with working(settings.resume, (), told) as job:
        checkpoint = None if job is None else job.checkpoint("state")
        before = None if checkpoint is None else checkpoint.load()
        merged = Merged.of(source.shape, grid, axes) if before is None else before
        regions = (grid[i] for i in range(merged.count, len(grid)))
        tasks = ((source.piece(each), tuple(part.start for part in each)) for each in regions)
        made = run(work, tasks, settings.executor, plan.most, settings.budget)
        results = reported(made, settings.progress, plan, merged.count)
        with contextlib.closing(results), _saved(merged, checkpoint):
            for found in results:
                merged.add(found, reducer)
                if checkpoint is not None:
                    checkpoint.offer(merged)
    return merged.whole


@contextlib.contextmanager
def _saved(merged: Merged, checkpoint: Checkpoint | None) -> Iterator[None]:
    """Keep what is merged if an error ends the block."""
    try:
        yield
    except BaseException:
        if checkpoint is not None and not merged.is_changing:
            checkpoint.save(merged)
        raise


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

    def partial(self, block: Array, axes: tuple[int, ...], start: Shape) -> Any:
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
