"""`filexchange bench show` and `filexchange bench compare`."""

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from filexchange.benchmark.commands import reports as reporting_commands
from filexchange.benchmark.reporting.outputs import Outputs
from filexchange.benchmark.results import Results
from filexchange.errors import BadArrayFileError

Make = Callable[..., Results]

app = typer.Typer()
app.command()(reporting_commands.show)
app.command()(reporting_commands.compare)


def run(*arguments: object, code: int = 0) -> Result:
    result = CliRunner().invoke(app, list(map(str, arguments)), catch_exceptions=False)
    assert result.exit_code == code, result.output
    return result


@pytest.fixture
def written(make_results: Make, tmp_path: Path) -> Callable[..., Path]:
    """Return a function that writes results and returns where they are."""

    def write(name: str, results: Results | None = None, **options: object) -> Path:
        Outputs(json=str(tmp_path / name)).write(results or make_results(**options))
        return tmp_path / name

    return write


def test_show_prints_facts_tables_recommendation_and_failures(
    written: Callable[..., Path],
) -> None:
    shown = run("show", written("a.json")).stdout
    for text in ("numpy 2.4.1", "fastest round trip", "to exchange: npy", "failed: hdf5:lzf"):
        assert text in shown


@pytest.mark.usefixtures("drawing")
def test_show_writes_what_is_asked_for(written: Callable[..., Path], tmp_path: Path) -> None:
    options = {"--html": "a.html", "--csv": "a.csv", "--plot": "a.png"}
    arguments = [part for name, file in options.items() for part in (name, tmp_path / file)]
    assert run("show", written("a.json"), "--quiet", *arguments).output == ""
    assert set(os.listdir(tmp_path)) == {"a.json", *options.values()}


def test_show_refuses_what_is_no_benchmark(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text("{}")
    with pytest.raises(BadArrayFileError, match="--json"):
        run("show", tmp_path / "a.json")


def test_compare_prints_what_changed(written: Callable[..., Path], make_results: Make) -> None:
    before = written("a.json", noise=0)
    after = make_results({"npy": {"read": 0.009, "write": 0.006}, "new": {}}, noise=0)
    shown = run("compare", before, written("b.json", after)).stdout
    for text in ("changed by more than noise", "2.97x", "only before", "mean ratio"):
        assert text in shown
    assert max(map(len, map(str.rstrip, shown.splitlines()))) <= 160


def test_compare_fails_in_ci_if_something_is_too_slow(
    written: Callable[..., Path], make_results: Make
) -> None:
    before = written("a.json", make_results({"npy": {"read": 1.0}}))
    same = written("b.json", make_results({"npy": {"read": 1.0}}, seed=5))
    slow = written("c.json", make_results({"npy": {"read": 1.5}}))
    assert run("compare", before, same, "--fail-above", "1.2", "--quiet").output == ""
    failed = run("compare", before, slow, "--fail-above", "1.2", "--quiet", code=3)
    assert "npy (field-16000kB, /dev/shm, warm) takes 1.5" in failed.stderr
    assert failed.stdout == ""
    run("compare", before, slow, "--fail-above", "2")
    run("compare", before, slow)
    run("compare", slow, before, "--fail-above", "1.2")


def test_compare_fails_in_ci_if_something_fails(
    written: Callable[..., Path], make_results: Make
) -> None:
    both = {"npy": {"read": 1.0}, "raw": {"read": 1.0}}
    before = written("a.json", make_results(both))
    broken = written("b.json", make_results({**both, "raw": "no luck"}))
    assert "no luck" in run("compare", before, broken, "--fail-above", "9", code=3).stderr
    assert "no luck" in run("compare", before, broken).stdout


def test_compare_of_nothing_in_common_is_an_error(
    written: Callable[..., Path], make_results: Make
) -> None:
    other = replace(make_results(), inputs=(), cases=())
    before, after = written("a.json"), written("b.json", other)
    assert "nothing in common" in run("compare", before, after, code=1).stderr


def test_compare_refuses_a_limit_below_one(written: Callable[..., Path]) -> None:
    before = written("a.json")
    run("compare", before, before, "--fail-above", "0.5", code=2)
