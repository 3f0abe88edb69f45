"""What one measurement is about, as it is told to the process that does it."""

import json
import os
import subprocess
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, Protocol


class Job(NamedTuple):
    """One contender at one workload.

    Attributes
    ----------
    workload, contender : str
    inputs : dict
        The paths of the input arrays, by name.
    out : str
        Where the output goes: the contender appends the suffix of its format.
    nbytes : int
        The size of the whole, as asked for.
    memory : int
        The bytes that it may use in all, where it can be told.
    workers : int
    """

    workload: str
    contender: str
    inputs: dict[str, str]
    out: str
    nbytes: int
    memory: int
    workers: int

    def to_json(self) -> str:
        return json.dumps(self._asdict())

    @classmethod
    def from_json(cls, text: str) -> "Job":
        return cls(**json.loads(text))

    def scratch(self, name: str) -> str:
        """Return a path for a temporary file, which goes with the output."""
        return os.path.join(os.path.dirname(self.out), name)


#: Stands for no way where nobody would ask for one.
IRRELEVANT = ""

#: A way to do a workload: from the job and the tools of its session to small results by name, or
#: None if the result is the output. A text instead says why there is none.
Way = Callable[[Job, Any], Mapping[str, Any] | None] | str


class Contender(Protocol):
    """What a module of a contender has.

    `FORM` is the form of input that it reads: npy, zarr or b2nd. `BLAS_THREADS` is how many
    threads matrix products use. `session` is a context manager that gets what is needed ready,
    which is not timed.
    """

    FORM: str
    BLAS_THREADS: int
    WAYS: Mapping[str, Way]
    session: Callable[[Job], Any]


def durable(out: str) -> None:
    """Wait until what was written is on the disk, as `dd conv=fsync` does."""
    directory, stem = os.path.split(out)
    for name in os.listdir(directory):
        path = os.path.join(directory, name)
        if not name.startswith(f"{stem}."):
            continue
        if os.path.isdir(path):
            subprocess.run(["sync", "--file-system", path], check=True)
        else:
            descriptor = os.open(path, os.O_RDONLY)
            os.fsync(descriptor)
            os.close(descriptor)
