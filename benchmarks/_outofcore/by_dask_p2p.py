"""Dask's local cluster of two processes, which rechunks through the disk ("p2p")."""

import contextlib
import os
from collections.abc import Iterator

import dask
import distributed
import psutil

from _outofcore import by_dask
from _outofcore.by_dask import FORM
from _outofcore.job import IRRELEVANT, Job
from _outofcore.workloads import WORKLOADS

__all__ = ["FORM"]

BLAS_THREADS = 1


@contextlib.contextmanager
def session(job: Job) -> Iterator[distributed.Client]:
    """Start the cluster, which spills to where the output goes.

    A worker's limit counts what an interpreter with Dask has to begin with.
    """
    settings = {
        "temporary-directory": os.path.dirname(job.out),
        "array.rechunk.method": "p2p",
    }
    with (
        dask.config.set(settings),
        distributed.LocalCluster(
            n_workers=job.workers,
            threads_per_worker=1,
            memory_limit=job.memory // job.workers + psutil.Process().memory_info().rss,
            dashboard_address=None,
            silence_logs="ERROR",
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        yield client


def rechunk(job: Job, _: distributed.Client) -> None:
    by_dask.rechunk(job, None)


def fft(job: Job, _: distributed.Client) -> None:
    by_dask.fft(job, None)


WAYS = dict.fromkeys(WORKLOADS, IRRELEVANT) | {"rechunk": rechunk, "fft": fft}
