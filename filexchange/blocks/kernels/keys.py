"""Unsigned integers in the order of the elements they stand for."""

import numpy as np

from filexchange.aliases import Array, DType
from filexchange.errors import UnsupportedArrayError

_MAX_FLOAT_BYTES = 8


def key_dtype(dtype: DType) -> DType:
    """Return the dtype of the keys of elements of `dtype`.

    Raises
    ------
    UnsupportedArrayError
        If there is none: for numbers of more than 64 bits, complex numbers, strings and records.

    Examples
    --------
    >>> key_dtype(np.dtype(">f4")), key_dtype(np.dtype(bool))
    (dtype('uint32'), dtype('uint8'))
    """
    if dtype.kind not in "biufmM" or dtype.itemsize > _MAX_FLOAT_BYTES:
        raise UnsupportedArrayError(
            f"elements of dtype {dtype!r} cannot be ordered by integers of up to 64 bits: give "
            "booleans, integers, floats of up to 64 bits, dates or durations"
        )
    return np.dtype(f"u{dtype.itemsize}")


def max_key(dtype: DType) -> int:
    """Return the largest key there can be: that of NaN and NaT, where `dtype` has these.

    Examples
    --------
    >>> max_key(np.dtype("f4")) == to_keys(np.array(np.nan, "f4"))
    np.True_
    """
    return int(np.iinfo(key_dtype(dtype)).max)


def can_miss(dtype: DType) -> bool:
    """Return whether there are elements of `dtype` that stand for no value: NaN or NaT.

    Examples
    --------
    >>> can_miss(np.dtype("f4")), can_miss(np.dtype("i4"))
    (True, False)
    """
    return dtype.kind in "fmM"


def to_keys(array: Array, out: Array | None = None) -> Array:
    """Return the keys of elements, which compare as the elements do.

    Parameters
    ----------
    array : ndarray
        Of booleans, integers, floats, dates or durations in any byte order.
    out : ndarray, optional
        Memory for the keys, of their dtype and the shape of `array`; left alone if no new memory
        is needed.

    Returns
    -------
    ndarray
        Of unsigned integers of the same size; it may share the memory of `array`.

    Raises
    ------
    UnsupportedArrayError
        As :func:`key_dtype`.

    Notes
    -----
    Keys are equal where elements are: -0.0 has that of 0.0. Every NaN has one key and every NaT
    has one, which come last, as in `numpy.sort`. Safe in threads; NumPy lets go of the GIL
    meanwhile.

    Examples
    --------
    >>> values = np.array([0.5, -1, np.nan, -np.inf, 0])
    >>> to_keys(values).argsort()
    array([3, 1, 4, 0, 2])
    """
    unsigned = key_dtype(array.dtype)
    native = array.astype(array.dtype.newbyteorder("="), copy=False)
    bits = native.view(unsigned)
    if native.dtype.kind in "bu":
        return bits
    sign = 1 << (8 * unsigned.itemsize - 1)
    keys = np.empty(array.shape, unsigned) if out is None else out
    if native.dtype.kind != "f":
        np.bitwise_xor(bits, sign, out=keys)
        if native.dtype.kind != "i":  # NaT is the lowest integer, below 0 it is the highest
            keys -= 1
        return keys
    # Negative numbers count down from 0.0, and others up: from -0.0 and 0.0 alike.
    signed = native.view(f"i{unsigned.itemsize}")
    negative = np.right_shift(signed, 8 * unsigned.itemsize - 1).view(unsigned)  # 0, or all bits
    np.bitwise_or(negative, sign, out=keys)
    keys ^= bits
    keys -= negative
    missing = np.isnan(native)
    if missing.any():
        np.putmask(keys, missing, np.iinfo(unsigned).max)
    return keys


def from_keys(keys: Array, dtype: DType) -> Array:
    """Return the elements of `dtype` that have these keys; 0.0 for -0.0.

    Examples
    --------
    >>> from_keys(to_keys(np.array([-0.0, 1, np.nan], ">f2")), np.dtype(">f2"))
    array([ 0.,  1., nan], dtype='>f2')
    """
    unsigned = key_dtype(dtype)
    native = dtype.newbyteorder("=")
    sign = 1 << (8 * unsigned.itemsize - 1)
    bits = np.array(keys, unsigned)
    if dtype.kind in "mM":
        bits += 1
    if dtype.kind == "f":
        bits = np.where(bits >= sign, bits ^ unsigned.type(sign), -bits)
    elif dtype.kind in "imM":
        bits ^= sign
    return bits.view(native).astype(dtype, copy=False)
