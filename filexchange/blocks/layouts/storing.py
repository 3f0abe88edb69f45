"""Other libraries' arrays, written to files."""

import sys
from typing import Any, Unpack

from filexchange.blocks.execution.options import FileOptions, new_file
from filexchange.blocks.layouts.graphs import store_graph
from filexchange.blocks.layouts.rearranging import rearrange
from filexchange.blocks.layouts.rechunking import whole_units
from filexchange.blocks.storage.sources import as_source


def store(
    x: Any,
    path: Any,
    *,
    overwrite: bool = False,
    **options: Unpack[FileOptions],
) -> Any:
    """Write a Dask array, an xarray `DataArray` or anything that is indexed by slices to a file.

    Parameters
    ----------
    x : Dask array, DataArray, or array-like
        With shape, dtype and indexing by slices.
    path : path or ArrayRef
    overwrite : bool, optional
    **options
        `chunks`, `shards`, `compression`, `attrs` and `for_` as of :func:`rechunk`, the others as
        of :func:`map_blocks`. For a Dask array `executor` is the scheduler: by default the one that
        is current, which may be a client; else a number of threads, ``"threads"``,
        ``"processes"``, a client or an executor. Labels and attributes of a `DataArray` stay
        behind.

    Returns
    -------
    ArrayRef

    Raises
    ------
    MemoryBudgetError
        If a chunk or shard, or a chunk of Dask's, does not fit `memory`; nothing was computed.
    UnsupportedOptionError
        If `resume` or `progress` are asked for with a Dask array, which Dask computes.

    Notes
    -----
    A Dask array is computed in one graph, in which each of its chunks is computed once and freed
    when it is written. Where its chunks are not whole chunks of the file, as many as have common
    bounds with those are joined if they fit `memory`; else they are written to a temporary file
    beside the output as they are, which is then rechunked. That is so too for files with one
    writer, as those of HDF5. `memory` counts what is written; how many chunks Dask computes at a
    time on its way is known to Dask alone, and the number of workers of a cluster is given.

    When it raises, no worker writes any more, and nothing is at the path.

    Examples
    --------
    >>> import dask.array as da
    >>> from filexchange import blocks
    >>> x = da.arange(12, chunks=4).reshape(4, 3)
    >>> ref = blocks.store(x + x.mean(), "a.zarr", chunks=(2, 3), executor=1)
    >>> ref.chunks, float(ref[0, 0])
    ((2, 3), 5.5)
    """
    # Of a DataArray that is no Dask array, .data would be all of it in memory.
    is_labelled = "xarray" in sys.modules and isinstance(x, sys.modules["xarray"].DataArray)
    array = x.data if is_labelled and x.chunks is not None else x
    source = as_source(array)
    target, settings = new_file(path, source.shape, source.dtype, options)
    if "dask.array" in sys.modules and isinstance(array, sys.modules["dask.array"].Array):
        return store_graph(source, target, settings, overwrite=overwrite)
    order = tuple(range(len(source.shape)))
    return rearrange("store", source, order, target, whole_units, settings, overwrite=overwrite)
