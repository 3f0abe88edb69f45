"""Blosc2 from its files to its files, not compressed: the numbers are random."""

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any

import blosc2

from _outofcore.formulas import EXPRESSION
from _outofcore.job import Job

FORM, BLAS_THREADS = "b2nd", 1


@contextlib.contextmanager
def session(job: Job) -> Iterator[Mapping[str, Any]]:
    """Let it have its threads; yield how outputs are stored."""
    blosc2.set_nthreads(job.workers)
    yield {"urlpath": f"{job.out}.b2nd", "mode": "w", "cparams": {"clevel": 0}}


def moments(job: Job, storage: Mapping[str, Any]) -> Mapping[str, Any]:
    x = _input(job)
    return {"mean": x.mean(axis=0), "std": x.std(axis=0)}


def map_to_file(job: Job, storage: Mapping[str, Any]) -> None:
    blosc2.lazyexpr(EXPRESSION, {"x": _input(job)}).compute(**storage)


def transpose(job: Job, storage: Mapping[str, Any]) -> None:
    blosc2.permute_dims(_input(job), **storage)


def rechunk(job: Job, storage: Mapping[str, Any]) -> None:
    x = _input(job)
    pencil = (x.shape[0], 16, 16)
    x.copy(chunks=pencil, blocks=(x.chunks[0], 16, 16), **storage)


def matmul(job: Job, storage: Mapping[str, Any]) -> None:
    blosc2.matmul(_input(job, "a"), _input(job, "b"), **storage)


def _input(job: Job, name: str = "x") -> Any:
    return blosc2.open(job.inputs[name], mode="r")


WAYS = {
    "moments": moments,
    "map": map_to_file,
    "transpose": transpose,
    "rechunk": rechunk,
    "sort": "it sorts structured arrays only, in memory",
    "quantiles": "it has no quantiles",
    "matmul": matmul,
    "normalise": "its expressions have no float16",
    "fft": "its arrays have no FFT",
    "append": "it promises nothing to readers of an array that grows",
}
