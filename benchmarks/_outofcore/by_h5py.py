"""HDF5 in its mode for a single writer and multiple readers."""

from collections.abc import Mapping
from typing import Any

import h5py

from _outofcore import appending
from _outofcore.job import IRRELEVANT, Job
from _outofcore.workloads import WORKLOADS

FORM, BLAS_THREADS = "npy", 1


def session(job: Job) -> Any:
    """Start the readers."""
    return appending.session(job, "h5")


def append(job: Job, stream: appending.Stream) -> Mapping[str, Any]:
    shape = stream.pool.shape[1:]
    with h5py.File(f"{job.out}.h5", "w", libver="latest") as file:
        data = file.create_dataset(
            "data", (0, *shape), stream.pool.dtype, chunks=(1, *shape), maxshape=(None, *shape)
        )
        file.swmr_mode = True
        for number, frame in enumerate(stream.frames()):
            data.resize(number + 1, axis=0)
            data[number] = frame
            data.flush()
        return stream.finish()


WAYS = dict.fromkeys(WORKLOADS, IRRELEVANT) | {"append": append}
