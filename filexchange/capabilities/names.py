"""Names of files: given once, exchanged, added."""

import errno
import os
import shutil
import sys

from filexchange.capabilities.libc import libc_function

_AT_FDCWD = -100
_RENAME_EXCHANGE = 2

#: What an operation says that a file system does not have.
NOT_SUPPORTED = {errno.EPERM, errno.EXDEV, errno.EMLINK, errno.EOPNOTSUPP, errno.ENOSYS}


def link_new(source: str, target: str) -> None:
    """Give a file the name `target` instead of `source`; `target` must not exist.

    Where the file system has no hard links the check and the renaming are two steps, and another
    process may come between them.
    """
    try:
        os.link(source, target)
    except OSError as error:
        if error.errno not in NOT_SUPPORTED:
            raise
        if os.path.lexists(target):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), target) from error
        os.rename(source, target)
    else:
        os.unlink(source)


def link_or_copy(source: str, target: str) -> None:
    """Give a file one more name, or `target` its bytes where it can have no more.

    Raises
    ------
    FileExistsError
        If `target` exists.
    """
    try:
        os.link(source, target)
    except OSError as error:
        if error.errno not in NOT_SUPPORTED:
            raise
        aside = f"{target}.partial"
        shutil.copyfile(source, aside)
        link_new(aside, target)


def remove_open_file(path: str) -> None:
    """Remove the name of a file that is open or mapped, where such files can lose theirs."""
    try:
        os.unlink(path)
    except PermissionError:
        if sys.platform != "win32":
            raise


def swap_names(first: str, second: str) -> None:
    """Exchange two names, atomically where the kernel can."""
    renameat2 = libc_function("renameat2") if sys.platform == "linux" else None
    if renameat2 is not None:
        done = renameat2(
            _AT_FDCWD, os.fsencode(first), _AT_FDCWD, os.fsencode(second), _RENAME_EXCHANGE
        )
        if done == 0:
            return
    between = f"{first}.swap"
    os.rename(second, between)
    os.rename(first, second)
    os.rename(between, first)
