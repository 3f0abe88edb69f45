"""Tuning measures, remembers and tells; here with arrays of a few kilobytes."""

from pathlib import Path

import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from filexchange.benchmark.commands import tune as tune_command
from filexchange.benchmark.profiling import segments as tuning_segments
from filexchange.benchmark.profiling import tuning
from filexchange.benchmark.profiling.reader import Reader
from filexchange.benchmark.profiling.tuning import tune
from filexchange.errors import ArrayAccessError, ArrayNotFoundError, ExchangeError
from filexchange.tuning import WAYS, profiles
from filexchange.tuning.profiles import Profile


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = (1 << 10, 1 << 12, 1 << 13, 1 << 14)
    monkeypatch.setattr(tuning, "SIZES", sizes)
    monkeypatch.setattr(tuning, "INPUTS", tuning.INPUTS[:2])
    monkeypatch.setattr(tuning, "_ROUNDS", dict.fromkeys(sizes, 1))
    monkeypatch.setattr(tuning_segments, "LARGE", ())


@pytest.mark.usefixtures("small")
def test_the_command_measures_and_remembers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    app = typer.Typer()
    app.command()(tune_command.tune)
    done = CliRunner().invoke(app, ["--dir", str(tmp_path)])
    assert done.exit_code == 0, done.output
    assert "14 formats and codecs" in done.output
    found = profiles.profile_of(tmp_path)
    assert found is not None
    assert found.ways == WAYS
    assert np.isfinite(found.seconds).all()
    assert Profile.from_json(found.to_json()).to_json() == found.to_json()
    assert [each.name for each in tmp_path.iterdir()] == ["state"]


@pytest.mark.usefixtures("small")
def test_without_time_it_is_reckoned(tmp_path: Path) -> None:
    told: list[float] = []
    found = tune(tmp_path, budget=0, on_progress=lambda share, _: told.append(share))
    assert told == sorted(told)
    np.testing.assert_allclose(found.seconds[:, :, -1], 2 * found.seconds[:, :, -2])


def test_a_directory_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ArrayNotFoundError):
        tune(tmp_path / "none")


def test_a_reader_tells_what_it_cannot_read(tmp_path: Path) -> None:
    import filexchange as fx

    ref = fx.save(tmp_path / "a.npy", np.zeros(3))
    with Reader() as reader:
        assert len(reader.read(ref)) == 5
        (tmp_path / "a.npy").unlink()
        with pytest.raises(ExchangeError, match="ArrayNotFoundError"):
            reader.read(ref)
        reader._process.kill()
        with pytest.raises(ExchangeError, match="ended"):
            reader.read(ref)


def test_one_directory_of_each_file_system(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    found = tune_command._one_a_file_system([str(tmp_path), str(tmp_path / "a")])
    assert found == [str(tmp_path)]


def test_what_cannot_be_remembered_is_not_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "file"))
    monkeypatch.setattr(tune_command, "measure", lambda *_, **__: pytest.fail("measured"))
    with pytest.raises(ArrayAccessError, match="XDG_STATE_HOME"):
        tune_command.tune([tmp_path])


def test_an_answer_that_never_comes_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import filexchange as fx

    monkeypatch.setattr(tuning_segments, "_PATIENCE_SECONDS", 0.01)
    with fx.Exchange(tmp_path) as exchange:
        queue = exchange.queue()
        with pytest.raises(ExchangeError, match="try again"):
            tuning_segments._received(queue)
        queue.close()
