"""A file that tells which blocks are done, whatever becomes of the process that writes it."""

import os
import struct
import zlib
from collections.abc import Iterable

from filexchange import capabilities, files
from filexchange.aliases import Array

# Number of the block, checksum of its bytes, checksum of these two.
_RECORD = struct.Struct("<QII")


class Journal:
    """Checksums of finished blocks by their numbers; records are appended, and never changed.

    One process writes it. A record that was cut off by the end of a process, and what is behind
    one that is damaged, does not count.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        with files.naming_errors(path):
            self._fd = os.open(path, os.O_RDWR | os.O_CREAT | capabilities.OPEN_FLAGS, 0o666)
        self.done = self._read()

    def _read(self) -> dict[int, int]:
        data = bytearray(os.fstat(self._fd).st_size)
        capabilities.read_at(self._fd, memoryview(data), 0)
        done: dict[int, int] = {}
        for start in range(0, len(data) - _RECORD.size + 1, _RECORD.size):
            record = data[start : start + _RECORD.size]
            number, checksum, check = _RECORD.unpack(record)
            if check != zlib.crc32(record[:-4]):
                break
            done[number] = checksum
        self._end = len(done) * _RECORD.size
        # What is behind a damaged record must not follow a new one.
        os.ftruncate(self._fd, self._end)
        return done

    def add(self, number: int, checksum: int) -> None:
        """Tell that a block is done, after it was written."""
        record = _RECORD.pack(number, checksum, 0)[:-4]
        record += zlib.crc32(record).to_bytes(4, "little")
        with files.naming_errors(self._path):
            capabilities.write_at(self._fd, memoryview(record), self._end)
        self._end += len(record)
        self.done[number] = checksum

    def keep(self, numbers: set[int]) -> None:
        """Forget all blocks but these."""
        kept = {number: checksum for number, checksum in self.done.items() if number in numbers}
        with files.naming_errors(self._path):
            os.ftruncate(self._fd, 0)
        self._end, self.done = 0, {}
        for number, checksum in kept.items():
            self.add(number, checksum)

    def close(self) -> None:
        """Let go of the file."""
        os.close(self._fd)


def checksum(block: Array) -> int:
    """Return the CRC-32 of a block's elements in C order."""
    if not block.flags.c_contiguous:
        block = block.copy("C")
    return zlib.crc32(files.as_bytes(block))


def checksum_of_all(sums: Iterable[int]) -> int:
    """Return one checksum for those of several blocks."""
    return zlib.crc32(b"".join(each.to_bytes(4, "little") for each in sums))
