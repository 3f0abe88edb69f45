"""Unsigned integers in the order of the elements they stand for."""

from typing import Any

import hypothesis.extra.numpy as hnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from filexchange.blocks.kernels.keys import can_miss, from_keys, key_dtype, max_key, to_keys
from filexchange.errors import UnsupportedArrayError

DTYPES = ["?", "i1", "u2", "<i4", ">i4", "i8", "u8", "f2", "<f4", ">f4", "f8", "M8[s]", ">m8[us]"]


@st.composite
def _arrays(draw: Any) -> Any:
    dtype = np.dtype(draw(st.sampled_from(DTYPES)))
    native = dtype.newbyteorder("=")
    return draw(hnp.arrays(native, hnp.array_shapes(min_dims=0, min_side=0))).astype(dtype)


@given(_arrays())
def test_keys_compare_as_elements_and_come_back(array: Any) -> None:
    keys = to_keys(array)
    assert keys.shape == array.shape
    assert keys.dtype == key_dtype(array.dtype)
    np.testing.assert_array_equal(from_keys(np.sort(keys.ravel()), array.dtype), _sorted(array))
    again = from_keys(keys, array.dtype)
    assert again.dtype == array.dtype
    np.testing.assert_array_equal(again, array)
    flat = keys.ravel()
    for i in range(min(5, flat.size)):
        element = array.ravel()[i]
        if not np.isnan(element):
            np.testing.assert_array_equal(flat == flat[i], array.ravel() == element)


def _sorted(array: Any) -> Any:
    return np.sort(array.ravel())


@pytest.mark.parametrize("dtype", ["f2", ">f4", "f8"])
def test_every_nan_has_the_last_key(dtype: str) -> None:
    bits = {"f2": 0xFE01, ">f4": 0xFF800001, "f8": 0xFFF0000000000001}[dtype]
    native = np.dtype(dtype).newbyteorder("=")
    negative = np.array([bits], f"u{native.itemsize}").view(native).astype(dtype)
    values = np.concatenate([negative, np.array([np.inf, -np.inf, np.nan, 0], dtype)])
    keys = to_keys(values)
    assert keys.argsort(kind="stable").tolist() == [2, 4, 1, 0, 3]
    assert keys[[0, 3]].tolist() == [max_key(values.dtype)] * 2
    assert keys[1] < max_key(values.dtype)


def test_dates_that_are_none_come_last() -> None:
    dates = np.array(["NaT", "1969-01-01", "2300-01-01", "NaT"], "M8[s]")
    keys = to_keys(dates)
    assert keys[[0, 3]].tolist() == [max_key(dates.dtype)] * 2
    assert keys[1] < keys[2] < keys[0]


def test_only_some_dtypes_have_elements_that_stand_for_nothing() -> None:
    assert [can_miss(np.dtype(name)) for name in ("f2", "M8[D]", "m8[s]", "i4", "?")] == [
        True,
        True,
        True,
        False,
        False,
    ]


def test_keys_go_where_they_should() -> None:
    values = np.array([[1.5, -2], [0, 7]])
    out = np.zeros((2, 2), "u8")
    assert to_keys(values, out=out) is out
    np.testing.assert_array_equal(out, to_keys(values))
    np.testing.assert_array_equal(to_keys(values[:, ::2]), out[:, ::2])


@pytest.mark.parametrize("dtype", ["c8", "g", "S3", "U2", [("a", "i4")], "O"])
def test_what_has_no_keys_is_refused(dtype: Any) -> None:
    if np.dtype(dtype) == np.dtype(np.float64):
        pytest.skip("long double is a double here")
    with pytest.raises(UnsupportedArrayError, match="cannot be ordered by integers of up to 64"):
        to_keys(np.zeros(2, dtype))
