"""One recyclable file: always a valid ``.npy``, written again and again through one mapping."""

import mmap
import os

import numpy as np

from filexchange import capabilities, files, npyheader
from filexchange.aliases import Array, DType, Order, Shape
from filexchange.leases import Lease

#: Bytes before the data, unless an array's dtype and attrs need more.
HEADER_BYTES = npyheader.ALIGNMENT

#: Arrays in a segment begin at multiples of this many bytes: a cache line, and any element.
_ALIGNMENT = 64

_SMALLEST = 64 << 10
_STEPS = 4  # sizes in each power of two
_BYTE = np.dtype(np.uint8)


def segment_size(nbytes: int) -> int:
    """Return the size of the segments that hold `nbytes` of data: at most a quarter more.

    Examples
    --------
    >>> [segment_size(n) - HEADER_BYTES for n in (1, 65 << 10, 1 << 20)]
    [65536, 81920, 1048576]
    """
    octave = max(_SMALLEST, 1 << max(0, nbytes - 1).bit_length() >> 1)
    step = octave // _STEPS
    return HEADER_BYTES + max(_SMALLEST, -(-nbytes // step) * step)


def place(sizes: list[int]) -> tuple[list[int], int]:
    """Return where arrays of these sizes go behind each other, and the bytes of data in all.

    Examples
    --------
    >>> place([10, 100])
    ([4096, 4160], 164)
    """
    offsets, end = [], HEADER_BYTES
    for size in sizes:
        begin = -(-end // _ALIGNMENT) * _ALIGNMENT
        offsets.append(begin)
        end = begin + size
    return offsets, end - HEADER_BYTES


class Segment:
    """A segment of this process's own pool.

    Attributes
    ----------
    path : str
    size : int
        Bytes of the file, all of them allocated: writing never meets a full disk.
    is_taken : bool
        Whether this process is writing to it; the pool sets it and asks for it.
    """

    __slots__ = ("_fd", "_header", "_memory", "is_taken", "path", "size")

    def __init__(self, path: str, size: int) -> None:
        self.path = path
        self.size = size
        self.is_taken = True
        self._header = b""
        self._memory: Array | None = None
        self._fd = os.open(path, files.NEW_FILE, 0o600)
        try:
            capabilities.reserve(self._fd, size)
            capabilities.populate(self.memory)
            self.describe_bytes()
        except BaseException:
            self.remove()
            raise

    @property
    def memory(self) -> Array:
        """All bytes of the file, writable."""
        if self._memory is None:
            self._memory = capabilities.map_bytes(self._opened(), self.size, mmap.ACCESS_WRITE)
        return self._memory

    def _opened(self) -> int:
        if self._fd < 0:
            self._fd = os.open(self.path, os.O_RDWR | capabilities.OPEN_FLAGS)
        return self._fd

    def is_free(self) -> bool:
        """Return whether no message and no reader has the segment, so that it may be written.

        The name of a message goes only after its reader has the lock, and a reader who passes the
        segment on gives it a name before the lock is gone. With the lock, therefore, one look at
        the names tells.
        """
        fd = self._opened()
        if os.fstat(fd).st_nlink != 1 or not capabilities.try_lock_alone(fd):
            return False
        try:
            return os.fstat(fd).st_nlink == 1
        finally:
            capabilities.unlock(fd)

    def is_gone(self) -> bool:
        """Return whether somebody removed the file's own name."""
        return not os.path.lexists(self.path)  # no other file ever gets it

    def describe_bytes(self) -> None:
        """Let the header be that of an array of bytes, all that follow it."""
        self.write_header(_bytes_header(self.size))

    def write_header(self, header: bytes) -> None:
        """Let the file begin with this ``.npy`` header."""
        if header is not self._header:
            self.memory[: len(header)] = np.frombuffer(header, _BYTE)
            self._header = header

    def array(self, shape: Shape, dtype: DType, order: Order, offset: int) -> Array:
        """Return a writable array in the segment."""
        return np.ndarray(shape, dtype, self.memory, offset, order=order)

    def lease(self) -> Array:
        """Return all bytes, writable, as an array that keeps the segment from being used again."""
        fd = files.open_regular(self.path)
        try:
            capabilities.lock_shared(fd)
            memory = self.memory
        except BaseException:
            os.close(fd)
            raise
        return np.asarray(Lease(fd, memory, self.path, is_constant=False))

    def close(self) -> None:
        """Let go of descriptor and mapping; they come back when needed."""
        fd, self._fd = self._fd, -1
        self._memory = None
        if fd >= 0:
            os.close(fd)

    def remove(self) -> None:
        """Remove the file's own name; messages and readers keep theirs."""
        self.close()
        files.remove(self.path)


def _bytes_header(size: int) -> bytes:
    header = _headers.get(size)
    if header is None:
        header = _headers[size] = npyheader.encode((size - HEADER_BYTES,), _BYTE)
    return header


# There are few sizes. Equal headers are one object, which tells that nothing needs to be written.
_headers: dict[int, bytes] = {}
