"""NumPy with everything in memory, which is not limited: reading and writing are not timed."""

import contextlib
from collections.abc import Iterator
from typing import Any

import numpy as np
import psutil

from _outofcore.formulas import QUANTILES, fft_rows, formula, unit_rows
from _outofcore.job import Job

FORM, BLAS_THREADS = "npy", 2
ARRAYS = 3.5  # input, output, and the temporary arrays of NumPy


@contextlib.contextmanager
def session(job: Job) -> Iterator[dict[str, Any]]:
    """Load the inputs."""
    if psutil.virtual_memory().available < ARRAYS * job.nbytes:
        raise MemoryError("not enough memory for NumPy in RAM")
    yield {name: np.load(path) for name, path in job.inputs.items()}


def moments(job: Job, arrays: dict[str, Any]) -> None:
    arrays["x"].mean(axis=0)
    arrays["x"].std(axis=0)


def map_to_file(job: Job, arrays: dict[str, Any]) -> None:
    formula(arrays["x"])


def transpose(job: Job, arrays: dict[str, Any]) -> None:
    np.ascontiguousarray(arrays["x"].T)


def sort(job: Job, arrays: dict[str, Any]) -> None:
    np.sort(arrays["x"])


def quantiles(job: Job, arrays: dict[str, Any]) -> None:
    np.quantile(arrays["x"], QUANTILES)


def matmul(job: Job, arrays: dict[str, Any]) -> None:
    np.matmul(arrays["a"], arrays["b"])


def normalise(job: Job, arrays: dict[str, Any]) -> None:
    unit_rows(arrays["x"])


def fft(job: Job, arrays: dict[str, Any]) -> None:
    fft_rows(np.ascontiguousarray(fft_rows(arrays["x"]).T))


WAYS = {
    "moments": moments,
    "map": map_to_file,
    "transpose": transpose,
    "rechunk": "arrays in memory have no chunks",
    "sort": sort,
    "quantiles": quantiles,
    "matmul": matmul,
    "normalise": normalise,
    "fft": fft,
    "append": "nothing is computed",
}
