"""Damaged, hostile and missing input: an error that says so, never a crash, a hang or a bomb.

All cases run in one child process whose memory is limited to a little more than it needs, so that
a claim of a header that is believed would end it. The tests then look at what each case raised.
"""

import gzip
import json
import multiprocessing
import os
import pickle
import resource
import socket
import struct
import warnings
import zipfile
from collections.abc import Callable
from multiprocessing.connection import Connection
from multiprocessing.shared_memory import SharedMemory
from pathlib import Path
from typing import Any, NamedTuple

import h5py
import numpy as np
import pytest
import zarr

import filexchange as fx
from filexchange import errors

#: What the child may take beyond what it has when it starts.
HEADROOM_BYTES = 384 << 20
BOMB_BYTES = 768 << 20
TIMEOUT_SECONDS = 60
MOST_CHARACTERS = 5000
LIMIT = "the limit"

VALID = "{'descr': '<f8', 'fortran_order': False, 'shape': (3,), }"


class Outcome(NamedTuple):
    """What a case raised; empty strings where it raised nothing."""

    error: str
    message: str
    path: str
    unpickled: bool


class Case(NamedTuple):
    """How to make the input in an empty directory, and what reading it must raise."""

    error: type[errors.FileExchangeError]
    make: Callable[[Path], Any]
    key: str | None = None


class Unpickled:
    """Leaves a file when it is unpickled."""

    def __init__(self, sentinel: Path) -> None:
        self._sentinel = sentinel

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self._sentinel),)


def _sentinel(directory: Path) -> Path:
    return directory / "unpickled"


# .npy


def _npy(
    body: str | bytes, data: bytes = bytes(24), *, version: bytes = b"\1\0", length: int = -1
) -> Callable[[Path], Path]:
    raw = body.encode("latin1") if isinstance(body, str) else body
    size = (len(raw) if length < 0 else length).to_bytes(2 if version == b"\1\0" else 4, "little")
    return _file("a.npy", b"\x93NUMPY" + version + size + raw + data)


def _header(descr: str = "'<f8'", order: str = "False", shape: str = "(3,)") -> str:
    return f"{{'descr': {descr}, 'fortran_order': {order}, 'shape': {shape}, }}"


def _file(name: str, content: bytes, size: int | None = None) -> Callable[[Path], Path]:
    def make(directory: Path) -> Path:
        path = directory / name
        path.write_bytes(content)
        if size is not None:
            os.truncate(path, size)
        return path

    return make


def _pickled_npy(directory: Path) -> Path:
    np.save(directory / "a.npy", np.array([Unpickled(_sentinel(directory))], object))
    return directory / "a.npy"


def _bare_pickle(directory: Path) -> Path:
    path = directory / "a.npy"
    path.write_bytes(pickle.dumps(Unpickled(_sentinel(directory))))
    return path


def _fifo(directory: Path) -> Path:
    os.mkfifo(directory / "a.npy")
    return directory / "a.npy"


def _socket(directory: Path) -> Path:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(os.path.relpath(directory / "a.npy"))
    return directory / "a.npy"


def _directory(name: str) -> Callable[[Path], Path]:
    def make(directory: Path) -> Path:
        (directory / name).mkdir()
        return directory / name

    return make


def _link(name: str, target: str) -> Callable[[Path], Path]:
    def make(directory: Path) -> Path:
        os.symlink(target, directory / name)
        return directory / name

    return make


def _path(name: str) -> Callable[[Path], Path]:
    return lambda directory: directory / name


def _hole(directory: Path) -> Path:
    path = _npy(_header("'|u1'", shape=f"({1 << 43},)"), b"")(directory)
    os.truncate(path, (1 << 43) + 4096)
    return path


BAD, MISSING = errors.BadArrayFileError, errors.ArrayNotFoundError

NPY = {
    "empty": Case(BAD, _file("a.npy", b"")),
    "magic only": Case(BAD, _file("a.npy", b"\x93NUMPY")),
    "magic and version only": Case(BAD, _file("a.npy", b"\x93NUMPY\1\0")),
    "wrong magic": Case(BAD, _file("a.npy", b"\x94NUMPY\1\0" + bytes(200))),
    "text": Case(BAD, _file("a.npy", b"hello, world\n" * 500)),
    "version 0": Case(BAD, _npy(VALID, version=b"\0\0")),
    "version 9": Case(BAD, _npy(VALID, version=b"\t\0")),
    "version 1.1": Case(BAD, _npy(VALID, version=b"\1\1")),
    "header beyond the file": Case(BAD, _npy(VALID, length=60_000)),
    "header of 4 GiB in a sparse file": Case(
        BAD, _file("a.npy", b"\x93NUMPY\2\0\xff\xff\xff\xff{", BOMB_BYTES)
    ),
    "header of 768 MiB of blanks": Case(
        BAD, _file("a.npy", b"\x93NUMPY\2\0" + BOMB_BYTES.to_bytes(4, "little"), BOMB_BYTES * 2)
    ),
    "header of no bytes": Case(BAD, _npy("")),
    "header is not UTF-8": Case(BAD, _npy(b"{'descr': '\xff'}", version=b"\3\0")),
    "header is no dict": Case(BAD, _npy("['<f8', False, (3,)]")),
    "header with an extra key": Case(BAD, _npy(VALID[:-1] + "'x': 1}")),
    "header without shape": Case(BAD, _npy("{'descr': '<f8', 'fortran_order': False}")),
    "header with shape twice": Case(BAD, _npy(VALID[:-1] + "'shape': (3,)}")),
    "header with more after it": Case(BAD, _npy(VALID + " + 1")),
    "header with a NUL": Case(BAD, _npy(VALID.replace("<f8", "<f8\0"))),
    "open string": Case(BAD, _npy("{'descr': '<f8")),
    "open brace": Case(BAD, _npy(VALID[:-1])),
    "f-string": Case(BAD, _npy(_header("f'{1}'"))),
    "call": Case(BAD, _npy(_header(shape="tuple([3])"))),
    "attribute": Case(BAD, _npy(_header(shape="().__class__"))),
    "import": Case(BAD, _npy(_header(shape="(__import__('os').mkdir('x'),)"))),
    "comprehension": Case(BAD, _npy(_header(shape="tuple(i for i in (3,))"))),
    "9000 minus signs": Case(BAD, _npy(_header(shape=f"({'-' * 9000}3,)"))),
    "9000 not's": Case(BAD, _npy(_header(order="not " * 9000 + "True"))),
    "90 nested lists": Case(BAD, _npy(_header("[" * 90 + "]" * 90))),
    "90 nested tuples": Case(BAD, _npy(_header(shape="(" * 90 + ")" * 90))),
    "9000 nested lists": Case(BAD, _npy(_header("[" * 9000))),
    "negative length": Case(BAD, _npy(_header(shape="(-3,)"))),
    "float length": Case(BAD, _npy(_header(shape="(3.0,)"))),
    "boolean length": Case(BAD, _npy(_header(shape="(True,)"))),
    "shape is a list": Case(BAD, _npy(_header(shape="[3]"))),
    "shape is a number": Case(BAD, _npy(_header(shape="3"))),
    "length of 10**30": Case(BAD, _npy(_header(shape=f"({10**30},)"))),
    "length of 5000 digits": Case(BAD, _npy(_header(shape=f"({'9' * 5000},)"))),
    "product of lengths is 2**63": Case(
        BAD, _npy(_header("'|u1'", shape=f"({1 << 32}, {1 << 31})"))
    ),
    "product of lengths wraps to 0": Case(BAD, _npy(_header(shape=f"({1 << 32}, {1 << 32})"))),
    "huge lengths beside a 0": Case(BAD, _npy(_header(shape=f"({1 << 40}, 0, {1 << 40})"))),
    "65 axes": Case(BAD, _npy(_header("'|u1'", shape=f"({'1,' * 65})"))),
    "order is a number": Case(BAD, _npy(_header(order="1"))),
    "order is a string": Case(BAD, _npy(_header(order="'True'"))),
    "dtype of objects": Case(BAD, _npy(_header("'|O'"))),
    "field of objects": Case(BAD, _npy(_header("[('a', '|O')]"))),
    "dtype of zero bytes": Case(BAD, _npy(_header("'|V0'", shape=f"({10**12},)"))),
    "dtype of 10**12 bytes": Case(BAD, _npy(_header(f"'|V{10**12}'"))),
    "dtype is a subarray": Case(BAD, _npy(_header("('<f8', (3,))"))),
    "dtype by a comma string": Case(BAD, _npy(_header("'<f8,<f8'"))),
    "dtype is a number": Case(BAD, _npy(_header("8"))),
    "dtype is a dict": Case(BAD, _npy(_header("{'names': ['a'], 'formats': ['<f8']}"))),
    "field twice": Case(BAD, _npy(_header("[('a', '<f8'), ('a', '<f8')]"))),
    "field of 10**18 bytes": Case(BAD, _npy(_header(f"[('a', '<f8', ({10**9}, {10**8}))]"))),
    "comment with another dtype": Case(BAD, _npy(VALID + ' # {"dtype": "<i2"}')),
    "comment with no dtype": Case(BAD, _npy(VALID + ' # {"dtype": [[1]]}')),
    "data one byte short": Case(BAD, _npy(VALID, bytes(23))),
    "no data": Case(BAD, _npy(VALID, b"")),
    "8 TB claimed": Case(BAD, _npy(_header(shape=f"({10**12},)"))),
    "8 TB of hole": Case(errors.MemoryLimitError, _hole),
    "pickled objects": Case(BAD, _pickled_npy),
    "bare pickle": Case(BAD, _bare_pickle),
    "FIFO": Case(BAD, _fifo),
    "socket": Case(BAD, _socket),
    "directory": Case(BAD, _directory("a.npy")),
    "missing": Case(MISSING, _path("a.npy")),
    "missing directory": Case(MISSING, _path("no/such/a.npy")),
    "file as directory": Case(MISSING, lambda directory: _npy(VALID)(directory) / "b.npy"),
    "dangling link": Case(MISSING, _link("a.npy", "nothing.npy")),
    "link to itself": Case(errors.ArrayIOError, _link("a.npy", "a.npy")),
    "name too long": Case(errors.ArrayIOError, _path("x" * 300 + ".npy")),
    "NUL in the name": Case(MISSING, _path("a\0b.npy")),
    "no suffix and no magic": Case(errors.UnknownFormatError, _file("array", b"hello")),
    "no suffix and nothing there": Case(errors.UnknownFormatError, _path("array")),
}

# .npz


def _npz(members: dict[str, bytes], method: int = zipfile.ZIP_STORED) -> Callable[[Path], Path]:
    def make(directory: Path) -> Path:
        with zipfile.ZipFile(directory / "a.npz", "w", method) as archive:
            for name, content in members.items():
                archive.writestr(name, content)
        return directory / "a.npz"

    return make


def _member(header: str = VALID, data: bytes = bytes(24)) -> bytes:
    raw = header.encode("latin1")
    return b"\x93NUMPY\1\0" + len(raw).to_bytes(2, "little") + raw + data


def _patched(make: Callable[[Path], Path], *changes: tuple[bytes, int, bytes]) -> Any:
    """Return `make` with bytes replaced, at an offset from each occurrence of a signature."""

    def patch(directory: Path) -> Path:
        path = make(directory)
        content = bytearray(path.read_bytes())
        for signature, offset, new in changes:
            position = content.find(signature)
            assert position >= 0
            while position >= 0:
                content[position + offset : position + offset + len(new)] = new
                position = content.find(signature, position + 1)
        path.write_bytes(content)
        return path

    return patch


def _pickled_npz(directory: Path) -> Path:
    np.savez(directory / "a.npz", a=np.array([Unpickled(_sentinel(directory))], object))
    return directory / "a.npz"


def _zip_bomb(directory: Path) -> Path:
    """Return a file whose member claims a header of 4 GiB, and inflates to as much as it likes."""
    path = directory / "a.npz"
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
        archive.open("a.npy", "w", force_zip64=True) as member,
    ):
        member.write(b"\x93NUMPY\2\0\xff\xff\xff\xff{")
        for _ in range(BOMB_BYTES >> 24):
            member.write(bytes(1 << 24))
    return path


LOCAL, CENTRAL, END = b"PK\3\4", b"PK\1\2", b"PK\5\6"
ONE = {"a.npy": _member()}
TERABYTES = _member(_header(shape=f"({10**12},)"))

NPZ = {
    "npz empty": Case(BAD, _file("a.npz", b"")),
    "npz no zip": Case(BAD, _file("a.npz", b"hello, world\n" * 500)),
    "npz is an npy": Case(BAD, _file("a.npz", _member())),
    "npz without members": Case(errors.ArrayKeyError, _npz({})),
    "npz with a member that is no array": Case(BAD, _npz({"a.npy": b"hello"})),
    "npz missing key": Case(errors.ArrayKeyError, _npz(ONE), "b"),
    "npz of several, no key": Case(errors.ArrayKeyError, _npz(ONE | {"b.npy": _member()})),
    "npz member empty": Case(BAD, _npz({"a.npy": b""})),
    "npz member one byte short": Case(BAD, _npz({"a.npy": _member(data=bytes(23))})),
    "npz deflated member one byte short": Case(
        BAD, _npz({"a.npy": _member(data=bytes(23))}, zipfile.ZIP_DEFLATED)
    ),
    "npz member of 8 TB": Case(BAD, _npz({"a.npy": TERABYTES})),
    "npz deflated member of 8 TB": Case(BAD, _npz({"a.npy": TERABYTES}, zipfile.ZIP_DEFLATED)),
    "npz bomb in the header": Case(BAD, _zip_bomb),
    "npz pickled objects": Case(BAD, _pickled_npz),
    "npz wrong checksum": Case(
        BAD, _patched(_npz(ONE, zipfile.ZIP_DEFLATED), (CENTRAL, 16, b"\1\2\3\4"))
    ),
    "npz unknown compression": Case(
        BAD, _patched(_npz(ONE), (LOCAL, 8, b"\x63"), (CENTRAL, 10, b"\x63"))
    ),
    "npz encrypted": Case(BAD, _patched(_npz(ONE), (LOCAL, 6, b"\1"), (CENTRAL, 8, b"\1"))),
    "npz member beyond the file": Case(
        BAD, _patched(_npz(ONE), (CENTRAL, 42, b"\xff\xff\xff\x0f"))
    ),
    "npz member longer than the file": Case(
        BAD,
        _patched(
            _npz({"a.npy": _member(_header(shape=f"({1 << 23},)"))}),
            (CENTRAL, 20, struct.pack("<LL", 1 << 27, 1 << 27)),
        ),
    ),
    "npz directory beyond the file": Case(BAD, _patched(_npz(ONE), (END, 12, b"\xff\xff\xff\x0f"))),
    "npz deflated garbage": Case(
        BAD, _patched(_npz(ONE, zipfile.ZIP_DEFLATED), (LOCAL, 35, b"\xff" * 20))
    ),
    "npz is a directory": Case(BAD, _directory("a.npz")),
    "npz missing": Case(MISSING, _path("a.npz")),
}


# HDF5


def _hdf5(fill: Callable[[h5py.File, Path], Any]) -> Callable[[Path], Path]:
    def make(directory: Path) -> Path:
        with h5py.File(directory / "a.h5", "w") as file:
            fill(file, directory)
        return directory / "a.h5"

    return make


def _dataset(*args: Any, name: str = "x", **options: Any) -> Callable[[Path], Path]:
    return _hdf5(lambda file, _: file.create_dataset(name, *args, **options))


def _linked(link: Any) -> Callable[[Path], Path]:
    return _hdf5(lambda file, _: file.update({"x": link}))


def _outside(directory: Path) -> Path:
    """Return another HDF5 file, which the one under test must not lead to."""
    with h5py.File(directory / "secret.h5", "w") as file:
        file["x"] = np.ones(3)
    return directory / "secret.h5"


def _external_link(file: h5py.File, directory: Path) -> None:
    file["x"] = h5py.ExternalLink(str(_outside(directory)), "/x")


def _external_storage(file: h5py.File, directory: Path) -> None:
    (directory / "secret").write_bytes(bytes(24))
    file.create_dataset("x", (3,), "f8", external=[(str(directory / "secret"), 0, 24)])


def _virtual(file: h5py.File, directory: Path) -> None:
    layout = h5py.VirtualLayout((3,), "f8")
    layout[:] = h5py.VirtualSource(str(_outside(directory)), "x", (3,))
    file.create_virtual_dataset("x", layout)


def _cycle(file: h5py.File, _: Path) -> None:
    file.create_group("a")["b"] = file["/"]


def _unknown_filter(directory: Path) -> Path:
    path = _dataset(data=np.arange(1000), chunks=(100,), shuffle=True)(directory)
    content = path.read_bytes()
    # The message of the filter pipeline: version 1, one filter, six bytes reserved, 2 for shuffle.
    before = b"\1\1" + bytes(6) + b"\2\0"
    assert content.count(before) == 1
    path.write_bytes(content.replace(before, b"\1\1" + bytes(6) + b"\xf0\x7f"))
    return path


def _damaged_chunk(directory: Path) -> Path:
    treasure = np.frombuffer(b"treasure" * 1000, "u1")
    path = _dataset(data=treasure, chunks=(8000,), fletcher32=True)(directory)
    path.write_bytes(path.read_bytes().replace(b"treasuretreasure", b"treasureTREASURE"))
    return path


HDF5 = {
    "hdf5 empty": Case(BAD, _file("a.h5", b"")),
    "hdf5 text": Case(BAD, _file("a.h5", b"hello, world\n" * 500)),
    "hdf5 signature only": Case(BAD, _file("a.h5", b"\x89HDF\r\n\x1a\n")),
    "hdf5 signature and noise": Case(BAD, _file("a.h5", b"\x89HDF\r\n\x1a\n" + b"\xff" * 2000)),
    "hdf5 without datasets": Case(errors.ArrayKeyError, _hdf5(lambda *_: None)),
    "hdf5 missing key": Case(errors.ArrayKeyError, _dataset((3,), "f4"), "b"),
    "hdf5 key of a group": Case(errors.ArrayKeyError, _dataset((3,), "f4", name="g/a"), "g"),
    "hdf5 key through a dataset": Case(errors.ArrayKeyError, _dataset((3,), "f4"), "x/b"),
    "hdf5 groups in a cycle": Case(errors.ArrayKeyError, _hdf5(_cycle)),
    "hdf5 dangling soft link": Case(errors.ArrayKeyError, _linked(h5py.SoftLink("/nothing")), "x"),
    "hdf5 soft link to itself": Case(BAD, _linked(h5py.SoftLink("/x")), "x"),
    "hdf5 external link": Case(BAD, _hdf5(_external_link), "x"),
    "hdf5 external storage": Case(BAD, _hdf5(_external_storage), "x"),
    "hdf5 virtual dataset": Case(BAD, _hdf5(_virtual), "x"),
    "hdf5 strings of variable length": Case(
        errors.UnsupportedArrayError, _dataset((3,), h5py.string_dtype())
    ),
    "hdf5 rows of variable length": Case(
        errors.UnsupportedArrayError, _dataset((3,), h5py.vlen_dtype("f8"))
    ),
    "hdf5 references": Case(errors.UnsupportedArrayError, _dataset((3,), h5py.ref_dtype)),
    "hdf5 without data space": Case(errors.UnsupportedArrayError, _linked(h5py.Empty("f4"))),
    "hdf5 8 PB claimed": Case(errors.MemoryLimitError, _dataset((10**15,), "f8", chunks=(10**6,))),
    "hdf5 chunk of 1 GiB for 80 bytes": Case(
        BAD, _dataset((10,), "f8", maxshape=(None,), chunks=(1 << 27,), compression="gzip")
    ),
    "hdf5 unknown filter": Case(errors.MissingDependencyError, _unknown_filter),
    "hdf5 chunk with a wrong checksum": Case(BAD, _damaged_chunk),
    "hdf5 is a directory": Case(BAD, _directory("a.h5")),
    "hdf5 missing": Case(MISSING, _path("a.h5")),
}


# Zarr

ZARR_JSON: dict[str, Any] = {
    "zarr_format": 3,
    "node_type": "array",
    "shape": [4],
    "data_type": "float64",
    "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": [4]}},
    "chunk_key_encoding": {"name": "default", "configuration": {"separator": "/"}},
    "fill_value": 0.0,
    "codecs": [{"name": "bytes", "configuration": {"endian": "little"}}],
    "attributes": {},
}
ZARRAY: dict[str, Any] = {
    "zarr_format": 2,
    "shape": [4],
    "chunks": [4],
    "dtype": "<f8",
    "compressor": None,
    "fill_value": 0,
    "order": "C",
    "filters": None,
}


def _document(content: bytes, name: str = "zarr.json") -> Callable[[Path], Path]:
    def make(directory: Path) -> Path:
        path = directory / "a.zarr"
        path.mkdir()
        (path / name).write_bytes(content)
        return path

    return make


def _zarr(
    chunk: bytes | None = None, chunk_shape: tuple[int, ...] = (4,), codec: str = "", **changes: Any
) -> Callable[[Path], Path]:
    """Return a maker of an array whose metadata differ, with one chunk or none."""
    grid = {"name": "regular", "configuration": {"chunk_shape": chunk_shape}}
    codecs = ZARR_JSON["codecs"] + ([{"name": codec}] if codec else [])
    document = ZARR_JSON | {"chunk_grid": grid, "codecs": codecs} | changes

    def make(directory: Path) -> Path:
        path = _document(json.dumps(document).encode())(directory)
        if chunk is not None:
            (path / "c").mkdir()
            (path / "c" / "0").write_bytes(chunk)
        return path

    return make


def _zarr_2(chunk: bytes = bytes(32), **changes: Any) -> Callable[[Path], Path]:
    def make(directory: Path) -> Path:
        path = _document(json.dumps(ZARRAY | changes).encode(), ".zarray")(directory)
        (path / "0").write_bytes(chunk)
        return path

    return make


def _pickling_zarr(directory: Path) -> Path:
    chunk = pickle.dumps([Unpickled(_sentinel(directory))])
    filters = [{"id": "pickle", "protocol": 5}]
    return _zarr_2(chunk, dtype="|O", filters=filters, shape=[1], chunks=[1])(directory)


def _huge_document(directory: Path) -> Path:
    path = _document(b"{")(directory)
    os.truncate(path / "zarr.json", BOMB_BYTES)
    return path


def _zipped_bomb(directory: Path) -> Path:
    path = directory / "a.zarr.zip"
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
        archive.open("zarr.json", "w", force_zip64=True) as member,
    ):
        for _ in range(BOMB_BYTES >> 24):
            member.write(b" " * (1 << 24))
    return path


def _gzip_bomb(directory: Path) -> Path:
    """Return an array whose one chunk inflates to 768 MiB, in members of 16 MiB."""
    return _zarr(gzip.compress(bytes(1 << 24)) * (BOMB_BYTES >> 24), codec="gzip")(directory)


def _huge_chunk(directory: Path) -> Path:
    path = _zarr(bytes(32))(directory)
    os.truncate(path / "c" / "0", BOMB_BYTES)
    return path


def _huge_member(directory: Path) -> Path:
    """Return a zipped array of 32 bytes whose one chunk inflates to 768 MiB."""
    path = directory / "a.zarr.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        archive.writestr("zarr.json", json.dumps(ZARR_JSON))
        with archive.open("c/0", "w", force_zip64=True) as member:
            for _ in range(BOMB_BYTES >> 24):
                member.write(bytes(1 << 24))
    return path


def _group(directory: Path) -> Path:
    zarr.create_group(directory / "a.zarr")
    return directory / "a.zarr"


#: The header of a blosc chunk that claims to hold nearly 2 GiB.
BLOSC_HEADER = struct.pack("<BBBBIII", 2, 1, 0x21, 8, 0x7FFFFF00, 1 << 18, 64)

ZARR = {
    "zarr empty directory": Case(BAD, _directory("a.zarr")),
    "zarr is a file": Case(BAD, _file("a.zarr", b"hello")),
    "zarr missing": Case(MISSING, _path("a.zarr")),
    "zarr empty group": Case(errors.ArrayKeyError, _group),
    "zarr metadata empty": Case(BAD, _document(b"")),
    "zarr metadata no JSON": Case(BAD, _document(b"{'zarr_format': 3}")),
    "zarr metadata no object": Case(BAD, _document(b"[1, 2]")),
    "zarr metadata nested 100,000 deep": Case(BAD, _document(b"[" * 100_000)),
    "zarr metadata truncated": Case(BAD, _document(json.dumps(ZARR_JSON).encode()[:-20])),
    "zarr metadata of 768 MiB": Case(BAD, _huge_document),
    "zarr version 4": Case(BAD, _zarr(zarr_format=4)),
    "zarr neither array nor group": Case(errors.ArrayKeyError, _zarr(node_type="tree")),
    "zarr negative length": Case(BAD, _zarr(shape=[-4])),
    "zarr float length": Case(BAD, _zarr(shape=[4.5])),
    "zarr shape is null": Case(BAD, _zarr(shape=None)),
    "zarr length of 10**30": Case(BAD, _zarr(shape=[10**30])),
    "zarr 65 axes": Case(BAD, _zarr(shape=[1] * 65, chunk_shape=(1,) * 65)),
    "zarr chunks of length 0": Case(BAD, _zarr(chunk_shape=(0,))),
    "zarr chunks of another number of axes": Case(BAD, _zarr(chunk_shape=(4, 4))),
    "zarr unknown grid": Case(BAD, _zarr(chunk_grid={"name": "spiral"})),
    "zarr unknown dtype": Case(BAD, _zarr(data_type="quaternion")),
    "zarr unknown codec": Case(BAD, _zarr(codec="no-such-codec")),
    "zarr no codecs": Case(BAD, _zarr(codecs=[])),
    "zarr fill value no number": Case(BAD, _zarr(fill_value="x")),
    "zarr strings of variable length": Case(
        errors.UnsupportedArrayError,
        _zarr(data_type="string", fill_value="", codecs=[{"name": "vlen-utf8"}]),
    ),
    "zarr 8 PB claimed": Case(errors.MemoryLimitError, _zarr(shape=[10**15], chunk_shape=(10**6,))),
    "zarr chunk too short": Case(BAD, _zarr(bytes(31))),
    "zarr chunk empty": Case(BAD, _zarr(b"")),
    "zarr chunk too long": Case(BAD, _zarr(bytes(40))),
    "zarr gzip chunk of garbage": Case(BAD, _zarr(b"garbage" * 9, codec="gzip")),
    "zarr zstd chunk of garbage": Case(BAD, _zarr(b"garbage" * 9, codec="zstd")),
    "zarr blosc chunk of garbage": Case(BAD, _zarr(b"garbage" * 9, codec="blosc")),
    "zarr blosc chunk that claims 2 GiB": Case(BAD, _zarr(BLOSC_HEADER + bytes(48), codec="blosc")),
    "zarr gzip bomb": Case(BAD, _gzip_bomb),
    "zarr chunk file of 768 MiB": Case(BAD, _huge_chunk),
    "zarr zip with a chunk of 768 MiB": Case(BAD, _huge_member),
    "zarr chunk of 1 GiB for 32 bytes": Case(BAD, _zarr(bytes(32), chunk_shape=(1 << 27,))),
    "zarr chunk with a wrong checksum": Case(BAD, _zarr(bytes(36), codec="crc32c")),
    "zarr 2 pickled objects": Case(errors.UnsupportedArrayError, _pickling_zarr),
    "zarr 2 unknown compressor": Case(BAD, _zarr_2(compressor={"id": "no-such-codec"})),
    "zarr 2 unknown dtype": Case(BAD, _zarr_2(dtype="<q9")),
    "zarr 2 chunk too short": Case(BAD, _zarr_2(bytes(31))),
    "zarr zip no zip": Case(BAD, _file("a.zarr.zip", b"hello" * 100)),
    "zarr zip empty": Case(BAD, _file("a.zarr.zip", b"")),
    "zarr zip with metadata of 768 MiB": Case(BAD, _zipped_bomb),
}


# References

STATE: dict[str, Any] = {
    "filexchange": 1,
    "path": "/nowhere/a.npy",
    "format": "npy",
    "shape": [3, 4],
    "dtype": "<f8",
    "offset": 4096,
}


def _ref(**changes: Any) -> Callable[[Path], str]:
    return lambda _: json.dumps(STATE | changes)


def _without(name: str) -> Callable[[Path], str]:
    return lambda _: json.dumps({n: value for n, value in STATE.items() if n != name})


def _raw_ref(**changes: Any) -> Callable[[Path], str]:
    """Return a maker of a reference to a file of 96 bytes."""

    def make(directory: Path) -> str:
        path = _file("a.raw", bytes(96))(directory)
        return json.dumps(STATE | {"path": str(path), "format": "raw", "offset": 0} | changes)

    return make


def _moved_ref(directory: Path) -> str:
    path = _npy(VALID)(directory)
    return json.dumps(STATE | {"path": str(path), "shape": [3], "offset": 0})


INVALID = errors.InvalidRefError

REFS = {
    "ref empty": Case(INVALID, lambda _: ""),
    "ref no JSON": Case(INVALID, lambda _: "{'filexchange': 1}"),
    "ref no object": Case(INVALID, lambda _: "[1]"),
    "ref null": Case(INVALID, lambda _: "null"),
    "ref not UTF-8": Case(INVALID, lambda _: b"\xff\xfe{}\xff"),
    "ref pickle": Case(INVALID, lambda directory: pickle.dumps(Unpickled(_sentinel(directory)))),
    "ref 100 MB": Case(INVALID, lambda _: json.dumps(STATE)[:-1] + " " * 100_000_000 + "}"),
    "ref 100,000 deep": Case(INVALID, lambda _: '{"filexchange": 1, "path": ' + "[" * 100_000),
    "ref other version": Case(INVALID, _ref(filexchange=2)),
    "ref version true": Case(INVALID, _ref(filexchange=True)),
    "ref version 1.0": Case(INVALID, _ref(filexchange=1.0)),
    "ref no version": Case(INVALID, _without("filexchange")),
    "ref unknown field": Case(INVALID, _ref(command="x")),
    "ref without path": Case(INVALID, _without("path")),
    "ref without shape": Case(INVALID, _without("shape")),
    "ref without dtype": Case(INVALID, _without("dtype")),
    "ref empty path": Case(INVALID, _ref(path="")),
    "ref path with a NUL": Case(INVALID, _ref(path="/tmp/a\0b.npy")),
    "ref path is a number": Case(INVALID, _ref(path=3)),
    "ref path of 1 MB of text": Case(INVALID, _ref(path=["x" * 1_000_000])),
    "ref format is a list": Case(INVALID, _ref(format=["npy"])),
    "ref key is a number": Case(INVALID, _ref(key=1)),
    "ref order": Case(INVALID, _ref(order="A")),
    "ref order is a list": Case(INVALID, _ref(order=["C"])),
    "ref mode": Case(INVALID, _ref(mode="w")),
    "ref mode is an object": Case(INVALID, _ref(mode={})),
    "ref negative offset": Case(INVALID, _ref(offset=-1)),
    "ref float offset": Case(INVALID, _ref(offset=0.5)),
    "ref boolean offset": Case(INVALID, _ref(offset=True)),
    "ref negative length": Case(INVALID, _ref(shape=[-3])),
    "ref boolean length": Case(INVALID, _ref(shape=[True])),
    "ref shape is a number": Case(INVALID, _ref(shape=3)),
    "ref shape is null": Case(INVALID, _ref(shape=None)),
    "ref 65 axes": Case(INVALID, _ref(shape=[1] * 65)),
    "ref of 2**63 bytes": Case(INVALID, _ref(shape=[1 << 30, 1 << 30])),
    "ref huge lengths beside a 0": Case(INVALID, _ref(shape=[1 << 40, 0, 1 << 40])),
    "ref dtype of objects": Case(INVALID, _ref(dtype="|O")),
    "ref dtype of zero bytes": Case(INVALID, _ref(dtype="V0")),
    "ref dtype is null": Case(INVALID, _ref(dtype=None)),
    "ref dtype nested deep": Case(
        INVALID, lambda _: json.dumps(STATE).replace('"<f8"', '[["x", ' * 400 + "0" + "]]" * 400)
    ),
    "ref region outside": Case(INVALID, _ref(region=[3, [0, 1, 4]])),
    "ref region with a step of 0": Case(INVALID, _ref(region=[0, [0, 0, 4]])),
    "ref region of too few axes": Case(INVALID, _ref(region=[0])),
    "ref region is a string": Case(INVALID, _ref(region="0")),
    "ref chunks of another number of axes": Case(INVALID, _ref(chunks=[1])),
    "ref strides of another number of axes": Case(INVALID, _ref(strides=[8])),
    "ref negative strides": Case(INVALID, _ref(strides=[8, -8])),
    "ref attrs are a list": Case(INVALID, _ref(attrs=[1])),
    "ref attrs with NaN": Case(INVALID, _ref(attrs={"x": float("nan")})),
    "ref unknown format": Case(errors.UnknownFormatError, _ref(format="no-such-format")),
    "ref of a missing file": Case(MISSING, _ref()),
    "ref beyond the file": Case(BAD, _raw_ref(offset=1)),
    "ref offset of 2**70": Case(BAD, _raw_ref(offset=1 << 70)),
    "ref strides beyond the file": Case(BAD, _raw_ref(strides=[1 << 62, 8])),
    "ref 4 EB over the same 8 bytes": Case(
        errors.MemoryLimitError, _raw_ref(shape=[1 << 59], strides=[0])
    ),
    "ref npy at another offset": Case(errors.ArrayMismatchError, _moved_ref),
}

CASES = NPY | NPZ | HDF5 | ZARR | REFS


def _read(source: Any, key: str | None) -> None:
    """Do all that a reader may do."""
    if isinstance(source, Path):
        ref = fx.open_array(source, key=key)
    else:
        ref = fx.ArrayRef.from_json(source)
    _ = ref[...]
    ref.load()


def _run(name: str, directory: Path) -> Outcome:
    case = CASES[name]
    source = case.make(directory)
    path = str(source) if isinstance(source, Path) else ""
    try:
        _read(source, case.key)
    except Exception as error:  # noqa: BLE001 - the test looks at what it is
        kind, message = type(error), str(error)
        name = f"{kind.__module__}.{kind.__qualname__}"
    else:
        name, message = "", ""
    return Outcome(name, message, path, unpickled=_sentinel(directory).exists())


def _run_all(directory: Path, connection: Connection) -> None:
    """Run the cases and send what each raised, with little more memory than honest files take."""
    for suffix, codec in (".npz", "deflate"), (".h5", "zstd"), (".zarr", "blosc"):
        fx.save(directory / f"honest{suffix}", np.arange(8.0), compression=codec).load()
    status = Path("/proc/self/status").read_text()
    used = int(status.split("VmData:")[1].split()[0]) << 10
    resource.setrlimit(resource.RLIMIT_DATA, (used + HEADROOM_BYTES, resource.RLIM_INFINITY))
    warnings.simplefilter("error")
    try:
        connection.send((LIMIT, len(bytearray(BOMB_BYTES))))
    except MemoryError:
        connection.send((LIMIT, None))
    for number, name in enumerate(CASES):
        place = directory / str(number)
        place.mkdir()
        os.chdir(place)
        connection.send((name, None))
        connection.send((name, _run(name, place)))
    connection.close()


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Outcome | None]:
    """Run all cases once; one that ended the process, or hung, has the outcome None."""
    context = multiprocessing.get_context("spawn")
    receiving, sending = context.Pipe(duplex=False)
    child = context.Process(target=_run_all, args=(tmp_path_factory.mktemp("hostile"), sending))
    child.start()
    sending.close()
    found: dict[str, Outcome | None] = {}
    try:
        while receiving.poll(TIMEOUT_SECONDS):
            name, outcome = receiving.recv()
            found[name] = outcome
    except EOFError:  # the child is done, or dead
        pass
    finally:
        child.kill()
        child.join()
        child.close()
        receiving.close()
    return found


def test_memory_of_the_process_that_runs_the_cases_is_limited(
    outcomes: dict[str, Outcome | None],
) -> None:
    assert outcomes[LIMIT] is None


@pytest.mark.parametrize("name", CASES)
def test_bad_input_is_a_named_error(outcomes: dict[str, Outcome | None], name: str) -> None:
    assert name in outcomes, f"{list(outcomes)[-1:]} ended the process"
    outcome = outcomes[name]
    assert outcome is not None, "this ended the process, or hung"
    expected = CASES[name].error
    assert outcome.error == f"{expected.__module__}.{expected.__qualname__}", outcome.message
    assert not outcome.unpickled
    assert len(outcome.message) < MOST_CHARACTERS
    assert outcome.path in outcome.message or repr(outcome.path) in outcome.message


def test_longest_names_can_be_saved(tmp_path: Path) -> None:
    for letter in "aé日🜁":
        name = letter * (251 // len(letter.encode())) + ".npy"
        assert fx.save(tmp_path / name, np.arange(3)).load().tolist() == [0, 1, 2]
    assert len(os.listdir(tmp_path)) == 4
    with pytest.raises(errors.ArrayIOError) as caught:
        fx.save(tmp_path / ("a" * 252 + ".npy"), np.arange(3))
    assert isinstance(caught.value, OSError)
    assert len(os.listdir(tmp_path)) == 4


@pytest.mark.parametrize("name", ["", "a\0b.npy"])
def test_name_that_is_none_is_refused(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(errors.ArrayNotFoundError):
        fx.save(name, np.arange(3), format="npy")
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    "shape", [-1, (2, -1), 1 << 62, (1 << 32, 1 << 32), (1 << 40, 0, 1 << 40), (1,) * 65], ids=str
)
@pytest.mark.parametrize("suffix", [".npy", ".raw", ".h5", ".zarr"])
def test_shape_that_no_array_has_is_refused(suffix: str, shape: Any, tmp_path: Path) -> None:
    with pytest.raises(errors.UnsupportedArrayError):
        fx.create_array(tmp_path / f"a{suffix}", shape=shape, dtype="f8")
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("shape", [-1, (-1,), (2, -1), (1,) * 65], ids=str)
def test_shape_that_no_shared_memory_has_is_refused(shape: Any) -> None:
    block = SharedMemory(create=True, size=80)
    try:
        with pytest.raises(errors.UnsupportedOptionError):
            fx.ArrayRef.from_shared_memory(block, shape, "f8")
        assert fx.ArrayRef.from_shared_memory(block, 10, "f8").load().shape == (10,)
    finally:
        block.close()
        block.unlink()


def test_attrs_that_json_cannot_express_are_named_when_a_reference_becomes_json(
    tmp_path: Path,
) -> None:
    ref = fx.open_array(_npy(VALID + ' # {"attrs": {"missing": NaN}}')(tmp_path))
    assert np.isnan(pickle.loads(pickle.dumps(ref)).attrs["missing"])
    with pytest.raises(errors.AttrsError, match="pickle"):
        ref.to_json()


@pytest.mark.parametrize("suffix", [".npy", ".raw", ".npz", ".h5", ".zarr", ".zarr.zip"])
def test_file_in_place_of_a_directory_is_named(suffix: str, tmp_path: Path) -> None:
    fx.save(tmp_path / "file.npy", np.arange(3))
    with pytest.raises(errors.ArrayNotFoundError, match=r"file\.npy"):
        fx.save(tmp_path / "file.npy" / f"a{suffix}", np.arange(3))
    assert os.listdir(tmp_path) == ["file.npy"]
