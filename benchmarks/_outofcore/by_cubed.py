"""cubed with its threads, from Zarr to Zarr, not compressed.

Its transpose has less to do than the others': chunks stay together in both files.
"""

import contextlib
import os
from collections.abc import Iterator, Mapping
from typing import Any

import cubed
import cubed.array_api as xp
import psutil

from _outofcore.formulas import fft_rows, formula, unit_rows
from _outofcore.job import Job

FORM, BLAS_THREADS = "zarr", 1


@contextlib.contextmanager
def session(job: Job) -> Iterator[cubed.Spec]:
    """Tell it what a task may use, on top of what there is when it starts."""
    yield cubed.Spec(
        work_dir=os.path.dirname(job.out),
        allowed_mem=job.memory // job.workers + psutil.Process().memory_info().rss,
        reserved_mem=psutil.Process().memory_info().rss,
        executor_name="threads",
        executor_options={"max_workers": job.workers},
        zarr_compressor=None,
    )


def moments(job: Job, spec: cubed.Spec) -> Mapping[str, Any]:
    x = _input(job, spec)
    mean, std = cubed.compute(xp.mean(x, axis=0), xp.std(x, axis=0))
    return {"mean": mean, "std": std}


def map_to_file(job: Job, spec: cubed.Spec) -> None:
    _save(job, cubed.map_blocks(formula, _input(job, spec), dtype="f4"))


def normalise(job: Job, spec: cubed.Spec) -> None:
    _save(job, cubed.map_blocks(unit_rows, _input(job, spec), dtype="f2"))


def transpose(job: Job, spec: cubed.Spec) -> None:
    _save(job, xp.permute_dims(_input(job, spec), (1, 0)))


def rechunk(job: Job, spec: cubed.Spec) -> None:
    x = _input(job, spec)
    _save(job, x.rechunk((x.shape[0], 16, 16)))


def matmul(job: Job, spec: cubed.Spec) -> None:
    _save(job, xp.matmul(_input(job, spec, "a"), _input(job, spec, "b")))


def fft(job: Job, spec: cubed.Spec) -> None:
    x = _input(job, spec)
    rows = xp.permute_dims(cubed.map_blocks(fft_rows, x, dtype=x.dtype), (1, 0))
    rows = rows.rechunk(x.chunksize)
    _save(job, cubed.map_blocks(fft_rows, rows, dtype=x.dtype))


def _input(job: Job, spec: cubed.Spec, name: str = "x") -> Any:
    return cubed.from_zarr(job.inputs[name], spec=spec)


def _save(job: Job, array: Any) -> None:
    cubed.to_zarr(array, f"{job.out}.zarr")


WAYS = {
    "moments": moments,
    "map": map_to_file,
    "transpose": transpose,
    "rechunk": rechunk,
    "sort": "it has no sort",
    "quantiles": "it has no quantiles",
    "matmul": matmul,
    "normalise": normalise,
    "fft": fft,
    "append": "its arrays do not grow",
}
