"""Results of runs that never were."""

import io
import random
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest

from filexchange.benchmark.machine import Machine
from filexchange.benchmark.results import Case, CaseResult, Input, Place, Results

MACHINE = Machine(
    system="Linux 6.1.0 x86_64",
    processor="A Processor @ 3.00GHz",
    cpu_count=2,
    memory=8 << 30,
    python="3.11.7",
    packages={"filexchange": "0.4.0", "numpy": "2.4.1", "h5py": "3.15", "zarr": "3.1.5"},
)
PLACES = (Place("/dev/shm", "tmpfs", "tmpfs"), Place("/data", "ext4", "/dev/sda1"))

# Seconds of write, read and 1% slice for 16 MB, and the share of the bytes that lie on disk.
FORMATS = {
    "npy": (0.0060, 0.0030, 0.00020, 1.0),
    "raw": (0.0061, 0.0031, 0.00021, 1.0),
    "npz": (0.0150, 0.0110, 0.01100, 1.0),
    "npz:deflate": (0.6000, 0.0900, 0.09000, 0.78),
    "hdf5": (0.0090, 0.0060, 0.00090, 1.0),
    "hdf5:gzip": (0.7000, 0.1100, 0.00300, 0.74),
    "hdf5:blosc2-zstd:5": (0.0400, 0.0160, 0.00150, 0.58),
    "zarr": (0.0300, 0.0120, 0.00200, 1.0),
    "zarr:zstd": (0.0500, 0.0260, 0.00250, 0.62),
    "zarr:sharded:zstd:5": (0.0700, 0.0300, 0.00400, 0.55),
}
TRANSPORTS = {
    "queue": (0.0025, 0.0015),
    "pickle": (0.0120, 0.0100),
    "shared_memory": (0.0070, 0.0015),
}


@pytest.fixture
def make_results() -> Callable[..., Results]:
    """Return a function that makes results of given medians."""
    return make


@pytest.fixture(scope="session")
def drawing() -> None:
    """Let matplotlib open its fonts, which it keeps open, before a test counts files."""
    figure = pytest.importorskip("matplotlib.figure")
    picture = figure.Figure()
    picture.text(0, 0, "any text")
    picture.savefig(io.BytesIO())


def make(
    medians: Mapping[str, Mapping[str, float] | str] | None = None,
    *,
    sizes: Sequence[int] = (16_000_000,),
    kind: str = "field",
    directories: Sequence[str] = ("/dev/shm",),
    caches: Sequence[Any] = ("warm",),
    noise: float = 0.02,
    rounds: int = 7,
    seed: int = 0,
) -> Results:
    """Return results of every way, size, directory and state of the cache.

    `medians` are seconds of each access by way, or the error of one that failed, and ``"bytes"``
    its share of the array's bytes on disk; by default those of a plausible machine, with floors and
    transports.
    """
    dice = random.Random(seed)
    inputs = tuple(
        Input(f"{kind}-{size // 1000}kB", kind, (size // 4000, 1000), "float32", size)
        for size in sizes
    )
    cases: list[CaseResult] = []

    def add(case: Case, seconds: Mapping[str, float], nbytes: int | None) -> None:
        samples = {
            access: tuple(median * dice.lognormvariate(0, noise) for _ in range(rounds))
            for access, median in seconds.items()
        }
        cases.append(CaseResult(case, samples, nbytes, 2 << 20))

    for each in inputs:
        slow = each.nbytes / 16_000_000
        for directory in directories:
            slower = 1.0 if directory == "/dev/shm" else 1.5
            for cache in caches:
                factor = slow * slower * {"warm": 1, "fsync": 3, "cold": 5}[cache]
                for way, given in (_plausible() if medians is None else medians).items():
                    case = Case(each.name, way, directory, cache)
                    if isinstance(given, str):
                        cases.append(CaseResult(case, error=given))
                        continue
                    seconds = {k: v * factor + 4e-5 for k, v in given.items() if k != "bytes"}
                    add(case, seconds, round(each.nbytes * given.get("bytes", 1.0)) + 128)
        if medians is None:
            for way, (write, read) in TRANSPORTS.items():
                trip = {"write": write, "read": read, "round_trip": write + read + 3e-4}
                seconds = {access: value * slow + 5e-5 for access, value in trip.items()}
                add(Case(each.name, way, "", "warm", "transport"), seconds, None)
            copy = 0.0016 * slow
            floor = Case(each.name, "memcpy", "", "warm", "floor")
            add(floor, {"write": copy, "read": copy}, None)
            for directory in directories:
                floor = Case(each.name, "dd", directory, "warm", "floor")
                add(floor, {"write": copy * 3, "read": copy * 1.1}, None)
    return Results(
        machine=MACHINE,
        inputs=inputs,
        places=tuple(place for place in PLACES if place.directory in directories),
        cases=tuple(cases),
        started="2026-11-25T14:00:00+00:00",
        elapsed=42.5,
        complete=True,
    )


def _plausible() -> dict[str, dict[str, float] | str]:
    found: dict[str, dict[str, float] | str] = {
        way: {
            "write": write,
            "read": read,
            "slice": part,
            "strided": part * 2,
            "rows": part * 3,
            "chunk": part / 2,
            "shared": read * 1.7,
            "round_trip": write + read + 3e-4,
            "bytes": share,
        }
        for way, (write, read, part, share) in FORMATS.items()
    }
    return {**found, "hdf5:lzf": "RuntimeError: no filter <lzf> & no luck"}
