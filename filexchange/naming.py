"""Arrays as a command line names them: ``PATH`` or ``PATH:KEY``."""

import contextlib
import os
from collections.abc import Iterator

from filexchange import arrays
from filexchange.errors import FileExchangeError, UnknownFormatError
from filexchange.ref import ArrayRef


def split_key(text: str) -> tuple[str, str | None]:
    """Return path and key of ``PATH`` or ``PATH:KEY``; a path that exists has no key.

    Examples
    --------
    >>> split_key("a.h5:entry/data"), split_key("a.npy")
    (('a.h5', 'entry/data'), ('a.npy', None))
    """
    path, colon, key = text.rpartition(":")
    if os.path.lexists(text) or not colon or not path or (len(path) == 1 and os.name == "nt"):
        return text, None
    return path, key


@contextlib.contextmanager
def naming_split(text: str) -> Iterator[None]:
    """Say of what has no known suffix how `text` was taken, which may be a name with a colon."""
    try:
        yield
    except UnknownFormatError as error:
        path, key = split_key(text)
        if key is None:
            raise
        raise UnknownFormatError(
            f"{error}; {text!r} was split at its last colon into the path {path!r} and the key "
            f"{key!r}"
        ) from error


def open_all(text: str) -> dict[str, ArrayRef | FileExchangeError]:
    """Return the array that ``PATH:KEY`` names, or all arrays in ``PATH``, by name.

    In place of one of several that cannot be read stands the reason.
    """
    path, key = split_key(text)
    with naming_split(text):
        names = arrays.keys(path) if key is None and os.path.lexists(path) else []
        if len(names) > 1:
            return {f"{text}:{name}": _open_or_reason(path, name) for name in names}
        return {text: arrays.open_array(path, key=key)}


def _open_or_reason(path: str, key: str) -> ArrayRef | FileExchangeError:
    try:
        return arrays.open_array(path, key=key)
    except FileExchangeError as error:
        return error
