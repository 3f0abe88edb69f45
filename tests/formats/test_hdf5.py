"""The hdf5 format beyond the common contract."""

import errno
import json
import multiprocessing
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

import filexchange as fx
from filexchange.errors import (
    ArrayExistsError,
    ArrayKeyError,
    ArrayMismatchError,
    BadArrayFileError,
    MemoryLimitError,
    MissingDependencyError,
    StorageFullError,
    UnsupportedArrayError,
    UnsupportedOptionError,
)
from filexchange.testing import FormatTests, assert_same


class TestHdf5(FormatTests):
    name = "hdf5"


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "a.h5")


GRID = np.arange(600, dtype="f4").reshape(20, 30)


def test_arrays_are_contiguous_unless_chunks_or_a_codec_ask_for_more(path: str) -> None:
    assert fx.save(path, GRID, key="plain").chunks is None
    assert fx.save(path, GRID, key="chunked", chunks=(5, 30)).chunks == (5, 30)
    assert fx.save(path, GRID, key="packed", compression="gzip:1").chunks == (20, 30)
    with h5py.File(path) as file:
        assert file["plain"].chunks is None
        assert file["packed"].compression_opts == 1


@pytest.mark.parametrize("dtype", [">f8", "<f4", "?", "c16", "f2", "S3", "u8", "g", "M8[us]"])
def test_h5py_reads_the_same_bytes_and_dtype(path: str, dtype: str) -> None:
    array = (np.arange(12) % 2).reshape(3, 4).astype(dtype)
    fx.save(path, array, key="group/x", attrs={"unit": "m", "n": 3, "rates": [1.5, 2.5]})
    with h5py.File(path) as file:
        assert_same(file["group/x"][()], array)
        assert dict(file["group/x"].attrs) | {"rates": None} == {"unit": "m", "n": 3, "rates": None}
        assert file["group/x"].attrs["rates"].tolist() == [1.5, 2.5]


@pytest.mark.parametrize(
    ("options", "described"),
    [
        ({"compression": "gzip", "shuffle": True, "fletcher32": True}, "shuffle+gzip:4+fletcher32"),
        ({"scaleoffset": 0}, "scaleoffset"),
        ({"maxshape": (None, 30), "chunks": (5, 10)}, None),
        ({"compression": "lzf"}, "lzf"),
        ({"fillvalue": 3}, None),
        ({"chunks": True, "compression": "gzip", "compression_opts": 9}, "gzip:9"),
    ],
    ids=repr,
)
def test_datasets_of_h5py_are_read_whatever_their_options(
    path: str, options: dict[str, Any], described: str | None
) -> None:
    with h5py.File(path, "w", libver="latest", userblock_size=512) as file:
        file.create_dataset("entry/data", data=GRID.astype(">i4"), **options)
    ref = fx.open_array(path, key="/entry/data")
    assert (ref.compression, ref.key) == (described, "entry/data")
    assert_same(ref[::-3, 4], GRID.astype(">i4")[::-3, 4])
    assert_same(ref.load(), GRID.astype(">i4"))


@pytest.mark.parametrize("codec", ["Zstd", "LZ4", "Blosc", "Blosc2", "Bitshuffle", "BZip2"])
def test_filters_of_hdf5plugin_are_undone_in_a_process_that_did_not_import_it(
    path: str, codec: str
) -> None:
    import hdf5plugin

    with h5py.File(path, "w") as file:
        file.create_dataset("x", data=GRID, chunks=(10, 30), **getattr(hdf5plugin, codec)())
    receiving, sending = multiprocessing.get_context("spawn").Pipe(duplex=False)
    child = multiprocessing.get_context("spawn").Process(
        target=_send_loaded, args=(fx.open_array(path), sending)
    )
    child.start()
    sending.close()
    assert_same(receiving.recv(), GRID)
    child.join()
    child.close()
    receiving.close()


def test_enumerations_are_integers_and_named_types_are_dtypes(path: str) -> None:
    with h5py.File(path, "w") as file:
        colour = h5py.enum_dtype({"red": 0, "green": 1}, basetype="i2")
        file.create_dataset("enum", data=np.array([0, 1, 1]), dtype=colour)
        file["type"] = np.dtype("f8")
        file.create_dataset("named", data=np.arange(3.0), dtype=file["type"])
    assert_same(fx.load(path, key="enum"), np.array([0, 1, 1], "i2"))
    assert_same(fx.load(path, key="named"), np.arange(3.0))
    assert fx.keys(path) == ["enum", "named"]


@pytest.mark.parametrize("kind", ["text", "ragged", "reference"])
def test_elements_of_variable_size_are_refused_by_name(path: str, kind: str) -> None:
    with h5py.File(path, "w") as file:
        dtype = {
            "text": h5py.string_dtype(),
            "ragged": h5py.vlen_dtype("f4"),
            "reference": h5py.ref_dtype,
        }[kind]
        file.create_dataset("odd", (3,), dtype)
    with pytest.raises(UnsupportedArrayError, match="odd"):
        fx.open_array(path)


def test_attributes_of_others_become_json(path: str) -> None:
    with h5py.File(path, "w") as file:
        data = file.create_dataset("x", data=GRID)
        data.attrs["fill"] = np.float32("nan")
        data.attrs["bytes"] = np.bytes_(b"m/s")
        data.attrs["vector"] = np.arange(3, dtype=">i2")
        data.attrs["words"] = ["a", "b"]
        data.attrs["empty"] = h5py.Empty("f4")
        data.attrs["link"] = file.ref
    ref = fx.open_array(path)
    assert dict(ref.attrs) == {
        "fill": "nan",
        "bytes": "m/s",
        "vector": [0, 1, 2],
        "words": ["a", "b"],
        "empty": None,
    }
    assert fx.ArrayRef.from_json(ref.to_json()) == ref


def test_large_attrs_are_kept(path: str) -> None:
    attrs = {"text": "x" * 100_000, "numbers": list(range(50_000))}
    fx.save(path, GRID, attrs=attrs)
    assert dict(fx.open_array(path).attrs) == attrs


@pytest.mark.parametrize("trick", ["external link", "external storage", "virtual"])
def test_data_in_other_files_are_refused(path: str, tmp_path: Path, trick: str) -> None:
    other = str(tmp_path / "other.h5")
    fx.save(other, GRID, key="x")
    with h5py.File(path, "w") as file:
        if trick == "external link":
            file["x"] = h5py.ExternalLink(other, "/x")
        elif trick == "external storage":
            file.create_dataset("x", (4,), "u1", external=[(other, 0, 4)])
        else:
            layout = h5py.VirtualLayout(GRID.shape, GRID.dtype)
            layout[:] = h5py.VirtualSource(other, "x", GRID.shape)
            file.create_virtual_dataset("x", layout)
    with pytest.raises(BadArrayFileError, match="other files"):
        fx.open_array(path, key="x")


def test_soft_links_are_followed_within_the_file(path: str) -> None:
    fx.save(path, GRID, key="group/x")
    with h5py.File(path, "a") as file:
        file["alias"] = h5py.SoftLink("/group/x")
        file["group/beside"] = h5py.SoftLink("x")
        file["loop"] = h5py.SoftLink("/loop")
        file["dangling"] = h5py.SoftLink("/nowhere")
    for key in ("alias", "group/beside"):
        assert_same(fx.load(path, key=key), GRID)
    with pytest.raises(BadArrayFileError, match="links"):
        fx.open_array(path, key="loop")
    with pytest.raises(ArrayKeyError):
        fx.open_array(path, key="dangling")


def test_group_is_not_an_array_and_array_is_not_a_group(path: str) -> None:
    fx.save(path, GRID, key="group/x")
    with pytest.raises(ArrayKeyError, match="group"):
        fx.open_array(path, key="group")
    with pytest.raises(ArrayExistsError):
        fx.save(path, GRID, key="group/x/y")
    assert_same(fx.load(path), GRID)


@pytest.mark.parametrize("cut", [0, 7, 100, 800, -1])
def test_file_that_is_none_is_bad(path: str, cut: int) -> None:
    fx.save(path, GRID)
    Path(path).write_bytes(Path(path).read_bytes()[:cut])
    with pytest.raises(BadArrayFileError, match=r"a\.h5"):
        fx.load(path)


def test_array_larger_than_memory_is_refused_before_it_is_read(path: str) -> None:
    with h5py.File(path, "w") as file:
        file.create_dataset("x", (1 << 40, 1 << 20), "f8", chunks=(1 << 10, 1 << 10))
    ref = fx.open_array(path)
    assert ref.nbytes == 1 << 63
    with pytest.raises(MemoryLimitError):
        ref.load()
    assert ref[1 << 39, :3].tolist() == [0, 0, 0]


def test_replaced_array_of_the_same_size_but_another_dtype_is_noticed(path: str) -> None:
    ref = fx.save(path, GRID)
    fx.save(path, GRID.view("i4"), overwrite=True)
    with pytest.raises(ArrayMismatchError):
        ref.load()


def test_native_handle_is_h5pys_and_closes_with_its_file(path: str) -> None:
    dataset = fx.save(path, GRID).open()
    assert isinstance(dataset, h5py.Dataset)
    assert_same(dataset[3], GRID[3])
    dataset.file.close()
    with pytest.raises(UnsupportedOptionError):
        fx.open_array(path).open("c")


def test_array_that_is_read_elsewhere_cannot_be_filled(path: str) -> None:
    fx.save(path, GRID)
    ref = fx.open_array(path, mode="r+")
    with fx.open_array(path).opened(), pytest.raises(OSError, match="open elsewhere"):
        ref[0] = 1
    ref[0] = 1
    assert ref[0].tolist() == [1] * 30


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_child_reads_while_its_parent_holds_the_file_open(path: str, method: str) -> None:
    ref = fx.save(path, GRID, chunks=(5, 5), compression="gzip")
    context: Any = multiprocessing.get_context(method)
    with ref.opened() as held:
        assert_same(held[0], GRID[0])
        receiving, sending = context.Pipe(duplex=False)
        child = context.Process(target=_send_loaded, args=(ref, sending))
        child.start()
        sending.close()
        assert_same(receiving.recv(), GRID)
        child.join()
        child.close()
        receiving.close()
        assert_same(held[1], GRID[1])


def test_reading_leaves_no_descriptor_open(path: str) -> None:
    ref = fx.save(path, GRID)
    before = set(os.listdir("/proc/self/fd"))
    for _ in range(5):
        assert_same(ref[2], GRID[2])
    assert set(os.listdir("/proc/self/fd")) == before


def test_dtypes_are_numpys_own_without_notes_of_h5py(path: str) -> None:
    record = np.dtype(
        [("c", h5py.enum_dtype({"a": 0}, "i2")), ("s", h5py.string_dtype("utf-8", 4))]
    )
    fx.save(path, np.arange(12).reshape(3, 4).astype("M8[ns]")[::2, ::2], key="time")
    with h5py.File(path, "a") as file:
        file.create_dataset("record", (2,), record)
        file.create_dataset("text", (2,), h5py.string_dtype("utf-8", 4))
    for key in fx.keys(path):
        ref = fx.open_array(path, key=key)
        for array in (ref.load(), ref[...], ref[1:]):
            np.save(path + ".npy", array)  # warns of notes


@pytest.mark.parametrize(
    ("array", "options"),
    [
        (np.zeros((1,) * 33), {}),
        (np.zeros(2, [(f"field{i}", "f4") for i in range(3000)]), {}),
        (np.zeros(3, {"names": [], "formats": [], "itemsize": 8}), {}),
    ],
    ids=["axes", "fields", "no fields"],
)
def test_array_that_hdf5_has_no_place_for_is_refused(
    path: str, array: Any, options: dict[str, Any]
) -> None:
    with pytest.raises(UnsupportedArrayError, match="'zarr' or 'raw'"):
        fx.save(path, array, **options)
    assert not os.path.exists(path)


def test_type_that_numpy_does_not_have_is_refused_by_name_or_left_out(path: str) -> None:
    with h5py.File(path, "w") as file:
        place, time = h5py.h5s.create_simple((2,)), h5py.h5t.UNIX_D32LE
        h5py.h5d.create(file.id, b"time", time, place)
        data = file.create_dataset("x", data=GRID)
        h5py.h5a.create(data.id, b"when", time, place)
        data.attrs["unit"] = "m"
    assert dict(fx.open_array(path, key="x").attrs) == {"unit": "m"}
    with pytest.raises(UnsupportedArrayError, match="time"):
        fx.open_array(path, key="time")


@pytest.mark.parametrize(
    "attrs",
    [
        {"": 1, "a\nb": 2, "a/b": 3, "filexchange": 4, "n" * 70_000: 5},
        {"nul": "a\0b", "surrogate": "\ud800", "line": "a\nb", "many": ["x" * 100] * 5000},
        {"mixed": [1, 2.0, True], "large": 2**70, "matrix": [[1, 2], [3]], "zero": -0.0},
        {f"k{i}": [1.5] * 1000 for i in range(100)},
    ],
    ids=["names", "texts", "numbers", "many"],
)
def test_odd_attrs_come_back_as_the_same_json(path: str, attrs: dict[str, Any]) -> None:
    fx.save(path, GRID, attrs=attrs)
    read = dict(fx.open_array(path).attrs)
    assert json.dumps(read, sort_keys=True) == json.dumps(attrs, sort_keys=True)


@pytest.mark.parametrize(
    "note", ["nonsense", 3, "[1]", '{"attrs": []}', '{"dtype": "object"}', "[" * 100_000]
)
def test_reserved_attribute_of_others_is_refused(path: str, note: Any) -> None:
    with h5py.File(path, "w") as file:
        file.create_dataset("x", data=GRID).attrs["filexchange"] = note
    with pytest.raises(BadArrayFileError, match="filexchange|dtype"):
        fx.open_array(path)


@pytest.mark.parametrize(
    ("given", "described"),
    [
        ("blosc", "blosc-lz4:5"),
        ("blosc-zstd:3", "blosc-zstd:3"),
        ("blosc2-zstd:7", "blosc2-zstd:7"),
        ("bitshuffle", "bitshuffle"),
        ("bitshuffle-zstd:4", "bitshuffle-zstd:4"),
        ("zstd:9", "zstd:9"),
    ],
)
def test_compression_is_described_such_that_it_can_be_asked_for(
    path: str, given: str, described: str
) -> None:
    ref = fx.save(path, GRID, compression=given)
    assert ref.compression == described
    again = fx.save(path, ref, compression=ref.compression, overwrite=True)
    assert again.compression == described


@pytest.mark.parametrize("access", ["save", "load"])
def test_missing_hdf5plugin_is_named(path: str, access: str, monkeypatch: Any) -> None:
    ref = fx.save(path, GRID, compression="zstd")
    monkeypatch.setitem(sys.modules, "hdf5plugin", None)
    monkeypatch.setattr(h5py.h5z, "filter_avail", lambda code: False)
    with pytest.raises(MissingDependencyError, match="pip install hdf5plugin"):
        ref.load() if access == "load" else fx.save(
            path + "2", ref, format="hdf5", compression="lz4"
        )


def test_groups_behind_links_are_found_and_names_of_links_are_taken(
    path: str, tmp_path: Path
) -> None:
    other = tmp_path / "other.h5"
    fx.save(other, GRID)
    before = other.read_bytes()
    fx.save(path, GRID, key="a/x")
    with h5py.File(path, "a") as file:
        file.create_group("b")
        file["a/link"] = h5py.SoftLink("/b")
        file["dangling"] = h5py.SoftLink("/nowhere")
        file["outside"] = h5py.ExternalLink(str(other), "/")
    assert_same(fx.save(path, GRID, key="a/link/y").load(), GRID)
    assert fx.keys(path) == ["a/x", "b/y"]
    with pytest.raises(ArrayExistsError):
        fx.save(path, GRID, key="dangling")
    with pytest.raises(BadArrayFileError, match="other files"):
        fx.save(path, GRID, key="outside/y")
    assert other.read_bytes() == before


def test_damaged_chunk_is_an_error_however_it_is_read(path: str) -> None:
    with h5py.File(path, "w") as file:
        data = file.create_dataset("x", data=GRID, chunks=GRID.shape, fletcher32=True)
        place = data.id.get_chunk_info(0).byte_offset
    with open(path, "r+b") as raw:
        raw.seek(place)
        raw.write(b"\xff")
    ref = fx.open_array(path)
    for read in (ref.load, lambda: ref[3], lambda: fx.save(path + "2", ref, format="npy")):
        with pytest.raises(BadArrayFileError, match="damaged"):
            read()


def test_file_that_another_process_changes_is_named(path: str) -> None:
    ref = fx.create_array(path, shape=(3,), dtype="f4")
    context = multiprocessing.get_context("spawn")
    receiving, sending = context.Pipe(duplex=False)
    with ref.opened():
        child = context.Process(target=_send_error, args=(path, sending))
        child.start()
        sending.close()
        kind, text = receiving.recv()
        child.join()
        child.close()
        receiving.close()
    assert kind == "ArrayIOError"
    assert "one writer" in text


@pytest.fixture
def small_disk(mount: Callable[[str], Path]) -> Path:
    """A file system of 1 MiB."""
    return mount("size=1m")


@pytest.mark.parametrize(
    "options", [{}, {"chunks": 300_000}, {"chunks": 1000}, {"compression": "gzip"}], ids=repr
)
def test_full_disk_is_an_error_and_the_process_goes_on(
    small_disk: Path, options: dict[str, Any]
) -> None:
    noise = np.random.default_rng(0).integers(0, 255, 4 << 20, dtype="u1")
    kept = fx.save(small_disk / "kept.h5", GRID, key="x")
    for source in (noise, noise[::-1]):
        for target in ("new.h5", "kept.h5"):
            with pytest.raises(StorageFullError) as caught:
                fx.save(small_disk / target, source, key="y", **options)
            assert caught.value.errno == errno.ENOSPC
            assert caught.value.filename == str(small_disk / target)
    assert os.listdir(small_disk) == ["kept.h5"]
    assert_same(kept.load(), GRID)


def test_space_of_a_created_array_is_reserved(small_disk: Path) -> None:
    path = small_disk / "a.h5"
    with pytest.raises(StorageFullError):
        fx.create_array(path, shape=4 << 20, dtype="u1")
    ref = fx.create_array(path, shape=600 << 10, dtype="u1")
    with pytest.raises(OSError, match="space"):
        _write_for_ever(small_disk / "rest")
    ref[:] = 7
    assert_same(ref.load(), np.full(600 << 10, 7, "u1"))


def _write_for_ever(path: Path) -> None:
    with path.open("wb", buffering=0) as file:
        while True:
            file.write(bytes(4096))


def _send_error(path: str, connection: Any) -> None:
    try:
        fx.load(path)
    except fx.FileExchangeError as error:
        connection.send((type(error).__name__, str(error)))
    connection.close()


def _send_loaded(ref: fx.ArrayRef, connection: Any) -> None:
    connection.send(ref.load())
    connection.close()


def test_array_larger_than_any_file_is_a_full_disk(tmp_path: Path) -> None:
    with pytest.raises(StorageFullError):
        fx.create_array(tmp_path / "a.h5", shape=(1 << 50,), dtype="u1")
    assert os.listdir(tmp_path) == []


def test_attribute_name_that_is_not_utf8_is_text(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        dataset = file.create_dataset("x", data=np.zeros(3))
        space, kind = h5py.h5s.create(h5py.h5s.SCALAR), h5py.h5t.NATIVE_INT64
        h5py.h5a.create(dataset.id, b"caf\xe9", kind, space).write(np.array(1))
    ref = fx.open_array(tmp_path / "a.h5")
    assert dict(ref.attrs) == {"caf\ufffd": 1}
    assert fx.ArrayRef.from_json(ref.to_json()) == ref


@pytest.mark.parametrize("attrs", [{}, {"mixed": [1, "é"]}, {"mixed": [1, "é" * 70_000]}])
def test_own_note_needs_no_heap_and_comes_back(tmp_path: Path, attrs: dict[str, Any]) -> None:
    ref = fx.save(tmp_path / "a.h5", np.array(["é"]), attrs=attrs)
    with h5py.File(ref.path) as file:
        kind = file["data"].attrs.get_id("filexchange").dtype
    assert (h5py.check_string_dtype(kind).length is None) == (len(str(attrs)) > 60_000)
    assert fx.open_array(ref.path).attrs == attrs
    assert_same(fx.load(ref.path), np.array(["é"]))


def test_arrays_of_others_are_opened_by_any_name_that_is_listed(tmp_path: Path) -> None:
    names = ["a\\b", "..", "x" * 1500]
    with h5py.File(tmp_path / "a.h5", "w") as file:
        for name in names:
            file[name] = np.arange(3)
    assert fx.keys(tmp_path / "a.h5") == sorted(names)
    for name in names:
        assert fx.load(tmp_path / "a.h5", key=name).tolist() == [0, 1, 2]


def test_processes_read_through_writable_references_at_the_same_time(path: str) -> None:
    ref = fx.create_array(path, shape=(3,), dtype="f4")
    context = multiprocessing.get_context("spawn")
    receiving, sending = context.Pipe(duplex=False)
    with ref.opened("r") as held:
        child = context.Process(target=_send_first, args=(ref, sending))
        child.start()
        sending.close()
        answer = receiving.recv()
        child.join()
        receiving.close()
        assert child.exitcode == 0
        child.close()
        assert answer == held[0] == ref[0] == 0


def _send_first(ref: fx.ArrayRef, connection: Any) -> None:
    connection.send(float(ref[0]))
    connection.close()
