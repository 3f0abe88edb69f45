"""What the operating system offers, and what stands in where it does not.

Linux has all of it. Elsewhere the differences are these, and no other module asks for the
platform:

==================  ==========================  =========================================
mechanism           macOS                       Windows
==================  ==========================  =========================================
`read_at`           preadv (macOS 11)           seek and read, no other user of the descriptor
`preallocate`       nothing                     nothing
`reserve`           zeros are written           zeros are written
`swap_names`        two renames                 two renames
`link_new`          hard link                   hard link on NTFS
`lock_exclusively`  flock                       no lock
`shared_memory_dir` none                        none
==================  ==========================  =========================================
"""

import ctypes
import errno
import functools
import mmap
import os
import sys
from typing import Any

#: The most that one write or read call transfers on Linux; more is cut short.
_MAX_TRANSFER = 0x7FFFF000
_ZEROS_BYTES = 1 << 20
_PREALLOCATED_BYTES = 16 << 20
_FALLOC_FL_KEEP_SIZE = 1
_AT_FDCWD = -100
_RENAME_EXCHANGE = 2
_NOT_SUPPORTED = {errno.EPERM, errno.EXDEV, errno.EMLINK, errno.EOPNOTSUPP, errno.ENOSYS}

#: Flags for opening a file that may turn out to be a FIFO or a device.
OPEN_FLAGS = getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)

# From Python 3.13 a mapping can do without a descriptor of its own.
_MAP_OPTIONS: dict[str, Any] = (
    {"trackfd": False} if sys.version_info >= (3, 13) and sys.platform != "win32" else {}
)


def map_file(fd: int, length: int, access: int, offset: int) -> mmap.mmap:
    """Map `length` bytes from `offset`, a multiple of ``mmap.ALLOCATIONGRANULARITY``."""
    return mmap.mmap(fd, length, access=access, offset=offset, **_MAP_OPTIONS)


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


def lock_exclusively(fd: int) -> None:
    """Lock a file as HDF5 does, where there are such locks; the lock ends with the descriptor.

    Raises
    ------
    BlockingIOError
        If another process, or another descriptor, has it locked.
    """
    if sys.platform != "win32":
        import fcntl  # noqa: PLC0415 - not on Windows

        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise
        except OSError as error:
            if error.errno not in {errno.ENOLCK, *_NOT_SUPPORTED}:
                raise


def link_new(source: str, target: str) -> None:
    """Give a file the name `target` instead of `source`; `target` must not exist.

    Where the file system has no hard links the check and the renaming are two steps, and another
    process may come between them.
    """
    try:
        os.link(source, target)
    except OSError as error:
        if error.errno not in _NOT_SUPPORTED:
            raise
        if os.path.lexists(target):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), target) from error
        os.rename(source, target)
    else:
        os.unlink(source)


def swap_names(first: str, second: str) -> None:
    """Exchange two names, atomically where the kernel can."""
    renameat2 = _libc_function("renameat2")
    if renameat2 is not None:
        done = renameat2(
            _AT_FDCWD, os.fsencode(first), _AT_FDCWD, os.fsencode(second), _RENAME_EXCHANGE
        )
        if done == 0:
            return
    between = f"{first}.swap"
    os.rename(second, between)
    os.rename(first, second)
    os.rename(between, first)


def preallocate(fd: int, size: int) -> None:
    """Tell the file system that an empty file will have `size` bytes, where it listens.

    A large file is then written to one place, and a disk that is too full is known at once. The
    file stays empty.

    Raises
    ------
    OSError
        If there is no space for it.
    """
    fallocate = _libc_function("fallocate")
    # Elsewhere the C library's offsets may have 32 bits.
    is_64_bit = sys.maxsize > 1 << 32
    if size < _PREALLOCATED_BYTES or fallocate is None or not is_64_bit:
        return
    keep_size, zero = ctypes.c_int(_FALLOC_FL_KEEP_SIZE), ctypes.c_int64(0)
    if fallocate(fd, keep_size, zero, ctypes.c_int64(size)) != 0:
        number = ctypes.get_errno()
        if number in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}:
            raise OSError(number, os.strerror(number))


@functools.cache
def _libc_function(name: str) -> Any:
    """Return a function of the C library that Python does not have, None where it has it not."""
    if sys.platform != "linux":
        return None
    return getattr(ctypes.CDLL(None, use_errno=True), name, None)


def shared_memory_dir() -> str | None:
    """Return the directory where POSIX shared memory has names, or None."""
    return "/dev/shm" if sys.platform == "linux" and os.path.isdir("/dev/shm") else None  # noqa: S108 - not for temporary files


def available_memory() -> int:
    """Return the bytes of memory that can be had without swapping."""
    import psutil  # noqa: PLC0415 - costs as much to import as a hundred references

    return int(psutil.virtual_memory().available)


def free_bytes(directory: str) -> int:
    """Return the bytes that this user can still write below `directory`."""
    import psutil  # noqa: PLC0415 - see available_memory

    return int(psutil.disk_usage(directory).free)


def user_id() -> str:
    """Return what tells this user from others in a shared temporary directory."""
    return str(os.getuid()) if hasattr(os, "getuid") else os.environ.get("USERNAME", "user")


def is_private(status: os.stat_result) -> bool:
    """Return whether nobody but this user can enter a directory of this status.

    Windows keeps temporary directories inside the user's profile, and has no such modes.
    """
    if not hasattr(os, "getuid"):
        return True
    return status.st_uid == os.getuid() and not status.st_mode & 0o077
