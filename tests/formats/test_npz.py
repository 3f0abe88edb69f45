"""The npz format beyond the common contract."""

import io
import multiprocessing
import os
import resource
import tracemalloc
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import filexchange as fx
from filexchange import files
from filexchange.errors import (
    ArrayKeyError,
    ArrayMismatchError,
    AttrsError,
    StorageFullError,
    UnsupportedOptionError,
)
from filexchange.formats import get_format
from filexchange.testing import FormatTests, assert_same

FOREIGN = {
    "big_endian": np.arange(12, dtype=">f8").reshape(3, 4),
    "fortran": np.asfortranarray(np.arange(12, dtype="i2").reshape(3, 4)),
    "structured": np.array([(1, 2.5), (3, 4.5)], [("id", "u1"), ("x", "<f4")]),
    "scalar": np.array(7),
    "empty": np.zeros((3, 0, 2), "c8"),
    "text": np.array(["é", "日本"]),
}


class TestNpz(FormatTests):
    name = "npz"


class TestDeflatedNpz(FormatTests):
    name = "npz"

    def save(self, directory: Path, array: Any, **options: Any) -> fx.ArrayRef:
        return super().save(directory, array, **{"compression": "deflate", **options})


# What others read.


@pytest.mark.parametrize("compression", [None, "deflate", "deflate:0", "deflate:9"])
def test_numpy_and_zipfile_read_what_is_written(tmp_path: Path, compression: str | None) -> None:
    path = tmp_path / "a.npz"
    fx.save_arrays(path, FOREIGN, compression=compression)
    fx.save(path, np.arange(5), key="group/é", compression=compression, attrs={"unit": "µm"})
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
    with np.load(path) as loaded:
        for key, expected in {**FOREIGN, "group/é": np.arange(5)}.items():
            assert_same(loaded[key], expected)


def test_array_without_a_key_has_numpys_default_name(tmp_path: Path) -> None:
    ref = fx.save(tmp_path / "a.npz", np.arange(3))
    assert ref.key == "arr_0"
    with np.load(ref.path) as loaded:
        assert loaded.files == ["arr_0"]


def test_stored_elements_begin_at_pages_of_the_file(tmp_path: Path) -> None:
    refs = fx.save_arrays(tmp_path / "a.npz", {"a": np.arange(999.0), "long/name": np.arange(5)})
    for ref in refs.values():
        assert ref.offset is not None
        assert ref.offset % 4096 == 0
        assert fx.open_array(ref.path, key=ref.key) == ref


def test_file_takes_hardly_more_than_its_arrays(tmp_path: Path) -> None:
    array = np.zeros((100, 1000))
    stored = fx.save(tmp_path / "a.npz", array)
    deflated = fx.save(tmp_path / "b.npz", array, compression="deflate")
    for ref, at_most in ((stored, array.nbytes + 4096), (deflated, 2000)):
        nbytes = get_format("npz").stored_nbytes(ref.path, ref.stored)
        assert nbytes <= at_most
        assert os.path.getsize(ref.path) - nbytes < 500


# What others write.


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
@pytest.mark.parametrize("key", FOREIGN)
def test_arrays_of_numpy_come_back_equal(tmp_path: Path, save: Any, key: str) -> None:
    path = tmp_path / "a.npz"
    save(path, **FOREIGN)
    assert fx.keys(path) == sorted(FOREIGN)
    ref = fx.open_array(path, key=key)
    assert (ref.offset is None) == (ref.compression == "deflate") == (save is not np.savez)
    assert ref.order == ("F" if key == "fortran" else "C")
    assert_same(ref[...], FOREIGN[key])
    assert_same(ref.load(), FOREIGN[key])


def test_unaligned_array_of_zipfile_is_mapped(tmp_path: Path) -> None:
    path, array = tmp_path / "a.npz", np.arange(1000.0)
    npy = io.BytesIO()
    np.save(npy, array)
    for name in ("x", "xy"):  # of which at most one makes the elements begin at an even byte
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr(f"{name}.npy", npy.getvalue())
            archive.writestr("README.txt", "not an array")
        ref = fx.open_array(path)
        assert ref.key == name
        assert_same(ref.open(), array)
        assert_same(ref[10:20], array[10:20])


@pytest.mark.parametrize("name", ["jacksboro_fault_dem.npz", "topobathy.npz"])
def test_elevation_grids_of_matplotlib_come_back_equal(name: str) -> None:
    cbook = pytest.importorskip("matplotlib.cbook", reason="it comes with these files")
    path = cbook.get_sample_data(name, asfileobj=False)
    with np.load(path) as loaded:
        assert fx.keys(path) == sorted(loaded.files)
        for key in loaded.files:
            assert_same(fx.load(path, key=key), loaded[key])


def test_zip_behind_other_data_is_read(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", x=np.arange(3))
    path = tmp_path / "b.npz"
    path.write_bytes(b"#!/bin/sh\n" + (tmp_path / "a.npz").read_bytes())
    assert_same(fx.load(path), np.arange(3))


def test_file_without_suffix_is_recognised_by_its_arrays(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", x=np.arange(3))
    os.rename(tmp_path / "a.npz", tmp_path / "a")
    assert fx.open_array(tmp_path / "a").format == "npz"
    with zipfile.ZipFile(tmp_path / "b", "w") as archive:
        archive.writestr("word/document.xml", "")
    assert not get_format("npz").recognizes(str(tmp_path / "b"))


# Containers that change.


@pytest.mark.parametrize("replaced", ["a", "b", "c", "d"])
def test_arrays_behind_a_replaced_one_move_and_references_follow(
    tmp_path: Path, replaced: str
) -> None:
    path = tmp_path / "a.npz"
    arrays = {"a": np.arange(999, dtype="u1"), "b": np.arange(5.0), "d": np.ones((300, 300))}
    refs = fx.save_arrays(path, arrays)
    arrays["c"] = np.arange(7000)
    refs["c"] = fx.save(path, arrays["c"], key="c", compression="deflate")
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("README.txt", "stays")
    arrays[replaced] = arrays[replaced][::-1].copy()
    fx.save(path, arrays[replaced], key=replaced, compression=refs[replaced].compression,
            overwrite=True)  # fmt: skip
    for key, expected in arrays.items():
        assert_same(refs[key].load(), expected)
        assert_same(refs[key][...], expected)
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        assert archive.read("README.txt") == b"stays"
    with np.load(path) as loaded:
        assert_same(loaded["d"], arrays["d"])


@pytest.mark.parametrize("compression", [None, "deflate"])
def test_replacing_again_and_again_leaves_no_waste(tmp_path: Path, compression: str | None) -> None:
    path, array = tmp_path / "a.npz", np.arange(5000)
    sizes = set()
    for _ in range(5):
        for key in ("a", "b"):
            fx.save(path, array, key=key, compression=compression, overwrite=True)
        sizes.add(os.path.getsize(path))
    assert len(sizes) == 1


def test_same_key_twice_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnsupportedOptionError, match="own"):
        fx.save_arrays(tmp_path / "a.npz", {"a": np.zeros(1), "/a": np.zeros(2)})
    assert os.listdir(tmp_path) == []


def test_key_that_is_not_text_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnsupportedOptionError, match="UTF-8"):
        fx.save(tmp_path / "a.npz", np.zeros(1), key="\udc80")
    assert os.listdir(tmp_path) == []


def test_attrs_beyond_a_header_are_refused(tmp_path: Path) -> None:
    with pytest.raises(AttrsError, match="hdf5"):
        fx.save(tmp_path / "a.npz", np.zeros(1), attrs={"text": "x" * 10_000})
    assert os.listdir(tmp_path) == []


def test_array_in_a_zip_cannot_be_changed_in_place(tmp_path: Path) -> None:
    fx.save(tmp_path / "a.npz", np.zeros(3))
    writable = fx.open_array(tmp_path / "a.npz", mode="r+")
    with pytest.raises(UnsupportedOptionError, match="overwrite=True"):
        writable[0] = 1
    format, stored = get_format("npz"), writable.stored
    with pytest.raises(UnsupportedOptionError, match="overwrite=True"):
        format.create(str(tmp_path / "b.npz"), None, (3,), stored.dtype, None)  # type: ignore[arg-type]


def test_other_array_under_the_key_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    ref = fx.save(path, np.zeros(3), key="a")
    fx.save(path, np.zeros(3), key="a", compression="deflate", overwrite=True)
    for read in (ref.load, lambda: ref[0]):
        with pytest.raises(ArrayMismatchError, match="open it anew"):
            read()
    fx.save(path, np.zeros(3), key="b")
    os.unlink(path)
    fx.save(path, np.zeros(3), key="b")
    with pytest.raises(ArrayKeyError, match="'b'"):
        ref.load()


# Large arrays, small memory.


@pytest.mark.parametrize("compression", [None, "deflate:1"])
def test_lazy_array_is_written_and_copied_in_bounded_memory(
    tmp_path: Path, compression: str | None
) -> None:
    source = fx.create_array(tmp_path / "a.npy", shape=(1 << 14, 1 << 10), dtype="f8")  # 128 MiB
    source[::1000] = 1
    tracemalloc.start()
    try:
        ref = fx.save(tmp_path / "a.npz", source.part[::-1], compression=compression)
        copy = fx.save(tmp_path / "b.npy", ref)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 50 << 20
    assert_same(copy[::-1], source[...])


def _save_in_little_space(path: str, compression: str | None, found: Any) -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))
    array = np.frombuffer(np.random.default_rng(0).bytes(4 << 20))
    try:
        fx.save(path, array, compression=compression)
    except StorageFullError:
        found.put(os.listdir(os.path.dirname(path)))


@pytest.mark.parametrize("compression", [None, "deflate:1"])
def test_full_disk_is_an_error_and_leaves_nothing(tmp_path: Path, compression: str | None) -> None:
    context = multiprocessing.get_context("spawn")
    found = context.SimpleQueue()
    child = context.Process(
        target=_save_in_little_space, args=(str(tmp_path / "a.npz"), compression, found)
    )
    child.start()
    child.join()
    assert child.exitcode == 0
    child.close()
    assert not found.empty()
    assert found.get() == []
    found.close()


def test_arrays_of_others_are_opened_by_any_name_that_is_listed(tmp_path: Path) -> None:
    names = ["/rooted", "a//b", "a\\b"]
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        for name in names:
            with archive.open(f"{name}.npy", "w") as member:
                np.lib.format.write_array(member, np.arange(3))
    assert fx.keys(tmp_path / "a.npz") == names
    for name in names:
        assert fx.load(tmp_path / "a.npz", key=name).tolist() == [0, 1, 2]


def test_lock_of_a_killed_process_is_taken_over(tmp_path: Path) -> None:
    (tmp_path / ".a.npz.lock.partial").touch()
    fx.save(tmp_path / "a.npz", np.arange(3), key="x")
    assert os.listdir(tmp_path) == ["a.npz"]


def test_child_forked_while_an_array_is_added_keeps_nobody_waiting(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    done = context.Event()
    child = context.Process(target=done.wait)
    with files.alone(str(tmp_path / "a.npz")):
        child.start()
    try:
        fx.save(tmp_path / "a.npz", np.arange(3), key="x")
    finally:
        done.set()
        child.join()
        child.close()
    assert os.listdir(tmp_path) == ["a.npz"]
