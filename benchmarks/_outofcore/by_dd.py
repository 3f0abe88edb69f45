"""What `dd` needs for the same bytes: the floor of whoever reads, copies or writes a file."""

import contextlib
import subprocess
from collections.abc import Iterator

from _outofcore.contenders import COPY, READ, WRITE
from _outofcore.job import Job
from _outofcore.workloads import WORKLOADS

FORM, BLAS_THREADS = "npy", 1


@contextlib.contextmanager
def session(job: Job) -> Iterator[None]:
    """Need nothing."""
    yield


def run(job: Job, _: None) -> None:
    _DO[job.contender](job)


def _read(job: Job) -> None:
    for path in job.inputs.values():
        _dd(f"if={path}", "of=/dev/null")


def _copy(job: Job) -> None:
    for name, path in job.inputs.items():
        _dd(f"if={path}", f"of={job.scratch(name)}", "conv=fsync")


def _write(job: Job) -> None:
    _dd("if=/dev/zero", f"of={job.out}.raw", f"count={job.nbytes >> 24}", "conv=fsync")


def _dd(*arguments: str) -> None:
    subprocess.run(["dd", "bs=16M", "status=none", *arguments], check=True)


_DO = {READ: _read, COPY: _copy, WRITE: _write}
WAYS = dict.fromkeys(WORKLOADS, run)
