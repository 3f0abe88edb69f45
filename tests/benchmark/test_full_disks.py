"""Directories that are too small, or cannot be written to."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import filexchange as fx
from filexchange.benchmark import run
from filexchange.benchmark.profiling import tuning
from filexchange.benchmark.profiling.tuning import tune
from filexchange.errors import ArrayAccessError, StorageFullError

FORMATS = ["npy", "npz:deflate", "hdf5", "zarr:zstd"]
BY_FILE = ["queue", "np.save"]

Mount = Callable[[str], Path]


@pytest.fixture
def read_only(mount: Mount) -> Path:
    """A directory that even root cannot write to."""
    place = mount("size=1m")
    subprocess.run(["mount", "-o", "remount,ro", place], check=True)
    return place


def test_what_does_not_fit_is_reported_and_the_rest_is_measured(
    tmp_path: Path, mount: Mount
) -> None:
    disk = mount("size=2m")
    noise = np.random.default_rng(0).random
    inputs = {
        name: fx.save(tmp_path / f"{name}.npy", noise(size))
        for name, size in {"small": 1000, "large": 500_000}.items()
    }
    results = run(
        inputs,
        FORMATS,
        transports=[*BY_FILE, "pickle"],
        directories=[disk],
        budget=0,
        repeat=1,
    )
    failed = {result.case.way for result in results.cases if result.error}
    assert failed == {"dd", *FORMATS, *BY_FILE}
    for result in results.cases:
        if result.error is None:
            assert result.is_measured
            continue
        assert result.case.input == "large"
        assert result.error.startswith("StorageFullError: [Errno 28]")
        assert "another directory" in result.error
    assert os.listdir(disk) == []


def test_an_array_in_memory_that_does_not_fit_is_refused(mount: Mount) -> None:
    disk = mount("size=1m")
    with pytest.raises(StorageFullError, match="another directory"):
        run(np.zeros(1 << 18), ["npy"], directories=[disk])
    assert os.listdir(disk) == []


@pytest.mark.parametrize("free", [0, 256 << 10], ids=["full", "small"])
def test_tuning_a_file_system_without_room_is_an_error(
    mount: Mount, monkeypatch: pytest.MonkeyPatch, free: int
) -> None:
    monkeypatch.setattr(tuning, "SIZES", (1 << 10, 1 << 20))
    monkeypatch.setattr(tuning, "_ROUNDS", {1 << 10: 1, 1 << 20: 1})
    monkeypatch.setattr(tuning, "WAYS", tuning.WAYS[:1])
    disk = mount("size=1m")
    ballast = disk / "ballast"
    ballast.write_bytes(bytes((1 << 20) - free))
    with pytest.raises(StorageFullError, match="another directory") as caught:
        tune(disk)
    assert str(caught.value.filename).startswith(str(disk))
    assert os.listdir(disk) == ["ballast"]


def test_a_directory_that_is_read_only_is_named(read_only: Path) -> None:
    with pytest.raises(ArrayAccessError, match=str(read_only)):
        run(np.zeros(9), ["npy"], directories=[read_only])
    with pytest.raises(ArrayAccessError, match=str(read_only)):
        tune(read_only)
