import dataclasses
import html
import threading
from pathlib import Path

import h5py
import numpy as np
import pytest

import filexchange as fx
from filexchange.errors import UnsupportedOptionError
from filexchange.tuning import USES, Use, profiles
from filexchange.tuning.profiles import Profile

RANDOM = np.random.default_rng(0)
ARRAYS = {
    "noise": RANDOM.random((300, 400)),
    "counts": RANDOM.poisson(2, (1000, 500)),
    "zeros": np.zeros((500, 600), "f4"),
    "scalar": np.array(5.0),
    "empty": np.zeros((0, 3)),
    "no axes": np.array(b"x"),
    "large items": np.zeros((2, 2), "V300"),
    "fortran": np.asfortranarray(RANDOM.random((100, 50))),
    "strided": RANDOM.random((400, 400))[::3, ::-2],
    "dates": np.arange(1000).astype("M8[D]"),
    "words": np.array(["a", "bcd"] * 3000),
    "long doubles": np.arange(99, dtype=np.longdouble),
    "records": np.zeros(5000, [("a", "f4"), ("b", "u1", (3,))]),
    "many fields": np.zeros(20, [(f"f{n}", "f4") for n in range(3000)]),
    "many axes": np.zeros((1,) * 40),
}


@pytest.mark.parametrize("use", USES)
@pytest.mark.parametrize("name", ARRAYS)
def test_what_is_saved_comes_back(name: str, use: Use, tmp_path: Path) -> None:
    array = ARRAYS[name]
    ref = fx.save(tmp_path / "array", array, format="auto", for_=use, attrs={"unit": "m"})
    np.testing.assert_array_equal(ref.load(), array)
    loaded = fx.load(tmp_path / "array")
    assert (loaded.dtype, loaded.shape) == (array.dtype, array.shape)
    assert ref.attrs["unit"] == "m"


def test_bfloat16_comes_back(tmp_path: Path) -> None:
    ml_dtypes = pytest.importorskip("ml_dtypes")
    array = np.zeros((100, 1000), ml_dtypes.bfloat16)
    ref = fx.save(tmp_path / "array", array, format="auto", for_="archive")
    assert ref.load().dtype == array.dtype


@pytest.mark.parametrize("name", ["array.npy", "array.npz", "array.h5", "array.zarr", "array.raw"])
@pytest.mark.parametrize("words", [{"format": "auto"}, {"compression": "auto"}])
def test_a_suffix_limits_the_choice(name: str, words: dict[str, str], tmp_path: Path) -> None:
    ref = fx.save(tmp_path / name, ARRAYS["counts"], for_="archive", **words)
    assert ref.format == fx.open_array(ref.path, dtype=int).format if name.endswith("raw") else True
    np.testing.assert_array_equal(ref.load().reshape(1000, 500), ARRAYS["counts"])
    assert (ref.compression is not None) == (ref.format in {"npz", "hdf5", "zarr"})


def test_words_limit_the_choice(tmp_path: Path) -> None:
    array = ARRAYS["counts"]
    by_codec = fx.save(tmp_path / "a", array, format="auto", compression="gzip:2")
    assert by_codec.format == "hdf5"
    assert "gzip:2" in str(by_codec.compression)
    by_chunks = fx.save(tmp_path / "b", array, format="auto", chunks=(10, 100))
    assert by_chunks.chunks == (10, 100)
    by_shards = fx.save(tmp_path / "c", array, format="auto", chunks=(10, 100), shards=(100, 100))
    assert by_shards.shards == (100, 100)
    by_key = fx.save(tmp_path / "d", array, format="auto", key="x/y", for_="archive")
    fx.save(tmp_path / "d", array, format="auto", key="z")
    assert fx.keys(by_key.path) == ["x/y", "z"]


def test_what_no_format_has_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(UnsupportedOptionError, match="leave some of it out"):
        fx.save(tmp_path / "a.npy", ARRAYS["zeros"], format="auto", chunks=(1, 1))
    with pytest.raises(UnsupportedOptionError, match="exchange, archive, slices"):
        fx.save(tmp_path / "a", ARRAYS["zeros"], format="auto", for_="fun")  # type: ignore[arg-type]
    with pytest.raises(UnsupportedOptionError, match="not a codec"):
        fx.save(tmp_path / "a", ARRAYS["zeros"], format="auto", compression="?")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("use", USES)
def test_what_is_created_can_be_filled(use: Use, tmp_path: Path) -> None:
    ref = fx.create_array(tmp_path / "a", shape=(100, 50), dtype="i4", format="auto", for_=use)
    ref[3:5] = 7
    assert fx.load(tmp_path / "a").sum() == 700


def test_lazy_arrays_are_looked_at_in_parts(tmp_path: Path) -> None:
    stored = fx.save(tmp_path / "a.h5", ARRAYS["counts"], chunks=(100, 100), compression="gzip")
    assert fx.recommend(stored, for_="archive").compression is not None
    with h5py.File(stored.path) as file:
        ref = fx.save(tmp_path / "b", file["data"], format="auto", for_="archive")
    np.testing.assert_array_equal(ref[...], ARRAYS["counts"])


def test_the_profile_of_the_directory_decides(profile: Profile, tmp_path: Path) -> None:
    assert "ordinary" in str(fx.recommend(ARRAYS["zeros"], directory=tmp_path))
    slow = profile.seconds.copy()
    slow[profile.ways.index(profile.ways[0]), ..., :2] *= 1000
    profiles.store(dataclasses.replace(profile, seconds=slow))
    found = fx.recommend(ARRAYS["zeros"], directory=tmp_path)
    assert found.format != "npy"
    assert "ordinary" not in str(found)
    assert fx.save(tmp_path / "a", ARRAYS["zeros"], format="auto").format == found.format


def test_a_recommendation_tells_why(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    found = fx.recommend(ARRAYS["counts"], for_="archive", directory=tmp_path)
    assert found.expected is not None
    assert found.expected.cost <= min(each.cost for each in found.alternatives) * 1.2
    text = str(found)
    assert text.startswith(f"{found.way} for archive")
    assert all(reason in text for reason in found.reasons)
    shown = found._repr_html_()
    assert 'class="fx-card"' in shown
    assert all(html.escape(reason) in shown for reason in (found.way, *found.reasons))
    assert fx.save(tmp_path / "a", ARRAYS["counts"], **found.options).format == found.format
    fx.save(tmp_path / "b", ARRAYS["counts"], format="auto", for_="archive", explain=True)
    assert capsys.readouterr().out == f"{text}\n"


def test_what_was_never_measured_is_recommended_without_figures(tmp_path: Path) -> None:
    @fx.register_format
    class Other(type(fx.formats.get_format("npy"))):  # type: ignore[misc]
        name = "auto-test"
        suffixes = (".autotest",)

    try:
        ref = fx.save(tmp_path / "a.autotest", ARRAYS["zeros"], compression="auto", explain=True)
        assert ref.format == "auto-test"
    finally:
        fx.formats.registry._loaded.pop("auto-test")


def test_threads_may_ask_at_the_same_time(profile: Profile, tmp_path: Path) -> None:
    profiles.store(profile)
    found: list[str] = []

    def ask() -> None:
        found.extend(fx.recommend(a, for_="archive", directory=tmp_path).way for a in several)

    several = [ARRAYS["counts"], ARRAYS["zeros"]] * 3
    threads = [threading.Thread(target=ask) for _ in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert len(found) == 24
    assert len(set(found)) <= 2


def test_a_choice_is_named_as_the_way_it_is(tmp_path: Path) -> None:
    chosen = fx.recommend(ARRAYS["counts"], directory=tmp_path)
    sharded = dataclasses.replace(chosen, format="zarr", compression="zstd", shards=(100, 100))
    assert sharded.way == "zarr:sharded:zstd"
    assert "zarr:sharded:zstd for exchange" in str(sharded)


def test_a_use_that_is_none_is_refused_whatever_is_chosen(tmp_path: Path) -> None:
    for path in ("a.npy", "b"):
        with pytest.raises(UnsupportedOptionError, match="archive"):
            fx.save(tmp_path / path, [1.0], for_="fun")  # type: ignore[arg-type]
    with pytest.raises(UnsupportedOptionError, match="archive"):
        fx.create_array(tmp_path / "a.npy", shape=3, dtype="f4", for_="fun")  # type: ignore[arg-type]
    with fx.Exchange(tmp_path) as ex, pytest.raises(UnsupportedOptionError, match="archive"):
        ex.put(np.zeros(3), for_="fun")
    assert list(tmp_path.glob("*.npy")) == []
