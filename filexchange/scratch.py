"""Where an exchange keeps its files: a private directory that ends with its owner."""

import contextlib
import os
import stat
import tempfile
import weakref
from collections.abc import Callable
from typing import Any

from filexchange import arrays, capabilities, files
from filexchange.aliases import PathLike
from filexchange.errors import ExchangeClosedError, ExchangeError, UnsafeDirectoryError
from filexchange.formats import get_format
from filexchange.ref import ArrayRef

#: Environment variable that names the directory to use instead of tmpfs or the temporary one.
DIRECTORY_VARIABLE = "FILEXCHANGE_DIR"

#: Free bytes below which tmpfs is not used: it is memory, and small in containers.
ROOMY_BYTES = 2 << 30

_PRIVATE = 0o700


class ScratchDirectory:
    """A private directory ``<base>/filexchange-<uid>/<session>`` for the files of one exchange.

    Parameters
    ----------
    base : path-like, optional
        Where to make it: `base_directory()` unless given.

    Notes
    -----
    The process that makes it removes it, by :meth:`remove` or at its end. Processes that got it
    by pickle or fork use it and leave it.
    """

    def __init__(self, base: PathLike | None = None) -> None:
        parent = _user_directory(os.path.abspath(base_directory() if base is None else base))
        self.path = os.path.join(parent, os.urandom(8).hex())
        with files.naming_errors(parent):
            os.mkdir(self.path, _PRIVATE)
        self._remove: Callable[[], object] = weakref.finalize(
            self, _remove_if_owner, self.path, os.getpid()
        )

    def __getstate__(self) -> str:
        return self.path

    def __setstate__(self, path: str) -> None:
        self.path = path
        self._remove = _leave

    def new_path(self, suffix: str) -> str:
        """Return a path in the directory that nobody has used before."""
        if not os.path.isdir(self.path):
            raise ExchangeClosedError(
                f"the exchange in {self.path!r} has been closed: its directory is gone"
            )
        return os.path.join(self.path, os.urandom(12).hex() + suffix)

    def save(self, array: Any, format: str, **options: Any) -> ArrayRef:
        """Write an array to a new file of the directory; see `filexchange.save`."""
        return arrays.save(
            self.new_path(get_format(format).suffixes[-1]), array, format=format, **options
        )

    def discard(self, ref: ArrayRef) -> None:
        """Remove the file of a reference; arrays that were mapped before stay valid.

        Raises
        ------
        ExchangeError
            If it is not a file of this directory.
        ArrayNotFoundError
            If it is gone already.
        """
        if os.path.dirname(ref.path) != self.path or os.path.islink(ref.path):
            raise ExchangeError(
                f"{ref.path!r} is not a file of the exchange in {self.path!r}: only what was put "
                "into this exchange can be taken or released"
            )
        files.check_exists(ref.path)
        files.remove(ref.path)

    def remove(self) -> None:
        """Remove the directory and all in it, if this process made it; arrays stay mapped."""
        self._remove()


def base_directory() -> str:
    """Return where scratch directories go.

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


def _is_roomy(tmpfs: str) -> bool:
    free = capabilities.free_bytes(tmpfs)
    return free >= ROOMY_BYTES and capabilities.available_memory() >= ROOMY_BYTES


def _user_directory(base: str) -> str:
    """Return this user's directory in `base`, after making sure that it is only theirs."""
    path = os.path.join(base, f"filexchange-{capabilities.user_id()}")
    with files.naming_errors(path):
        with contextlib.suppress(FileExistsError):
            os.mkdir(path, _PRIVATE)
        status = os.lstat(path)
    if not stat.S_ISDIR(status.st_mode) or not capabilities.is_private(status):
        raise UnsafeDirectoryError(
            f"{path!r} is not a directory of this user alone ({stat.filemode(status.st_mode)}, uid "
            f"{status.st_uid}): remove it, or set ${DIRECTORY_VARIABLE} to another place"
        )
    return path


def _leave() -> None:
    """Do nothing at the end: the directory is another process's."""


def _remove_if_owner(path: str, owner: int) -> None:
    if os.getpid() == owner:  # a forked child runs its parent's finalizers
        files.remove(path)
