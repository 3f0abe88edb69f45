"""Zarr, a chunk for each frame: resized ahead, an attribute says how many frames are complete."""

from collections.abc import Mapping
from typing import Any

import zarr

from _outofcore import appending
from _outofcore.job import IRRELEVANT, Job
from _outofcore.workloads import WORKLOADS

FORM, BLAS_THREADS = "npy", 1
AHEAD = 64


def session(job: Job) -> Any:
    """Start the readers."""
    return appending.session(job, "zarr")


def append(job: Job, stream: appending.Stream) -> Mapping[str, Any]:
    shape = stream.pool.shape[1:]
    array = zarr.create_array(
        f"{job.out}.zarr",
        shape=(0, *shape),
        dtype=stream.pool.dtype,
        chunks=(1, *shape),
        compressors=None,
        attributes={"frames": 0},
    )
    for number, frame in enumerate(stream.frames()):
        if number % AHEAD == 0:
            array.resize((min(number + AHEAD, stream.count), *shape))
        array[number] = frame
        array.attrs["frames"] = number + 1
    return stream.finish()


WAYS = dict.fromkeys(WORKLOADS, IRRELEVANT) | {"append": append}
