"""Other programs read what is written here, and what they write is read here, bit for bit.

What is special to one of HDF5, npz and Zarr is tested with that format.
"""

import multiprocessing
import os
import shutil
import subprocess
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import tensorstore
import zarr

import filexchange as fx
from filexchange.testing import assert_same

SOURCE = np.arange(12 * 10 * 8, dtype="<i4").reshape(12, 10, 8)
ELEMENTS = {
    "numbers": SOURCE,
    "fortran": np.asfortranarray(SOURCE),
    "big-endian": SOURCE.astype(">f8") / 7,
    "strided": SOURCE[::2, ::-3],
    "dates": SOURCE.astype("M8[s]"),
    "text": np.array([["é", "日本語"], ["", "🜁"]]),
    "records": np.array([(1, 2.5, [1, 2])], [("größe", "u1"), ("x", ">f8"), ("rgb", "i2", (2,))]),
    "no axes": np.array(2.5),
    "nothing": np.zeros((3, 0), "c16"),
}


# Written here, read elsewhere.


@pytest.mark.parametrize("kind", ELEMENTS)
@pytest.mark.parametrize("attrs", [None, {"unit": "µm", "list": [1, 2]}], ids=["bare", "attrs"])
def test_numpy_reads_npy_files(kind: str, attrs: Any, tmp_path: Path) -> None:
    ref = fx.save(tmp_path / "a.npy", ELEMENTS[kind], attrs=attrs)
    assert_same(np.load(ref.path), ELEMENTS[kind])
    if ELEMENTS[kind].size:  # numpy.memmap has no empty files
        mapped = np.load(ref.path, mmap_mode="r")
        assert_same(mapped, ELEMENTS[kind])
        assert mapped.offset == ref.offset
        assert mapped.strides == ref.strides


@pytest.mark.parametrize("kind", ELEMENTS)
def test_numpy_reads_raw_files(kind: str, tmp_path: Path) -> None:
    array = ELEMENTS[kind]
    ref = fx.save(tmp_path / "a.raw", array)
    assert os.path.getsize(ref.path) == array.nbytes
    read = np.fromfile(ref.path, array.dtype).reshape(array.shape, order=ref.order)
    assert_same(read, array)


def test_numpy_changes_an_npy_file_and_references_see_it(tmp_path: Path) -> None:
    ref = fx.save(tmp_path / "a.npy", SOURCE)
    mapped = np.load(ref.path, mmap_mode="r+")
    mapped[3] = -1
    mapped.flush()
    assert (ref[3] == -1).all()
    assert_same(ref[4:], SOURCE[4:])


def test_numpy_reads_npz_files_lazily_and_whole(tmp_path: Path) -> None:
    fx.save_arrays(tmp_path / "a.npz", {"a": SOURCE, "group/b": ELEMENTS["big-endian"]})
    with np.load(tmp_path / "a.npz") as archive:
        assert sorted(archive.files) == ["a", "group/b"]
        assert_same(archive["a"], SOURCE)
        assert_same(archive["group/b"], ELEMENTS["big-endian"])


def test_h5dump_reads_hdf5_files(tmp_path: Path) -> None:
    program = shutil.which("h5dump")
    if program is None:
        pytest.skip("h5dump, of the package hdf5-tools, is not installed")
    path = str(tmp_path / "a.h5")
    fx.save(path, SOURCE, key="group/x", chunks=(5, 5, 5), compression="gzip")
    binary = str(tmp_path / "x.bin")
    subprocess.run(
        [program, "-d", "/group/x", "-b", "LE", "-o", binary, path], check=True, capture_output=True
    )
    assert Path(binary).read_bytes() == SOURCE.tobytes()


# Written elsewhere with options that are never used here, read here.


def _numpy_header(version: tuple[int, int]) -> Callable[[Path], Path]:
    def write(directory: Path) -> Path:
        with open(directory / "a.npy", "wb") as file:
            np.lib.format.write_array(file, np.asfortranarray(SOURCE), version=version)
        return directory / "a.npy"

    return write


def _numpy_save(directory: Path) -> Path:
    np.save(directory / "a.npy", SOURCE)
    return directory / "a.npy"


def _numpy_memmap(directory: Path) -> Path:
    mapped = np.lib.format.open_memmap(directory / "a.npy", "w+", SOURCE.dtype, SOURCE.shape)
    mapped[:] = SOURCE
    mapped.flush()
    return directory / "a.npy"


def _numpy_without_padding(directory: Path) -> Path:
    header = b"{'descr': '<i4', 'fortran_order': False, 'shape': (12, 10, 8)}\n"
    start = b"\x93NUMPY\1\0" + len(header).to_bytes(2, "little")
    (directory / "a.npy").write_bytes(start + header + SOURCE.tobytes())
    return directory / "a.npy"


def _numpy_savez(directory: Path) -> Path:
    np.savez(directory / "a.npz", SOURCE)
    return directory / "a.npz"


def _numpy_savez_compressed(directory: Path) -> Path:
    np.savez_compressed(directory / "a.npz", x=np.asfortranarray(SOURCE))
    return directory / "a.npz"


def _h5py_filters(directory: Path) -> Path:
    with h5py.File(directory / "a.h5", "w") as file:
        file.create_dataset(
            "x",
            data=SOURCE,
            chunks=(5, 4, 3),
            compression="gzip",
            shuffle=True,
            fletcher32=True,
            maxshape=(None, 10, None),
        )
    return directory / "a.h5"


def _h5py_latest(directory: Path) -> Path:
    with h5py.File(directory / "a.h5", "w", libver="latest", userblock_size=512) as file:
        file.create_dataset("x", data=SOURCE, chunks=(5, 4, 3), compression="lzf")
    return directory / "a.h5"


def _h5py_compact(directory: Path) -> Path:
    properties = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    properties.set_layout(h5py.h5d.COMPACT)
    with h5py.File(directory / "a.h5", "w") as file:
        space = h5py.h5s.create_simple(SOURCE.shape)
        kind = h5py.h5t.py_create(SOURCE.dtype)
        made = h5py.h5d.create(file.id, b"x", kind, space, properties)
        made.write(h5py.h5s.ALL, h5py.h5s.ALL, SOURCE)
    return directory / "a.h5"


def _zarr_2(directory: Path) -> Path:
    from numcodecs import Delta, Zlib

    array = zarr.create_array(
        directory / "a.zarr",
        shape=SOURCE.shape,
        dtype=SOURCE.dtype,
        chunks=(5, 4, 3),
        zarr_format=2,
        order="F",
        filters=[Delta("<i4")],
        compressors=Zlib(3),
        chunk_key_encoding={"name": "v2", "separator": "/"},
    )
    array[:] = SOURCE
    return directory / "a.zarr"


def _zarr_3(directory: Path) -> Path:
    array = zarr.create_array(
        directory / "a.zarr",
        shape=SOURCE.shape,
        dtype=SOURCE.dtype,
        chunks=(3, 5, 4),
        shards=(6, 10, 8),
        filters=zarr.codecs.TransposeCodec(order=(2, 0, 1)),
        compressors=[zarr.codecs.GzipCodec(), zarr.codecs.Crc32cCodec()],
        serializer=zarr.codecs.BytesCodec(endian="big"),
        chunk_key_encoding={"name": "default", "separator": "."},
    )
    array[:] = SOURCE
    return directory / "a.zarr"


def _tensorstore_3(directory: Path) -> Path:
    spec = {
        "driver": "zarr3",
        "kvstore": {"driver": "file", "path": str(directory / "a.zarr")},
        "metadata": {
            "shape": SOURCE.shape,
            "data_type": "int32",
            "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": [5, 4, 3]}},
            "codecs": [{"name": "bytes", "configuration": {"endian": "big"}}, {"name": "zstd"}],
        },
    }
    tensorstore.open(spec, create=True).result().write(SOURCE).result()
    return directory / "a.zarr"


def _bytes(directory: Path) -> Path:
    (directory / "a.bin").write_bytes(b"head" + SOURCE.tobytes() + b"tail")
    return directory / "a.bin"


FOREIGN: dict[str, Callable[[Path], Path]] = {
    "npy 1.0 in Fortran order": _numpy_header((1, 0)),
    "npy 2.0": _numpy_header((2, 0)),
    "npy 3.0": _numpy_header((3, 0)),
    "npy of save": _numpy_save,
    "npy of open_memmap": _numpy_memmap,
    "npy at an odd offset": _numpy_without_padding,
    "npz of savez": _numpy_savez,
    "npz of savez_compressed": _numpy_savez_compressed,
    "HDF5 with filters": _h5py_filters,
    "HDF5 of the latest version": _h5py_latest,
    "HDF5 with compact storage": _h5py_compact,
    "Zarr 2 with filters": _zarr_2,
    "Zarr 3 with shards, transposed": _zarr_3,
    "Zarr 3 of tensorstore": _tensorstore_3,
    "any binary file": _bytes,
}
INDICES = [
    (..., slice(None)),
    (3,),
    (slice(2, 9, 3), slice(None, None, -2), -1),
    (slice(None, None, -1), 4, slice(1, 7)),
]


def _read_and_send(refs: list[fx.ArrayRef], connection: Connection) -> None:
    connection.send([ref.load() for ref in refs])
    connection.close()


@pytest.fixture(scope="module")
def foreign(tmp_path_factory: pytest.TempPathFactory) -> dict[str, fx.ArrayRef]:
    """Write every file, and return references to them."""
    refs = {}
    for name, write in FOREIGN.items():
        path = write(tmp_path_factory.mktemp("foreign"))
        raw = (
            {"dtype": "<i4", "shape": SOURCE.shape, "offset": 4}
            if name == "any binary file"
            else {}
        )
        refs[name] = fx.open_array(path, **raw)
    return refs


@pytest.mark.parametrize("name", FOREIGN)
def test_file_of_another_program_is_read(name: str, foreign: dict[str, fx.ArrayRef]) -> None:
    ref = foreign[name]
    assert (ref.shape, ref.dtype) == (SOURCE.shape, SOURCE.dtype)
    assert_same(ref.load(), SOURCE)
    for index in INDICES:
        assert_same(np.asarray(ref[index]), SOURCE[index])
    with ref.opened() as array:
        for index in INDICES:
            assert_same(np.asarray(array[index]), SOURCE[index])


@pytest.mark.parametrize("name", FOREIGN)
def test_file_of_another_program_is_converted(
    name: str, foreign: dict[str, fx.ArrayRef], tmp_path: Path
) -> None:
    assert_same(fx.convert(foreign[name], tmp_path / "copy.npy").load(), SOURCE)


def test_references_to_files_of_other_programs_are_read_in_another_process(
    foreign: dict[str, fx.ArrayRef],
) -> None:
    context = multiprocessing.get_context("spawn")
    receiving, sending = context.Pipe(duplex=False)
    parts = [ref.part[::-2, 3] for ref in foreign.values()]
    child = context.Process(target=_read_and_send, args=(parts, sending))
    child.start()
    sending.close()
    answers = receiving.recv()
    child.join()
    receiving.close()
    assert child.exitcode == 0
    child.close()
    for answer in answers:
        assert_same(answer, SOURCE[::-2, 3])
    assert len(answers) == len(FOREIGN)
