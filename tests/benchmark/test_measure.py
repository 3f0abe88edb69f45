"""Measurements between real processes: what they find, and what they leave."""

import itertools
import multiprocessing
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import filexchange as fx
from filexchange import capabilities
from filexchange.benchmark import Recipe, Results, iter_results, run
from filexchange.errors import ArrayNotFoundError, UnsupportedOptionError

SMALL = {"x": np.arange(1000.0).reshape(100, 10)}


def results_of(results: Results, role: str = "format") -> list[Any]:
    return [result for result in results.cases if result.case.role == role]


def test_everything_is_timed_of_each_format(tmp_path: Path) -> None:
    results = run(SMALL, ["npy", "npz:deflate"], directories=[tmp_path], budget=0, repeat=3)
    for result in results_of(results):
        assert result.error is None
        assert set(result.seconds) == {
            *("write", "read", "slice", "strided", "rows", "chunk", "round_trip")
        }
        for samples in result.seconds.values():
            assert len(samples) == 3
            assert min(samples) > 0
        assert result.peak_memory is None or result.peak_memory < 50_000_000
    npy, deflated = results_of(results)
    assert npy.nbytes_on_disk >= 8000 > deflated.nbytes_on_disk > 0
    assert results.complete
    assert results.elapsed > 0
    assert os.listdir(tmp_path) == []


def test_floors_are_measured_in_the_same_run(tmp_path: Path) -> None:
    results = run(SMALL, ["raw"], directories=[tmp_path], caches=["warm", "fsync"], budget=0)
    assert [result.case[1:4] for result in results_of(results, "floor")] == [
        ("memcpy", "", "warm"),
        ("dd", str(tmp_path), "warm"),
        ("dd", str(tmp_path), "fsync"),
    ]
    assert not any(result.seconds for result in results.cases)  # there was no time at all
    results = run(SMALL, ["raw"], directories=[tmp_path], caches=["fsync"], budget=0, repeat=1)
    for result in results_of(results, "floor"):
        assert min(result.seconds["write"] + result.seconds["read"]) > 0


def test_arrays_of_any_layout_are_exchanged_by_all_formats_and_transports(tmp_path: Path) -> None:
    inputs = {
        "scalar": np.float64(0.5),
        "empty": np.zeros((0, 3), "i4"),
        "odd": np.arange(13, dtype="u1"),
        "fortran": np.asfortranarray(np.arange(12.0).reshape(3, 4)),
        "big-endian": np.arange(5, dtype=">i2"),
    }
    results = run(
        inputs,
        ["npy", "raw", "npz", "hdf5", "zarr"],
        transports=["queue", "pickle", "shared_memory", "np.save", "joblib"],
        directories=[tmp_path],
        budget=0,
        repeat=1,
    )
    pytest.importorskip("joblib")
    assert [(r.case, r.error) for r in results.cases if r.error] == []
    assert len(results_of(results)) == len(results_of(results, "transport")) == 25
    for result in results_of(results, "transport"):
        assert result.seconds["round_trip"]
        assert ("write" in result.seconds) == (result.case.way != "pickle")
    assert {r.nbytes for r in results.inputs} == {0, 8, 10, 13, 96}


def test_a_file_of_the_user_is_measured_and_stays(tmp_path: Path) -> None:
    fx.save(tmp_path / "mine.npz", np.arange(100), key="a")
    results = run(tmp_path / "mine.npz", ["raw"], directories=[tmp_path], budget=0, repeat=1)
    assert results_of(results)[0].nbytes_on_disk == 800
    assert os.listdir(tmp_path) == ["mine.npz"]


def test_several_readers_share_an_array(tmp_path: Path) -> None:
    results = run(
        SMALL, ["npy"], directories=[tmp_path], budget=0, repeat=1, readers=2, accesses=["shared"]
    )
    (result,) = results_of(results)
    assert list(result.seconds) == ["shared"]


def test_cold_is_measured_on_a_disk_and_an_error_elsewhere(tmp_path: Path) -> None:
    memory = capabilities.shared_memory_dir()
    if memory is None:
        pytest.skip("no tmpfs")
    with pytest.raises(UnsupportedOptionError, match=f"{memory}.*cold"):
        run(SMALL, ["npy"], directories=[memory], caches=["cold"])
    results = run(
        SMALL, ["npy"], directories=[memory, tmp_path], caches=["cold"], budget=0, repeat=1
    )
    refused, measured = results_of(results)
    assert "tmpfs" in refused.error
    from filexchange.benchmark.measuring.trees import can_evict

    assert measured.is_measured == can_evict(str(tmp_path))


def test_ending_early_removes_files_and_processes(tmp_path: Path) -> None:
    steps = iter_results(SMALL, ["npy", "raw"], directories=[tmp_path], budget=0, repeat=5)
    *_, latest = itertools.islice(steps, 6)
    assert os.listdir(tmp_path) != []
    steps.close()
    assert os.listdir(tmp_path) == []
    assert multiprocessing.active_children() == []
    assert [bool(result.seconds) for result in latest.cases] == [True] * 4
    assert not latest.complete


def test_an_interrupt_keeps_what_was_measured(tmp_path: Path) -> None:
    def interrupt(results: Results) -> None:
        if results_of(results)[0].seconds:
            raise KeyboardInterrupt

    results = run(SMALL, ["npy", "raw"], directories=[tmp_path], on_progress=interrupt)
    npy, raw = results_of(results)
    assert npy.is_measured
    assert not raw.is_measured
    assert not results.complete
    assert os.listdir(tmp_path) == []
    assert multiprocessing.active_children() == []


def test_results_are_json_and_back(tmp_path: Path) -> None:
    results = run(SMALL, ["zarr:zstd:3"], directories=[tmp_path], budget=0, repeat=3)
    assert Results.from_json(results.to_json()) == results
    assert results.places[0].directory == str(tmp_path)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"inputs": {}}, "none"),
        ({"ways": []}, "nothing to measure"),
        ({"caches": []}, "nothing to measure"),
        ({"caches": ["hot"]}, "fsync"),
        ({"accesses": ["glance"]}, "round_trip"),
        ({"transports": ["pigeon"]}, "shared_memory"),
        ({"repeat": -1}, "too few"),
        ({"budget": "soon"}, "60s"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else None,
)
def test_what_cannot_be_measured_is_refused_before_anything_starts(
    wrong: dict[str, Any], message: str, tmp_path: Path
) -> None:
    options: dict[str, Any] = {"inputs": SMALL, "ways": ["npy"], "budget": 1} | wrong
    with pytest.raises(UnsupportedOptionError, match=message):
        run(**options, directories=[tmp_path])
    assert os.listdir(tmp_path) == []


def test_a_directory_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ArrayNotFoundError, match="nowhere"):
        run(SMALL, ["npy"], directories=[tmp_path / "nowhere"])


def test_ways_that_are_made_by_hand_are_measured(tmp_path: Path) -> None:
    way = Recipe("rows", "zarr", ".zarr", {"chunks": (1, -1)})
    results = run(SMALL, [way], directories=[tmp_path], budget=0, repeat=1, accesses=["write"])
    (result,) = results_of(results)
    assert (result.case.way, list(result.seconds)) == ("rows", ["write"])
    assert result.nbytes_on_disk is not None
    assert result.nbytes_on_disk > 8000
