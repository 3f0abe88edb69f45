"""Exclusive access to ranges of a file, given back by the kernel if the holder dies."""

import contextlib
import errno
import os
from collections.abc import Iterator, Sequence

from filexchange import capabilities, files
from filexchange.errors import LockTimeoutError
from filexchange.patience import Patience, Pauses

_FIRST_PAUSE, _LONGEST_PAUSE = 1e-4, 1e-2


@contextlib.contextmanager
def locked(path: str, ranges: Sequence[tuple[int, int]], timeout: float | None) -> Iterator[None]:
    """Have ranges of a file's bytes for the block, as threads and processes agree to ask.

    Raises
    ------
    LockTimeoutError
        If another holder did not let go within `timeout` seconds.
    """
    fd = _lock(path, ranges, timeout)
    try:
        yield
    finally:
        os.close(fd)


def _lock(path: str, ranges: Sequence[tuple[int, int]], timeout: float | None) -> int:
    patience = Patience(timeout)
    pauses = Pauses(_FIRST_PAUSE, _LONGEST_PAUSE)
    while True:
        # Each holder has an open file description of its own: threads exclude each other, too.
        fd = files.open_regular(path, writable=True)
        try:
            if _got(fd, path, ranges, wait=timeout is None):
                return fd
        except BaseException:
            os.close(fd)
            raise
        os.close(fd)
        if patience.is_over:
            raise LockTimeoutError(
                errno.ETIMEDOUT,
                f"another process or thread kept the region locked for {timeout} s",
                path,
            )
        # The kernel waits for a lock, but not until a time.
        pauses.wait()


def _got(fd: int, path: str, ranges: Sequence[tuple[int, int]], *, wait: bool) -> bool:
    try:
        capabilities.lock_ranges(fd, ranges, wait=wait)
    except BlockingIOError:
        return False
    except OSError as error:
        raise files.named_error(error, path) from error
    return True
