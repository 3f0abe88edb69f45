"""filexchange: the only module that calls it."""

import contextlib
import importlib
import importlib.util
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

import filexchange as fx
from _outofcore import appending
from _outofcore.formulas import QUANTILES, fft_rows, formula, unit_rows
from _outofcore.job import Job, Way

FORM, BLAS_THREADS = "npy", 1

blocks: Any = None
if importlib.util.find_spec("filexchange.blocks"):
    blocks = importlib.import_module("filexchange.blocks")


@contextlib.contextmanager
def session(job: Job) -> Iterator[Any]:
    """Yield the budget, or for the stream its readers."""
    if job.workload == "append":
        with appending.session(job, "npy") as stream:
            yield stream
    else:
        for path in job.inputs.values():
            fx.open_array(path)  # imports what its format needs
        yield {"memory": job.memory, "executor": job.workers}


def moments(job: Job, budget: Mapping[str, Any]) -> Mapping[str, Any]:
    found = blocks.moments(_input(job), axis=0, **budget)
    return {"mean": found.mean, "std": np.sqrt(found.variance())}


def map_to_file(job: Job, budget: Mapping[str, Any]) -> None:
    blocks.map_blocks(formula, _input(job), out=f"{job.out}.npy", **budget)


def normalise(job: Job, budget: Mapping[str, Any]) -> None:
    x = _input(job)
    chunks = (None, x.shape[1])
    blocks.map_blocks(unit_rows, x, out=f"{job.out}.npy", dtype="f2", chunks=chunks, **budget)


def transpose(job: Job, budget: Mapping[str, Any]) -> None:
    blocks.transpose(_input(job), out=f"{job.out}.npy", **budget)


def rechunk(job: Job, budget: Mapping[str, Any]) -> None:
    x = _input(job)
    blocks.rechunk(x, (x.shape[0], 16, 16), out=f"{job.out}.zarr", **budget)


def sort(job: Job, budget: Mapping[str, Any]) -> None:
    blocks.sort(_input(job), out=f"{job.out}.npy", **budget)


def quantiles(job: Job, budget: Mapping[str, Any]) -> Mapping[str, Any]:
    return {"quantiles": blocks.quantile(_input(job), QUANTILES, **budget)}


def matmul(job: Job, budget: Mapping[str, Any]) -> None:
    blocks.matmul(_input(job, "a"), _input(job, "b"), out=f"{job.out}.npy", **budget)


def fft(job: Job, budget: Mapping[str, Any]) -> None:
    rows = _fft_rows(_input(job), job.scratch("rows.npy"), budget)
    turned = blocks.transpose(rows, out=job.scratch("turned.npy"), **budget)
    _fft_rows(turned, f"{job.out}.npy", budget)


def append(job: Job, stream: appending.Stream) -> Mapping[str, Any]:
    shape, dtype = stream.pool.shape[1:], stream.pool.dtype
    with blocks.writer(f"{job.out}.npy", shape, dtype) as writer:
        for frame in stream.frames():
            writer.append(frame[None])
    return stream.finish()


def _fft_rows(x: Any, path: str, budget: Mapping[str, Any]) -> Any:
    chunks = (None, x.shape[1])
    return blocks.map_blocks(fft_rows, x, out=path, dtype=x.dtype, chunks=chunks, **budget)


def _input(job: Job, name: str = "x") -> Any:
    return fx.open_array(job.inputs[name])


def _needing(verb: str, way: Way) -> Way:
    return way if hasattr(blocks, verb) else f"blocks.{verb} is not there yet"


WAYS = {
    "moments": _needing("moments", moments),
    "map": _needing("map_blocks", map_to_file),
    "transpose": _needing("transpose", transpose),
    "rechunk": _needing("rechunk", rechunk),
    "sort": _needing("sort", sort),
    "quantiles": _needing("quantile", quantiles),
    "matmul": _needing("matmul", matmul),
    "normalise": _needing("map_blocks", normalise),
    "fft": _needing("map_blocks", fft),
    "append": _needing("writer", append),
}
