"""What the machine can do at best: copies of memory, and plain reads and writes of files."""

import os
import time

import numpy as np

from filexchange import capabilities, files
from filexchange.aliases import Array
from filexchange.benchmark.measuring import trees
from filexchange.benchmark.measuring.timing import repeating
from filexchange.benchmark.results import Cache

#: Names of the floors. ``memcpy``: a copy into memory that is in use. ``dd``: a new file, in
#: pieces as ``dd bs=1M`` writes them, and read into memory that is in use.
MEMCPY, DD = "memcpy", "dd"

_PIECE = 1 << 20


def memcpy(array: Array, seconds: float) -> dict[str, list[float]]:
    """Return the seconds to copy an array: nothing that moves it once can be faster."""
    target = array.copy()
    samples = []
    for _ in repeating(seconds):
        start = time.perf_counter()
        np.copyto(target, array)
        samples.append(time.perf_counter() - start)
    return {"write": samples, "read": samples}


def dd(array: Array, directory: str, cache: Cache, seconds: float) -> dict[str, list[float]]:
    """Return the seconds to write the bytes of an array to a new file, and to read them."""
    data = files.as_bytes(array if array.flags.forc else np.ascontiguousarray(array))
    buffer = memoryview(bytearray(data))
    path = os.path.join(directory, f"{os.urandom(8).hex()}.dd")
    writes, reads = [], []
    try:
        with files.naming_errors(path):
            for _ in repeating(seconds):
                files.remove(path)
                start = time.perf_counter()
                _write(path, data)
                if cache != "warm":
                    trees.sync(path)
                writes.append(time.perf_counter() - start)
            for _ in repeating(seconds):
                if cache == "cold":
                    trees.evict(path)
                start = time.perf_counter()
                _read(path, buffer)
                reads.append(time.perf_counter() - start)
    finally:
        files.remove(path)
    return {"write": writes, "read": reads}


def _write(path: str, data: memoryview) -> None:
    fd = os.open(path, files.NEW_FILE, 0o600)
    try:
        for start in range(0, len(data), _PIECE):
            capabilities.write_all(fd, data[start : start + _PIECE])
    finally:
        os.close(fd)


def _read(path: str, buffer: memoryview) -> None:
    fd = os.open(path, os.O_RDONLY | capabilities.OPEN_FLAGS)
    try:
        for start in range(0, len(buffer), _PIECE):
            capabilities.read_at(fd, buffer[start : start + _PIECE], start)
    finally:
        os.close(fd)
