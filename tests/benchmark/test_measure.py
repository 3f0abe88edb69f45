"""Measurements between real processes: what they find, and what they leave."""

import itertools
import multiprocessing
import os
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import filexchange as fx
from filexchange.benchmark import Case, Results, iter_results, run
from filexchange.errors import ArrayNotFoundError, UnsupportedOptionError

SMALL = {"x": np.arange(1000.0).reshape(100, 10)}


def test_every_sample_of_every_case_is_verified_and_takes_time(tmp_path: Path) -> None:
    results = run(SMALL, [Case("npy"), Case("npz", "deflate")], directory=tmp_path, repeat=3)
    for result in results.cases:
        assert result.error is None
        assert len(result.samples) == 3
        for sample in result.samples:
            assert sample.verified
            assert min(sample.write_s, sample.read_s, sample.slice_s) > 0
            assert sample.round_trip_s > sample.write_s
    assert len(results.memcpy_s) == 3
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    "case", [Case("npy"), Case("raw"), Case("npz"), Case("hdf5"), Case("zarr")]
)
def test_arrays_of_any_layout_make_one_message(case: Case, tmp_path: Path) -> None:
    sources = {
        "scalar": np.float64(0.5),
        "empty": np.zeros((0, 3), "i4"),
        "odd": np.arange(13, dtype="u1"),
        "fortran": np.asfortranarray(np.arange(12.0).reshape(3, 4)),
        "big-endian": np.arange(5, dtype=">i2"),
    }
    results = run(sources, [case], directory=tmp_path, repeat=1)
    assert results.cases[0].error is None
    assert results.cases[0].samples[0].verified
    assert results.nbytes == sum(np.asarray(array).nbytes for array in sources.values())


def test_a_file_of_the_user_is_measured_and_stays(tmp_path: Path) -> None:
    ref = fx.save(tmp_path / "mine.npz", np.arange(100), key="a")
    results = run({"a": ref}, [Case("raw")], directory=tmp_path, repeat=1)
    assert results.cases[0].samples[0].nbytes_on_disk == 800
    assert os.listdir(tmp_path) == ["mine.npz"]


def test_a_case_that_fails_has_its_reason_and_the_others_go_on(tmp_path: Path) -> None:
    results = run(SMALL, [Case("npy", "zstd"), Case("npy")], directory=tmp_path, repeat=2)
    failed, measured = results.cases
    assert failed.error is not None
    assert failed.error.startswith("UnsupportedOptionError")
    assert failed.samples == ()
    assert results.measured == (measured,)
    assert len(measured.samples) == 2


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs SIGKILL")
@pytest.mark.parametrize("position", [0, 1])
def test_a_process_that_is_killed_costs_one_case(position: int, tmp_path: Path) -> None:
    def kill_after_the_first_case(done: int, total: int) -> None:
        if done == 1:
            children = sorted(multiprocessing.active_children(), key=lambda child: child.pid or 0)
            children[position].kill()
            children[position].join()

    cases = [Case("npy"), Case("raw"), Case("npz")]
    results = run(SMALL, cases, directory=tmp_path, repeat=1, on_progress=kill_after_the_first_case)
    npy, raw, npz = results.cases
    assert (npy.error, npz.error) == (None, None)
    assert raw.error is not None
    assert f"exit code {-signal.SIGKILL}" in raw.error
    assert len(npy.samples) == len(npz.samples) == 1
    assert os.listdir(tmp_path) == []


def test_ending_early_removes_files_and_processes(tmp_path: Path) -> None:
    steps = iter_results(SMALL, [Case("npy"), Case("raw")], directory=tmp_path, repeat=5)
    *_, latest = itertools.islice(steps, 6)
    assert os.listdir(tmp_path) != []
    steps.close()
    assert os.listdir(tmp_path) == []
    assert multiprocessing.active_children() == []
    assert [len(result.samples) for result in latest.cases] == [2, 1]


def test_results_are_json_with_raw_and_median_times(tmp_path: Path) -> None:
    document = run(SMALL, [Case("zarr", "zstd:3")], directory=tmp_path, repeat=3).to_json()
    case = document["cases"][0]
    assert (case["name"], case["format"], case["compression"]) == ("zarr:zstd:3", "zarr", "zstd:3")
    times = sorted(sample["round_trip_s"] for sample in case["samples"])
    assert case["median"]["round_trip_s"] == times[1]
    assert document["arrays"] == [
        {"name": "x", "shape": [100, 10], "dtype": "float64", "nbytes": 8000}
    ]
    assert document["machine"]["directory"] == str(tmp_path)
    assert document["machine"]["cpu_count"] >= 1


@pytest.mark.parametrize(
    "wrong", [{"sources": {}}, {"cases": []}, {"repeat": 0}], ids=lambda wrong: next(iter(wrong))
)
def test_nothing_to_measure_is_refused_before_anything_starts(
    wrong: dict[str, Any], tmp_path: Path
) -> None:
    options: dict[str, Any] = {"sources": SMALL, "cases": [Case("npy")], "repeat": 1} | wrong
    with pytest.raises(UnsupportedOptionError, match="nothing to measure"):
        run(**options, directory=tmp_path)
    assert os.listdir(tmp_path) == []


def test_a_directory_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ArrayNotFoundError, match="nowhere"):
        run(SMALL, [Case("npy")], directory=tmp_path / "nowhere", repeat=1)


def test_a_checksum_that_differs_is_an_error(tmp_path: Path) -> None:
    from dataclasses import replace

    from filexchange.benchmark.measure import _extended

    results: Results = run(SMALL, [Case("npy")], directory=tmp_path, repeat=1)
    good = results.cases[0]
    bad = _extended(good, replace(good.samples[0], verified=False), keep=True)
    assert bad.error is not None
    assert replace(results, cases=(bad,)).measured == ()
