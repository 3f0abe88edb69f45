"""Files and directories of files, as a benchmark treats them."""

import os
import tempfile
from collections.abc import Iterator

from filexchange import capabilities
from filexchange.errors import UnsupportedOptionError
from filexchange.patience import Patience, Pauses

_PROBE_BYTES = 1 << 16

# What was asked for ahead of a reader is there by then.
_READING_AHEAD_SECONDS = 1.0
_FIRST_PAUSE, _LONGEST_PAUSE = 1e-3, 2e-2


def files_below(path: str) -> Iterator[str]:
    """Yield a file, or all files below a directory."""
    if not os.path.isdir(path):
        yield path
        return
    for directory, _, names in os.walk(path):
        yield from (os.path.join(directory, name) for name in names)


def nbytes_below(path: str) -> int:
    """Return the bytes of a file, or of all files below a directory."""
    return sum(os.lstat(each).st_size for each in files_below(path))


def sync(path: str) -> None:
    """Have files and their names on the disk."""
    for each in files_below(path):
        _sync(each)
    for directory, _, _ in os.walk(path):
        capabilities.sync_directory(directory)
    capabilities.sync_directory(os.path.dirname(path))


def _sync(path: str) -> None:
    fd = os.open(path, os.O_RDWR | capabilities.OPEN_FLAGS)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def can_evict(directory: str) -> bool:
    """Return whether files in a directory can be taken out of the page cache, by trying it."""
    with tempfile.NamedTemporaryFile(dir=directory) as probe:
        probe.write(bytes(_PROBE_BYTES))
        probe.flush()
        sync(probe.name)
        return capabilities.evict(probe.name)


def evict(path: str) -> None:
    """Take files that are on the disk out of the page cache.

    What the system reads ahead comes into the cache later, and is waited for.

    Raises
    ------
    UnsupportedOptionError
        If they stay in it.
    """
    patience, pauses = Patience(_READING_AHEAD_SECONDS), Pauses(_FIRST_PAUSE, _LONGEST_PAUSE)
    while not all(list(map(capabilities.evict, files_below(path)))):
        if patience.is_over:
            raise no_cold_error(os.path.dirname(path))
        pauses.wait()


def no_cold_error(directory: str) -> UnsupportedOptionError:
    """Return the error for a directory whose files are never read from a disk."""
    return UnsupportedOptionError(
        f"files in {directory!r} cannot be read with a cold cache: they stay in memory, as on "
        "tmpfs, or this system cannot take them out of its cache. Choose a directory on a disk, or "
        "measure with a warm cache, or with fsync"
    )
