"""Where an operation keeps what it needs for a time."""

import contextlib
import os
import tempfile
from collections.abc import Iterator
from typing import Any

from filexchange import files
from filexchange.blocks.targets import is_path
from filexchange.options import resolve_target
from filexchange.ref import ArrayRef


def scratch_place(out: Any, *, overwrite: bool) -> str:
    """Return the path of a directory for what is between two axes, once `out` may be written."""
    if is_path(out):
        path, fmt = resolve_target(out, None)
        fmt.check_place(path, overwrite=overwrite)
    elif isinstance(out, ArrayRef):
        path = out.path
    else:
        path = os.path.join(tempfile.gettempdir(), "filexchange-blocks")
    return files.partial_name(path)


@contextlib.contextmanager
def directory(place: str | None) -> Iterator[None]:
    """Have a directory, if there is to be one, that is gone in the end."""
    if place is None:
        yield
        return
    with files.naming_errors(place):
        os.mkdir(place, 0o700)
    try:
        yield
    finally:
        files.remove(place)
