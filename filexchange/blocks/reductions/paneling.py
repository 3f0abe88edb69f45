"""The blocks of a reduction, and what they cost: pure geometry."""

import math

from filexchange.aliases import ChunksLike, Shape
from filexchange.blocks.execution.planning import Plan
from filexchange.blocks.iterating import chosen_block
from filexchange.blocks.reductions.merging import Reducer
from filexchange.blocks.storage.grid import Grid
from filexchange.blocks.storage.sources import Source
from filexchange.geometry import BLOCK_BYTES, block_shape

# For an element of the result: itself, and the count, sum and square that it may come from.
_RESULT_BYTES = 4 * 8

# A block, and what NumPy needs beside it to reduce it.
_COPIES = 2

# Blocks with fewer elements for each of the result spend their time on merging.
_DEPTH = 32

# Shorter runs take longer to read, and even those of a chunk that has to be opened for each.
_RUN_BYTES, _FILE_RUN_BYTES = 64 << 10, 512 << 10

# What is merged so far, and what it becomes.
_MERGED = 2


def reduction_grid(
    source: Source,
    chunks: ChunksLike,
    whole: tuple[int, ...],
    axes: tuple[int, ...],
    reducer: Reducer,
    budget: int,
) -> Grid:
    """Return the blocks of a reduction, which have the axes in `whole` as a whole."""
    shape = tuple(max(1, length) for length in source.shape)
    if whole and (chunks is None or chunks == "auto"):
        return Grid(source.shape, _panel(source, shape, whole, axes, reducer, budget))
    block = chosen_block(chunks, shape, source.dtype, source.chunks, budget)
    if chunks is None or chunks == "auto":
        most = min(BLOCK_BYTES, budget // 8) // max(1, source.dtype.itemsize)
        is_whole = source.chunks is None or source.run_shape is None
        run = (_RUN_BYTES if is_whole else _FILE_RUN_BYTES) // max(1, source.dtype.itemsize)
        unit = source.chunks if is_whole else None
        block = deep_block(block, shape, axes, unit, run, most)
    return Grid(source.shape, tuple(n if i in whole else block[i] for i, n in enumerate(shape)))


def deep_block(
    block: Shape, shape: Shape, axes: tuple[int, ...], chunks: Shape | None, run: int, most: int
) -> Shape:
    """Return a block that is longer along the axes that are reduced, if one is too short.

    Parameters
    ----------
    block, shape : tuple of int
        The block, which is returned if it is long enough or none is longer; and the array.
    axes : tuple of int
    chunks : tuple of int or None
        What blocks consist of.
    run : int
        Elements along memory, as far as the array and `most` go.
    most : int
        Elements of a block, unless one chunk has more.

    Examples
    --------
    >>> deep_block((2, 1000, 1000), (500, 1000, 1000), (0,), None, 16_000, 4_000_000)
    (250, 16, 1000)
    """
    depth = math.prod(block[i] for i in axes)
    enough = min(_DEPTH, math.prod(shape[i] for i in axes))
    if depth >= enough:
        return block
    unit = chunks or (1,) * len(shape)
    lengths = [min(step, n) for step, n in zip(unit, shape, strict=True)]

    def grow(axis: int, elements: int) -> None:
        others = math.prod(lengths) // lengths[axis]
        steps = elements // others // unit[axis]
        lengths[axis] = min(shape[axis], max(lengths[axis], steps * unit[axis]))

    inward = list(reversed(range(len(shape))))
    for axis in inward:
        grow(axis, min(run, most // enough))
    for axis in (*(i for i in inward if i in axes), *inward):
        grow(axis, most)
    return tuple(lengths) if math.prod(lengths[i] for i in axes) > depth else block


def _panel(
    source: Source,
    shape: Shape,
    whole: tuple[int, ...],
    axes: tuple[int, ...],
    reducer: Reducer,
    budget: int,
) -> Shape:
    """Return the shape of blocks with whole axes: of whole chunks, if the budget has room."""
    kept = [i for i in range(len(shape)) if i not in whole]
    lengths = tuple(shape[i] for i in kept)
    lane = math.prod(shape[i] for i in whole)
    most = min(BLOCK_BYTES, budget // 8)

    def block(units: Shape | None) -> Shape:
        found = block_shape(lengths, source.dtype.itemsize * lane, most, units)
        lanes = dict(zip(kept, found, strict=True))
        return tuple(lanes.get(i, n) for i, n in enumerate(shape))

    panel = block(None if source.chunks is None else tuple(source.chunks[i] for i in kept))
    needed = _block_memory(source, panel, axes, reducer) + _result_memory(source, axes, reducer)
    return panel if needed <= budget else block(None)


def _block_memory(source: Source, block: Shape, axes: tuple[int, ...], reducer: Reducer) -> int:
    kept = math.prod(n for i, n in enumerate(block) if i not in axes)
    element = _COPIES * source.dtype.itemsize + reducer.element_bytes
    return math.prod(block) * element + kept * reducer.result_bytes


def _result_memory(source: Source, axes: tuple[int, ...], reducer: Reducer) -> int:
    results = math.prod(n for i, n in enumerate(source.shape) if i not in axes)
    return (_RESULT_BYTES + _MERGED * reducer.result_bytes) * results


def reduction_plan(
    operation: str,
    source: Source,
    grid: Grid,
    axes: tuple[int, ...],
    reducer: Reducer,
    budget: int,
) -> Plan:
    """Return what a reduction along `axes` costs; refused if that exceeds the budget."""
    return Plan(
        operation=operation,
        blocks=len(grid),
        block_shape=grid.block,
        block_memory=_block_memory(source, grid.block, axes, reducer),
        memory=budget,
        bytes_read=math.prod(source.shape) * source.dtype.itemsize,
        bytes_written=0,
        result_memory=_result_memory(source, axes, reducer),
    )
