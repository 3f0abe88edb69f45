"""Zip archives as containers of named streams, read with nothing believed before it is checked.

The standard library's `zipfile` reads the directory and inflates. What it takes on trust is
checked here: that the directory is small, that names are unique, that each member lies where the
directory says, alone, and as long as it says.
"""

import contextlib
import io
import struct
import zipfile
import zlib
from collections.abc import Iterator
from typing import NoReturn

from filexchange import files
from filexchange.errors import BadArrayFileError, FileExchangeError

#: Bytes that are inflated, or passed to `zipfile`, at a time: they stay in the CPU cache.
PIECE_BYTES = 1 << 18

# Room for a quarter of a million members.
_MAX_DIRECTORY = 16 << 20

# No deflated byte stands for more than this many bytes; a stream of a few has some overhead.
_MAX_RATIO = 1032

_ENCRYPTED = 1
_SIZES_FOLLOW = 1 << 3
_UTF_8 = 1 << 11
_IN_ZIP64 = 0xFFFFFFFF
_SIGNATURE = b"PK\x03\x04"
_LOCAL = struct.Struct("<4s2x2H4x3I2H")
_METHODS = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}

# What `zipfile` raises for malformed input. RuntimeError stands for passwords and for features it
# does not know, ValueError for names that are not UTF-8.
_DAMAGE = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    RuntimeError,
    ValueError,
    OverflowError,
)


@contextlib.contextmanager
def naming_damage(path: str) -> Iterator[None]:
    """Turn what `zipfile` raises within the block into our errors about `path`."""
    try:
        with files.naming_errors(path):
            yield
    except FileExchangeError:
        raise
    except _DAMAGE as error:
        raise BadArrayFileError(f"{path!r} is not a readable zip file: {error}") from error


class _Reader(io.FileIO):
    """A file that gives no more at once than a directory may have."""

    def read(self, size: int | None = -1, /) -> bytes:
        """Read as a file does, within the limit."""
        # `zipfile` reads to the end, without a size, only where less than 128 KiB are left.
        if size is not None and size > _MAX_DIRECTORY:
            raise zipfile.BadZipFile(
                f"its directory has {size} bytes; at most {_MAX_DIRECTORY} are accepted"
            )
        return super().read(size) or b""


class Archive:
    """A zip file that is open for reading; close it.

    Attributes
    ----------
    path : str
    members : mapping of str to zipfile.ZipInfo
        What is in it, by name.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self._file = _Reader(files.open_regular(path))
        try:
            with naming_damage(path):
                self._zip = zipfile.ZipFile(self._file)
            self.members = {info.filename: info for info in self._zip.infolist()}
            self._starts = sorted(info.header_offset for info in self._zip.infolist())
            if len(self.members) < len(self._starts):
                self._bad("it has several members of the same name")
        except BaseException:
            self._file.close()
            raise

    def close(self) -> None:
        """Close the file; may be called twice."""
        self._zip.close()
        self._file.close()

    def fileno(self) -> int:
        """Return the descriptor of the file."""
        return self._file.fileno()

    def data_offset(self, info: zipfile.ZipInfo) -> int:
        """Return the byte of the file where a member's data begin.

        Raises
        ------
        BadArrayFileError
            If the member is not what the directory says, cannot be read, or overlaps another.
        """
        name = info.filename
        if info.compress_type not in _METHODS:
            self._bad(
                f"member {name!r} is compressed by method {info.compress_type}; 'stored' and "
                "'deflate' are known, so pack it again with one of them"
            )
        largest = info.compress_size * (_MAX_RATIO if info.compress_type else 1)
        smallest = 0 if info.compress_type else info.compress_size
        if not smallest <= info.file_size <= largest:
            self._bad(
                f"member {name!r} claims to hold {info.file_size} bytes in {info.compress_size}"
            )
        if not 0 <= info.header_offset < self._zip.start_dir:
            self._bad(f"member {name!r} begins at byte {info.header_offset}, which has no member")
        begin = info.header_offset + _LOCAL.size + self._check_local_header(info)
        ends = (start for start in self._starts if start > info.header_offset)
        if begin + info.compress_size > next(ends, self._zip.start_dir):
            self._bad(f"member {name!r} overlaps what follows it, or is cut off")
        return begin

    def _check_local_header(self, info: zipfile.ZipInfo) -> int:
        """Return the size of a member's own header beyond its fixed part."""
        with naming_damage(self.path):
            self._file.seek(info.header_offset)
            fixed = self._file.read(_LOCAL.size)
            signature, flags, method, crc, stored, size, name_size, extra = _LOCAL.unpack(fixed)
            name = self._file.read(name_size).decode("utf-8" if flags & _UTF_8 else "cp437")
        if (info.flag_bits | flags) & _ENCRYPTED:
            self._bad(f"member {info.filename!r} is encrypted: pack it again without a password")
        agrees = (signature, method, name) == (_SIGNATURE, info.compress_type, info.orig_filename)
        if not flags & _SIZES_FOLLOW:
            agrees &= (
                crc == info.CRC
                and stored in {info.compress_size, _IN_ZIP64}
                and size in {info.file_size, _IN_ZIP64}
            )
        if not agrees:
            self._bad(f"member {info.filename!r} is not what its directory says")
        return int(name_size) + int(extra)

    def _bad(self, reason: str) -> NoReturn:
        raise BadArrayFileError(f"{self.path!r} is not readable: {reason}")


class MemberStream:
    """The bytes of a member by position, inflated from its beginning on.

    Reading forward continues where the last read ended; reading back begins anew. The checksum is
    checked when the last byte is read.

    Attributes
    ----------
    begin : int
        Byte of the file where the member's data begin.
    """

    def __init__(self, archive: Archive, info: zipfile.ZipInfo) -> None:
        self._name = f"{archive.path}:{info.filename}"
        self.begin = archive.data_offset(info)
        with naming_damage(self._name):
            self._stream = archive._zip.open(info)  # noqa: SLF001 - its other half

    def close(self) -> None:
        """Let go of the archive."""
        self._stream.close()

    def read(self, count: int, offset: int) -> bytes:
        """Return `count` bytes from `offset`, fewer where the member ends."""
        with naming_damage(self._name):
            if offset < self._stream.tell():
                self._stream.seek(0)
            while (ahead := offset - self._stream.tell()) > 0:
                if not self._stream.read(min(ahead, PIECE_BYTES)):
                    return b""
            return self._stream.read(count)

    def fill(self, buffer: memoryview, offset: int) -> None:
        """Fill `buffer` from `offset`.

        Raises
        ------
        BadArrayFileError
            If the member ends before, or is damaged.
        """
        done = 0
        while done < len(buffer):
            data = self.read(min(PIECE_BYTES, len(buffer) - done), offset + done)
            if not data:
                raise BadArrayFileError(
                    f"{self._name!r} is truncated: it ends at byte {offset + done}, its array at "
                    f"byte {offset + len(buffer)}"
                )
            buffer[done : done + len(data)] = data
            done += len(data)
