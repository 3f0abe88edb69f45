"""NumPy as one would write it first: the functions of NumPy on a memory map."""

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from _outofcore.formulas import QUANTILES
from _outofcore.job import Job

FORM, BLAS_THREADS = "npy", 2


@contextlib.contextmanager
def session(job: Job) -> Iterator[None]:
    """Need nothing."""
    yield


def moments(job: Job, _: None) -> Mapping[str, Any]:
    x = _mapped(job)
    return {"mean": x.mean(axis=0), "std": x.std(axis=0)}


def map_to_file(job: Job, _: None) -> None:
    np.save(f"{job.out}.npy", np.sqrt(np.abs(_mapped(job))) * 2 + 1)


def transpose(job: Job, _: None) -> None:
    np.save(f"{job.out}.npy", np.ascontiguousarray(_mapped(job).T))


def rechunk(job: Job, _: None) -> None:
    import zarr

    x = zarr.open_array(job.inputs["x"], mode="r")
    chunks = x.shape[0], 16, 16
    zarr.create_array(f"{job.out}.zarr", data=x[...], chunks=chunks, compressors=None)


def sort(job: Job, _: None) -> None:
    np.save(f"{job.out}.npy", np.sort(_mapped(job)))


def quantiles(job: Job, _: None) -> Mapping[str, Any]:
    return {"quantiles": np.quantile(_mapped(job), QUANTILES)}


def matmul(job: Job, _: None) -> None:
    np.save(f"{job.out}.npy", np.matmul(_mapped(job, "a"), _mapped(job, "b")))


def normalise(job: Job, _: None) -> None:
    x = _mapped(job)
    lengths = np.linalg.norm(x.astype("f4"), axis=1, keepdims=True)
    np.save(f"{job.out}.npy", (x / lengths).astype(x.dtype))


def fft(job: Job, _: None) -> None:
    np.save(f"{job.out}.npy", np.fft.fft2(_mapped(job)).T.copy())


def _mapped(job: Job, name: str = "x") -> Any:
    return np.load(job.inputs[name], mmap_mode="r")


WAYS = {
    "moments": moments,
    "map": map_to_file,
    "transpose": transpose,
    "rechunk": rechunk,
    "sort": sort,
    "quantiles": quantiles,
    "matmul": matmul,
    "normalise": normalise,
    "fft": fft,
    "append": "NumPy's files do not grow",
}
