import dataclasses
from pathlib import Path

import numpy as np
import pytest

import filexchange as fx
from filexchange.tuning import places, profiles
from filexchange.tuning.profiles import Profile


@pytest.fixture
def two(profile: Profile, monkeypatch: pytest.MonkeyPatch) -> dict[str, Profile]:
    found = {
        "slow": dataclasses.replace(profile, segments={1 << 20: 2e-3, 1 << 24: 2e-2}),
        "fast": dataclasses.replace(profile, segments={1 << 20: 1e-3, 1 << 24: 1e-2}),
    }
    monkeypatch.setattr(places, "profile_of", found.get)
    return found


def test_the_faster_place_is_taken(two: dict[str, Profile]) -> None:
    assert places.fastest_directory(["slow", "fast"]) == "fast"
    assert places.fastest_directory(["fast", "slow"]) == "fast"


def test_unknown_places_change_nothing(two: dict[str, Profile]) -> None:
    assert places.fastest_directory(["unknown", "fast"]) == "unknown"
    assert places.fastest_directory(["slow", "unknown"]) == "slow"


def test_a_little_faster_is_not_faster(two: dict[str, Profile]) -> None:
    two["fast"].segments[1 << 24] = 1.9e-2  # type: ignore[index]
    assert places.fastest_directory(["slow", "fast"]) == "slow"


def test_an_exchange_uses_what_was_tuned(profile: Profile, tmp_path: Path) -> None:
    profiles.store(dataclasses.replace(profile, inline_below=1234))
    with fx.Exchange(tmp_path, inline_below="auto") as exchange:
        assert exchange._lane.inline_below == 1234
    profiles.store(dataclasses.replace(profile, inline_below=None))
    with fx.Exchange(tmp_path, inline_below="auto") as exchange:
        assert exchange._lane.inline_below == 96 << 10


def test_an_automatic_directory_is_the_usual_one_without_profiles() -> None:
    with fx.Exchange() as usual, fx.Exchange("auto") as exchange:
        assert Path(exchange.directory).parent == Path(usual.directory).parent


def test_the_environment_names_the_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FILEXCHANGE_DIR", str(tmp_path))
    with fx.Exchange("auto") as exchange:
        assert Path(exchange.directory).is_relative_to(tmp_path)


def test_what_is_put_is_chosen_for_each_array(tmp_path: Path) -> None:
    arrays = {"small": np.arange(5.0), "many": [np.zeros((1000, 300)), np.ones(3, "M8[s]")]}
    with fx.Exchange(tmp_path) as exchange:
        refs = exchange.put(arrays, format="auto", for_="archive", attrs={"a": 1})
        assert refs["many"][0].compression is not None
        pairs = zip([refs["small"], *refs["many"]], [arrays["small"], *arrays["many"]], strict=True)
        for ref, array in pairs:
            np.testing.assert_array_equal(ref[...], array)
            assert ref.attrs["a"] == 1
            exchange.release(ref)
        ref = exchange.put(arrays["small"], format="auto")
        assert ref.path.endswith(".segment.npy")
        ref = exchange.put(arrays["many"][0], format="zarr", compression="auto", for_="archive")
        assert (ref.format, ref.compression is None) == ("zarr", False)
        with pytest.raises(TypeError, match="colour"):
            exchange.put(arrays["small"], format="auto", colour=1)
