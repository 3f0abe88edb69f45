"""The words of the caller, checked against what a format can do before anything is written."""

import errno
import json
import os
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np

from filexchange.aliases import Attrs, ChunksLike, PathLike
from filexchange.errors import (
    ArrayNotFoundError,
    AttrsError,
    UnknownFormatError,
    UnsupportedOptionError,
)
from filexchange.formats import (
    Compression,
    Format,
    WriteOptions,
    format_of,
    formats_that,
    get_format,
)

#: In place of a format or a codec: what suits the array best.
AUTO = "auto"

_MAX_KEY_CHARS = 1024


def resolve_target(path: PathLike, format: str | None) -> tuple[str, Format]:
    """Return the absolute path, and the format that is named or that the path tells.

    Raises
    ------
    UnknownFormatError
        If it tells none, or the one that is named is none.
    """
    target = absolute_path(path)
    if format == AUTO:
        raise UnknownFormatError(
            f"format={AUTO!r} chooses how a whole array is written, and there is nothing to choose "
            f"for {target!r}: name a format, or leave it to the path and to what is there"
        )
    return target, format_of(target) if format is None else get_format(format)


def write_options(
    fmt: Format,
    chunks: ChunksLike,
    shards: ChunksLike,
    compression: str | None,
    attrs: Mapping[str, Any] | None,
) -> WriteOptions:
    """Return the options, once each is known to be one the format can serve."""
    if chunks is not None and not fmt.supports_chunks:
        raise unsupported(fmt, "chunks", lambda f: f.supports_chunks)
    if shards is not None and not fmt.supports_shards:
        raise unsupported(fmt, "shards", lambda f: f.supports_shards)
    codec = None if compression is None else _compression(fmt, compression)
    return WriteOptions(chunks, shards, codec, _normalize_attrs(attrs))


def _compression(fmt: Format, text: str) -> Compression:
    codec = Compression.parse(text)
    if text == AUTO:
        raise UnsupportedOptionError(
            f"compression={AUTO!r} chooses for an array that is known as a whole, and there is "
            f"none: name a codec of {fmt.name!r} ({', '.join(fmt.compressions) or 'it has none'})"
        )
    if codec.name not in fmt.compressions:
        if not fmt.compressions:
            raise unsupported(fmt, "compression", lambda f: bool(f.compressions))
        raise UnsupportedOptionError(
            f"format {fmt.name!r} has no compression {codec.name!r}; it has "
            f"{', '.join(fmt.compressions)}"
        )
    levels = fmt.compressions[codec.name]
    if codec.level is not None and (levels is None or codec.level not in levels):
        allowed = "none" if levels is None else f"{levels.start} to {levels.stop - 1}"
        raise UnsupportedOptionError(
            f"compression={text!r}: the levels of {codec.name!r} in {fmt.name!r} are {allowed}"
        )
    return codec


def unsupported(fmt: Format, what: str, has: Callable[[Format], bool]) -> UnsupportedOptionError:
    """Return the error for a capability that `fmt` lacks; it names the formats that have it."""
    return UnsupportedOptionError(
        f"format {fmt.name!r} does not have {what}; these do: {formats_that(has)}"
    )


def checked_key(fmt: Format, key: Any) -> str | None:
    """Return `key` in one spelling, once it is known to be a name within the container."""
    if key is None:
        return None
    if not fmt.supports_keys:
        raise unsupported(fmt, "keys", lambda f: f.supports_keys)
    names = key.strip("/").split("/") if isinstance(key, str) else []
    if (
        not names
        or len(key) > _MAX_KEY_CHARS
        or any(name in {"", ".", ".."} or "\0" in name or "\\" in name for name in names)
    ):
        raise UnsupportedOptionError(
            f"key {key!r} is not a name: use words separated by single slashes"
        )
    return "/".join(names)


def _normalize_attrs(attrs: Any) -> Attrs:
    """Return a read-only copy of `attrs` as JSON has it: lists for tuples, no NumPy scalars.

    Raises
    ------
    AttrsError
        If they are not a JSON object.
    """
    if attrs is None:
        return MappingProxyType({})
    if not isinstance(attrs, Mapping) or not all(isinstance(name, str) for name in attrs):
        raise AttrsError(f"attrs={attrs!r} is not a mapping with strings as keys")
    try:
        text = json.dumps(dict(attrs), default=_plain, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise AttrsError(
            f"attrs hold something that JSON cannot ({error}): use strings, finite numbers, "
            "booleans, None, lists and dicts of them"
        ) from error
    return MappingProxyType(json.loads(text))


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic | np.ndarray):
        return value.tolist()
    raise TypeError(f"{type(value).__name__} {value!r}")


def absolute_path(path: PathLike) -> str:
    """Return the absolute path as a string.

    Raises
    ------
    TypeError
        If it is not a path, or one of bytes.
    """
    text: Any = os.fspath(path)
    if not isinstance(text, str):
        raise TypeError(f"path {text!r} is bytes: use os.fsdecode")
    if not text or "\0" in text:
        raise ArrayNotFoundError(
            errno.ENOENT, "an empty path, or one with a null character, names no file", text
        )
    return os.path.abspath(text)
