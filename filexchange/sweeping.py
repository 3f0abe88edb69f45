"""Finding and removing what the dead have left: sessions, and pools in living sessions.

Whoever can lock the file that a living owner keeps locked knows that there is no owner.
"""

import contextlib
import os
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from filexchange import capabilities, files
from filexchange.errors import UnsafeDirectoryError
from filexchange.sessions import (
    ALIVE,
    CLAIMS,
    DEAD_PREFIX,
    HELD,
    OWNER,
    POOLS,
    base_directories,
    bury,
    check_private,
    clear,
    lock_same,
    user_path,
)


class SessionFacts(NamedTuple):
    """What is in the directory of a session.

    Attributes
    ----------
    path : str
    is_alive : bool
        Whether some process takes part in it.
    pools, dead_pools : int
        How many processes have segments there, and how many of these are dead.
    segments, claims, leases, held : int
        How many segments there are, messages under way, segments that somebody reads, and arrays
        that the exchange holds.
    nbytes : int
        Disk space, each segment counted once.
    """

    path: str
    is_alive: bool
    pools: int
    dead_pools: int
    segments: int
    claims: int
    leases: int
    held: int
    nbytes: int


def sessions(bases: Iterable[str] | None = None) -> Iterator[SessionFacts]:
    """Yield what there is of this user below `bases`, by default wherever an exchange may go."""
    for base in base_directories() if bases is None else bases:
        yield from (facts(path) for path in _entries(user_path(base)) if os.path.isdir(path))


def facts(path: str) -> SessionFacts:
    """Return what is in the directory of a session."""
    pools = [each for each in _entries(os.path.join(path, POOLS)) if not _is_dead_name(each)]
    segments = [
        each for pool in pools for each in _entries(pool) if each.endswith(files.SEGMENT_SUFFIX)
    ]
    return SessionFacts(
        path,
        is_alive=not _is_dead_name(path) and _is_locked(os.path.join(path, ALIVE)),
        pools=len(pools),
        dead_pools=sum(not _is_locked(os.path.join(each, OWNER)) for each in pools),
        segments=len(segments),
        claims=len(_entries(os.path.join(path, CLAIMS))),
        leases=sum(map(_is_locked, segments)),
        held=len(_entries(os.path.join(path, HELD))),
        nbytes=_disk_space(path),
    )


def _disk_space(directory: str) -> int:
    """Return the bytes that all files below a directory take, those of several names once."""
    sizes = {}
    for parent, _, names in os.walk(directory):
        for name in names:
            with contextlib.suppress(FileNotFoundError):  # it may go while one looks
                status = os.lstat(os.path.join(parent, name))
                sizes[status.st_dev, status.st_ino] = getattr(status, "st_blocks", 0) * 512
    return sum(sizes.values())


def sweep_sessions(bases: Iterable[str] | None = None) -> list[str]:
    """Remove the dead sessions of this user below `bases`; return their paths."""
    removed = []
    for base in base_directories() if bases is None else bases:
        parent = user_path(base)
        try:
            check_private(parent)
        except FileNotFoundError:
            continue
        except UnsafeDirectoryError:  # somebody else's, and theirs to sweep
            continue
        removed += [path for path in _entries(parent) if sweep_directory(path, ALIVE)]
    return removed


def sweep_pools(session: str) -> list[str]:
    """Remove the segments that dead processes have left in a session; return their directories.

    Messages of theirs that are under way stay: a claim is a name of its own.
    """
    return [path for path in _entries(os.path.join(session, POOLS)) if sweep_directory(path, OWNER)]


def sweep_directory(path: str, lock_name: str) -> bool:
    """Remove a directory of ours if it is dead; return whether it was."""
    if _is_dead_name(path):
        clear(path)
        return True
    try:
        lock = lock_same(os.path.join(path, lock_name), alone=True)
    except NotADirectoryError:  # not made by us
        return False
    except FileNotFoundError:
        # Made, but without its lock yet, or already without it: an empty one is nobody's loss,
        # since its maker tries again.
        with contextlib.suppress(OSError):
            os.rmdir(path)
            return True
        return False
    if lock is None:
        return False
    try:
        bury(path)
    finally:
        os.close(lock)
    return True


def _is_locked(path: str) -> bool:
    """Return whether somebody has a file locked; not while this asks, but for no time."""
    try:
        fd = os.open(path, os.O_RDONLY | capabilities.OPEN_FLAGS)
    except FileNotFoundError:
        return False
    try:
        # Who locks it in this moment waits for no longer than that.
        return not capabilities.try_lock_alone(fd)
    finally:
        os.close(fd)


def _is_dead_name(path: str) -> bool:
    return os.path.basename(path).startswith(DEAD_PREFIX)


def _entries(directory: str) -> list[str]:
    try:
        return sorted(os.path.join(directory, name) for name in os.listdir(directory))
    except FileNotFoundError:
        return []
