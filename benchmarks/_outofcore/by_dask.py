"""Dask's arrays with its threads, reading through a lazy object.

`dask.array.from_array` of a memory map reads it all into memory; of an object that opens the file
when it is indexed, it does not, like the functions for memory maps in Dask's documentation.
"""

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any

import dask
import dask.array as da
import numpy as np
import zarr

from _outofcore.formulas import QUANTILES, fft_rows, formula, unit_rows
from _outofcore.inputs import rows_of
from _outofcore.job import Job

FORM, BLAS_THREADS = "npy", 1
#: Chunks of this part of the budget: of 64 MiB for 512.
PART = 8


class Lazy:
    """A file that is mapped each time that it is indexed."""

    def __init__(self, path: str) -> None:
        self._path = path
        array = np.load(path, mmap_mode="r")
        self.shape, self.dtype, self.ndim = array.shape, array.dtype, array.ndim

    def __getitem__(self, key: Any) -> Any:
        return np.asarray(np.load(self._path, mmap_mode="r")[key])


@contextlib.contextmanager
def session(job: Job) -> Iterator[None]:
    """Let it have its threads."""
    with dask.config.set(scheduler="threads", num_workers=job.workers):
        yield


def moments(job: Job, _: None) -> Mapping[str, Any]:
    x = _rows(job)
    mean, std = da.compute(x.mean(axis=0), x.std(axis=0))
    return {"mean": mean, "std": std}


def map_to_file(job: Job, _: None) -> None:
    da.to_npy_stack(f"{job.out}.stack", _rows(job).map_blocks(formula, dtype="f4"))


def normalise(job: Job, _: None) -> None:
    da.to_npy_stack(f"{job.out}.stack", _rows(job).map_blocks(unit_rows, dtype="f2"))


def transpose(job: Job, _: None) -> None:
    _to_zarr(job, _tiles(job, "x").T)


def rechunk(job: Job, _: None) -> None:
    x = da.from_zarr(job.inputs["x"])
    _to_zarr(job, x.rechunk((len(x), 16, 16)))


def quantiles(job: Job, _: None) -> Mapping[str, Any]:
    q = [100 * each for each in QUANTILES]
    return {"quantiles": da.percentile(_rows(job), q).compute()}


def matmul(job: Job, _: None) -> None:
    _to_zarr(job, _tiles(job, "a") @ _tiles(job, "b"))


def fft(job: Job, _: None) -> None:
    x = _rows(job)
    rows = x.map_blocks(fft_rows, dtype=x.dtype).T.rechunk((x.chunksize[0], -1))
    da.to_npy_stack(f"{job.out}.stack", rows.map_blocks(fft_rows, dtype=x.dtype))


def _rows(job: Job) -> Any:
    lazy = Lazy(job.inputs["x"])
    return da.from_array(
        lazy, chunks=(rows_of(lazy, job.memory // PART), *lazy.shape[1:]), name=False
    )


def _tiles(job: Job, name: str) -> Any:
    lazy = Lazy(job.inputs[name])
    side = int((job.memory // PART // lazy.dtype.itemsize) ** 0.5)
    return da.from_array(lazy, chunks=(side, side), name=False)


def _to_zarr(job: Job, array: Any) -> None:
    target = zarr.create_array(
        f"{job.out}.zarr",
        shape=array.shape,
        dtype=array.dtype,
        chunks=array.chunksize,
        compressors=None,
    )
    da.store(array, target, lock=False)


WAYS = {
    "moments": moments,
    "map": map_to_file,
    "transpose": transpose,
    "rechunk": rechunk,
    "sort": "dask.array has no sort",
    "quantiles": quantiles,
    "matmul": matmul,
    "normalise": normalise,
    "fft": fft,
    "append": "its arrays do not grow",
}
