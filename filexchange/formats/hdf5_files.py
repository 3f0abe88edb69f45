"""HDF5 files opened, with HDF5's errors named."""

import contextlib
import errno
import functools
import os
import re
import time
from collections.abc import Callable, Iterator
from typing import TypeVar

import h5py
from h5py import h5f, h5p

from filexchange import files
from filexchange.errors import (
    ArrayFileError,
    ArrayIOError,
    BadArrayFileError,
    FileExchangeError,
)
from filexchange.formats.hdf5_status import is_written
from filexchange.geometry import BLOCK_BYTES
from filexchange.patience import Patience

#: What h5py raises where data cannot be read or written.
IO_ERRORS = (OSError, RuntimeError)

#: What it raises for damaged metadata, one as readily as the other.
METADATA_ERRORS = (OSError, RuntimeError, ValueError, TypeError, LookupError, ArithmeticError)

_ERRNO = re.compile(r"errno = (\d+)")
_BEGINNING, _PAUSE = 0.5, 2e-3
_LOCKED = {errno.EAGAIN, errno.EACCES, errno.EBUSY}

# What HDF5 does not close with the file.
_IN_A_FILE = h5f.OBJ_LOCAL | h5f.OBJ_DATASET | h5f.OBJ_GROUP | h5f.OBJ_DATATYPE | h5f.OBJ_ATTR

_Opened = TypeVar("_Opened")
_Answer = TypeVar("_Answer")


def is_taken(error: Exception) -> bool:
    """Return whether an error of h5py's says that the file is open elsewhere."""
    text = str(error)
    return (
        isinstance(error, BlockingIOError)
        or "already open" in text
        or (_number(error) in _LOCKED and "lock" in text)
    )


def _number(error: Exception) -> int | None:
    match = _ERRNO.search(str(error))
    return getattr(error, "errno", None) or (int(match[1]) if match else None)


def taken_error(path: str, reason: str, number: int | None = None) -> ArrayIOError:
    """Return the error for a file that is open elsewhere."""
    killed = (
        "; if its writer was killed, go on with filexchange.blocks.writer(path, mode='a')"
        if is_written(path)
        else ""
    )
    return ArrayIOError(
        number or errno.EBUSY,
        "is open elsewhere, and HDF5 lets a file have one writer or many readers: close the other "
        f"array first{killed} ({reason})",
        path,
    )


def named_error(error: Exception, path: str) -> ArrayFileError:
    """Return the error of ours for one of h5py's about `path`."""
    text = " ".join(str(error).split())
    number = _number(error)
    if is_taken(error):
        return taken_error(path, text, number)
    if number is not None:
        return files.named_error(OSError(number, os.strerror(number)), path)
    return BadArrayFileError(f"{path!r} is damaged, or not an HDF5 file: {text}")


@contextlib.contextmanager
def naming_errors(path: str, kinds: tuple[type[Exception], ...] = IO_ERRORS) -> Iterator[None]:
    """Turn h5py's errors of these kinds within the block into ours about `path`."""
    try:
        yield
    except FileExchangeError:
        raise
    except kinds as error:
        raise named_error(error, path) from error


def open_file(path: str, mode: str = "r", cache_bytes: int = BLOCK_BYTES) -> h5f.FileID:
    """Open an existing file, ``"r"`` or ``"r+"``, with a cache for the chunks of each dataset.

    A file in which an array grows is opened such that it can go on growing. By h5py's low-level
    functions, because those of `h5py.File` take longer than HDF5 itself.

    A chunk that does not fit the cache is decompressed anew for every row read from it. Where all
    is read at once, a cache only costs time.

    Raises
    ------
    ArrayNotFoundError, ArrayAccessError, BadArrayFileError
    ArrayIOError
        If it is open for writing elsewhere.
    """
    name, access = os.fsencode(path), _access(cache_bytes)

    def opened() -> h5f.FileID:
        # Asks the file first: HDF5 itself would wait for ever for the other end of a FIFO.
        grows = is_written(path)
        if mode == "r+":
            return h5f.open(name, h5f.ACC_RDWR, access)
        return h5f.open(name, h5f.ACC_RDONLY | (h5f.ACC_SWMR_READ if grows else 0), access)

    with naming_errors(path):
        return patiently(opened) if mode == "r" else opened()


@functools.cache
def _access(cache_bytes: int) -> h5p.PropFAID:
    """Return how `h5py.File` opens files with ``locking="best-effort"``, by name."""
    access = h5p.create(h5p.FILE_ACCESS)
    access.set_libver_bounds(h5f.LIBVER_EARLIEST, h5f.LIBVER_LATEST)
    access.set_file_locking(True, True)
    access.set_fapl_sec2()
    slots = access.get_cache()
    access.set_cache(slots[0], slots[1], cache_bytes, slots[3])
    return access


def close_file(file: h5f.FileID) -> None:
    """Close a file, whatever somebody has still open in it."""
    if h5f.get_obj_count(file, _IN_A_FILE):
        h5py.File(file).close()
    else:
        file.close()


def ask(path: str, question: Callable[[h5f.FileID], _Answer]) -> _Answer:
    """Return what `question` finds in a file that is open for it, with HDF5's errors named.

    The file is closed by letting go of it, as nothing of it is in an answer: h5py's own ``close``
    goes through all objects that it has open anywhere.
    """
    file = open_file(path)
    try:
        with naming_errors(path, METADATA_ERRORS):
            return question(file)
    except BaseException:  # whose traceback does not let go
        close_file(file)
        raise


def patiently(opened: Callable[[], _Opened]) -> _Opened:
    """Open a file, again for a moment while it is open elsewhere.

    Whoever begins to let an array grow has the file alone until it has begun; and readers who come
    before that keep it from beginning, until they have read.
    """
    patience = Patience(_BEGINNING)
    while True:
        try:
            return opened()
        except IO_ERRORS as error:
            if not is_taken(error) or patience.is_over:
                raise
        time.sleep(_PAUSE)
