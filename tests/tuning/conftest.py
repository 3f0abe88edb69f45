"""Profiles of tests are where no user's are."""

import dataclasses
from pathlib import Path

import pytest

from filexchange import capabilities
from filexchange.tuning import profiles
from filexchange.tuning.profiles import Profile


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The empty state directory that is used."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    profiles.forget()
    return tmp_path / "state" / "filexchange"


@pytest.fixture
def profile(tmp_path: Path) -> Profile:
    """A profile of the file system of the test's directory."""
    return dataclasses.replace(
        profiles.ordinary(),
        directory=str(tmp_path),
        file_system=capabilities.file_system(str(tmp_path)),
    )
