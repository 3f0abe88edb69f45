"""Bytes into and out of open files, and space for them."""

import ctypes
import errno
import os
import sys

from filexchange.capabilities.libc import IS_64_BIT, libc_function

#: The most that one write or read call transfers on Linux; more is cut short.
_MAX_TRANSFER = 0x7FFFF000
_ZEROS_BYTES = 1 << 20
_PREALLOCATED_BYTES = 16 << 20
_FALLOC_FL_KEEP_SIZE = 1
_SYNC_FILE_RANGE_WRITE = 2

#: Flags for opening a file that may turn out to be a FIFO or a device.
OPEN_FLAGS = getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)

#: Whether :func:`read_at` leaves a descriptor as it is, so that it may have another user.
CAN_READ_ANYWHERE = hasattr(os, "preadv")


def read_at(fd: int, buffer: memoryview, offset: int) -> int:
    """Fill `buffer` from `offset`; return how many bytes there were, fewer at the file's end."""
    done = 0
    while done < len(buffer):
        part = buffer[done : done + _MAX_TRANSFER]
        if hasattr(os, "preadv"):
            count = os.preadv(fd, [part], offset + done)
        else:
            os.lseek(fd, offset + done, os.SEEK_SET)
            data = os.read(fd, len(part))
            count = len(data)
            part[:count] = data
        if count == 0:
            break
        done += count
    return done


def write_all(fd: int, buffer: memoryview) -> None:
    """Write the whole buffer at the descriptor's position."""
    done = 0
    while done < len(buffer):
        done += os.write(fd, buffer[done : done + _MAX_TRANSFER])


def write_at(fd: int, buffer: memoryview, offset: int) -> None:
    """Write the whole buffer from byte `offset` of the file on."""
    done = 0
    while done < len(buffer):
        part = buffer[done : done + _MAX_TRANSFER]
        if hasattr(os, "pwrite"):
            done += os.pwrite(fd, part, offset + done)
        else:
            os.lseek(fd, offset + done, os.SEEK_SET)
            done += os.write(fd, part)


def start_reading(fd: int, start: int, size: int) -> None:
    """Let the disk begin to read the start of a range of a file, some 100 KiB, without waiting."""
    if hasattr(os, "posix_fadvise"):
        os.posix_fadvise(fd, start, size, os.POSIX_FADV_WILLNEED)


def start_writeback(fd: int, start: int, size: int) -> None:
    """Let the disk begin with what was written to a range of a file, without waiting for it."""
    sync_file_range = libc_function("sync_file_range") if sys.platform == "linux" else None
    if sync_file_range is not None and IS_64_BIT:
        # Only a hint: whatever goes wrong with the disk is told by fsync.
        begin, length = ctypes.c_int64(start), ctypes.c_int64(size)
        sync_file_range(fd, begin, length, ctypes.c_uint(_SYNC_FILE_RANGE_WRITE))


def reserve(fd: int, size: int, start: int = 0) -> None:
    """Allocate `size` bytes of zeros from byte `start` on, where nothing has been written.

    A mapping of a hole dies with SIGBUS when the disk is full; this raises ``OSError`` instead.
    """
    if hasattr(os, "posix_fallocate"):
        if size:
            os.posix_fallocate(fd, start, size)
        return
    os.lseek(fd, start, os.SEEK_SET)
    zeros = memoryview(bytes(min(size, _ZEROS_BYTES)))
    for done in range(0, size, _ZEROS_BYTES):
        write_all(fd, zeros[: size - done])


def preallocate(fd: int, size: int, start: int = 0) -> None:
    """Tell the file system that `size` bytes will be written from `start` on, where it listens.

    A large file is then written to one place, and a disk that is too full is known at once. The
    file becomes no longer.

    Raises
    ------
    OSError
        If there is no space for it.
    """
    if size >= _PREALLOCATED_BYTES:
        _allocate(fd, start, size)


def reserve_beyond(fd: int, size: int) -> None:
    """Make sure that `size` more bytes can be written at a file's end, where the system can.

    The file does not become longer. What is not used is given back by truncating it to its size.

    Raises
    ------
    OSError
        If there is no space for them.
    """
    _allocate(fd, os.fstat(fd).st_size, size)


def _allocate(fd: int, start: int, size: int) -> None:
    fallocate = libc_function("fallocate") if sys.platform == "linux" and IS_64_BIT else None
    if fallocate is None:
        return
    keep_size = ctypes.c_int(_FALLOC_FL_KEEP_SIZE)
    if fallocate(fd, keep_size, ctypes.c_int64(start), ctypes.c_int64(size)) != 0:
        number = ctypes.get_errno()
        if number in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}:
            raise OSError(number, os.strerror(number))


def sync(fd: int) -> None:
    """Have the data of a file on its disk, with what it takes to find them."""
    getattr(os, "fdatasync", os.fsync)(fd)


def sync_directory(path: str) -> None:
    """Have the names in a directory on its disk, where directories can be opened."""
    if sys.platform == "win32":
        return
    fd = os.open(path, os.O_RDONLY | OPEN_FLAGS)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def sync_file_system(path: str) -> None:
    """Have all that was written to the file system of `path` on its disk."""
    syncfs = libc_function("syncfs") if sys.platform == "linux" else None
    if syncfs is None:
        if hasattr(os, "sync"):
            os.sync()
        return
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        if syncfs(fd) != 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))
    finally:
        os.close(fd)
