"""Sorting in memory, against `numpy.sort` and stable `numpy.argsort`."""

from typing import Any

import hypothesis.extra.numpy as hnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from filexchange.blocks.kernels.internalsort import (
    check_sortable,
    is_sorted,
    merge_in_place,
    sort_in_place,
    stable_order,
)
from filexchange.errors import UnsupportedArrayError

DTYPES = ["?", "i1", "u2", "<i4", ">i4", "i8", "u8", "f2", "<f4", ">f4", "f8", "g", "c8"]
DTYPES += ["M8[s]", ">m8[us]", "U3", "S4"]


@st.composite
def _arrays(draw: Any) -> Any:
    dtype = np.dtype(draw(st.sampled_from(DTYPES)))
    array = draw(hnp.arrays(dtype.newbyteorder("="), st.integers(0, 30)))
    if len(array) and draw(st.booleans()):  # duplicates
        array = array[draw(hnp.arrays("i8", 60, elements=st.integers(0, len(array) - 1)))]
    return array.astype(dtype)


@settings(deadline=None, max_examples=25)
@given(_arrays())
def test_arrays_are_sorted_as_by_numpy(array: Any) -> None:
    expected = np.sort(array)
    order = np.argsort(array, kind="stable")
    found = stable_order(array)
    assert found.dtype == np.intp
    np.testing.assert_array_equal(found, order)
    sort_in_place(array)
    np.testing.assert_array_equal(array, expected)


@settings(deadline=None, max_examples=25)
@given(_arrays(), st.lists(st.integers(0, 60)))
def test_runs_are_merged(array: Any, cuts: list[int]) -> None:
    expected = np.sort(array)
    for run in np.split(array, sorted(cuts)):
        run.sort()
    merge_in_place(array)
    np.testing.assert_array_equal(array, expected)


def _random(seed: int) -> Any:
    return np.random.default_rng(seed)


@pytest.mark.parametrize(
    "array",
    [
        _random(0).standard_normal(200_000),
        _random(0).standard_normal(200_000).astype("f4"),
        _random(1).integers(0, 1 << 64, 200_000, "u8", endpoint=False),
        _random(2).integers(-(1 << 63), (1 << 63) - 1, 200_000),
        _random(3).integers(0, 3, 200_000) + (_random(4).integers(0, 2, 200_000) << 62),
        _random(3).integers(0, 3, 200_000) / 3,
        np.where(_random(5).random(200_000) < 0.5, np.nan, _random(6).random(200_000)),
        np.zeros(200_000),
        np.arange(200_000)[::-1],
        np.where(_random(7).random(200_000) < 0.5, -0.0, 0.0),
    ],
    ids=["f8", "f4", "u8", "i8", "clusters", "few", "nan", "zeros", "descending", "signs"],
)
def test_large_arrays(array: Any) -> None:
    np.testing.assert_array_equal(stable_order(array), np.argsort(array, kind="stable"))
    expected = np.sort(array)
    for run in np.split(array, 10):
        run.sort()
    merged, again = array.copy(), array.copy()
    merge_in_place(merged)
    np.testing.assert_array_equal(merged, expected)
    sort_in_place(again)
    np.testing.assert_array_equal(again, expected)


@pytest.mark.parametrize("size", [0, 1, 2, 65_536, 65_537, 65_538, 131_073])
def test_sorted_arrays_are_known(size: int) -> None:
    array = np.arange(size)
    assert is_sorted(array)
    for place in {0, size // 2, 65_535, 65_536} & set(range(size - 1)):
        array[place] += 2
        assert not is_sorted(array)
        array[place] -= 2
    assert is_sorted(np.zeros(size))
    assert size < 2 or not is_sorted(np.full(size, np.nan))


@pytest.mark.parametrize("dtype", ["O", [("a", "i4")], "V3"])
def test_what_has_no_order_is_refused(dtype: Any) -> None:
    array = np.zeros(2, dtype)
    for refuse in (sort_in_place, merge_in_place, stable_order):
        with pytest.raises(UnsupportedArrayError, match="sort by a field"):
            refuse(array)
    with pytest.raises(UnsupportedArrayError, match="sort by a field"):
        check_sortable(array.dtype)
