"""Arrays to go on with: which there are, whose they are, and what is refused of them."""

import contextlib
import os
import subprocess
import sys
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import zarr

import filexchange as fx
from filexchange import blocks
from filexchange.errors import (
    ArrayBusyError,
    ArrayExistsError,
    ArrayKeyError,
    ArrayMismatchError,
    ArrayNotFoundError,
    BadArrayFileError,
    ItemShapeError,
    UnsupportedArrayError,
    UnsupportedOptionError,
)


@pytest.mark.parametrize("suffix", [".npy", ".zarr", ".h5"])
def test_other_items_are_refused_before_anything_is_written(tmp_path: Path, suffix: str) -> None:
    with blocks.writer(tmp_path / f"a{suffix}", item_shape=(2,), dtype="u2") as w:
        w.append(np.ones((3, 2), "u1"))
        w.append([[65535, 2]])
    before = fx.load(w.path)
    assert before.shape == (4, 2)
    wrong: list[tuple[Any, type[Exception]]] = [
        (np.ones((3, 3), "u2"), ItemShapeError),
        (np.ones((1, 3, 2), "u2"), ItemShapeError),
        (np.ones((), "u2"), ItemShapeError),
        (np.ones((3, 2), "f8"), UnsupportedArrayError),
        (np.ones((3, 2), "u4"), UnsupportedArrayError),
        (np.ones((3, 2), "i2"), UnsupportedArrayError),
        ([[1, -1]], UnsupportedArrayError),
        ([[1, 65536]], UnsupportedArrayError),
        ([[1.5, 2]], UnsupportedArrayError),
        ([["a", "b"]], UnsupportedArrayError),
        (np.array([[1, None]], object), UnsupportedArrayError),
        (np.ma.masked_array([[1, 2]], [[True, False]], "u2"), UnsupportedArrayError),
    ]
    for batch, error in wrong:
        with pytest.raises(error):
            blocks.append(w.path, batch)
    np.testing.assert_array_equal(fx.load(w.path), before, strict=True)


def test_refused_batch_leaves_the_bytes_of_others_as_they_are(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.zeros((3, 2), "f4"))
    group = zarr.open_group(str(tmp_path / "a.zarr"), mode="w")
    group.create_array("x", shape=(3, 2), dtype="f4")[:] = 1
    with pytest.warns(UserWarning, match="onsolidated"):
        zarr.consolidate_metadata(str(tmp_path / "a.zarr"))
    files = [each for each in tmp_path.rglob("*") if each.is_file()]
    before = {each: each.read_bytes() for each in files}
    for name, key in (("a.npy", None), ("a.zarr", "x")):
        with pytest.raises(UnsupportedArrayError):
            blocks.append(tmp_path / name, np.zeros((1, 2)), key=key)
        with pytest.raises(ItemShapeError):
            blocks.append(tmp_path / name, np.zeros((1, 3), "f4"), key=key)
        with pytest.raises(ArrayMismatchError):
            blocks.writer(tmp_path / name, 3, "f4", mode="a", key=key)
    assert before == {each: each.read_bytes() for each in tmp_path.rglob("*") if each.is_file()}


def test_text_is_not_cut_off(tmp_path: Path) -> None:
    ref = fx.save(tmp_path / "a.npy", np.array(["ab", "c"]))
    with pytest.raises(UnsupportedArrayError, match="U2"):
        blocks.append(ref, np.array(["abc"]))
    assert blocks.append(ref, np.array(["z"]))[-1] == "z"


@pytest.mark.parametrize(
    ("path", "options", "match"),
    [
        ("a.npz", {}, "'hdf5', 'npy', 'zarr'"),
        ("a.raw", {}, "'hdf5', 'npy', 'zarr'"),
        ("a.zarr.zip", {}, "directory"),
        ("a.npy", {"mode": "w"}, "'x'"),
        ("a.npy", {"mode": "a", "overwrite": True}, "'a'"),
        ("a.npy", {"item_shape": None}, "item_shape"),
        ("a.npy", {"dtype": None, "mode": "a"}, "dtype"),
        ("a.npy", {"chunks": 3}, "chunks"),
        ("a.zarr", {"chunks": (-1, 2)}, "without end"),
        ("a.h5", {"chunks": -1}, "without end"),
        ("a.zarr", {"chunks": (1 << 27, 2)}, "smaller"),
        ("a.h5", {"chunks": (1 << 27, 2)}, "smaller"),
        ("a.zarr", {"shards": (1 << 27, 2)}, "smaller"),
    ],
    ids=str,
)
def test_what_cannot_grow_is_refused(
    tmp_path: Path, path: str, options: dict[str, Any], match: str
) -> None:
    with pytest.raises(UnsupportedOptionError, match=match):
        blocks.writer(tmp_path / path, **{"item_shape": (2,), "dtype": "i4", **options})
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("suffix", [".npy", ".zarr", ".h5"])
def test_items_without_elements_are_refused(tmp_path: Path, suffix: str) -> None:
    with pytest.raises(UnsupportedArrayError, match="no elements"):
        blocks.writer(tmp_path / f"a{suffix}", item_shape=(2, 0), dtype="i4")
    with pytest.raises(UnsupportedArrayError, match="object"):
        blocks.writer(tmp_path / f"a{suffix}", item_shape=(2,), dtype=object)
    assert os.listdir(tmp_path) == []
    for shape in ((), (2, 0)):
        ref = fx.save(tmp_path / f"b{suffix}", np.zeros(shape), overwrite=True)
        with pytest.raises(UnsupportedOptionError, match=r"axis|fixed|layout"):
            blocks.append(ref, np.zeros(shape))


@pytest.mark.parametrize("suffix", [".npy", ".zarr", ".h5"])
def test_array_to_append_to_must_be_there(tmp_path: Path, suffix: str) -> None:
    with pytest.raises(ArrayNotFoundError):
        blocks.append(tmp_path / f"a{suffix}", [1])
    with pytest.raises(ArrayNotFoundError):
        blocks.writer(tmp_path / "none" / f"a{suffix}", item_shape=(), dtype="i4", mode="a")
    assert os.listdir(tmp_path) == []


def test_reference_names_the_array_to_append_to(tmp_path: Path) -> None:
    ref = fx.save(tmp_path / "a.npy", np.arange(4))
    with pytest.raises(UnsupportedOptionError, match="part"):
        blocks.append(ref.part[:2], [1])
    with pytest.raises(UnsupportedOptionError, match="key"):
        blocks.append(ref, [1], key="x")
    np.testing.assert_array_equal(blocks.append(ref, [4])[:], np.arange(5))


@pytest.mark.parametrize("length", [0, 1, 9, 99999999])
def test_npy_of_numpy_grows_where_it_is(tmp_path: Path, length: int) -> None:
    path = tmp_path / "a.npy"
    with path.open("wb") as file:
        header = {"descr": "|u1", "fortran_order": False, "shape": (length,)}
        np.lib.format.write_array_header_1_0(file, header)
        begin = file.tell()
        file.truncate(begin + length)
    blocks.append(path, np.full(7, 3, "u1"))
    found = np.load(path, mmap_mode="r")
    assert found.shape == (length + 7,)
    assert (found.offset, path.stat().st_size) == (begin, begin + length + 7)
    np.testing.assert_array_equal(found[-8:][-7:], [3] * 7)
    assert not found[max(0, length - 5) : length].any()


def test_npy_of_many_fields_and_names_like_headers_grows(tmp_path: Path) -> None:
    dtype = np.dtype([("'shape': (3, ", "i4"), *((f"x{i}", "f8") for i in range(400))])
    np.save(tmp_path / "a.npy", np.zeros(12, dtype))
    ref = blocks.append(tmp_path / "a.npy", np.ones(2, dtype))
    assert (ref.shape, ref.dtype) == ((14,), dtype)
    np.testing.assert_array_equal(np.load(ref.path)["x399"], [0] * 12 + [1] * 2)
    attrs = {"note": "'shape': (3, 'shape': (  3, "}
    ref = fx.save(tmp_path / "b.npy", np.arange(12), attrs=attrs)
    ref = blocks.append(ref, [12])
    assert (ref.attrs, list(ref[-2:])) == (attrs, [11, 12])


def test_npy_that_has_no_place_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "a.npy"
    refused: dict[str, bytes] = {}
    np.save(path, np.zeros((3, 2)))
    whole = path.read_bytes()
    old = b"{'descr': '<f8', 'fortran_order': False, 'shape': (3, 2), }".ljust(69) + b"\n"
    refused["no room"] = whole[:8] + len(old).to_bytes(2, "little") + old + whole[128:]
    refused["something behind"] = whole + whole
    refused["truncated"] = whole[:-1]
    np.save(path, np.zeros((3, 2), order="F"))
    refused["Fortran order"] = path.read_bytes()
    for match, content in refused.items():
        path.write_bytes(content)
        with pytest.raises((UnsupportedOptionError, BadArrayFileError), match=match):
            blocks.append(path, np.ones((1, 2)))
        assert path.read_bytes() == content
    np.save(path, np.zeros(3, order="F"))
    assert blocks.append(path, [1.0]).shape == (4,)


def test_remedy_for_what_cannot_grow_is_to_append_it_to_what_can(tmp_path: Path) -> None:
    sources = [
        fx.save(tmp_path / "a.npy", np.arange(60).reshape(15, 4).T),
        fx.save(tmp_path / "a.h5", np.arange(60).reshape(4, 15)),
    ]
    for ref in sources:
        with pytest.raises(UnsupportedOptionError, match=r"blocks\.writer"):
            blocks.append(ref, ref)
        target = tmp_path / f"b{Path(ref.path).suffix}"
        with blocks.writer(target, item_shape=ref.shape[1:], dtype=ref.dtype) as w:
            w.append(ref)
        np.testing.assert_array_equal(fx.load(target), ref[:], strict=True)


def test_numpy_file_whose_first_items_were_not_shown_is_gone_on_with(
    tmp_path: Path, companion: Callable[..., Any]
) -> None:
    np.save(tmp_path / "a.npy", np.arange(3))
    child = companion({"path": tmp_path / "a.npy"})
    child.call(_write_without_showing)
    child.kill()
    assert len(np.load(tmp_path / "a.npy")) == 3
    assert list(blocks.append(tmp_path / "a.npy", [3])[:]) == [*range(4)]


def _write_without_showing(kept: dict[str, Any]) -> None:
    kept["writer"] = blocks.writer(kept["path"], mode="a", durable=True)
    kept["writer"].append(np.zeros(100, int))


def test_trailing_bytes_of_a_killed_writer_are_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "a.npy"
    with blocks.writer(path, item_shape=(), dtype="i4") as w:
        w.append([1, 2])
    with path.open("ab") as file:
        file.write(b"\xff" * 100)
    np.testing.assert_array_equal(blocks.append(path, [3])[:], [1, 2, 3])
    assert path.stat().st_size == 4096 + 12


def test_zarr_of_others_grows(tmp_path: Path) -> None:
    path = str(tmp_path / "a.zarr")
    group = zarr.open_group(path, mode="w")
    array = group.create_array("x", shape=(5, 3), chunks=(2, 2), dtype="f4", attributes={"a": 1})
    array[:] = 1
    with pytest.warns(UserWarning, match="onsolidated"):
        zarr.consolidate_metadata(path)
    with blocks.writer(path, key="x", mode="a") as w:
        w.append(np.full((4, 3), 2, "f4"))
        zarr.open_array(path, path="x").attrs["b"] = 2  # meanwhile
        w.flush()
        assert fx.open_array(path, key="x").attrs == {"a": 1, "b": 2}
    found = zarr.open_group(path, mode="r")["x"]
    np.testing.assert_array_equal(found[:], np.repeat([1, 2], [5, 4])[:, None] * [1, 1, 1])
    assert found.attrs["a"] == 1
    old = zarr.create_array(str(tmp_path / "old.zarr"), shape=(3,), dtype="f4", zarr_format=2)
    old[:] = 1
    with pytest.raises(UnsupportedOptionError, match="version 2"):
        blocks.append(tmp_path / "old.zarr", [1.0])


def test_hdf5_of_others_grows_if_it_was_made_for_it(tmp_path: Path) -> None:
    def make(name: str, **options: Any) -> Path:
        with h5py.File(tmp_path / name, "w", libver=options.pop("libver", "latest")) as file:
            file.create_dataset("x", data=np.ones((5, 3), "f4"), **options)
        return tmp_path / name

    good = make("a.h5", maxshape=(None, None), chunks=(2, 2), compression="gzip", shuffle=True)
    ref = blocks.append(good, np.full((4, 3), 2, "f4"))
    with h5py.File(good, "r") as file:
        np.testing.assert_array_equal(file["x"][:], np.repeat([1, 2], [5, 4])[:, None] * [1, 1, 1])
    assert ref.shape == (9, 3)
    with h5py.File(tmp_path / "tree.h5", "w", libver="latest"):
        pass
    with h5py.File(tmp_path / "tree.h5", "r+") as file:
        file.create_dataset("x", data=np.ones((5, 3), "f4"), maxshape=(None, 3))
    refused = {
        "layout": make("b.h5", maxshape=(None, 3), libver="earliest"),
        "fixed length": make("c.h5", chunks=(2, 2)),
        "libver='latest'": tmp_path / "tree.h5",
    }
    for match, path in refused.items():
        before = path.read_bytes()
        with pytest.raises(UnsupportedOptionError, match=match):
            blocks.append(path, np.ones((1, 3), "f4"))
        with h5py.File(path, "r") as file:
            assert file["x"].shape == (5, 3)
        assert match != "layout" or path.read_bytes() == before


@pytest.mark.parametrize("suffix", [".zarr", ".h5"])
def test_arrays_grow_in_containers_by_key(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a{suffix}"
    options: dict[str, Any] = {"item_shape": (), "dtype": "i4", "chunks": 3}
    with blocks.writer(path, key="a/x", **options) as w:
        w.append(range(4))
    fx.save(path, np.ones(3), key="static")
    with blocks.writer(path, key="a/y", mode="a", compression="gzip", **options) as w:
        w.append(range(7))
    blocks.append(path, [4], key="a/x")
    assert fx.keys(path) == ["a/x", "a/y", "static"]
    assert [list(fx.load(path, key=key)) for key in ("a/x", "a/y")] == [[*range(5)], [*range(7)]]
    with pytest.raises(ArrayKeyError, match="3 arrays"):
        blocks.writer(path, mode="a")
    with pytest.raises(ArrayKeyError, match="none"):
        blocks.append(path, [1], key="none")
    with pytest.raises(ArrayExistsError):
        blocks.writer(path, key="a/x", **options)


def test_arrays_of_a_zarr_store_grow_at_the_same_time(tmp_path: Path) -> None:
    writers = [
        blocks.writer(tmp_path / "a.zarr", key=key, item_shape=(), dtype="i4", chunks=2)
        for key in ("x", "g/y")
    ]
    for number in range(5):
        for w in writers:
            w.append(number)
    fx.save(tmp_path / "a.zarr", [1], key="z")
    for w in writers:
        w.close()
        assert list(fx.load(w.path, key=w.ref.key)) == [*range(5)]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert sorted(zarr.open_group(tmp_path / "a.zarr", mode="r").array_keys()) == ["x", "z"]


def test_hdf5_file_that_another_program_writes_is_not_taken_for_a_killed_one(
    tmp_path: Path,
) -> None:
    path = tmp_path / "a.h5"
    with blocks.writer(path, item_shape=(), dtype="i4") as w:
        w.append([1, 2])
    program = (
        "import h5py, sys; f = h5py.File(sys.argv[1], 'r+', libver='latest'); f.swmr_mode = True;"
        "print('open', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout.readline() == b"open\n"
        np.testing.assert_array_equal(fx.load(path), [1, 2])
        with pytest.raises(ArrayBusyError):
            blocks.append(path, [3], timeout=0)
        other.kill()
    np.testing.assert_array_equal(blocks.append(path, [3])[:], [1, 2, 3])


def test_hdf5_file_that_is_read_in_another_mode_is_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "a.h5"
    with blocks.writer(path, item_shape=(), dtype="i4") as w:
        w.append([1, 2])
    program = (
        "import h5py, sys; f = h5py.File(sys.argv[1], 'r'); print('open', flush=True);"
        "sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout.readline() == b"open\n"
        with pytest.raises(ArrayBusyError):
            blocks.append(path, [3], timeout=0.01)
        other.stdin.close()
        np.testing.assert_array_equal(blocks.append(path, [3])[:], [1, 2, 3])


def test_names_that_begin_alike_have_writers_of_their_own(tmp_path: Path) -> None:
    with contextlib.ExitStack() as stack:
        for end in "ab":
            path = tmp_path / f"{'long' * 30}{end}.h5"
            stack.enter_context(blocks.writer(path, item_shape=(), dtype="i4"))


@pytest.mark.parametrize("suffix", [".npy", ".zarr", ".h5"])
def test_one_of_those_who_begin_at_once_makes_it(tmp_path: Path, suffix: str) -> None:
    def begin(number: int) -> None:
        with blocks.writer(tmp_path / f"a{suffix}", (), "i4", mode="a", timeout=None) as w:
            w.append([number] * 3)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(begin, range(8)))
    rows = fx.load(tmp_path / f"a{suffix}").reshape(-1, 3)
    assert sorted(rows[:, 0]) == sorted(rows[:, 2]) == [*range(8)]


def test_array_is_processed_by_blocks_while_it_grows(tmp_path: Path) -> None:
    with blocks.writer(tmp_path / "a.npy", 3, "f4") as w:
        w.append(np.ones((4, 3), "f4"))
        ref = w.ref
        w.append(np.zeros((4, 3), "f4"))
        assert (blocks.mean(ref), blocks.mean(w.ref)) == (1, 0.5)
        w.append(w.ref)  # of itself, what is there by now
    assert blocks.sum(w.ref) == 24


def test_python_numbers_have_to_fit(tmp_path: Path) -> None:
    with blocks.writer(tmp_path / "a.npy", (), "i2") as w:
        w.append([32767, -32768, True])
        with pytest.raises(UnsupportedArrayError, match="int16"):
            w.append([32768])
    with blocks.writer(tmp_path / "b.npy", (), "f4") as w:
        w.append([0.1, 3])
        with pytest.raises(UnsupportedArrayError, match="float32"):
            w.append(np.array([0.1]))
    np.testing.assert_array_equal(fx.load(w.path), np.array([0.1, 3], "f4"), strict=True)
