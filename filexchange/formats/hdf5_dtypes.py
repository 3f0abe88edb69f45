"""How dtypes are stored in HDF5, and what it stores read as dtypes."""

import functools

import h5py
import numpy as np
from h5py import h5t

from filexchange.aliases import DType
from filexchange.dtypes import dtype_from_json, dtype_to_json, storage_dtype

_NATIVE_KINDS = "biufSV"
_LARGEST_COMPLEX = 16


def handle_dtype(dtype: DType) -> DType:
    """Return the dtype of the same size that HDF5 stores for `dtype`; `dtype` where it can.

    Datetimes become opaque bytes with h5py's own tag, so that h5py reads them back. The dtypes of
    ml_dtypes become unsigned integers; strings of characters, and records with a field that HDF5
    has no type for, opaque bytes.

    Examples
    --------
    >>> handle_dtype(np.dtype(">f8")), handle_dtype(np.dtype("U2"))
    (dtype('>f8'), dtype('V8'))
    """
    if dtype.names is None and storage_dtype(dtype) is not dtype:
        return np.dtype(f"u{dtype.itemsize}")
    if dtype.kind in "mM" and np.datetime_data(dtype)[0] != "generic":
        tagged: DType = h5py.opaque_dtype(dtype)
        return tagged
    return dtype if _is_native(dtype) else np.dtype(f"V{dtype.itemsize}")


def _is_native(dtype: DType) -> bool:
    if dtype.names is not None:
        return all(_is_native(dtype[name].base) for name in dtype.names)
    if storage_dtype(dtype) is not dtype:
        return False
    if dtype.kind == "c":
        return dtype.itemsize <= _LARGEST_COMPLEX
    return dtype.kind in _NATIVE_KINDS


@functools.lru_cache(maxsize=256)
def raw_type(dtype: DType) -> h5t.TypeID:
    """Return the HDF5 type whose elements in a file are the bytes of `dtype` in memory.

    There are others of the same dtype: with bits to spare, or other names for the numbers.
    """
    return h5t.py_create(handle_dtype(dtype), logical=True)


def plain_dtype(dtype: DType) -> DType:
    """Return a dtype of h5py without h5py's notes about HDF5 types (enumerations, tags).

    NumPy warns of such notes whenever it saves an array that has them.
    """
    return dtype_from_json(dtype_to_json(dtype))
