"""The data types of Zarr v3, and how dtypes that it has no word for are stored in it.

Zarr has no byte order in its data types: it is a property of the ``bytes`` codec. The dtypes of
ml_dtypes are stored as unsigned integers, which every reader knows; whatever else is missing
(structured dtypes, long doubles) as raw bytes. The logical dtype then stands in an attribute.
"""

import base64
import re
import sys
from typing import Any, NamedTuple

import numpy as np

from filexchange.aliases import DType
from filexchange.dtypes import check_dtype, dtype_from_json, dtype_to_json, storage_dtype
from filexchange.errors import BadArrayFileError, InvalidRefError

_ENDIAN = {"<": "little", ">": "big", "|": None}
_LARGEST = {"b": 1, "i": 8, "u": 8, "f": 8, "c": 16}
_ML_NAME = re.compile(r"bfloat16|float\d_\w+|u?int[24]")
_ZERO = {"b": False, "i": 0, "u": 0, "f": 0.0, "c": [0.0, 0.0]}


class DataType(NamedTuple):
    """A data type as the metadata of a Zarr v3 array spell it.

    Attributes
    ----------
    name : str or dict
        Its name, or name and configuration.
    zero : JSON value
        The fill value of zero bytes.
    endian : {"little", "big"} or None
        Byte order, None where elements have none.
    """

    name: str | dict[str, Any]
    zero: Any
    endian: str | None


def handle_dtype(dtype: DType) -> DType:
    """Return the dtype of the same size that Zarr stores for `dtype`; `dtype` where it can.

    Examples
    --------
    >>> handle_dtype(np.dtype(">f8")), handle_dtype(np.dtype("f4,i2"))
    (dtype('>f8'), dtype('V6'))
    """
    if dtype.itemsize <= _LARGEST.get(dtype.kind, 0) and storage_dtype(dtype) is dtype:
        return dtype
    if dtype.kind in "US" or (dtype.kind in "mM" and np.datetime_data(dtype)[0] != "generic"):
        return dtype
    if dtype.names is None and storage_dtype(dtype) is not dtype:
        return np.dtype(f"u{dtype.itemsize}")
    return np.dtype(f"V{dtype.itemsize}")


def shardable_dtype(dtype: DType) -> DType:
    """Return the dtype that takes the place of one of :func:`handle_dtype` in shards.

    Zarr's Python package cannot hash the fill values of raw bytes, which it does for each shard.
    As strings they are the same bytes, zeros at their ends included.

    Examples
    --------
    >>> shardable_dtype(np.dtype("V6")), shardable_dtype(np.dtype("f4"))
    (dtype('S6'), dtype('float32'))
    """
    return np.dtype(f"S{dtype.itemsize}") if dtype.kind == "V" else dtype


def data_type(dtype: DType) -> DataType:
    """Return the Zarr data type of a dtype that the functions above returned."""
    endian = _ENDIAN[dtype.str[0]]
    if dtype.kind in _ZERO:
        return DataType(dtype.name, _ZERO[dtype.kind], endian)
    if dtype.kind in "mM":
        unit, scale = np.datetime_data(dtype)
        name = "numpy.datetime64" if dtype.kind == "M" else "numpy.timedelta64"
        return DataType(_named(name, unit=unit, scale_factor=scale), 0, endian)
    length = dtype.itemsize
    if dtype.kind == "U":
        return DataType(_named("fixed_length_utf32", length_bytes=length), "", endian)
    if dtype.kind == "S":
        return DataType(_named("null_terminated_bytes", length_bytes=length), "", None)
    zero = base64.standard_b64encode(bytes(length)).decode()
    return DataType(_named("raw_bytes", length_bytes=length), zero, None)


def _named(name: str, **configuration: Any) -> dict[str, Any]:
    return {"name": name, "configuration": configuration}


def dtype_note(dtype: DType, handle: DType) -> dict[str, Any]:
    """Return what metadata of `handle` must say in addition for `dtype` to come back."""
    if handle == dtype and not dtype.str.startswith(">"):
        return {}
    return {"dtype": dtype_to_json(dtype)}


def noted_dtype(native: DType, note: dict[str, Any]) -> DType:
    """Return the logical dtype of an array that Zarr gives as `native`.

    Raises
    ------
    BadArrayFileError
        If the note names no dtype, or one of another size.
    UnsupportedArrayError
        If elements of `native` are not plain bytes: objects, strings of variable width.
    """
    check_dtype(native)
    if "dtype" not in note:
        return native
    try:
        dtype = dtype_from_json(note["dtype"])
    except InvalidRefError as error:
        raise BadArrayFileError(f"its attributes name a dtype that is none: {error}") from error
    if dtype.itemsize != native.itemsize:
        raise BadArrayFileError(f"its attributes name dtype {dtype}, but it stores {native}")
    return dtype


def spelled_as_integers(document: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return an array's metadata, and the note that goes with them, as filexchange writes them.

    Other programs name dtypes of ml_dtypes in metadata, and Zarr's Python package does not know
    these names. All other metadata are returned as they are, with an empty note.
    """
    field = "data_type" if "data_type" in document else "dtype"
    name, fill = document.get(field), document.get("fill_value")
    if not isinstance(name, str) or not _ML_NAME.fullmatch(name):
        return document, {}
    try:
        dtype = dtype_from_json(name)
    except InvalidRefError as error:
        raise BadArrayFileError(f"its dtype {name!r} is unknown: {error}") from error
    integer = np.dtype(f"u{dtype.itemsize}")
    spelled = integer.name if field == "data_type" else integer.newbyteorder("<").str
    if fill is not None:
        fill = _bits(fill, dtype)
    return {**document, field: spelled, "fill_value": fill}, {"dtype": name}


def _bits(fill: Any, dtype: DType) -> int:
    """Return the integer with the bytes of a fill value: a number, its name, or "0x" and digits."""
    if isinstance(fill, str) and fill.startswith("0x"):
        return int(fill, 16)
    return int.from_bytes(np.array(float(fill)).astype(dtype).tobytes(), sys.byteorder)
