"""Where benchmarks write: removed when they end or, if they were killed, by the next one there."""

import contextlib
import os
from collections.abc import Iterator

from filexchange import files
from filexchange.errors import ArrayNotFoundError, UnsafeDirectoryError
from filexchange.sessions import ALIVE, DEAD_PREFIX, bury, check_private, locked_directory
from filexchange.sweeping import sweep_directory

PREFIX = "filexchange-bench-"


@contextlib.contextmanager
def scratch(base: str) -> Iterator[str]:
    """Yield an empty directory of this user alone, in another one for what must outlive it.

    Raises
    ------
    ArrayNotFoundError, ArrayAccessError
        If `base` is not there or not writable.
    """
    with files.naming_errors(base):
        _sweep(base)
        path, alive = locked_directory(base, ALIVE, alone=False, prefix=PREFIX)
    try:
        place = os.path.join(path, "files")
        os.mkdir(place)
        yield place
    finally:
        os.close(alive)
        bury(path)


def _sweep(base: str) -> None:
    """Remove what benchmarks of this user that were killed have left."""
    for name in os.listdir(base):
        if not name.removeprefix(DEAD_PREFIX).startswith(PREFIX):
            continue
        path = os.path.join(base, name)
        try:
            check_private(path)
        except (ArrayNotFoundError, UnsafeDirectoryError):  # gone, or somebody else's
            continue
        sweep_directory(path, ALIVE)
