"""Functions of blocks, block by block, from arrays to arrays."""

import inspect
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from filexchange.aliases import Array, ChunksLike, DType, Shape, Slices
from filexchange.blocks.filling import fill
from filexchange.blocks.grid import Grid, region_shape
from filexchange.blocks.iterating import chosen_block
from filexchange.blocks.jobs import kept_block
from filexchange.blocks.options import Settings
from filexchange.blocks.planning import Plan
from filexchange.blocks.sources import Piece, Source, as_source
from filexchange.blocks.targets import Layout, check_distinct, layout
from filexchange.errors import BlockShapeError, UnsupportedOptionError

# For each input and output block: itself, and one that NumPy needs on the way to a result.
_COPIES = 2


def map_blocks(
    func: Callable[..., Any],
    *arrays: Any,
    out: Any = None,
    dtype: Any = None,
    chunks: ChunksLike = "auto",
    args: Sequence[Any] = (),
    kwargs: Mapping[str, Any] | None = None,
    overwrite: bool = False,
    memory: int | str | None = None,
    executor: Any = None,
    resume: Any = False,
    progress: Any = False,
    plan_only: bool = False,
) -> Any:
    """Apply a function to blocks of arrays and put the results together.

    Parameters
    ----------
    func : callable
        Gets one block of each array, then `args` and `kwargs`, and returns a block of the same
        shape. If it has a parameter ``block_info`` or ``block_id`` it gets what Dask's functions
        get: of each input by its number, and of the output by None, ``shape``, ``num-chunks``,
        ``array-location`` and ``chunk-location``; the block's position in the grid.
    *arrays : ArrayRef, path, ndarray or lazy array
        Broadcast against each other as NumPy does. Numbers are passed as they are.
    out : path, ArrayRef, ndarray or array-like, optional
        Where to: a path, whose suffix chooses the format, or an
        array of the result's shape and dtype that is there already. A new ndarray by default. With
        a list or tuple of them, `func` returns as many blocks.
    dtype : dtype_like, optional
        Of the output, or a list of them for several. By default what `func` returns for blocks of
        ones with a single element.
    chunks : int, tuple of int or "auto", optional
        Shape of the blocks, -1 for a whole axis, and of the chunks of a new Zarr or HDF5 file. By
        default blocks have about 16 MiB, of whole chunks of the output.
    args : sequence, optional
    kwargs : mapping, optional
    overwrite : bool, optional
        Replace files at the paths of `out`.
    memory : int or str, optional
        Bytes of memory, or a size such as ``"512MB"``, that the blocks under way may take over all
        workers: for each an input and output and as much again for what `func` needs. A quarter of
        the free memory by default.
    executor : int, str or Executor, optional
        How many threads; or an executor, of threads, processes, Dask (a ``distributed.Client`` too)
        or Ray. One thread a core by default, which is right for functions that let go of the GIL,
        as those of NumPy. For others ``"processes"`` starts one a core: `func` is pickled then, and
        on Linux a MemoryError in it is what exceeds their share of `memory`.
    resume : bool, "force" or path, optional
        Write down what is done in a directory beside `out`, whose name is that of `out` and
        ``.fxjob``, or in the one that is given, until the output is complete; and go on with what
        is there, whoever began it. Blocks that are done are compared with their checksums first.
        Another function, input or grid is refused, unless by ``"force"``: then the blocks that are
        done stay as they are.
    progress : bool or callable, optional
        Show a bar in the terminal, with rate and time left; or call ``progress(done, total)`` with
        numbers of blocks.
    plan_only : bool, optional
        Return the :class:`Plan` and do nothing.

    Returns
    -------
    ArrayRef, ndarray, or a tuple of them
        References to files, or what `out` was.

    Raises
    ------
    MemoryBudgetError
        If one block needs more than `memory`; nothing was read.
    UnalignedWriteError
        If blocks of shape `chunks` would share a chunk of an output.
    ResumeError
        If what was begun is something else, or another process is at it; nothing was changed.
    BlockShapeError
        If `func` returns blocks of another shape or number.
    ArrayExistsError, StorageFullError, ...
        As `save` does. No error leaves a part of an output at a path.

    Notes
    -----
    Workers read and write files themselves; only paths, regions and `func` travel. Blocks of other
    libraries' arrays are read where they are, and HDF5 files are written by the caller's process,
    since they take one writer. The result does not depend on the executor.

    Examples
    --------
    >>> from filexchange import blocks
    >>> a = fx.save("a.npy", np.arange(6.0).reshape(2, 3))
    >>> blocks.map_blocks(np.add, a, np.array([10, 20, 30]), out="sum.npy").load()
    array([[10., 21., 32.],
           [13., 24., 35.]])
    """
    sources = [as_source(array) for array in arrays]
    if not sources:
        raise UnsupportedOptionError("map_blocks needs at least one array")
    call = _Call(func, tuple(args), dict(kwargs or {}), _wanted(func))
    outs = tuple(out) if isinstance(out, list | tuple) else (out,)
    shape = _broadcast(sources)
    dtypes = _dtypes(call, sources, dtype, len(outs))
    layouts = [layout(each, shape, type_, chunks) for each, type_ in zip(outs, dtypes, strict=True)]
    check_distinct(layouts)
    settings = Settings(
        memory=memory, executor=executor, resume=resume, progress=progress, plan_only=plan_only
    )
    kept = kept_block(resume, layouts) if chunks == "auto" else None
    grid = Grid(shape, kept or _block(chunks, sources, layouts, settings.budget))
    for each in layouts:
        each.check_aligned(grid.block)
    plan = _plan(sources, layouts, grid, settings.budget)
    if plan_only:
        return plan
    results = fill(
        _Work(call, tuple(each.dtype for each in layouts)),
        _Tasks(call, sources, grid, layouts[0].dtype),
        sources,
        layouts,
        grid,
        plan,
        settings,
        overwrite=overwrite,
    )
    return results if isinstance(out, list | tuple) else results[0]


def _broadcast(sources: list[Source]) -> Shape:
    try:
        return np.broadcast_shapes(*(source.shape for source in sources))
    except ValueError as error:
        shapes = ", ".join(str(source.shape) for source in sources)
        raise UnsupportedOptionError(
            f"arrays of shapes {shapes} do not broadcast: each axis, counted from the last, needs "
            "one length, or 1"
        ) from error


def _wanted(func: Callable[..., Any]) -> frozenset[str]:
    """Return which of the keywords that tell a block's place a function has."""
    try:
        names = inspect.signature(func).parameters
    except (TypeError, ValueError):  # ufuncs and other functions in C
        return frozenset()
    return frozenset(names) & {"block_info", "block_id"}


def _dtypes(call: "_Call", sources: list[Source], dtype: Any, count: int) -> list[DType]:
    given = list(dtype) if isinstance(dtype, list | tuple) else [dtype] * count
    if len(given) != count:
        raise UnsupportedOptionError(f"there are {len(given)} dtypes for {count} outputs")
    if None not in given:
        return [np.dtype(each) for each in given]
    ones = [source.sample for source in sources]
    place: dict[str, Any] = {"block_id": (), "block_info": {}} if call.wanted else {}
    try:
        with np.errstate(all="ignore"):
            found = call.blocks(ones, place)
    except Exception as error:
        raise UnsupportedOptionError(
            f"the dtype of {call.func!r} is not known, because it failed for blocks of ones "
            f"({type(error).__name__}: {error}): pass dtype="
        ) from error
    if len(found) != count:
        raise _wrong_number(call, len(found), count)
    return [
        block.dtype if each is None else np.dtype(each)
        for each, block in zip(given, found, strict=True)
    ]


def _block(chunks: ChunksLike, sources: list[Source], layouts: list[Layout], budget: int) -> Shape:
    """Return the shape of blocks that consist of whole chunks of all outputs."""
    shape = layouts[0].shape
    dtypes = [*(source.dtype for source in sources), *(each.dtype for each in layouts)]
    dtype = max(dtypes, key=lambda found: found.itemsize)
    left = max(1, budget - sum(each.memory for each in layouts))
    units = [each.chunks for each in layouts if each.chunks is not None]
    if not units:
        units = [s.chunks for s in sources if s.chunks is not None and s.shape == shape][:1]
    unit = (
        tuple(
            min(length, math.lcm(*lengths)) or 1
            for length, lengths in zip(shape, zip(*units, strict=True), strict=True)
        )
        if units
        else None
    )
    return chosen_block(chunks, shape, dtype, unit, left // (len(sources) + len(layouts)))


def _plan(sources: list[Source], layouts: list[Layout], grid: Grid, budget: int) -> Plan:
    read = [(source.shape, source.dtype.itemsize) for source in sources]
    per_element = sum(itemsize for _, itemsize in read)
    per_element += sum(each.dtype.itemsize for each in layouts)
    return Plan(
        operation="map_blocks",
        blocks=len(grid),
        block_shape=grid.block,
        block_memory=_COPIES * per_element * math.prod(grid.block),
        memory=budget,
        bytes_read=sum(math.prod(shape) * itemsize for shape, itemsize in read),
        bytes_written=sum(each.nbytes for each in layouts),
        result_memory=sum(each.memory for each in layouts),
        temporary=sum(each.temporary for each in layouts),
    )


@dataclass(frozen=True, slots=True)
class _Call:
    """A function with the arguments that are the same for all blocks."""

    func: Callable[..., Any]
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    wanted: frozenset[str]

    def blocks(self, inputs: Sequence[Array], place: Mapping[str, Any]) -> list[Array]:
        """Return the blocks that the function returns."""
        told = {name: place[name] for name in self.wanted}
        found = self.func(*inputs, *self.args, **self.kwargs, **told)
        return [np.asarray(each) for each in (found if isinstance(found, tuple) else (found,))]


@dataclass(frozen=True, slots=True)
class _Task:
    """The inputs of one block, and its place."""

    pieces: tuple[Piece, ...]
    shape: Shape
    place: dict[str, Any]


@dataclass(frozen=True, slots=True)
class _Work:
    """What a worker does with a task."""

    call: _Call
    dtypes: tuple[DType, ...]

    def __call__(self, task: _Task) -> list[Array]:
        found = self.call.blocks([piece.read() for piece in task.pieces], task.place)
        if len(found) != len(self.dtypes):
            raise _wrong_number(self.call, len(found), len(self.dtypes))
        for block in found:
            if block.shape != task.shape:
                raise BlockShapeError(
                    f"{self.call.func!r} returned a block of shape {block.shape} for one of shape "
                    f"{task.shape}: it must keep the shape"
                )
        return [
            block.astype(dtype, copy=False) for block, dtype in zip(found, self.dtypes, strict=True)
        ]


def _wrong_number(call: _Call, found: int, wanted: int) -> BlockShapeError:
    return BlockShapeError(
        f"{call.func!r} returned {found} blocks for {wanted} outputs: return a tuple of as many "
        "arrays as out= has entries"
    )


@dataclass(frozen=True, slots=True)
class _Tasks:
    """The task of each block."""

    call: _Call
    sources: list[Source]
    grid: Grid
    dtype: DType

    def __call__(self, number: int) -> _Task:
        region = self.grid[number]
        regions = [_part(region, source.shape) for source in self.sources]
        pieces = tuple(s.piece(each) for s, each in zip(self.sources, regions, strict=True))
        place: dict[str, Any] = {}
        if self.call.wanted:
            place = _place(self.grid, number, self.sources, regions, self.dtype)
        return _Task(pieces, region_shape(region), place)


def _part(region: Slices, shape: Shape) -> Slices:
    """Return the part of a broadcast array of this shape that belongs to a region of the whole."""
    own = region[len(region) - len(shape) :]
    return tuple(
        slice(0, 1, 1) if length == 1 else part for part, length in zip(own, shape, strict=True)
    )


def _place(
    grid: Grid, index: int, sources: list[Source], regions: list[Slices], dtype: DType
) -> dict[str, Any]:
    """Return ``block_id`` and ``block_info`` of a block, as Dask's functions know them."""
    position = grid.position(index)
    info: dict[int | None, dict[str, Any]] = {}
    for number, (source, region) in enumerate(zip(sources, regions, strict=True)):
        info[number] = _facts(source.shape, region, position, grid)
        info[number]["dtype"] = source.dtype
    info[None] = _facts(grid.shape, grid[index], position, grid)
    info[None] |= {"chunk-shape": region_shape(grid[index]), "dtype": dtype}
    return {"block_id": position, "block_info": info}


def _facts(shape: Shape, region: Slices, position: Shape, grid: Grid) -> dict[str, Any]:
    skipped = len(grid.shape) - len(shape)
    own = list(zip(shape, position[skipped:], grid.counts[skipped:], strict=True))
    return {
        "shape": shape,
        "num-chunks": tuple(1 if length == 1 else count for length, _, count in own),
        "array-location": [(part.start, part.stop) for part in region],
        "chunk-location": tuple(0 if length == 1 else at for length, at, _ in own),
    }
