import dataclasses
import json
import warnings
from pathlib import Path

import numpy as np
import pytest

import filexchange as fx
from filexchange.errors import ArrayAccessError
from filexchange.tuning import profiles
from filexchange.tuning.profiles import Profile, ProfileWarning


def test_what_is_stored_is_found_for_the_file_system(profile: Profile, tmp_path: Path) -> None:
    assert profiles.profile_of(tmp_path) is None
    path = Path(profiles.store(profile))
    found = profiles.profile_of(tmp_path)
    assert found is not None
    assert found.to_json() == profile.to_json()
    assert profiles.profile_of(tmp_path) is found
    assert [each.name for each in path.parent.iterdir()] == [path.name]


def test_a_newer_profile_takes_the_place_of_an_older_one(profile: Profile, tmp_path: Path) -> None:
    profiles.store(profile)
    profiles.store(dataclasses.replace(profile, inline_below=5))
    found = profiles.profile_of(tmp_path)
    assert found is not None
    assert found.inline_below == 5


def test_a_directory_that_is_not_there_has_no_profile(tmp_path: Path) -> None:
    assert profiles.profile_of(tmp_path / "none") is None


def _with(document: object, *path: object, value: object) -> object:
    copy = json.loads(json.dumps(document))
    place = copy
    for name in path[:-1]:
        place = place[name]
    place[path[-1]] = value
    return copy


@pytest.mark.parametrize(
    "damage",
    [
        lambda _: [],
        lambda d: _with(d, "schema", value=0),
        lambda d: _with(d, "sizes", value=[]),
        lambda d: _with(d, "sizes", value=d["sizes"][::-1]),
        lambda d: _with(d, "ways", value={}),
        lambda d: _with(d, "ways", "npy", "seconds", value=[[[1.0]]]),
        lambda d: _with(d, "ways", "npy", "seconds", 0, 0, 0, value=-1.0),
        lambda d: _with(d, "ways", "npy", "seconds", 0, 0, 0, value="x"),
        lambda d: _with(d, "ways", "npy", "nbytes", value=None),
        lambda d: _with(d, "inputs", 0, "fractions", "zstd", value=0),
        lambda d: _with(d, "inputs", 0, value=None),
        lambda d: _with(d, "segments", "65536", value=0),
        lambda d: _with(d, "segments", value={"0": 1}),
        lambda d: _with(d, "accesses", value=["write"]),
        lambda d: {name: value for name, value in d.items() if name != "made"},
    ],
    ids=map(str, range(15)),
)
def test_a_damaged_profile_is_a_warning_once_and_no_error(
    damage: object, profile: Profile, tmp_path: Path
) -> None:
    path = Path(profiles.store(profile))
    path.write_text(json.dumps(damage(profile.to_json())))  # type: ignore[operator]
    with pytest.warns(ProfileWarning, match="filexchange tune"):
        assert profiles.profile_of(tmp_path) is None
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert fx.recommend(np.zeros(10), directory=tmp_path).format == "npy"


@pytest.mark.parametrize("text", ["", "{", "\0", "[" * 10_000, '{"schema": NaN}'])
def test_what_is_no_json_is_a_warning(text: str, profile: Profile, tmp_path: Path) -> None:
    Path(profiles.store(profile)).write_text(text)
    with pytest.warns(ProfileWarning):
        assert profiles.profile_of(tmp_path) is None


@pytest.mark.parametrize("home", ["", "relative"])
def test_state_is_below_home_unless_told(home: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", home)
    monkeypatch.setenv("HOME", "/home/someone")
    assert profiles.state_directory() == "/home/someone/.local/state/filexchange"


def test_the_ordinary_profile_is_in_order() -> None:
    made = profiles.ordinary()
    assert Profile.from_json(made.to_json()).to_json() == made.to_json()
    assert str(made.ways[0]) == "npy"


def test_a_home_that_is_not_there_is_made(
    profile: Profile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("XDG_STATE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("USERPROFILE", str(tmp_path / "home"))
    assert profiles.profile_of(tmp_path) is None
    assert profiles.store(profile).startswith(str(tmp_path / "home"))
    assert profiles.profile_of(tmp_path) is not None


def test_without_a_home_there_is_no_profile(
    profile: Profile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("XDG_STATE_HOME")
    monkeypatch.setattr("os.path.expanduser", lambda path: path)
    assert profiles.profile_of(tmp_path) is None
    with pytest.raises(ArrayAccessError, match=r"set \$XDG_STATE_HOME"):
        profiles.store(profile)


def test_a_state_directory_that_cannot_be_made_is_named(
    profile: Profile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "file"))
    with pytest.raises(ArrayAccessError, match=r"set \$XDG_STATE_HOME"):
        profiles.store(profile)
    assert profiles.profile_of(tmp_path) is None
