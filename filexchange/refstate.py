"""What defines a reference, as JSON values: for pickles, and as one line of text.

docs/reference-format.md has the schema.
"""

import json
from reprlib import repr as short
from types import MappingProxyType
from typing import Any, NoReturn, TypeAlias

from filexchange.aliases import Mode, Shape
from filexchange.dtypes import dtype_from_json, dtype_to_json
from filexchange.errors import AttrsError, InvalidRefError
from filexchange.formats import StoredArray
from filexchange.geometry import is_possible
from filexchange.regions import Region

Parts: TypeAlias = tuple[str, str, StoredArray, Region | None, Mode]

#: Version of the JSON form, its field ``"filexchange"``.
JSON_VERSION = 1

_MAX_JSON_CHARS = 16 << 20
_REQUIRED = {"path", "format", "shape", "dtype"}
_OPTIONAL: dict[str, Any] = {
    "key": None,
    "order": "C",
    "offset": None,
    "strides": None,
    "chunks": None,
    "shards": None,
    "compression": None,
    "attrs": {},
    "region": None,
    "mode": "r",
}


def encode(
    path: str, format: str, stored: StoredArray, region: Region | None, mode: Mode
) -> dict[str, Any]:
    """Return all that defines a reference, in the order of :func:`decode`'s parameters.

    Defaults at the end are left out, which keeps pickles small.
    """
    state = {
        "path": path,
        "format": format,
        "shape": list(stored.shape),
        "dtype": dtype_to_json(stored.dtype),
        "offset": stored.offset,
        "order": stored.order,
        "key": stored.key,
        "chunks": _as_list(stored.chunks),
        "compression": stored.compression,
        "mode": mode,
        "region": region and region.to_json(),
        "strides": _as_list(stored.strides),
        "shards": _as_list(stored.shards),
        "attrs": dict(stored.attrs),
    }
    while (last := next(reversed(state))) in _OPTIONAL and state[last] == _OPTIONAL[last]:
        del state[last]
    return state


def to_json(state: dict[str, Any]) -> str:
    """Return what :func:`encode` returned as one line of JSON, without defaults."""
    fields = {
        name: value
        for name, value in state.items()
        if name not in _OPTIONAL or value != _OPTIONAL[name]
    }
    try:
        return json.dumps({"filexchange": JSON_VERSION, **fields}, allow_nan=False)
    except ValueError as error:
        raise AttrsError(
            f"attrs of {state['path']!r} hold NaN or infinity, which JSON has no words for: "
            "pickle the reference instead"
        ) from error


def from_json(text: str | bytes) -> Parts:
    """Return the parts of the reference that :func:`to_json` wrote."""
    if len(text) > _MAX_JSON_CHARS:
        raise InvalidRefError(f"{len(text)} characters are too many for a reference")
    try:
        fields = json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise InvalidRefError(f"not JSON: {error}") from error
    version = fields.pop("filexchange", None) if isinstance(fields, dict) else None
    if type(version) is not int or version != JSON_VERSION:  # True and 1.0 are equal to 1
        raise InvalidRefError(
            f"not an array reference of version {JSON_VERSION}: {str(text)[:80]!r}"
        )
    unknown, missing = fields.keys() - _REQUIRED - _OPTIONAL.keys(), _REQUIRED - fields.keys()
    if unknown or missing:
        raise InvalidRefError(
            f"an array reference with unknown fields {sorted(unknown)} or without {sorted(missing)}"
        )
    return decode(**fields)


def decode(
    path: Any,
    format: Any,
    shape: Any,
    dtype: Any,
    offset: Any = None,
    order: Any = "C",
    key: Any = None,
    chunks: Any = None,
    compression: Any = None,
    mode: Any = "r",
    region: Any = None,
    strides: Any = None,
    shards: Any = None,
    attrs: Any = None,
) -> Parts:
    """Return the parts of a reference from JSON values, checked: they may come from anywhere.

    Raises
    ------
    InvalidRefError
    """
    _require(isinstance(path, str) and path and "\0" not in path, "path", path)
    _require(isinstance(format, str) and format, "format", format)
    _require(key is None or isinstance(key, str), "key", key)
    _require(order in ("C", "F"), "order", order)
    _require(mode in ("r", "r+"), "mode", mode)
    _require(compression is None or isinstance(compression, str), "compression", compression)
    _require(offset is None or (type(offset) is int and offset >= 0), "offset", offset)
    _require(attrs is None or isinstance(attrs, dict), "attrs", attrs)
    lengths = _lengths("shape", shape, None)
    if lengths is None:
        raise InvalidRefError("a reference needs a shape")
    described = dtype_from_json(dtype)
    _require(is_possible(lengths, described.itemsize), "shape", shape)
    stored = StoredArray(
        key,
        lengths,
        described,
        order,
        offset,
        _lengths("strides", strides, lengths),
        _lengths("chunks", chunks, lengths),
        _lengths("shards", shards, lengths),
        compression,
        MappingProxyType(dict(attrs or {})),
    )
    part = None if region is None else Region.from_json(region, lengths)
    return path, format, stored, part, mode


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a number of JSON")


def _require(holds: object, name: str, value: object) -> None:
    if not holds:
        raise InvalidRefError(f"{name} {short(value)} of a reference is not valid")


def _as_list(lengths: Shape | None) -> list[int] | None:
    return None if lengths is None else list(lengths)


def _lengths(name: str, values: Any, like: Shape | None) -> Shape | None:
    if values is None:
        return None
    _require(
        isinstance(values, list)
        and (like is None or len(values) == len(like))
        and all(type(n) is int and n >= 0 for n in values),
        name,
        values,
    )
    return tuple(values)
