"""The commands, run as a user runs them."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib import cbook

import filexchange as fx
from filexchange.testing import assert_same

# One sample of each case, and no more.
ONCE = ("--budget", "0", "--repeat", "1")
SMALL = ("bench", "--size", "10k")

FAULT: str = cbook.get_sample_data("jacksboro_fault_dem.npz", asfileobj=False)


def run(*arguments: object, code: int = 0, **environment: str) -> subprocess.CompletedProcess[str]:
    result = subprocess.run(
        [sys.executable, "-m", "filexchange", *map(str, arguments)],
        capture_output=True,
        text=True,
        env={**os.environ, **environment},
        check=False,
    )
    assert result.returncode == code, result.stderr
    assert "Traceback" not in result.stderr
    return result


def test_version_and_help() -> None:
    assert run("--version").stdout.startswith("filexchange 0.")
    shown = run("--help").stdout
    assert all(command in shown for command in ("bench", "info", "convert"))


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    directory = tmp_path_factory.mktemp("bench")
    run(
        *("bench", f"{FAULT}:elevation", "--dir", directory, *ONCE),
        *("--formats", "npy,raw,npz,npz:deflate,hdf5,hdf5:gzip,zarr,zarr:zstd"),
        *("--json", directory / "out.json"),
    )
    assert os.listdir(directory) == ["out.json"]
    document: dict[str, Any] = json.loads((directory / "out.json").read_text())
    return document


def test_bench_measures_and_verifies_every_format_on_real_data(measured: dict[str, Any]) -> None:
    assert [case["way"] for case in measured["cases"]] == [
        *("memcpy", "dd"),
        *("npy", "raw", "npz", "npz:deflate", "hdf5", "hdf5:gzip", "zarr", "zarr:zstd"),
    ]
    for case in measured["cases"]:
        assert case["error"] is None
        assert all(len(samples) == 1 for samples in case["seconds"].values())
        assert all(value > 0 for value in case["median"].values())
    assert measured["inputs"][0]["nbytes"] == 344 * 403 * 2


def test_compressed_files_are_smaller(measured: dict[str, Any]) -> None:
    sizes = {case["way"]: case["nbytes_on_disk"] for case in measured["cases"]}
    assert sizes["npz:deflate"] < sizes["npz"]
    assert sizes["hdf5:gzip"] < sizes["hdf5"]
    assert sizes["zarr:zstd"] < sizes["zarr"]


def test_bench_prints_tables_and_a_recommendation(tmp_path: Path) -> None:
    shown = run(
        *("bench", "--size", "100k,1MB", "--formats", "npy,zarr:zstd", "--dir", tmp_path, *ONCE),
        *("--transports", "queue,pickle", "--access", "write,read,round_trip"),
    ).stdout
    for text in ("npy", "zarr:zstd", "round trip", "memcpy", "to exchange:", "float32", "queue"):
        assert text in shown
    assert max(map(len, shown.splitlines())) < 165
    assert os.listdir(tmp_path) == []


def test_bench_writes_json_to_standard_output_alone(tmp_path: Path) -> None:
    result = run(*SMALL, *ONCE, "--formats", "npy", "--dir", tmp_path, "--json", "-")
    assert [case["way"] for case in json.loads(result.stdout)["cases"]] == ["memcpy", "dd", "npy"]
    assert "round trip" in result.stderr


def test_quiet_bench_prints_nothing_and_writes_what_is_asked_for(tmp_path: Path) -> None:
    outputs = {"--json": "a.json", "--csv": "a.csv", "--html": "a.html", "--plot": "a.svg"}
    written = [part for option, name in outputs.items() for part in (option, tmp_path / name)]
    result = run(*SMALL, *ONCE, "--formats", "npy", "--dir", tmp_path, "--quiet", *written)
    assert result.stdout == result.stderr == ""
    assert set(os.listdir(tmp_path)) == set(outputs.values())
    assert "npy" in run("bench", "show", tmp_path / "a.json").stdout
    assert "same" in run("bench", "compare", tmp_path / "a.json", tmp_path / "a.json").stdout


def test_bench_measures_kinds_places_and_readers(tmp_path: Path) -> None:
    result = run(
        *("bench", "--kind", "labels,images", "--size", "20k", "--dtype", "int16", *ONCE),
        *("--formats", "raw", "--dir", tmp_path, "--dir", tmp_path.parent, "--readers", 2),
        *("--cache", "fsync,warm", "--access", "shared", "--json", "-"),
    )
    document = json.loads(result.stdout)
    cases = [case for case in document["cases"] if case["role"] == "format"]
    assert {each["kind"] for each in document["inputs"]} == {"labels", "images"}
    assert {each["dtype"] for each in document["inputs"]} == {"int16"}
    assert len(cases) == 8
    assert all(list(case["seconds"]) == ["shared"] for case in cases)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["bench", "--formats", "nonsense"], "npy"),
        (["bench", "--formats", "npy:zstd"], "hdf5"),
        (["bench", "--size", "much"], "16MB"),
        (["bench", "--dtype", "S5"], "float32"),
        (["bench", "missing.npy"], "missing.npy"),
        (["bench", "--dir", "nowhere"], "nowhere"),
        (["bench", "--budget", "soon"], "60s"),
        (["bench", "--kind", "music"], "embeddings"),
        (["bench", "--cache", "hot"], "fsync"),
        (["bench", "--transports", "pigeon"], "shared_memory"),
        (["info", "missing.h5"], "missing.h5"),
        (["info", f"{FAULT}:missing"], "elevation"),
        (["convert", FAULT, "out.npy"], "PATH:KEY"),
        (["convert", f"{FAULT}:dx", "run:1.npy"], "split at its last colon"),
        (["info", "run:1.npy"], "split at its last colon"),
        (["convert", f"{FAULT}:dx", "out.npy", "--compression", "zstd"], "zarr"),
        (["convert", f"{FAULT}:dx", "out.zarr", "--chunks", "a,b"], "100,100"),
        (["convert", f"{FAULT}:dx", "out", "--format", "auto", "--for", "fun"], "archive"),
    ],
    ids=lambda value: (
        " ".join(value[:3]).replace(FAULT, "FAULT") if isinstance(value, list) else None
    ),
)
def test_mistakes_are_one_clear_line(
    arguments: list[str], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = run(*arguments, code=1)
    assert result.stderr.startswith("filexchange: ")
    assert result.stderr.count("\n") == 1
    assert message in result.stderr
    assert os.listdir(tmp_path) == []


def test_usage_errors_exit_with_two() -> None:
    run("bench", "--no-such-option", code=2)
    run("no-such-command", code=2)


def test_info_shows_what_a_file_holds(tmp_path: Path) -> None:
    path = tmp_path / "a.zarr"
    fx.save(path, np.zeros((100, 50), "f4"), chunks=(10, 50), compression="gzip", attrs={"u": "m"})
    shown = run("info", path).stdout
    for text in ("zarr", "(100, 50)", "float32", "(10, 50)", "gzip", "20.0 kB", '{"u": "m"}'):
        assert text in shown


def test_info_lists_the_arrays_of_a_container() -> None:
    shown = run("info", FAULT).stdout
    for text in ("elevation", "(344, 403)", "int16", "xmin", "deflate"):
        assert text in shown
    assert "elevation" in run("info", f"{FAULT}:elevation").stdout


@pytest.fixture
def partly_readable(tmp_path: Path) -> Path:
    path = tmp_path / "mixed.npz"
    np.savez(path, good=np.arange(3.0), bad=np.array([None]))
    return path


def test_info_tells_why_one_of_several_arrays_is_not_readable(partly_readable: Path) -> None:
    shown = run("info", partly_readable).stdout
    for text in ("good", "(3,)", "bad", "allow_pickle"):
        assert text in shown


def test_bench_uses_the_arrays_that_are_readable(partly_readable: Path) -> None:
    result = run("bench", partly_readable, "--formats", "npy", *ONCE)
    assert "good" in result.stdout
    assert "allow_pickle" in result.stderr


def test_bench_of_no_readable_array_fails(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", a=np.array([None]), b=np.array([None]))
    assert "allow_pickle" in run("bench", tmp_path / "a.npz", code=1).stderr


def test_path_with_a_colon_is_a_path(tmp_path: Path) -> None:
    fx.save(tmp_path / "a:b.npy", np.zeros(3))
    assert "(3,)" in run("info", tmp_path / "a:b.npy").stdout


def test_convert_copies_verifies_and_reports(tmp_path: Path) -> None:
    target = tmp_path / "grid.h5"
    shown = run(
        *("convert", f"{FAULT}:elevation", f"{target}:maps/elevation"),
        *("--chunks", "100,-1", "--compression", "gzip:9", "--verify"),
    ).stdout
    assert "verified" in shown
    ref = fx.open_array(target, key="maps/elevation")
    assert (ref.chunks, ref.compression) == ((100, 403), "gzip:9")
    with np.load(FAULT) as archive:
        assert_same(ref.load(), archive["elevation"])
    refused = run("convert", f"{FAULT}:dx", f"{target}:maps/elevation", code=1)
    assert "--overwrite" in refused.stderr
    assert "True" not in refused.stderr


def test_convert_chooses_and_tells_why(tmp_path: Path) -> None:
    target = tmp_path / "grid"
    words = ("--format", "auto", "--for", "archive", "--explain")
    shown = run("convert", f"{FAULT}:elevation", target, *words, XDG_STATE_HOME=str(tmp_path))
    assert " for archive" in shown.stdout
    ref = fx.open_array(target)
    assert ref.compression is not None
    with np.load(FAULT) as archive:
        assert_same(ref.load(), archive["elevation"])


def test_interrupted_bench_shows_what_it_has_and_leaves_nothing(tmp_path: Path) -> None:
    code = (
        "import os, signal, filexchange.benchmark.commands.bench as c, filexchange.cli as cli\n"
        "steps = c.iter_results\n"
        "def interrupted(*args, **options):\n"
        "    for number, results in enumerate(steps(*args, **options)):\n"
        "        if number == 6: os.kill(os.getpid(), signal.SIGINT)\n"
        "        yield results\n"
        "c.iter_results = interrupted\n"
        "if __name__ == '__main__': cli.main()\n"
    )
    script = tmp_path / "script.py"
    script.write_text(code)
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    result = subprocess.run(
        [
            *(sys.executable, script, *SMALL, "--formats", "npy,raw"),
            *("--budget", "60s", "--dir", scratch),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 130, result.stderr
    assert "interrupted" in result.stderr
    assert "npy" in result.stdout
    assert os.listdir(scratch) == []


@pytest.mark.parametrize("target", [".", "nowhere/out.json"])
def test_json_that_cannot_be_written_is_refused_before_measuring(
    target: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = run("bench", "--size", "10k", "--formats", "npy", "--json", target, code=1)
    assert result.stdout == ""
    assert "cannot be written" in result.stderr
    assert os.listdir(tmp_path) == []


def test_dtype_that_is_none_is_refused() -> None:
    assert "float32" in run("bench", "--dtype", "floaty", code=1).stderr
