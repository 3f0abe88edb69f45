"""Where an exchange keeps its files: a private directory that lives as long as it is used.

::

    <base>/filexchange-<uid>/        0700, nobody else's
      <session>/                     one exchange
        alive                        locked, together, by every process that takes part
        claims/<id>.segment.npy      a message under way: a hard link to its segment
        held/<id>.segment.npy        an array that the exchange holds: likewise, or a file
        pools/<id>/                  the segments that one process writes
          owner                      locked by that process

A lock ends with its holder, however that ended. So a session is dead when nobody has `alive`
locked, and a process when nobody has its `owner` locked; neither age nor process number says
anything. See `filexchange.sweeping` for what happens to the dead.
"""

import contextlib
import errno
import os
import stat
import tempfile
from multiprocessing import util

from filexchange import capabilities, files
from filexchange.aliases import PathLike
from filexchange.errors import ArrayNotFoundError, ExchangeClosedError, UnsafeDirectoryError

#: Environment variable that names the directory to use instead of tmpfs or the temporary one.
DIRECTORY_VARIABLE = "FILEXCHANGE_DIR"

#: Free bytes below which tmpfs is not used: it is memory, and small in containers.
ROOMY_BYTES = 2 << 30

ALIVE, CLAIMS, HELD, POOLS, OWNER = "alive", "claims", "held", "pools", "owner"

#: Directories that are being removed; their names are never used again.
DEAD_PREFIX = "dead-"

_PRIVATE = 0o700
_LEAVE_PRIORITY = -10  # after queues have handed over what was put
_LOCK_FILE = os.O_RDONLY | capabilities.OPEN_FLAGS


class Session:
    """One process's membership in a session directory.

    Attributes
    ----------
    path : str
        The directory.
    can_lease : bool
        Whether segments can be leased there, and so be used again.

    Notes
    -----
    The process that made a session ends it: by :meth:`end`, or when it ends itself. A forked
    child keeps the membership of its parent, and ends nothing.
    """

    def __init__(self, path: str, alive: int, owner: int | None) -> None:
        self.path = path
        self.can_lease = capabilities.can_lease(os.path.join(path, HELD))
        self._owner = owner
        # Not a finalizer of weakref: at the end of a process those come before its children are
        # joined, and not at all in processes that multiprocessing forks.
        self._leave = util.Finalize(
            self, _leave, args=(path, alive, owner), exitpriority=_LEAVE_PRIORITY
        )

    @classmethod
    def create(cls, base: PathLike | None = None) -> "Session":
        """Make a session below `base`, :func:`base_directory` unless given."""
        parent = user_directory(os.path.abspath(base_directory() if base is None else base))
        with files.naming_errors(parent):
            path, alive = locked_directory(parent, ALIVE, alone=False)
            try:
                for name in (CLAIMS, HELD, POOLS):
                    os.mkdir(os.path.join(path, name), _PRIVATE)
                return cls(path, alive, os.getpid())
            except BaseException:
                _leave(path, alive, os.getpid())
                raise

    @classmethod
    def join(cls, path: str) -> "Session":
        """Take part in a session that another process made.

        Raises
        ------
        ExchangeClosedError
            If it has ended.
        UnsafeDirectoryError
            If others could have made it.
        """
        try:
            check_private(os.path.dirname(path))
            alive = lock_same(os.path.join(path, ALIVE))
        except (FileNotFoundError, ArrayNotFoundError) as error:
            raise closed_error(path) from error
        if alive is None:
            raise closed_error(path)
        try:
            return cls(path, alive, None)
        except BaseException as error:
            os.close(alive)
            if isinstance(error, FileNotFoundError):  # the process that made it ends it just now
                raise closed_error(path) from error
            raise

    def directory(self, name: str) -> str:
        """Return the path of ``claims``, ``held`` or ``pools``."""
        return os.path.join(self.path, name)

    @property
    def is_mine(self) -> bool:
        """Whether this process made the session."""
        return self._owner == os.getpid()

    def leave(self) -> None:
        """Leave a session that is gone."""
        if not self.is_mine:
            self._leave()

    def end(self) -> None:
        """Leave the session and, if this process made it, remove it with all that is in it."""
        if self.is_mine:
            self._leave()


def _leave(path: str, alive: int, owner: int | None) -> None:
    os.close(alive)
    if owner == os.getpid():  # a forked child runs its parent's finalizers
        bury(path)


def locked_directory(
    parent: str, lock_name: str, *, alone: bool, prefix: str = ""
) -> tuple[str, int]:
    """Make a directory with a locked file in it; return its path and the descriptor."""
    while True:
        path = os.path.join(parent, prefix + os.urandom(8).hex())
        os.mkdir(path, _PRIVATE)
        # Until it is locked, a process that sweeps takes the directory for a dead one.
        with contextlib.suppress(FileNotFoundError):
            os.close(os.open(os.path.join(path, lock_name), files.NEW_FILE, 0o600))
            lock = lock_same(os.path.join(path, lock_name), alone=alone)
            if lock is not None:
                return path, lock


def lock_same(path: str, *, alone: bool = False) -> int | None:
    """Open and lock a file and return the descriptor, if the file still has its name then.

    Between opening and locking another process may have locked the file, taken it for dead and
    removed it; the lock would then be one on a file that nobody else can find.

    Returns
    -------
    int or None
        None if the file was removed, or is locked by others in a way that excludes this lock.

    Raises
    ------
    FileNotFoundError
    """
    fd = os.open(path, _LOCK_FILE | getattr(os, "O_NOFOLLOW", 0))
    try:
        if alone:
            locked = capabilities.try_lock_alone(fd)
        else:
            capabilities.lock_shared(fd)
            locked = True
        if locked and files.is_named(fd, path):
            return fd
    except BaseException:
        os.close(fd)
        raise
    os.close(fd)
    return None


def bury(path: str) -> None:
    """Remove a directory of a session under a name that nobody takes for a live one."""
    parent, name = os.path.split(path)
    dead = os.path.join(parent, f"{DEAD_PREFIX}{name}")
    with contextlib.suppress(FileNotFoundError):  # another process may be faster
        os.rename(path, dead)
    clear(dead)


def clear(path: str) -> None:
    """Remove a directory that other processes may be removing, too."""
    while os.path.lexists(path):
        try:
            files.remove(path)
        except OSError as error:
            # Gone, or with a file that somebody was about to make when the name changed.
            if error.errno not in {errno.ENOENT, errno.ENOTEMPTY}:
                raise


def closed_error(path: str) -> ExchangeClosedError:
    """Return the error for a session that is gone."""
    return ExchangeClosedError(
        f"the exchange in {path!r} has been closed: its directory is gone. Keep the process that "
        "made it, and the exchange, until all messages are read"
    )


def base_directory() -> str:
    """Return where sessions go.

    ``$FILEXCHANGE_DIR`` if set; else tmpfs, if it and the memory have 2 GiB to spare; else the
    directory for temporary files.
    """
    chosen = os.environ.get(DIRECTORY_VARIABLE)
    if chosen:
        return chosen
    tmpfs = capabilities.shared_memory_dir()
    if tmpfs is not None and os.access(tmpfs, os.W_OK) and _is_roomy(tmpfs):
        return tmpfs
    return tempfile.gettempdir()


def base_directories() -> list[str]:
    """Return all places where sessions of this user may be, given the environment."""
    candidates = [
        os.environ.get(DIRECTORY_VARIABLE),
        capabilities.shared_memory_dir(),
        tempfile.gettempdir(),
    ]
    return list(dict.fromkeys(os.path.abspath(each) for each in candidates if each))


def roomy_directories() -> list[str]:
    """Return the places to choose the fastest of; first the one that :func:`base_directory` is.

    Only that one, if the user's environment names it.
    """
    first = os.path.abspath(base_directory())
    if os.environ.get(DIRECTORY_VARIABLE):
        return [first]
    others = [
        each
        for each in base_directories()
        if each != first
        and os.access(each, os.W_OK)
        and (_is_roomy(each) if each == capabilities.shared_memory_dir() else _has_room(each))
    ]
    return [first, *others]


def _has_room(directory: str) -> bool:
    return capabilities.free_bytes(directory) >= ROOMY_BYTES


def _is_roomy(tmpfs: str) -> bool:
    return _has_room(tmpfs) and capabilities.available_memory() >= ROOMY_BYTES


def user_path(base: str) -> str:
    """Return the path of this user's directory in `base`."""
    return os.path.join(base, f"filexchange-{capabilities.user_id()}")


def user_directory(base: str) -> str:
    """Return this user's directory in `base`, made if need be, and certainly only theirs."""
    path = user_path(base)
    with files.naming_errors(path), contextlib.suppress(FileExistsError):
        os.mkdir(path, _PRIVATE)
    check_private(path)
    return path


def check_private(path: str) -> None:
    """Raise `UnsafeDirectoryError` unless `path` is a directory of this user alone."""
    with files.naming_errors(path):
        status = os.lstat(path)
    if not stat.S_ISDIR(status.st_mode) or not capabilities.is_private(status):
        raise UnsafeDirectoryError(
            errno.EACCES,
            f"not a directory of this user alone ({stat.filemode(status.st_mode)}, uid "
            f"{status.st_uid}): remove it, or set ${DIRECTORY_VARIABLE} to another place",
            path,
        )
