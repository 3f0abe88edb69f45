"""Files as bytes: opened safely, mapped, read, and published complete or not at all.

This is the only module that renames. Everything written by filexchange is written aside, under a
hidden name in the same directory that ends in ``.partial``, and gets its own name when it is
complete. A process killed in between leaves at most the hidden name.

Segments of an exchange are the only files that are written again. Whoever opens one takes a lease,
a lock that lasts as long as what was mapped, and a segment is not written while there is one.
"""

import contextlib
import errno
import math
import mmap
import os
import shutil
import stat
import zlib
from collections.abc import Iterator

import numpy as np

from filexchange import capabilities
from filexchange.aliases import Array, DType, Mode, Shape
from filexchange.errors import (
    ArrayAccessError,
    ArrayBusyError,
    ArrayExistsError,
    ArrayFileError,
    ArrayIOError,
    ArrayNotFoundError,
    BadArrayFileError,
    FileExchangeError,
    StorageFullError,
)
from filexchange.patience import Patience, Pauses

PARTIAL_SUFFIX = ".partial"

#: Names of segments end in this.
SEGMENT_SUFFIX = ".segment.npy"

#: Flags that create a file and never open one that is there.
NEW_FILE = os.O_RDWR | os.O_CREAT | os.O_EXCL | capabilities.OPEN_FLAGS

#: How a mapping of each mode is made.
ACCESS = {"r": mmap.ACCESS_READ, "r+": mmap.ACCESS_WRITE, "c": mmap.ACCESS_COPY}
_FIRST_PAUSE, _LONGEST_PAUSE = 1e-3, 2e-2
_NAME_CHARS = 48  # of up to four bytes each; names have 255
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_DENIED = {errno.EACCES, errno.EPERM, errno.EROFS}
_MISSING = {errno.ENOENT, errno.ENOTDIR}
_TAKEN = {errno.EEXIST, errno.ENOTEMPTY}


def named_error(error: OSError, path: str) -> ArrayFileError:
    """Return the error of ours for an error of the operating system about `path`."""
    reason = error.strerror or str(error)
    if error.errno in _FULL:
        return StorageFullError(
            error.errno,
            f"{reason}: free some space or choose another directory; nothing was left behind",
            path,
        )
    if error.errno in _MISSING:
        return ArrayNotFoundError(error.errno, reason, path)
    if error.errno in _DENIED:
        return ArrayAccessError(error.errno, reason, path)
    if error.errno in _TAKEN:
        return exists_error(path)
    if error.errno == errno.EMFILE:
        reason = f"{reason}: drop arrays that are still mapped, or raise RLIMIT_NOFILE (ulimit -n)"
    return ArrayIOError(error.errno, reason, path)


def exists_error(path: str) -> ArrayExistsError:
    """Return the error for a name that is taken."""
    return ArrayExistsError(
        errno.EEXIST, "exists already: pass overwrite=True to replace it, or another name", path
    )


def check_absent(path: str) -> None:
    """Raise `ArrayExistsError` if something is at `path`."""
    if os.path.lexists(path):
        raise exists_error(path)


def check_exists(path: str) -> None:
    """Raise `ArrayNotFoundError`, or the error that hides it, unless something is at `path`."""
    with naming_errors(path):
        os.lstat(path)


@contextlib.contextmanager
def naming_errors(path: str) -> Iterator[None]:
    """Turn errors of the operating system within the block into ours about `path`."""
    try:
        yield
    except FileExchangeError:
        raise
    except OSError as error:
        raise named_error(error, path) from error


def open_regular(path: str, *, writable: bool = False) -> int:
    """Open a regular file and return the descriptor; never blocks on a FIFO.

    Raises
    ------
    ArrayNotFoundError, ArrayAccessError
        If it does not exist or may not be opened.
    BadArrayFileError
        If it is not a regular file.
    """
    try:
        fd = os.open(path, (os.O_RDWR if writable else os.O_RDONLY) | capabilities.OPEN_FLAGS)
    except ValueError as error:  # a NUL in the path
        raise ArrayNotFoundError(errno.EINVAL, str(error), path) from error
    except OSError as error:
        if error.errno in {errno.EISDIR, errno.ENXIO}:
            raise BadArrayFileError(f"{path!r} is not a regular file") from error
        raise named_error(error, path) from error
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        raise BadArrayFileError(f"{path!r} is not a regular file")
    return fd


@contextlib.contextmanager
def opened(path: str, *, writable: bool = False) -> Iterator[int]:
    """Open a regular file for the block; a segment is leased for it, and by what it maps."""
    fd = open_regular(path, writable=writable)
    try:
        if path.endswith(SEGMENT_SUFFIX):
            with naming_errors(path):
                capabilities.lock_shared(fd)
            # Before it was locked, its name may have been given up and its bytes to another array.
            if not is_named(fd, path):
                raise ArrayNotFoundError(errno.ENOENT, "has been released", path)
        yield fd
    finally:
        os.close(fd)


def is_named(fd: int, path: str) -> bool:
    """Return whether `path` is a name of the open file."""
    try:
        return os.path.samestat(os.fstat(fd), os.lstat(path))
    except FileNotFoundError:
        return False


def extent(shape: Shape, dtype: DType, strides: Shape | None) -> int:
    """Return how many bytes lie between the first and the last byte of an array, inclusive.

    Examples
    --------
    >>> extent((2, 3), np.dtype("f4"), None), extent((2, 3), np.dtype("f4"), (16, 4))
    (24, 28)
    """
    if 0 in shape:
        return 0
    if strides is None:
        return math.prod(shape) * dtype.itemsize
    return dtype.itemsize + sum((n - 1) * s for n, s in zip(shape, strides, strict=True))


def check_size(fd: int, path: str, end: int) -> None:
    """Raise `BadArrayFileError` if the file has fewer than `end` bytes."""
    size = os.fstat(fd).st_size
    if size < end:
        raise BadArrayFileError(
            f"{path!r} is truncated: its array ends at byte {end}, the file at byte {size}"
        )


def map_array(
    fd: int,
    path: str,
    *,
    shape: Shape,
    dtype: DType,
    offset: int,
    order: str = "C",
    strides: Shape | None = None,
    mode: Mode = "r",
) -> Array:
    """Return an ndarray over the file's pages; its base keeps the mapping alive.

    Nothing is read until it is touched. The descriptor may be closed afterwards.

    Raises
    ------
    BadArrayFileError
        If the file ends before the array does.
    """
    length = extent(shape, dtype, strides)
    check_size(fd, path, offset + length)
    if length == 0:
        empty = np.empty(shape, dtype)
        empty.flags.writeable = mode != "r"
        return empty
    before = offset % mmap.ALLOCATIONGRANULARITY
    try:
        mapping = capabilities.map_file(fd, before + length, ACCESS[mode], offset - before)
    except OSError as error:
        raise named_error(error, path) from error
    if strides is not None:
        return np.ndarray(shape, dtype, mapping, before, strides)
    return np.ndarray(shape, dtype, mapping, before, order="F" if order == "F" else "C")


def read_array(
    fd: int, path: str, *, shape: Shape, dtype: DType, offset: int, order: str = "C"
) -> Array:
    """Return an array of one's own, filled from the file by read calls.

    Raises
    ------
    BadArrayFileError
        If the file ends before the array does; checked before any memory is taken.
    """
    check_size(fd, path, offset + extent(shape, dtype, None))
    array = np.empty(shape, dtype, order="F" if order == "F" else "C")
    if array.size:
        buffer = as_bytes(array)
        if capabilities.read_at(fd, buffer, offset) < len(buffer):
            raise BadArrayFileError(f"{path!r} was truncated while it was read")
    return array


def as_bytes(array: Array) -> memoryview:
    """Return the memory of a C- or F-contiguous array as bytes, without a copy.

    Through ``uint8``, because datetimes and foreign dtypes do not export buffers of their own.
    """
    if not array.size:
        return memoryview(b"")
    flat = array.reshape(-1) if array.flags.c_contiguous else array.T.reshape(-1)
    return flat.view(np.uint8).data


def partial_name(path: str) -> str:
    """Return a fresh hidden name beside `path` for something not yet complete."""
    return _hidden_name(path, os.urandom(8).hex())


def _hidden_name(path: str, word: str) -> str:
    directory, name = os.path.split(path)
    return os.path.join(directory, f".{name[:_NAME_CHARS]}.{word}{PARTIAL_SUFFIX}")


@contextlib.contextmanager
def publish(path: str, *, overwrite: bool) -> Iterator[str]:
    """Yield a name to write a file or directory to; it becomes `path` when the block succeeds.

    If the block raises, whatever it wrote is removed and `path` stays as it was.

    Raises
    ------
    ArrayExistsError
        If `path` exists, or comes into being meanwhile, and `overwrite` is false.
    StorageFullError, ArrayAccessError, ArrayNotFoundError
        For the operating system's errors within the block.
    """
    if not overwrite:
        check_absent(path)
    aside = partial_name(path)
    with naming_errors(path):
        try:
            yield aside
            move(aside, path, overwrite=overwrite)
        except BaseException as error:
            remove(aside)
            if isinstance(error, ArrayFileError) and getattr(error, "filename", None) == aside:
                # The only name that a format knows is not the one that the caller does.
                raise type(error)(*error.args[:2], path) from error
            raise


@contextlib.contextmanager
def alone(path: str, timeout: float | None = None) -> Iterator[None]:
    """Have a name for oneself for the block, among all threads and processes that ask here.

    For files that are copied to be changed: of two copies of one, the second would replace the
    first; and for those that one writer adds to. The lock is on a hidden file beside `path`, which
    need not exist, and ends with its holder. Where the system has no locks, nobody waits.

    Raises
    ------
    ArrayBusyError
        If another holder did not let go within `timeout` seconds.
    """
    lock = _lock_file(path)
    fd = _lock_name(lock, path, Patience(timeout))
    try:
        yield
    finally:
        # Removed first: who has it open meets another file of this name, and asks again. With the
        # directory that it was in, the name may have become another holder's.
        if is_named(fd, lock):
            capabilities.remove_open_file(lock)
        os.close(fd)


def busy_error(path: str) -> ArrayBusyError:
    """Return the error for an array that has a writer already."""
    return ArrayBusyError(
        errno.EAGAIN,
        "has another writer: wait until it is closed (timeout=), or write to another file",
        path,
    )


def _lock_file(path: str) -> str:
    name = os.path.basename(path)
    if len(name) <= _NAME_CHARS:
        return _hidden_name(path, "lock")
    # Names that only begin alike have locks of their own.
    return _hidden_name(path, f"{zlib.crc32(os.fsencode(name)):08x}.lock")


def _lock_name(lock: str, path: str, patience: Patience) -> int:
    pauses = Pauses(_FIRST_PAUSE, _LONGEST_PAUSE)
    while True:
        try:
            fd = os.open(lock, os.O_RDWR | os.O_CREAT | capabilities.OPEN_FLAGS, 0o666)
        except OSError as error:
            raise named_error(error, lock if os.path.lexists(lock) else path) from error
        try:
            capabilities.lock_exclusively(fd)
            if is_named(fd, lock):
                return fd
        except BlockingIOError:
            if patience.is_over:
                os.close(fd)
                raise busy_error(path) from None
            # Not by waiting in the kernel: a forked child may keep a lock that has served.
            pauses.wait()
        except BaseException:
            os.close(fd)
            raise
        os.close(fd)


def move(source: str, target: str, *, overwrite: bool) -> None:
    """Rename a file or directory; with `overwrite` it replaces what is at `target`.

    Raises
    ------
    OSError
        If `target` exists and `overwrite` is false, or by the operating system.
    """
    if os.path.isdir(source) or (overwrite and os.path.isdir(target)):
        if overwrite and os.path.lexists(target):
            # rename() replaces no directory that has entries.
            capabilities.swap_names(source, target)
            remove(source)
        else:
            os.rename(source, target)
    elif overwrite:
        os.replace(source, target)
    else:
        capabilities.link_new(source, target)


def remove(path: str) -> None:
    """Remove a file or a directory tree, if it is there; links are removed, not followed."""
    # Asked first: on a read-only file system unlink fails even where there is nothing.
    if not os.path.lexists(path):
        return
    try:
        os.unlink(path)
    except FileNotFoundError:
        return
    except (IsADirectoryError, PermissionError):
        if os.path.isdir(path):
            shutil.rmtree(path)
        elif os.path.lexists(path):  # or another process was faster
            raise


def remove_at_once(path: str) -> None:
    """Remove a directory tree, if it is there, such that no part of it remains under its name."""
    if os.path.lexists(path):
        aside = partial_name(path)
        os.rename(path, aside)
        remove(aside)
