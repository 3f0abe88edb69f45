"""Writers in any process that can be told to stop, and waited for."""

import contextlib
import os
from collections.abc import Iterator

from filexchange import capabilities, files
from filexchange.errors import ArrayNotFoundError


@contextlib.contextmanager
def gate(path: str) -> Iterator[None]:
    """Let writers through as long as the block lasts; afterwards none writes any more.

    A scheduler that reports an error lets tasks run on, and has no way to wait for them. So each
    writer locks a file together with the others, and who began removes it and waits for the locks.

    Parameters
    ----------
    path : str
        Of a file of this gate's own.
    """
    with files.naming_errors(path):
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | capabilities.OPEN_FLAGS, 0o666)
    try:
        yield
    finally:
        files.remove(path)
        capabilities.wait_alone(fd)
        os.close(fd)


@contextlib.contextmanager
def through(path: str) -> Iterator[None]:
    """Write while a gate is open.

    Raises
    ------
    ArrayNotFoundError
        If it is closed.
    """
    with files.naming_errors(path):
        fd = os.open(path, os.O_RDWR | capabilities.OPEN_FLAGS)
    try:
        capabilities.lock_shared(fd)
        # It may have been closed between the two calls.
        if not os.path.exists(path):
            raise ArrayNotFoundError(f"{path!r} is gone: what this block is for has ended")
        yield
    finally:
        os.close(fd)
