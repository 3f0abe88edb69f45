"""attrs as HDF5 attributes that other readers understand.

What HDF5 has a type for (text, numbers, lists of these) is an attribute of its own. The rest, and
the dtype of elements that are stored as another, stands as JSON in one reserved attribute.
"""

import json
import math
from typing import Any

import h5py
import numpy as np
from h5py import h5a, h5d

from filexchange.aliases import Attrs, DType
from filexchange.dtypes import dtype_from_json, dtype_to_json
from filexchange.errors import BadArrayFileError, InvalidRefError

#: Name of the attribute with what HDF5 cannot express.
RESERVED = "filexchange"

_INT64 = range(-(2**63), 2**63)
_MAX_LIST = 1000  # attributes beyond 64 KiB need another layout
_MAX_FIXED = 60_000  # as above
_MAX_NAME = 1000
_NATIVE_TYPES = (bool, int, float, str)


def write_attrs(dataset: h5py.Dataset, attrs: Attrs, logical: DType) -> None:
    """Attach `attrs`, and the logical dtype where the dataset's is another."""
    extra: dict[str, Any] = {}
    others = {name: value for name, value in attrs.items() if not _is_native(name, value)}
    for name, value in attrs.items():
        if name not in others:
            dataset.attrs[name] = value
    if others:
        extra["attrs"] = others
    if dataset.dtype != logical:
        extra["dtype"] = dtype_to_json(logical)
    if extra:
        _write_note(dataset, json.dumps(extra).encode())


def _write_note(dataset: h5py.Dataset, text: bytes) -> None:
    # Of fixed length, because HDF5 can crash or hang in a damaged heap of variable strings. h5py
    # would give such strings as bytes, so that the user's own are not written like this.
    kind = h5py.string_dtype(length=len(text) if len(text) <= _MAX_FIXED else None)
    dataset.attrs.create(RESERVED, text, dtype=kind)


def _is_native(name: str, value: Any) -> bool:
    if name in {"", RESERVED} or len(name) > _MAX_NAME or not name.isprintable():
        return False
    if isinstance(value, list):
        kinds = {type(item) for item in value}
        return 0 < len(value) <= _MAX_LIST and len(kinds) == 1 and all(map(_is_scalar, value))
    return _is_scalar(value)


def _is_scalar(value: Any) -> bool:
    if type(value) is int:
        return value in _INT64
    if type(value) is str:
        return "\0" not in value and value.isprintable()
    return type(value) in _NATIVE_TYPES


def read_attrs(dataset: h5d.DatasetID, path: str) -> dict[str, Any]:
    """Return the attrs of a dataset as JSON values.

    Object references, which only mean something within the file, are left out, and so are
    attributes of types that NumPy does not have.
    """
    if not h5a.get_num_attrs(dataset):
        return {}
    attributes = h5py.Dataset(dataset).attrs
    attrs: dict[str, Any] = {}
    for name in attributes:
        value = _read(attributes, name)
        if name != RESERVED and value is not None and not _is_reference(value):
            attrs[_to_json(name)] = _to_json(value)  # h5py gives bytes where a name is not UTF-8
    attrs.update(_note(dataset, path).get("attrs", {}))
    return attrs


def read_logical(dataset: h5d.DatasetID, path: str) -> DType | None:
    """Return the dtype of which a dataset stores the bytes, if there is a note of one."""
    note = _note(dataset, path)
    try:
        return dtype_from_json(note["dtype"]) if "dtype" in note else None
    except InvalidRefError as error:
        raise BadArrayFileError(f"{path!r} names a dtype that is none: {error}") from error


def _read(attributes: h5py.AttributeManager, name: str | bytes) -> Any:
    """Return the value of an attribute, None if NumPy has no type for it."""
    try:
        return attributes[name]
    except TypeError:  # the array itself is readable all the same
        return None


def _note(dataset: h5d.DatasetID, path: str) -> dict[str, Any]:
    """Return what stands in the reserved attribute."""
    if not h5a.exists(dataset, RESERVED.encode()):
        return {}
    value = _read(h5py.Dataset(dataset).attrs, RESERVED)
    return {} if value is None else _read_note(value, path)


def _read_note(text: Any, path: str) -> dict[str, Any]:
    try:
        note = json.loads(text)
    except (TypeError, ValueError, RecursionError) as error:
        raise BadArrayFileError(f"{path!r} has a bad attribute {RESERVED!r}: {error}") from error
    if not isinstance(note, dict) or not isinstance(note.get("attrs", {}), dict):
        raise BadArrayFileError(f"{path!r} has a bad attribute {RESERVED!r}: {text!r:.80}")
    return note


def _is_reference(value: Any) -> bool:
    """Return whether a value is, or has as elements, references or sequences of them."""
    if isinstance(value, np.ndarray) and value.size:
        if value.dtype.names is not None:
            return bool(value.dtype.hasobject)
        value = value.flat[0]
        if isinstance(value, np.ndarray):
            return True
    return isinstance(value, h5py.Reference | h5py.RegionReference)


def _to_json(value: Any) -> Any:
    if isinstance(value, h5py.Empty):
        return None
    if isinstance(value, np.ndarray | np.generic):
        value = value.tolist()
    if isinstance(value, list | tuple):
        return [_to_json(item) for item in value]
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if value is None or isinstance(value, str | bool | int):
        return value
    # JSON has no NaN, no infinities and no complex numbers.
    return value if isinstance(value, float) and math.isfinite(value) else str(value)
