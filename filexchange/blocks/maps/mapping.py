"""Functions of blocks, block by block, from arrays to arrays."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from filexchange.blocks.execution.options import Settings
from filexchange.blocks.maps.axes import kept_axes
from filexchange.blocks.maps.blocking import Request
from filexchange.blocks.maps.calling import Call, result_dtypes
from filexchange.blocks.maps.mapped import planned
from filexchange.blocks.maps.overlapping import Overlap
from filexchange.blocks.storage.broadcasting import broadcast_shape
from filexchange.blocks.storage.sources import as_source
from filexchange.errors import UnsupportedOptionError


def map_blocks(
    func: Callable[..., Any],
    *arrays: Any,
    out: Any = None,
    dtype: Any = None,
    chunks: Any = "auto",
    block_shape: Any = None,
    drop_axis: int | Sequence[int] | None = None,
    new_axis: int | Sequence[int] | None = None,
    overlap: Any = 0,
    boundary: Any = "none",
    trim: bool = True,
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
        Gets one block of each array, then `args` and `kwargs`, and returns a block, of the same
        shape unless `drop_axis`, `new_axis` or `chunks` with `block_shape` say otherwise. If it has
        a parameter ``block_info`` or ``block_id`` it gets what Dask's functions get: of each input
        by its number, and of the output by None, ``shape``, ``num-chunks``, ``array-location`` and
        ``chunk-location``; the position of the output's block. All without the overlap.
    *arrays : ArrayRef, path, ndarray or lazy array
        Broadcast against each other as NumPy does. Numbers are passed as they are.
    out : path, ArrayRef, ndarray or array-like, optional
        Where to: a path, whose suffix chooses the format, or an
        array of the result's shape and dtype that is there already. A new ndarray by default. With
        a list or tuple of them, `func` returns as many blocks.
    dtype : dtype_like, optional
        Of the output, or a list of them for several. By default what `func` returns for blocks of
        ones with a single element.
    chunks : int, tuple or "auto", optional
        Shape of the blocks of the result, and of the chunks of a new Zarr or HDF5 file: an int, or
        for each axis one, -1 for the whole axis, ``"auto"``, or as in Dask a tuple with the length
        of every block. By default blocks have about 16 MiB, of whole chunks of the output, and new
        axes length 1.
    block_shape : int, tuple or "auto", optional
        Shape of the blocks that `func` gets, where it is not that of `chunks` along the axes that
        stay: -1 for a whole axis, ``"auto"`` for one that is left open. Along an axis for which
        `chunks` then has another length each block makes that many elements, also the last one.
    drop_axis : int or sequence of int, optional
        Axes of the inputs, broadcast, that the blocks of `func` do not have. It gets all of them.
    new_axis : int or sequence of int, optional
        Axes of the result that only the blocks of `func` have.
    overlap : int, tuple of int or dict, optional
        How many elements of their neighbors blocks have on both sides: for all axes, for each, or
        for those in the dict; `depth` in Dask's ``map_overlap``. They are read from the array.
    boundary : {"none", "reflect", "nearest", "periodic"} or number, optional
        What blocks have in their place at the edges of the array: nothing, the elements mirrored
        with the last one repeated, that one alone, those of the other edge, or a number. One for
        all axes, a tuple or a dict.
    trim : bool, optional
        Whether the overlap is cut off what `func` returns. If not, it must do so itself.
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

    The sum of neighbors, and of pairs of rows:

    >>> def three(block):
    ...     return np.convolve(block, [1, 1, 1], "same")
    >>> blocks.map_blocks(three, np.arange(8), chunks=4, overlap=1)
    array([ 1,  3,  6,  9, 12, 15, 18, 13])
    >>> def pair(block):
    ...     return block.sum(0, keepdims=True)
    >>> blocks.map_blocks(pair, np.arange(8).reshape(4, 2), block_shape=(2, 2), chunks=(1, 2))
    array([[ 2,  4],
           [10, 12]])
    """
    sources = [as_source(array) for array in arrays]
    if not sources:
        raise UnsupportedOptionError("map_blocks needs at least one array")
    call = Call.to(func, args, kwargs)
    outs = tuple(out) if isinstance(out, list | tuple) else (out,)
    shape = broadcast_shape([source.shape for source in sources])
    around = Overlap.of(shape, overlap, boundary)
    for source in sources:
        if source.shape:
            around.check_numbers(source.dtype)
    request = Request.of(shape, kept_axes(len(shape), drop_axis, new_axis), chunks, block_shape)
    dtypes = result_dtypes(call, sources, dtype, len(outs))
    settings = Settings(
        memory=memory, executor=executor, resume=resume, progress=progress, plan_only=plan_only
    )
    job = planned(
        "map_blocks",
        call,
        sources,
        request,
        around,
        list(zip(outs, dtypes, strict=True)),
        settings,
        trim=trim,
    )
    if plan_only:
        return job.plan
    results = job.run(settings, overwrite=overwrite)
    return results if isinstance(out, list | tuple) else results[0]
