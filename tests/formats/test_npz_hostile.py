"""Zip files that are damaged or lie: an error of ours, in bounded memory, and nothing executed."""

import io
import os
import random
import struct
import tracemalloc
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import filexchange as fx
from filexchange import npyheader
from filexchange.errors import BadArrayFileError, FileExchangeError, MemoryLimitError
from filexchange.testing import assert_same

DIRECTORY_ENTRY = b"PK\x01\x02"
LOCAL_HEADER = b"PK\x03\x04"


def npy(array: Any) -> bytes:
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def zipped(*members: tuple[str, bytes], method: int = zipfile.ZIP_STORED) -> bytearray:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        for name, data in members:
            archive.writestr(zipfile.ZipInfo(name), data, method)
    return bytearray(file.getvalue())


def patched(data: bytearray, signature: bytes, offset: int, format: str, value: int) -> bytearray:
    """Return the archive with a field of its first record of this kind set."""
    struct.pack_into(format, data, data.index(signature) + offset, value)
    return data


def patched_twice(data: bytearray, offset: int, format: str, value: int) -> bytearray:
    """Return the archive with a field set both in the directory and before the data."""
    local = patched(data, LOCAL_HEADER, offset, format, value)
    return patched(local, DIRECTORY_ENTRY, offset + 2, format, value)


ARRAY = npy(np.arange(10.0))
STORED = zipped(("a.npy", ARRAY))
DEFLATED = zipped(("a.npy", ARRAY), method=zipfile.ZIP_DEFLATED)
TWO = zipped(("a.npy", ARRAY), ("b.npy", ARRAY))


def bomb() -> bytearray:
    """Return an archive of a few bytes that claims to inflate to a gigabyte."""
    header = npyheader.encode((1 << 27,), np.dtype("f8"))
    data = zipped(("a.npy", header + bytes(100)), method=zipfile.ZIP_DEFLATED)
    return patched_twice(data, 22, "<I", len(header) + (1 << 30))


def flipped(data: bytearray, position: int) -> bytearray:
    """Return the archive with one bit of its elements changed."""
    data = data.copy()
    data[position] ^= 1
    return data


def swallowing() -> bytearray:
    """Return an archive whose first array contains the second member."""
    inner = zipped(("b.npy", ARRAY))
    inner = inner[: inner.index(DIRECTORY_ENTRY)]
    data = zipped(("a.npy", npy(np.frombuffer(inner, "u1"))), ("b.npy", ARRAY))
    second = data.rindex(DIRECTORY_ENTRY)
    struct.pack_into("<I", data, second + 42, data.index(inner))
    return data


HOSTILE = {
    "empty file": bytearray(),
    "not a zip": bytearray(b"PK\x03\x04 and nothing that follows"),
    "an npy": bytearray(ARRAY),
    "without directory": STORED[: STORED.index(DIRECTORY_ENTRY)],
    "without beginning": STORED[30:],
    "directory of 4 GiB": patched(STORED.copy(), b"PK\x05\x06", 12, "<I", 0xFFFFFFF0),
    "directory elsewhere": patched(STORED.copy(), b"PK\x05\x06", 16, "<I", 1 << 30),
    "member behind the file": patched(STORED.copy(), DIRECTORY_ENTRY, 42, "<I", 1 << 30),
    "larger in the directory": patched(STORED.copy(), DIRECTORY_ENTRY, 24, "<I", 1 << 30),
    "smaller in the directory": patched(STORED.copy(), DIRECTORY_ENTRY, 24, "<I", 100),
    "longer than the file": patched_twice(
        patched_twice(STORED.copy(), 18, "<I", 999), 22, "<I", 999
    ),
    "other name before the data": patched(STORED.copy(), LOCAL_HEADER, 30, "<B", ord("b")),
    "other method before the data": patched(STORED.copy(), LOCAL_HEADER, 8, "<H", 8),
    "other checksum before the data": patched(STORED.copy(), LOCAL_HEADER, 14, "<I", 1),
    "overlapping": patched_twice(patched_twice(TWO.copy(), 18, "<I", 250), 22, "<I", 250),
    "one in another": swallowing(),
    "two at one place": patched(TWO.copy(), DIRECTORY_ENTRY, 42, "<I", TWO.rindex(LOCAL_HEADER)),
    "encrypted": patched_twice(STORED.copy(), 6, "<H", 1),
    "encrypted in secret": patched(STORED.copy(), LOCAL_HEADER, 6, "<H", 1),
    "strongly encrypted": patched_twice(STORED.copy(), 6, "<H", 1 << 6),
    "a patch": patched_twice(STORED.copy(), 6, "<H", 1 << 5),
    "deflate64": patched_twice(STORED.copy(), 8, "<H", 9),
    "bzip2": zipped(("a.npy", ARRAY), method=zipfile.ZIP_BZIP2),
    "of the future": patched(STORED.copy(), DIRECTORY_ENTRY, 6, "<H", 999),
    "name that is not UTF-8": patched(
        patched_twice(zipped(("é.npy", ARRAY)), 6, "<H", 1 << 11), DIRECTORY_ENTRY, 46, "<B", 0xFF
    ),
    "bad checksum": flipped(DEFLATED, DEFLATED.index(DIRECTORY_ENTRY) - 3),
    "not deflated": patched(DEFLATED.copy(), LOCAL_HEADER, 35, "<I", 0xFFFFFFFF),
    "more than deflate can hold": bomb(),
    "more than was deflated": patched_twice(DEFLATED.copy(), 22, "<I", len(ARRAY) + 8),
    "header promises more": zipped(("a.npy", ARRAY[:-8])),
    "deflated header promises more": zipped(("a.npy", ARRAY[:-8]), method=zipfile.ZIP_DEFLATED),
    "header promises less": zipped(("a.npy", ARRAY + b"more")),
    "without an npy header": zipped(("a.npy", b"text")),
    "without anything": zipped(("a.npy", b"")),
    "objects": zipped(("a.npy", npy(np.array([{}, None], object)))),
}


def read_everything(path: Path) -> None:
    for key in fx.keys(path):
        ref = fx.open_array(path, key=key)
        for array in (ref[...], ref.load()):
            assert (array.shape, array.dtype) == (ref.shape, ref.dtype)


@pytest.mark.parametrize("kind", HOSTILE)
def test_hostile_file_is_refused_in_little_memory(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "a.npz"
    path.write_bytes(HOSTILE[kind])
    tracemalloc.start()
    try:
        with pytest.raises(BadArrayFileError, match=r"a\.npz"):
            read_everything(path)
        assert tracemalloc.get_traced_memory()[1] < 4 << 20
    finally:
        tracemalloc.stop()


@pytest.mark.filterwarnings("ignore:Duplicate name")  # which is what is wanted
def test_names_that_stand_twice_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    path.write_bytes(zipped(("a.npy", ARRAY), ("a.npy", npy(np.zeros(10)))))
    with pytest.raises(BadArrayFileError, match="same name"):
        fx.keys(path)


def test_objects_are_not_unpickled(tmp_path: Path) -> None:
    class Trap:
        def __reduce__(self) -> Any:
            return os.mkdir, (str(tmp_path / "sprung"),)

    np.savez(tmp_path / "a.npz", a=np.array([Trap()], object))
    with pytest.raises(BadArrayFileError, match="dtype"):
        fx.open_array(tmp_path / "a.npz")
    assert not (tmp_path / "sprung").exists()


def test_path_in_a_name_leads_nowhere(tmp_path: Path) -> None:
    inside = tmp_path / "inside"
    inside.mkdir()
    (inside / "a.npz").write_bytes(zipped(("../x.npy", ARRAY)))
    assert_same(fx.load(inside / "a.npz"), np.arange(10.0))
    assert os.listdir(tmp_path) == ["inside"]
    assert os.listdir(inside) == ["a.npz"]


def test_directory_beyond_any_use_is_not_read(tmp_path: Path) -> None:
    data = zipped(("a.npy", ARRAY))
    entry = data[data.index(DIRECTORY_ENTRY) : data.index(b"PK\x05\x06")]
    end = data[data.index(b"PK\x05\x06") :]
    size = 1 << 30
    struct.pack_into("<II", end, 12, size, 0)
    path = tmp_path / "a.npz"
    with path.open("wb") as file:
        file.write(entry)
        file.seek(size)
        file.write(end)
    tracemalloc.start()
    try:
        with pytest.raises(BadArrayFileError, match="directory"):
            fx.keys(path)
        assert tracemalloc.get_traced_memory()[1] < 4 << 20
    finally:
        tracemalloc.stop()


def test_array_larger_than_memory_is_refused_before_it_is_inflated(tmp_path: Path) -> None:
    shape = (1 << 37,)  # 1 TiB
    head = zlib.compressobj(wbits=-15)
    header = npyheader.encode(shape, np.dtype("f8"))
    begin = head.compress(header + bytes(1 << 16)) + head.flush(zlib.Z_SYNC_FLUSH)
    compressed = (1 << 40) // 1000  # as much as there would be, all of it a hole in the file
    data = zipped(("a.npy", b""), method=zipfile.ZIP_DEFLATED)
    local = data[: data.index(DIRECTORY_ENTRY)]
    local = bytes(patched(patched(local[:35], LOCAL_HEADER, 18, "<I", compressed),
                          LOCAL_HEADER, 22, "<I", 0xFFFFFFFF))  # fmt: skip
    entry = data[data.index(DIRECTORY_ENTRY) : data.index(b"PK\x05\x06")]
    struct.pack_into("<II", entry, 20, compressed, 0xFFFFFFFF)
    struct.pack_into("<H", entry, 30, 12)
    entry += struct.pack("<HHQ", 1, 8, len(header) + (1 << 40))
    end = data[data.index(b"PK\x05\x06") :]
    struct.pack_into("<II", end, 12, len(entry), len(local) + compressed)
    path = tmp_path / "a.npz"
    with path.open("wb") as file:
        file.write(local + begin)
        file.seek(len(local) + compressed)
        file.write(entry + end)
    ref = fx.open_array(path)
    assert ref.shape == shape
    for read in (ref.load, lambda: ref[...]):
        with pytest.raises(MemoryLimitError, match="smaller regions"):
            read()


def _damaged(data: bytes, count: int) -> Iterator[bytes]:
    choose = random.Random(0)
    records = [i for i in range(len(data)) if data[i : i + 2] == b"PK"]
    for _ in range(count):
        broken = bytearray(data)
        for _ in range(choose.choice([1, 1, 2, 4])):
            # Most of what can go wrong is in the records, not in the elements.
            position = min(choose.choice(records) + choose.randrange(60), len(broken) - 1)
            match choose.randrange(4):
                case 0:
                    broken[position : position + 4] = choose.choice([bytes(4), b"\xff" * 4])
                case 1:
                    del broken[position : position + choose.randrange(1, 20)]
                case _:
                    broken[position] = choose.choice([0, 1, 127, 128, 255, choose.randrange(256)])
        yield bytes(broken)


@pytest.mark.parametrize("original", [STORED, DEFLATED, TWO], ids=["stored", "deflated", "two"])
def test_damage_raises_nothing_but_our_errors(tmp_path: Path, original: bytearray) -> None:
    outcomes = set()
    for number, data in enumerate(_damaged(bytes(original), 500)):
        path = tmp_path / f"{number}.npz"
        path.write_bytes(data)
        try:
            read_everything(path)
        except FileExchangeError as error:
            outcomes.add(type(error))
        path.unlink()
    assert BadArrayFileError in outcomes
