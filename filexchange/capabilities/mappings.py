"""Files as memory."""

import ctypes
import errno
import mmap
import os
import sys
from typing import Any

import numpy as np

from filexchange.aliases import Array
from filexchange.capabilities.libc import IS_64_BIT, libc_function

_HAS_UNTRACKED = sys.version_info >= (3, 13) and sys.platform != "win32"
_MAP_SHARED, _MAP_PRIVATE = 1, 2
_PROT_READ, _PROT_WRITE = 1, 2
_MAP_FAILED = ctypes.c_void_p(-1).value
_MADV_POPULATE_WRITE = 23


def map_file(fd: int, length: int, access: int, offset: int) -> mmap.mmap:
    """Map `length` bytes from `offset`, a multiple of ``mmap.ALLOCATIONGRANULARITY``.

    The mapping keeps the open file description, and with it a lock on it.
    """
    options: dict[str, Any] = {"trackfd": False} if _HAS_UNTRACKED else {}
    return mmap.mmap(fd, length, access=access, offset=offset, **options)


def map_bytes(fd: int, length: int, access: int) -> Array:
    """Return the first `length` bytes of a file, one or more, as an array over its pages.

    The mapping lasts as long as the array and its views. It keeps no descriptor, but the open
    file description, and with it a lock on it. `access` is one of the ``mmap.ACCESS_`` constants.
    """
    if _HAS_UNTRACKED or not IS_64_BIT or libc_function("mmap") is None:
        return np.frombuffer(map_file(fd, length, access, 0), np.uint8)
    return np.asarray(_Pages(fd, length, access))


class _Pages:
    """A mapping made by the C library, because Python's own duplicates the descriptor."""

    __slots__ = ("_address", "_length", "_unmap", "_writable")

    def __init__(self, fd: int, length: int, access: int) -> None:
        self._address = 0
        function = libc_function("mmap")
        function.restype = ctypes.c_void_p
        self._unmap = libc_function("munmap")
        self._length = length
        self._writable = access != mmap.ACCESS_READ
        address = function(
            None,
            ctypes.c_size_t(length),
            _PROT_READ | (_PROT_WRITE if self._writable else 0),
            _MAP_PRIVATE if access == mmap.ACCESS_COPY else _MAP_SHARED,
            fd,
            ctypes.c_int64(0),
        )
        if address == _MAP_FAILED or address is None:
            number = ctypes.get_errno() or errno.ENOMEM
            raise OSError(number, os.strerror(number))
        self._address = address

    @property
    def __array_interface__(self) -> dict[str, Any]:
        return {
            "version": 3,
            "shape": (self._length,),
            "typestr": "|u1",
            "data": (self._address, not self._writable),
        }

    def __del__(self) -> None:
        if self._address:
            self._unmap(ctypes.c_void_p(self._address), ctypes.c_size_t(self._length))


def populate(memory: Array) -> None:
    """Make all pages of a new, writable mapping at once, which is faster than one by one."""
    madvise = libc_function("madvise") if sys.platform == "linux" else None
    if madvise is not None:
        # An older kernel says that it does not know this advice; nothing depends on it.
        madvise(
            ctypes.c_void_p(memory.ctypes.data),
            ctypes.c_size_t(memory.nbytes),
            ctypes.c_int(_MADV_POPULATE_WRITE),
        )


def are_equal(first: memoryview, second: memoryview) -> bool:
    """Return whether two pieces of memory hold the same bytes; other threads run meanwhile."""
    a, b = np.frombuffer(first, np.uint8), np.frombuffer(second, np.uint8)
    memcmp = libc_function("memcmp")
    if memcmp is None or a.nbytes != b.nbytes:
        return bool(np.array_equal(a, b))
    pointers = (ctypes.c_void_p(each.ctypes.data) for each in (a, b))
    return bool(memcmp(*pointers, ctypes.c_size_t(a.nbytes)) == 0)
