"""Blocks one after the other, read ahead of who uses them."""

import contextlib
import math
from collections.abc import Iterator
from typing import Any

from filexchange.aliases import Array, ChunksLike, DType, Shape, Slices
from filexchange.blocks.execution.budget import check_fits, memory_budget
from filexchange.blocks.execution.running import run
from filexchange.blocks.storage.grid import Grid
from filexchange.blocks.storage.sources import Piece, as_source
from filexchange.geometry import BLOCK_BYTES, block_shape, normalize_chunks

# Of the block that is used, the one that is read and one that waits.
_COPIES = 3


def iter_blocks(
    array: Any, *, chunks: ChunksLike = "auto", memory: int | str | None = None
) -> Iterator[tuple[Slices, Array]]:
    """Yield an array block by block, while the next ones are read.

    Parameters
    ----------
    array : ArrayRef, path, ndarray or lazy array
        Anything with shape, dtype and indexing by slices: h5py, zarr, tifffile, Dask.
    chunks : int, tuple of int or "auto", optional
        Shape of the blocks, -1 for a whole axis. By default about 16 MiB, of whole chunks of the
        file, in C order.
    memory : int or str, optional
        Bytes, or a size such as ``"256MB"``, that the blocks under way may take together; a
        quarter of the free memory by default.

    Yields
    ------
    region : tuple of slice
        Where the block is in the array.
    block : ndarray
        A block of one's own, or a view where the array is in memory.

    Raises
    ------
    MemoryBudgetError
        If `memory` has no room for three blocks.

    Notes
    -----
    Reading is done by one thread, which ends with the iteration. Each block is read once.

    Examples
    --------
    >>> from filexchange import blocks
    >>> ref = fx.save("a.npy", np.arange(12).reshape(4, 3))
    >>> for (rows, _), block in blocks.iter_blocks(ref, chunks=(2, -1)):
    ...     print(rows.start, block.sum())
    0 15
    2 51
    """
    source = as_source(array)
    budget = memory_budget(memory)
    grid = Grid(
        source.shape, chosen_block(chunks, source.shape, source.dtype, source.chunks, budget)
    )
    nbytes = math.prod(grid.block) * source.dtype.itemsize
    check_fits("iter_blocks", _COPIES * nbytes, 0, budget)
    return _ahead(source.piece, grid)


def _ahead(piece: Any, grid: Grid) -> Iterator[tuple[Slices, Array]]:
    with contextlib.closing(run(_read, map(piece, grid), 1, _COPIES - 1)) as blocks:
        yield from zip(grid, blocks, strict=True)


def _read(piece: Piece) -> Array:
    return piece.read()


def chosen_block(
    chunks: ChunksLike, shape: Shape, dtype: DType, units: Shape | None, budget: int
) -> Shape:
    """Return the caller's block shape, or one of whole units that suits the budget.

    It does not depend on the number of workers, and nor do results.
    """
    if chunks is not None and chunks != "auto":
        return normalize_chunks(chunks, shape, dtype.itemsize)
    return block_shape(shape, dtype.itemsize, min(BLOCK_BYTES, budget // 8), units)
