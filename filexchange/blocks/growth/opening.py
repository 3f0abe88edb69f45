"""Opening an array for its only writer: one that is there, or a new one of no items."""

from typing import Any

import numpy as np

from filexchange import arrays, files
from filexchange.aliases import PathLike, Shape
from filexchange.errors import (
    ArrayBusyError,
    ArrayKeyError,
    ArrayMismatchError,
    ArrayNotFoundError,
    UnsupportedArrayError,
    UnsupportedOptionError,
)
from filexchange.formats import Format, Growing, WriteOptions
from filexchange.geometry import lengths_of
from filexchange.options import checked_key, resolve_target, unsupported
from filexchange.patience import Patience, Pauses

_FIRST_PAUSE, _LONGEST_PAUSE = 1e-3, 5e-2


def growth_target(path: PathLike, format: str | None) -> tuple[str, Format]:
    """Return the absolute path and the format of an array that is to grow."""
    target, fmt = resolve_target(path, format)
    if not fmt.supports_growth:
        raise unsupported(fmt, "arrays that grow", lambda f: f.supports_growth)
    return target, fmt


def grow(fmt: Format, path: str, key: str | None, patience: Patience) -> Growing:
    """Open an array to make it longer, as soon as nobody else does."""
    pauses = Pauses(_FIRST_PAUSE, _LONGEST_PAUSE)
    while True:
        try:
            with fmt.naming_errors(path):
                return fmt.grow(path, key)
        except ArrayBusyError:
            if patience.is_over:
                raise
        pauses.wait()


def find(fmt: Format, path: str, key: str | None, patience: Patience) -> Growing | None:
    """Open the array that is there, if there is one."""
    try:
        files.check_exists(path)
        return grow(fmt, path, arrays.listed_key(path, fmt, key), patience)
    except ArrayNotFoundError:
        return None
    except ArrayKeyError:
        if key is None:  # the message tells which there are
            raise
        return None


def create(
    fmt: Format,
    path: str,
    key: str | None,
    item_shape: int | Shape | None,
    dtype: Any,
    options: WriteOptions,
    *,
    overwrite: bool,
) -> None:
    """Make an array of no items."""
    if item_shape is None or dtype is None:
        raise UnsupportedOptionError(
            f"a new array at {path!r} needs item_shape= and dtype=; to go on with one that is "
            "there, pass mode='a'"
        )
    key = checked_key(fmt, key)
    lengths, dtype = arrays.new_layout((1, *lengths_of(item_shape)), dtype)
    if 0 in lengths:
        raise UnsupportedArrayError(
            f"items of shape {lengths[1:]} have no elements, so there is nothing to append"
        )
    with fmt.publishing(path, key, overwrite=overwrite) as aside:
        fmt.create_growing(aside, key, lengths[1:], dtype, options)


def check_items(growing: Growing, item_shape: int | Shape | None, dtype: Any) -> None:
    """Close an array and raise `ArrayMismatchError` if its items are not those expected."""
    stored = growing.stored
    expected = (
        stored.shape[1:] if item_shape is None else lengths_of(item_shape),
        stored.dtype if dtype is None else np.dtype(dtype),
    )
    if expected != (stored.shape[1:], stored.dtype):
        growing.close()
        raise ArrayMismatchError(
            f"{growing.path!r} has items of {stored.dtype} {stored.shape[1:]}, and those to append "
            f"are {expected[1]} {expected[0]}: choose another path or key"
        )
