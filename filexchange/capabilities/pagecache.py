"""The page cache: taking files out of it, and finding out whether they are in it."""

import ctypes
import mmap
import os
import sys

import numpy as np

from filexchange.capabilities.libc import IS_64_BIT, libc_function
from filexchange.capabilities.mappings import map_bytes


def evict(path: str) -> bool:
    """Take a file out of the page cache, so that it is read from its disk next time.

    What was written to it must be on the disk already: see :func:`sync`.

    Returns
    -------
    bool
        Whether it is out of the cache. Where the system has no such request, where files are in
        memory anyway (tmpfs), or where some process has the file mapped, it is not.
    """
    if not hasattr(os, "posix_fadvise"):
        return False
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
        return resident_bytes(fd) == 0
    finally:
        os.close(fd)


def resident_bytes(fd: int) -> int | None:
    """Return how many bytes of a file are in the page cache, None where nobody can tell."""
    size = os.fstat(fd).st_size
    mincore = libc_function("mincore") if sys.platform == "linux" and IS_64_BIT else None
    if mincore is None:
        return None
    if not size:
        return 0
    pages = np.zeros(-(-size // mmap.PAGESIZE), np.uint8)
    mapped = map_bytes(fd, size, mmap.ACCESS_READ)
    failed = mincore(
        ctypes.c_void_p(mapped.ctypes.data),
        ctypes.c_size_t(size),
        ctypes.c_void_p(pages.ctypes.data),
    )
    return None if failed else int(np.count_nonzero(pages & 1)) * mmap.PAGESIZE
