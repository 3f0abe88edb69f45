"""The words ``format="auto"``, ``compression="auto"`` and ``for_=``, wherever arrays go."""

import dataclasses
import errno
import multiprocessing
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import filexchange as fx
from filexchange import blocks, sending
from filexchange.errors import (
    FileExchangeError,
    StorageFullError,
    UnknownFormatError,
    UnsupportedArrayError,
    UnsupportedOptionError,
)
from filexchange.tuning import profiles
from filexchange.tuning.probing import probe
from filexchange.tuning.profiles import Profile
from filexchange.tuning.recycling import with_segments
from filexchange.tuning.subjects import Together
from filexchange.tuning.ways import Way

COUNTS = np.random.default_rng(0).poisson(2, (1000, 500))
NOISE = np.random.default_rng(0).random((300, 400))
ZEROS = np.zeros((500, 600), "f4")
BYTES = np.random.default_rng(0).integers(0, 256, 500_000, "u1")


def _answer(queue: Any) -> None:
    queue.put(np.zeros_like(queue.get()))


@pytest.fixture
def slow_segments(profile: Profile) -> Profile:
    """A profile that is stored, of a place where segments take a thousand times as long."""
    slow = {nbytes: 1000 * seconds for nbytes, seconds in profile.segments.items()}
    made = dataclasses.replace(profile, segments=slow)
    profiles.store(made)
    return made


class TestSeveralArrays:
    def test_have_one_format_and_come_back(self, tmp_path: Path) -> None:
        several = {"counts": COUNTS, "x/zeros": ZEROS, "empty": np.zeros((0, 3)), "five": 5.0}
        refs = fx.save_arrays(tmp_path / "a", several, format="auto", for_="archive")
        assert len({ref.format for ref in refs.values()}) == 1
        assert refs["counts"].compression is not None
        assert sorted(fx.keys(tmp_path / "a")) == sorted(several)
        for name, array in several.items():
            np.testing.assert_array_equal(fx.load(tmp_path / "a", key=name), array)

    @pytest.mark.parametrize("name", ["a.npz", "a.h5", "a.zarr"])
    def test_have_one_codec_in_a_format_that_is_known(self, name: str, tmp_path: Path) -> None:
        several = {"noise": NOISE, "counts": COUNTS}
        refs = fx.save_arrays(tmp_path / name, several, compression="auto", for_="archive")
        codecs = {ref.compression for ref in refs.values()}
        assert len(codecs) == 1
        assert None not in codecs

    @pytest.mark.parametrize("lengths", [(100_000, 100), (100, 100_000), (50_000, 50_000)])
    def test_weigh_by_their_bytes(self, lengths: tuple[int, int]) -> None:
        zeros, noise = np.zeros(lengths[0]), NOISE.ravel()[: lengths[1]]
        together = Together.of({"zeros": zeros, "noise": noise, "empty": np.zeros(0)})
        left = probe(zeros, ["zstd"])["zstd"], probe(noise, ["zstd"])["zstd"]
        expected = (left[0] * zeros.nbytes + left[1] * noise.nbytes) / together.nbytes
        assert together.fractions(["zstd"])["zstd"] == pytest.approx(expected)

    def test_that_one_cannot_hold_are_in_another(self, tmp_path: Path) -> None:
        wide = np.zeros(20, [(f"f{n}", "f4") for n in range(3000)])
        alone = fx.save_arrays(tmp_path / "a", {"x": NOISE}, format="auto")
        both = fx.save_arrays(tmp_path / "b", {"x": NOISE, "wide": wide}, format="auto")
        assert alone["x"].format != both["x"].format
        assert both["wide"].load().dtype == wide.dtype

    def test_may_be_in_files_and_are_told_why(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        ref = fx.save(tmp_path / "a.h5", COUNTS, chunks=(100, 100), compression="gzip")
        made = fx.save_arrays(
            tmp_path / "b", {"a": ref, "b": COUNTS}, format="auto", for_="archive", explain=True
        )
        np.testing.assert_array_equal(made["a"][...], COUNTS)
        assert "8.00 MB in 2 arrays" in capsys.readouterr().out

    def test_that_no_format_has_leave_nothing(self, tmp_path: Path) -> None:
        with pytest.raises(UnsupportedOptionError, match="keys"):
            fx.save_arrays(tmp_path / "a.npy", {"x": NOISE}, format="auto")
        with pytest.raises(UnsupportedArrayError, match="no arrays"):
            fx.save_arrays(tmp_path / "a", {}, format="auto")
        with pytest.raises(UnsupportedArrayError):
            fx.save_arrays(tmp_path / "a", {"x": np.array([None])}, format="auto")
        with pytest.raises(UnsupportedOptionError, match="archive"):
            fx.save_arrays(tmp_path / "a.npz", {"x": NOISE}, for_="fun")  # type: ignore[arg-type]
        assert list(tmp_path.iterdir()) == []


class TestCopies:
    def test_are_in_what_save_would_choose(self, tmp_path: Path) -> None:
        source = fx.save(tmp_path / "a.npy", COUNTS, attrs={"unit": "m"})
        saved = fx.save(tmp_path / "b", COUNTS, format="auto", for_="archive")
        copy = fx.convert(source, tmp_path / "c", format="auto", for_="archive", verify=True)
        assert (copy.format, copy.compression) == (saved.format, saved.compression)
        assert copy.attrs["unit"] == "m"
        named = fx.convert(
            source, tmp_path / "d.h5", target_key="x/y", compression="auto", for_="archive"
        )
        assert (named.key, named.compression is None) == ("x/y", False)
        np.testing.assert_array_equal(named[...], COUNTS)

    def test_that_no_format_can_make_leave_nothing(self, tmp_path: Path) -> None:
        source = fx.save(tmp_path / "a.npy", ZEROS)
        with pytest.raises(UnsupportedOptionError, match="leave some of it out"):
            fx.convert(source, tmp_path / "b.npy", format="auto", chunks=(5, 5))
        assert [path.name for path in tmp_path.iterdir()] == ["a.npy"]


class TestChannels:
    @pytest.mark.parametrize("words", [{}, {"compression": "auto"}, {"for_": "slices"}])
    def test_carry_everything(self, words: dict[str, Any], slow_segments: Profile) -> None:
        with fx.Exchange(slow_segments.directory) as ex:
            queue = ex.queue(format="auto", **words)
            sent = {"noise": NOISE, "rest": [ZEROS, COUNTS.T, np.arange(3)], "a": "b" * 200_000}
            queue.put(sent)
            queue.put(NOISE)
            found = queue.get()
            np.testing.assert_array_equal(found["noise"], NOISE)
            for array, expected in zip(found["rest"], [ZEROS, COUNTS.T, np.arange(3)], strict=True):
                np.testing.assert_array_equal(array, expected)
            assert found["a"] == sent["a"]
            assert not found["noise"].flags.writeable
            np.testing.assert_array_equal(queue.get(mode="c"), NOISE)
            queue.close()
            assert ex.stats().claims == 0

    def test_choose_for_each_array(self, tmp_path: Path) -> None:
        with fx.Exchange(tmp_path) as ex:
            queue = ex.queue(format="auto", for_="archive")
            queue.put([ZEROS, BYTES])
            stats = ex.stats()
            assert stats.segments == 1
            assert BYTES.nbytes < stats.nbytes < BYTES.nbytes + ZEROS.nbytes
            zeros, noise = queue.get()
            np.testing.assert_array_equal(zeros, ZEROS)
            np.testing.assert_array_equal(noise, BYTES)
            queue.close()
            assert ex.stats().claims == 0

    def test_take_segments_where_these_are_the_fastest(self) -> None:
        with fx.Exchange() as ex:
            queue = ex.queue(format="auto")
            queue.put([NOISE, ZEROS])
            assert ex.stats().segments == 1
            queue.get()
            queue.close()

    def test_need_no_exchange_of_ones_own(self) -> None:
        queue = fx.Queue(format="zarr", compression="auto", for_="archive")
        queue.put(ZEROS)
        np.testing.assert_array_equal(queue.get(), ZEROS)
        queue.close()

    def test_that_fail_leave_nothing(self, tmp_path: Path) -> None:
        wide = np.zeros(20, [(f"f{n}", "f4") for n in range(3000)])
        with fx.Exchange(tmp_path) as ex:
            queue = ex.queue(format="hdf5")
            with pytest.raises(FileExchangeError):
                queue.put([NOISE, wide])
            assert ex.stats().claims == 0
            queue.close()

    def test_that_fail_at_a_file_leave_no_segment(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        def full(*_: object) -> None:
            raise StorageFullError(errno.ENOSPC, "the disk is full", "a")

        with fx.Exchange(tmp_path) as ex:
            queue = ex.queue(format="auto", for_="archive")
            monkeypatch.setattr(sending, "save_in", full)
            queue.put(BYTES)  # by segment
            with pytest.raises(StorageFullError):
                queue.put([BYTES, ZEROS])
            assert ex.stats().claims == 1
            queue.get()
            queue.close()

    @pytest.mark.parametrize(
        ("words", "message"),
        [
            ({"format": "no-such-format"}, "no format"),
            ({"format": "npy", "compression": "zstd"}, "does not have compression"),
            ({"format": "auto", "compression": "?"}, "not a codec"),
            ({"format": "auto", "for_": "fun"}, "archive"),
        ],
    )
    def test_refuse_wrong_words_when_they_are_made(
        self, words: dict[str, Any], message: str
    ) -> None:
        with fx.Exchange() as ex, pytest.raises(FileExchangeError, match=message):
            ex.queue(**words)

    def test_write_in_the_same_manner_in_every_process(self) -> None:
        context = multiprocessing.get_context("spawn")
        with fx.Exchange() as ex:
            queue = ex.queue(format="auto", for_="archive", context=context)
            process = context.Process(target=_answer, args=(queue,))
            process.start()
            queue.put(BYTES)
            process.join()
            assert ex.stats().segments == 1  # of the one that is not compressed
            np.testing.assert_array_equal(queue.get(), np.zeros_like(BYTES))
            queue.close()


class TestSegments:
    def test_are_what_npy_costs_in_an_exchange(self, slow_segments: Profile) -> None:
        new_file = fx.save(Path(slow_segments.directory) / "a", NOISE, format="auto")
        assert new_file.format == "npy"
        with fx.Exchange(slow_segments.directory) as ex:
            assert ex.put(NOISE, format="auto").format != "npy"

    def test_make_npy_worth_while_where_new_files_are_slow(self, profile: Profile) -> None:
        slow = profile.seconds.copy()
        slow[profile.ways.index(Way("npy")), ..., :2] *= 1000
        profiles.store(dataclasses.replace(profile, seconds=slow))
        assert fx.save(Path(profile.directory) / "a", NOISE, format="auto").format != "npy"
        with fx.Exchange(profile.directory) as ex:
            assert ex.put(NOISE, format="auto").format == "npy"

    def test_are_named_where_the_choice_is_explained(
        self, profile: Profile, capsys: pytest.CaptureFixture[str]
    ) -> None:
        with fx.Exchange(profile.directory) as ex:
            ex.put(NOISE, format="auto", explain=True)
        assert "segment" in capsys.readouterr().out

    def test_take_what_was_measured_between_and_beyond(self, profile: Profile) -> None:
        trips = {1 << 16: 1e-3, 1 << 22: 4e-3}
        made = with_segments(
            dataclasses.replace(profile, sizes=(1 << 16, 1 << 19, 1 << 22, 1 << 24), segments=trips)
        )
        found = made.seconds[made.ways.index(Way("npy")), :, :, :2].sum(axis=-1)
        np.testing.assert_allclose(found, [[1e-3, 2e-3, 4e-3, 16e-3]] * len(profile.inputs))

    def test_that_were_not_measured_leave_a_profile_as_it_is(self, profile: Profile) -> None:
        bare = dataclasses.replace(profile, segments={})
        assert with_segments(bare) is bare


class TestBlocks:
    def test_choose_the_codec_of_new_files(self, tmp_path: Path) -> None:
        found = blocks.rechunk(
            COUNTS, (100, 100), out=tmp_path / "a.zarr", compression="auto", for_="archive"
        )
        assert (found.chunks, found.compression is None) == ((100, 100), False)
        stored = blocks.store(ZEROS, tmp_path / "a.h5", compression="auto", for_="archive")
        assert stored.compression is not None
        plain = blocks.concatenate([ZEROS, ZEROS], out=tmp_path / "a.npy", compression="auto")
        assert plain.format == "npy"
        with pytest.raises(UnsupportedOptionError, match="archive"):
            blocks.store(ZEROS, tmp_path / "b.h5", compression="auto", for_="fun")  # type: ignore[arg-type]
        assert not (tmp_path / "b.h5").exists()


@pytest.mark.parametrize(
    "reading",
    [
        lambda path: fx.load(path, format="auto"),
        lambda path: fx.open_array(path, format="auto"),
        lambda path: fx.keys(path, format="auto"),
        lambda path: blocks.writer(path, 3, "f4", mode="a", format="auto"),
    ],
    ids=["load", "open_array", "keys", "writer"],
)
def test_what_is_there_already_is_not_chosen(reading: Any, tmp_path: Path) -> None:
    fx.save(tmp_path / "a.npy", ZEROS)
    with pytest.raises(UnknownFormatError, match="leave it to the path"):
        reading(tmp_path / "a.npy")


def test_no_codec_is_chosen_for_what_grows(tmp_path: Path) -> None:
    with pytest.raises(UnsupportedOptionError, match="name a codec"):
        blocks.writer(tmp_path / "a.zarr", 3, "f4", compression="auto")
    assert list(tmp_path.iterdir()) == []
