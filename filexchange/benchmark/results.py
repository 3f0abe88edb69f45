"""What was measured, as values that do not change and turn into JSON."""

import dataclasses
import json
import os
import platform
import statistics
from importlib.metadata import PackageNotFoundError, version
from typing import Any, NamedTuple

from filexchange.benchmark.cases import Case

_PACKAGES = ("filexchange", "numpy", "h5py", "zarr")


@dataclasses.dataclass(frozen=True, slots=True)
class Sample:
    """One measurement of one case; times in seconds.

    Attributes
    ----------
    write_s : float
        To write the arrays to files.
    read_s : float
        To open the references in the other process and read every byte.
    slice_s : float
        To open them and read a hundredth of the rows, from the middle.
    round_trip_s : float
        From the start of writing until the consumer's answer is there.
    nbytes_on_disk : int
        What the files take.
    verified : bool
        Whether the bytes that arrived have the checksum of those that were sent.
    """

    write_s: float
    read_s: float
    slice_s: float
    round_trip_s: float
    nbytes_on_disk: int
    verified: bool


class Spread(NamedTuple):
    """The median of some samples, and the ends of their range."""

    median: float
    low: float
    high: float


@dataclasses.dataclass(frozen=True, slots=True)
class CaseResult:
    """All measurements of one case, or why there are none."""

    case: Case
    samples: tuple[Sample, ...] = ()
    error: str | None = None

    def spread(self, field: str) -> Spread:
        """Return the median and range of a field of the samples, of which there must be some."""
        return spread([getattr(sample, field) for sample in self.samples])


@dataclasses.dataclass(frozen=True, slots=True)
class ArrayFacts:
    """One of the arrays that were exchanged."""

    name: str
    shape: tuple[int, ...]
    dtype: str
    nbytes: int


@dataclasses.dataclass(frozen=True, slots=True)
class Machine:
    """Where it was measured."""

    system: str
    cpu_count: int
    directory: str
    file_system: str
    python: str
    packages: dict[str, str]

    @classmethod
    def here(cls, directory: str) -> "Machine":
        """Return the facts about this machine and the file system of `directory`."""
        return cls(
            system=f"{platform.system()} {platform.release()} {platform.machine()}",
            cpu_count=_cpu_count(),
            directory=directory,
            file_system=_file_system(directory),
            python=platform.python_version(),
            packages={name: _version(name) for name in _PACKAGES},
        )


@dataclasses.dataclass(frozen=True, slots=True)
class Results:
    """A whole run, or what there is of it so far.

    Attributes
    ----------
    machine : Machine
    arrays : tuple of ArrayFacts
        What was exchanged, all of them together in every measurement.
    repeat : int
        How many samples each case is to have.
    memcpy_s : tuple of float
        Seconds to copy the same bytes into memory in use, measured in between.
    cases : tuple of CaseResult
    """

    machine: Machine
    arrays: tuple[ArrayFacts, ...]
    repeat: int
    memcpy_s: tuple[float, ...]
    cases: tuple[CaseResult, ...]

    @property
    def nbytes(self) -> int:
        """Bytes of all arrays in memory."""
        return sum(array.nbytes for array in self.arrays)

    @property
    def measured(self) -> tuple[CaseResult, ...]:
        """The cases that have samples and no error."""
        return tuple(result for result in self.cases if result.samples and result.error is None)

    def to_json(self) -> dict[str, Any]:
        """Return everything as JSON values, with medians beside the raw samples."""
        document = dataclasses.asdict(self)
        document["page_cache"] = "warm"
        document["nbytes"] = self.nbytes
        document["cases"] = [_case_to_json(result) for result in self.cases]
        result: dict[str, Any] = json.loads(json.dumps(document))
        return result


def spread(values: list[float]) -> Spread:
    """Return the median and range of one or more numbers."""
    return Spread(statistics.median(values), min(values), max(values))


def _case_to_json(result: CaseResult) -> dict[str, Any]:
    fields = [field.name for field in dataclasses.fields(Sample) if field.name != "verified"]
    return {
        "name": str(result.case),
        "format": result.case.format,
        "compression": result.case.compression,
        "error": result.error,
        "verified": bool(result.samples) and all(sample.verified for sample in result.samples),
        "median": {name: result.spread(name).median for name in fields} if result.samples else None,
        "samples": [dataclasses.asdict(sample) for sample in result.samples],
    }


def _cpu_count() -> int:
    """Return the CPUs that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _file_system(directory: str) -> str:
    import psutil  # noqa: PLC0415 - costs more to import than all the rest

    real = os.path.realpath(directory)
    mounts = [
        part
        for part in psutil.disk_partitions(all=True)
        if os.path.join(real, "").startswith(os.path.join(part.mountpoint, ""))
    ]
    return max(mounts, key=lambda part: len(part.mountpoint)).fstype if mounts else "unknown"


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:  # also filexchange itself, run from a source tree
        return "not installed"
