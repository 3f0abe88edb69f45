"""Files of results."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from filexchange.benchmark.reporting.outputs import Outputs, read
from filexchange.benchmark.results import Results
from filexchange.errors import (
    ArrayAccessError,
    ArrayNotFoundError,
    BadArrayFileError,
    UnsupportedOptionError,
)

Make = Callable[..., Results]


@pytest.mark.usefixtures("drawing")
def test_what_is_asked_for_is_written_and_nothing_else(make_results: Make, tmp_path: Path) -> None:
    names = {"json": "a.json", "csv": "a.csv", "html": "a.html", "plot": "a.svg"}
    outputs = Outputs(**{kind: str(tmp_path / name) for kind, name in names.items()})
    outputs.check()
    assert os.listdir(tmp_path) == []
    outputs.write(make_results())
    assert set(os.listdir(tmp_path)) == set(names.values())
    Outputs().write(make_results())


@pytest.mark.parametrize("lost", ["json", "csv", "html"])
def test_one_that_cannot_be_written_takes_no_other_with_it(
    make_results: Make, tmp_path: Path, lost: str
) -> None:
    paths = {kind: str(tmp_path / f"a.{kind}") for kind in ("json", "csv", "html")}
    paths[lost] = str(tmp_path / "gone" / "a")
    with pytest.raises(ArrayNotFoundError, match="gone"):
        Outputs(**paths).write(make_results())
    assert len(os.listdir(tmp_path)) == 2


def test_json_is_read_as_it_was_written(make_results: Make, tmp_path: Path) -> None:
    results = make_results(sizes=(64_000, 16_000_000), caches=("warm", "cold"))
    path = str(tmp_path / "a.json")
    Outputs(json=path).write(results)
    assert read(path) == results


@pytest.mark.parametrize(
    "content", ["", "[1, 2", "[]", "{}", '{"schema": 2}', '{"schema": 1}', "[" * 100_000]
)
def test_what_is_no_benchmark_is_refused(content: str, tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(content)
    with pytest.raises(BadArrayFileError, match=r"a\.json"):
        read(str(tmp_path / "a.json"))


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(BadArrayFileError, match=r"a\.json"):
        read(str(tmp_path / "a.json"))


def test_damaged_results_are_refused(make_results: Make, tmp_path: Path) -> None:
    document = make_results().to_json()
    del document["cases"][3]["way"]
    (tmp_path / "a.json").write_text(json.dumps(document))
    with pytest.raises(BadArrayFileError, match="damaged"):
        read(str(tmp_path / "a.json"))


@pytest.mark.parametrize(
    "wrong",
    [{"input": "other"}, {"cache": "hot"}, {"role": "x"}, {"seconds": {"y": [1.0]}}]
    + [{"seconds": {"read": samples}} for samples in (["soon"], 1.0, [None])],
    ids=str,
)
def test_words_and_numbers_that_mean_nothing_are_refused(
    wrong: dict[str, object], make_results: Make, tmp_path: Path
) -> None:
    document = make_results().to_json()
    document["cases"][3].update(wrong)
    (tmp_path / "a.json").write_text(json.dumps(document))
    with pytest.raises(BadArrayFileError, match="damaged"):
        read(str(tmp_path / "a.json"))


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ArrayNotFoundError, match="nowhere"):
        read(str(tmp_path / "nowhere.json"))


def test_outputs_that_cannot_be_written_are_refused_at_once(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "nowhere" / "a.html"):
        with pytest.raises(ArrayAccessError, match="cannot be written"):
            Outputs(html=str(path)).check()
    with pytest.raises(UnsupportedOptionError, match="png"):
        Outputs(plot=str(tmp_path / "a.txt")).check()
