"""Datasets read past HDF5, and those that must not be."""

import json
import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from h5py._objects import phil

import filexchange as fx
from filexchange.errors import ArrayKeyError, ArrayMismatchError, BadArrayFileError
from filexchange.testing import assert_same

GRID = np.arange(6 * 50 * 40).reshape(6, 50, 40)
REGIONS = {
    "all": np.s_[:],
    "rows": np.s_[2:4],
    "row": np.s_[3],
    "part of a row": np.s_[5, 10:20],
    "element": np.s_[-1, -1, -1],
    "backwards": np.s_[::-1],
    "every other": np.s_[::2],
    "columns": np.s_[1:3, :, 7],
    "new axis": np.s_[4, None, 3:9],
    "nothing": np.s_[2:2],
}


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "a.h5")


def _integer(spare_bits: int) -> h5py.h5t.TypeID:
    """Return a type of 32 bits that keeps numbers of fewer, not from the first bit on."""
    kind = h5py.h5t.STD_I32LE.copy()
    kind.set_precision(32 - spare_bits)
    kind.set_offset(spare_bits // 2)
    return kind


def _padded_text() -> h5py.h5t.TypeID:
    kind = h5py.h5t.FORTRAN_S1.copy()
    kind.set_size(8)
    return kind


KINDS: dict[str, Any] = {
    "native": "f4",
    "big-endian": ">i4",
    "half": "f2",
    "complex": "c16",
    "bool": "?",
    "text": "S5",
    "record": [("x", "<f8"), ("y", ">i2")],
    "padded record": np.dtype({"names": ["x"], "formats": ["i2"], "offsets": [2], "itemsize": 8}),
    "time": h5py.opaque_dtype(np.dtype("M8[ms]")),
    "enumeration": h5py.enum_dtype({"a": 0, "b": 1}, "i2"),
    "spare bits": _integer(8),
    "text with spaces": _padded_text(),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("layout", ["earliest", "latest", "userblock", "named type"])
def test_elements_are_those_that_h5py_reads(path: str, kind: str, layout: str) -> None:
    options: dict[str, Any] = {
        "userblock": {"userblock_size": 1024},
        "latest": {"libver": "latest"},
    }
    dtype = KINDS[kind]
    with h5py.File(path, "w", **options.get(layout, {})) as file:
        if layout == "named type":
            file["type"] = dtype if isinstance(dtype, np.dtype) else np.dtype("f4")
            dtype = file["type"]
        data = file.create_dataset("x", GRID.shape, dtype)
        data[...] = GRID.astype("S5") if data.dtype.kind == "S" else _as(GRID, data.dtype)
    ref = fx.open_array(path, key="x")
    with h5py.File(path) as file:
        expected = file["x"][...].astype(ref.dtype)
    assert_same(ref.load(), expected)
    for region in REGIONS.values():
        assert_same(np.asarray(ref[region]), np.asarray(expected[region]))


def _as(array: Any, dtype: Any) -> Any:
    if dtype.names is None:
        return array.astype(dtype)
    record = np.zeros(array.shape, dtype)
    for name in dtype.names:
        record[name] = array
    return record


@pytest.mark.parametrize(
    "make",
    [
        lambda file: file.create_dataset("x", (20, 30), "f4", fillvalue=7),
        lambda file: file.create_dataset("x", data=np.arange(20.0), chunks=(7,)),
        lambda file: file.create_dataset("x", data=5.0),
        lambda file: _compact(file, np.arange(12, dtype="i4")),
    ],
    ids=["never written", "chunks", "no axes", "compact"],
)
def test_elements_that_have_no_place_of_their_own_are_read_by_hdf5(
    path: str, make: Callable[[h5py.File], Any]
) -> None:
    with h5py.File(path, "w", userblock_size=512) as file:
        make(file)
    with h5py.File(path) as file:
        expected = file["x"][()]
    ref = fx.open_array(path)
    assert_same(ref.load(), np.asarray(expected))
    assert_same(np.asarray(ref[...]), np.asarray(expected))


def _compact(file: h5py.File, array: Any) -> None:
    properties = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    properties.set_layout(h5py.h5d.COMPACT)
    file.create_dataset("x", data=array, dcpl=properties)


def test_threads_read_while_h5py_is_busy(path: str) -> None:
    ref = fx.save(path, GRID)
    with ref.opened() as held, ThreadPoolExecutor(1) as pool:
        with phil:
            rows = pool.submit(held.__getitem__, np.s_[2:4])
            assert_same(rows.result(timeout=20), GRID[2:4])
        assert_same(held[:, :, 1], GRID[:, :, 1])


def test_what_this_process_writes_is_read_before_it_is_in_the_file(path: str) -> None:
    fx.save(path, GRID)
    with h5py.File(path, "r+", locking="best-effort") as file:
        data = file["data"]
        for i in range(10):
            data[0, 0, i] = -i  # HDF5 collects writes as small as these
        assert_same(fx.open_array(path)[0, 0, :10], -np.arange(10))
        assert_same(fx.load(path)[0, 0, :10], -np.arange(10))


def test_file_that_is_cut_while_it_is_open_is_an_error(path: str) -> None:
    ref = fx.save(path, GRID)
    with ref.opened() as held:
        os.truncate(path, 4096)
        with pytest.raises(BadArrayFileError, match="truncated"):
            held[5]


def test_file_can_be_written_once_its_region_is_read(path: str) -> None:
    ref = fx.save(path, GRID)
    rows, whole = ref[1:3], ref.load()
    with h5py.File(path, "r+") as file:
        file["data"][...] = 0
    assert_same(rows, GRID[1:3])
    assert_same(whole, GRID)
    rows[...] = 9
    assert_same(ref.load(), np.zeros_like(GRID))


@pytest.mark.parametrize("trouble", ["mismatch", "missing", "type"])
def test_error_that_is_kept_keeps_nothing_open(path: str, trouble: str) -> None:
    ref = fx.save(path, GRID)
    fx.save(path, GRID.astype("f4"), overwrite=True)
    with h5py.File(path, "r+") as file:
        file.create_dataset("odd", (3,), h5py.string_dtype())
    before = set(os.listdir("/proc/self/fd"))
    with pytest.raises(fx.FileExchangeError) as caught:
        {
            "mismatch": ref.load,
            "missing": lambda: fx.open_array(path, key="nothing"),
            "type": lambda: fx.open_array(path, key="odd"),
        }[trouble]()
    assert set(os.listdir("/proc/self/fd")) == before
    with h5py.File(path, "w"):
        assert caught.value.__traceback__ is not None


def test_array_that_lies_elsewhere_by_now_is_found(path: str) -> None:
    fx.save(path, np.zeros(1000), key="before")
    ref = fx.save(path, GRID, key="x")
    moved = fx.save(path, np.zeros(1), key="before", overwrite=True)
    with h5py.File(path, "r+") as file:
        del file["x"]
        file.create_dataset("between", data=np.zeros(77))
        file.create_dataset("x", data=GRID[::-1])
    assert moved.load().tolist() == [0]
    assert_same(ref[1:3], GRID[::-1][1:3])
    with h5py.File(path, "r+") as file:
        del file["x"]
        file["x"] = GRID.astype("f8")
    with pytest.raises(ArrayMismatchError):
        ref[1:3]


def test_many_threads_open_and_read_one_file(path: str) -> None:
    ref = fx.save(path, GRID)
    ready = threading.Barrier(4)

    def read(i: int) -> Any:
        ready.wait()
        return [ref[i : i + 2] for _ in range(20)]

    with ThreadPoolExecutor(4) as pool:
        for i, found in enumerate(pool.map(read, range(4))):
            for rows in found:
                assert_same(rows, GRID[i : i + 2])


def test_key_of_a_reference_that_no_file_can_have_is_missing(path: str) -> None:
    state = json.loads(fx.save(path, GRID).to_json())
    ref = fx.ArrayRef.from_json(json.dumps(state | {"key": "data\0x"}))
    with pytest.raises(ArrayKeyError):
        ref.load()


def test_name_that_is_not_utf8_is_listed_and_opened(path: str) -> None:
    with h5py.File(path, "w") as file:
        file[b"caf\xe9"] = np.arange(3)
    (name,) = fx.keys(path)
    assert os.fsencode(name) == b"caf\xe9"
    assert fx.load(path).tolist() == fx.load(path, key=name).tolist() == [0, 1, 2]


SOURCES: dict[str, Callable[[Path], Any]] = {
    "C": lambda _: GRID,
    "F": lambda _: np.asfortranarray(GRID),
    "backwards": lambda _: GRID[::-1, ::2, ::-3],
    "transposed": lambda _: GRID.T,
    "big-endian": lambda _: GRID.astype(">u2"),
    "lazy": lambda directory: fx.save(directory / "source.zarr", GRID, chunks=(4, 30, 11)),
    "no axes": lambda _: np.array(3.5),
    "nothing": lambda _: np.empty((0, 3)),
}


@pytest.mark.parametrize("name", SOURCES)
def test_whatever_is_written_past_hdf5_is_what_h5py_reads(path: str, name: str) -> None:
    source = SOURCES[name](Path(path).parent)
    with h5py.File(path, "w", userblock_size=512) as file:
        file["kept"] = np.arange(5000)
        file["gone"] = np.arange(3000)
        del file["gone"]  # and leaves a gap
    ref = fx.save(path, source, key="group/x")
    with h5py.File(path) as file:
        assert_same(file["group/x"][()], np.asarray(source)[()])
        assert_same(file["kept"][()], np.arange(5000))
    assert_same(ref.load(), np.array(source, order="C"))
