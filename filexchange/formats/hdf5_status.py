"""What the first bytes of an HDF5 file say of who writes it.

A file that is written in HDF5's single-writer-multiple-reader mode (SWMR) is marked in its
superblock. Readers have to open it in the same mode, and other writers find it taken. A writer
that was killed leaves the mark, and an end of the file that is out of date. HDF5's own program
for that, ``h5clear``, is not part of h5py.
"""

import errno
import os
import struct
from typing import Any

from filexchange import capabilities, files
from filexchange.errors import ArrayBusyError, BadArrayFileError, UnsupportedOptionError

SIGNATURE = b"\x89HDF\r\n\x1a\n"

# Version 3 of the superblock: version, sizes of offsets and lengths, flags; addresses of the base,
# the extension, the end of the file and the root group; a checksum of all that.
_SUPERBLOCK = struct.Struct("<8s4B4QI")
_VERSION, _SIZE, _SWMR = 3, 8, 0b100
_PAGE = 4096
_MASK = 0xFFFFFFFF


def is_written(path: str) -> bool:
    """Return whether a file is marked as being written in SWMR mode."""
    with files.opened(path) as fd:
        found = _read(fd)
    return found is not None and found[1] == _VERSION and bool(found[4] & _SWMR)


def check_can_grow(path: str) -> None:
    """Raise `UnsupportedOptionError` if a file has no SWMR mode."""
    with files.opened(path) as fd:
        found = _read(fd)
    if found is None or found[1:4] != (_VERSION, _SIZE, _SIZE) or found[5] != 0:
        raise UnsupportedOptionError(
            "the file is not of the HDF5 layout in which arrays can grow while others read them: "
            "begin a file of its own with filexchange.blocks.writer, and append what is in this "
            "one to it"
        )


def put_in_order(path: str) -> None:
    """Take the mark of a writer that was killed from a file that the caller has locked.

    Raises
    ------
    ArrayBusyError
        If a program that does not ask for the lock may be writing.
    BadArrayFileError
        If the superblock is damaged.
    """
    if not is_written(path):
        return
    is_open = capabilities.is_open_for_writing(path)
    if is_open is None:
        raise ArrayBusyError(
            errno.EAGAIN,
            "is marked as being written, and whether its writer was killed cannot be known here: "
            "if it was, run h5clear --status --increment=0",
            path,
        )
    if is_open:
        raise files.busy_error(path)
    _clear(path)


def _clear(path: str) -> None:
    with files.opened(path, writable=True) as fd:
        found = _read(fd)
        if found is None or checksum(_SUPERBLOCK.pack(*found)[:-4]) != found[-1]:
            raise BadArrayFileError(f"{path!r} is damaged: the checksum of its superblock is wrong")
        head, base, extension, end, root = found[:4], *found[5:9]
        # What the killed writer has added lies behind the end that it has noted.
        end = -(-max(end, os.fstat(fd).st_size) // _PAGE) * _PAGE
        os.ftruncate(fd, end)
        mended = _SUPERBLOCK.pack(*head, 0, base, extension, end, root, 0)[:-4]
        mended += checksum(mended).to_bytes(4, "little")
        capabilities.write_at(fd, memoryview(mended), 0)


def _read(fd: int) -> tuple[Any, ...] | None:
    """Return the fields of the superblock, None if it is not at the beginning of the file."""
    data = bytearray(_SUPERBLOCK.size)
    capabilities.read_at(fd, memoryview(data), 0)
    return _SUPERBLOCK.unpack(data) if data.startswith(SIGNATURE) else None


def checksum(data: bytes) -> int:
    """Return HDF5's checksum of metadata: the hash "lookup3" of Bob Jenkins, public domain.

    Examples
    --------
    >>> hex(checksum(b"Four score and seven years ago"))
    '0x17770551'
    """
    a = b = c = (0xDEADBEEF + len(data)) & _MASK
    blocks = range(0, len(data), 12)
    for start in blocks:
        block = data[start : start + 12].ljust(12, b"\0")
        x, y, z = struct.unpack("<3I", block)
        a, b, c = (a + x) & _MASK, (b + y) & _MASK, (c + z) & _MASK
        a, b, c = _final(a, b, c) if start == blocks[-1] else _mix(a, b, c)
    return c


def _mix(a: int, b: int, c: int) -> tuple[int, int, int]:
    a, c = (a - c) & _MASK ^ _rotated(c, 4), (c + b) & _MASK
    b, a = (b - a) & _MASK ^ _rotated(a, 6), (a + c) & _MASK
    c, b = (c - b) & _MASK ^ _rotated(b, 8), (b + a) & _MASK
    a, c = (a - c) & _MASK ^ _rotated(c, 16), (c + b) & _MASK
    b, a = (b - a) & _MASK ^ _rotated(a, 19), (a + c) & _MASK
    c, b = (c - b) & _MASK ^ _rotated(b, 4), (b + a) & _MASK
    return a, b, c


def _final(a: int, b: int, c: int) -> tuple[int, int, int]:
    c = ((c ^ b) - _rotated(b, 14)) & _MASK
    a = ((a ^ c) - _rotated(c, 11)) & _MASK
    b = ((b ^ a) - _rotated(a, 25)) & _MASK
    c = ((c ^ b) - _rotated(b, 16)) & _MASK
    a = ((a ^ c) - _rotated(c, 4)) & _MASK
    b = ((b ^ a) - _rotated(a, 14)) & _MASK
    c = ((c ^ b) - _rotated(b, 24)) & _MASK
    return a, b, c


def _rotated(word: int, bits: int) -> int:
    return (word << bits | word >> (32 - bits)) & _MASK
