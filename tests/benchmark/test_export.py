"""Results for other programs."""

import csv
import os
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from filexchange.benchmark.reporting.export import Row, rows, write_csv
from filexchange.benchmark.results import Results
from filexchange.errors import ArrayNotFoundError, MissingDependencyError

Make = Callable[..., Results]


def test_there_is_a_row_for_each_case_and_access(make_results: Make) -> None:
    results = make_results({"npy": {"write": 1.0, "read": 2.0}, "bad": "it failed"}, noise=0)
    write, read, bad = rows(results)
    assert (write.way, write.access, write.samples) == ("npy", "write", 7)
    assert (read.access, read.median) == ("read", pytest.approx(2.0, abs=1e-4))
    assert (read.file_system, read.shape, read.nbytes) == ("tmpfs", "4000x1000", 16_000_000)
    assert (bad.access, bad.samples, bad.median, bad.error) == (None, 0, None, "it failed")


def test_csv_has_the_names_and_all_rows(make_results: Make, tmp_path: Path) -> None:
    results = make_results()
    write_csv(results, tmp_path / "a.csv")
    with open(tmp_path / "a.csv", encoding="utf-8", newline="") as file:
        names, *lines = csv.reader(file)
    assert tuple(names) == Row._fields
    assert len(lines) == len(rows(results))
    assert {len(line) for line in lines} == {len(names)}
    assert os.listdir(tmp_path) == ["a.csv"]


def test_csv_can_hold_any_text(make_results: Make, tmp_path: Path) -> None:
    results = make_results({"npy": 'a "quoted", broken\nline of \udcff'})
    write_csv(results, tmp_path / "a.csv")
    with open(tmp_path / "a.csv", encoding="utf-8", newline="") as file:
        assert next(iter(csv.DictReader(file)))["error"] == 'a "quoted", broken\nline of ?'


def test_csv_that_cannot_be_written_is_an_error_of_ours(make_results: Make, tmp_path: Path) -> None:
    with pytest.raises(ArrayNotFoundError, match="nowhere"):
        write_csv(make_results(), tmp_path / "nowhere" / "a.csv")


def test_pandas_gets_the_same_rows(make_results: Make) -> None:
    pytest.importorskip("pandas")
    results = make_results(caches=("warm", "cold"))
    frame = results.to_pandas()
    assert tuple(frame.columns) == Row._fields
    assert len(frame) == len(rows(results))
    medians = frame[frame.cache == "warm"].pivot_table("median", "way", "access")
    assert medians.loc["npy", "read"] == results.cases[0].spread("read").median  # type: ignore[union-attr]
    assert str(frame["median"].dtype) == "float64"


def test_pandas_of_nothing_has_the_columns(make_results: Make) -> None:
    pytest.importorskip("pandas")
    frame = replace(make_results(), cases=()).to_pandas()
    assert tuple(frame.columns) == Row._fields
    assert frame.empty


def test_without_pandas_the_command_to_install_it_is_named(
    make_results: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(MissingDependencyError, match="pip install pandas"):
        make_results().to_pandas()
