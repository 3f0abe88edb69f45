"""The machine, and what its file systems are."""

import dataclasses
import os
import platform
from importlib.metadata import PackageNotFoundError, version

from filexchange import capabilities

_PACKAGES = ("filexchange", "numpy", "h5py", "hdf5plugin", "zarr", "joblib", "ray", "imageio")


@dataclasses.dataclass(frozen=True, slots=True)
class Machine:
    """Where it was measured.

    Attributes
    ----------
    system, processor, python : str
    cpu_count : int
        CPUs that the process may use.
    memory : int
        Bytes.
    packages : dict of str to str
        Versions of those that are installed.
    """

    system: str
    processor: str
    cpu_count: int
    memory: int
    python: str
    packages: dict[str, str]

    @classmethod
    def here(cls) -> "Machine":
        """Return the facts about this machine."""
        import psutil  # noqa: PLC0415 - costs more to import than all the rest

        return cls(
            system=f"{platform.system()} {platform.release()} {platform.machine()}",
            processor=capabilities.processor_name(),
            cpu_count=cpu_count(),
            memory=psutil.virtual_memory().total,
            python=platform.python_version(),
            packages={name: found for name in _PACKAGES if (found := _version(name))},
        )


def cpu_count() -> int:
    """Return the CPUs that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def file_system(directory: str) -> tuple[str, str]:
    """Return type and device of a directory's file system, ``"unknown"`` if they cannot be told."""
    found = capabilities.file_system(directory)
    return found.type, found.device


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:  # also filexchange itself, run from a source tree
        return None
