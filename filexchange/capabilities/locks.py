"""Locks that the kernel holds, and lets go of when their holder dies.

All but :func:`lock_ranges` are ``flock`` locks. They belong to an open file description: what
``os.open`` made, with all that was duplicated or inherited from it, and nothing else. They end
when its last descriptor closes. ``LOCK_UN`` would end them for a forked child too, so a lock that
a child may rely on is let go of by closing only.
"""

import errno
import os
import signal
import struct
import sys
import tempfile
from collections.abc import Sequence

from filexchange.capabilities.names import NOT_SUPPORTED

if sys.platform == "win32":
    _HAS_FLOCK = False
else:
    import fcntl

    _HAS_FLOCK = True

#: Whether ranges of a file can be locked, rather than all of it.
_HAS_RANGES = _HAS_FLOCK and hasattr(fcntl, "F_OFD_SETLKW") and sys.maxsize > 1 << 32

#: Whether a file can be leased, which it can only be while nobody has it open for writing.
_HAS_LEASES = _HAS_FLOCK and hasattr(fcntl, "F_SETLEASE") and hasattr(fcntl, "F_SETSIG")

_UNLOCKABLE = {errno.ENOLCK, *NOT_SUPPORTED}
# struct flock of 64-bit Linux: type, whence, start, length, pid.
_FLOCK = struct.Struct("@hhqqi4x")


def lock_exclusively(fd: int) -> None:
    """Lock a file as HDF5 does, where there are such locks; the lock ends with the descriptor.

    Raises
    ------
    BlockingIOError
        If another process, or another descriptor, has it locked.
    """
    if not _HAS_FLOCK:
        return
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise
    except OSError as error:
        if error.errno not in _UNLOCKABLE:
            raise


def lock_shared(fd: int) -> None:
    """Lock a file together with others that do; the lock ends with the last descriptor of it."""
    if _HAS_FLOCK:
        fcntl.flock(fd, fcntl.LOCK_SH)


def wait_alone(fd: int) -> None:
    """Wait until nobody has a file locked, and lock it; where there are no locks go on."""
    if _HAS_FLOCK:
        fcntl.flock(fd, fcntl.LOCK_EX)


def try_lock_alone(fd: int) -> bool:
    """Lock a file exclusively if nobody has it locked, and return whether that was so.

    Where there are no locks nobody is known to have none, and the answer is no.
    """
    if not _HAS_FLOCK:
        return False
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def unlock(fd: int) -> None:
    """Let go of a ``flock`` lock, also in processes that inherited it."""
    if _HAS_FLOCK:
        fcntl.flock(fd, fcntl.LOCK_UN)


def is_open_for_writing(path: str) -> bool | None:
    """Return whether any process, this one included, has a file open for writing.

    None where nobody can tell: the kernel of Linux can, of files of this user on local disks.
    """
    if not _HAS_LEASES:
        return None
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        # Whoever opens the file for writing meanwhile waits until the lease is given back. The
        # kernel says so by a signal, for which SIGIO, its default, would end this process.
        fcntl.fcntl(fd, fcntl.F_SETSIG, signal.SIGURG)
        fcntl.fcntl(fd, fcntl.F_SETLEASE, fcntl.F_RDLCK)
        fcntl.fcntl(fd, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    except BlockingIOError:
        return True
    except OSError:  # another user's file, or a file system without leases
        return None
    finally:
        os.close(fd)
    return False


def can_lease(directory: str) -> bool:
    """Return whether files in `directory` take further names and locks: tried out there."""
    if not _HAS_FLOCK:
        return False
    try:
        with tempfile.NamedTemporaryFile(dir=directory) as probe:
            other = f"{probe.name}.link"
            os.link(probe.name, other)
            try:
                fcntl.flock(probe.fileno(), fcntl.LOCK_SH)
            finally:
                os.unlink(other)
    except OSError as error:
        if error.errno in _UNLOCKABLE:
            return False
        raise
    return True


def lock_ranges(fd: int, ranges: Sequence[tuple[int, int]], *, wait: bool) -> None:
    """Lock ``(start, length)`` ranges of bytes exclusively, in order, all or none.

    Ranges in ascending order cannot deadlock with those of others. The locks belong to the open
    file description; close it to let go of them. Where there are no such locks, all of the file
    is locked.

    Raises
    ------
    BlockingIOError
        If some is locked by another description and `wait` is false. What was locked before it
        stays so until the descriptor closes.
    OSError
        If the file system or the system has no locks.
    """
    if not _HAS_FLOCK:
        raise OSError(errno.ENOSYS, "this system has no locks that end with their holder")
    if not _HAS_RANGES:
        fcntl.flock(fd, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        return
    command = fcntl.F_OFD_SETLKW if wait else fcntl.F_OFD_SETLK
    for start, length in ranges:
        fcntl.fcntl(fd, command, _FLOCK.pack(fcntl.F_WRLCK, os.SEEK_SET, start, length, 0))
