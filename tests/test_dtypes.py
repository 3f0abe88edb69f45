"""The dtypes that travel, their names, and those that are refused."""

import json
from typing import Any

import hypothesis.extra.numpy as hnp
import ml_dtypes
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from filexchange.dtypes import (
    as_array,
    check_dtype,
    dtype_from_json,
    dtype_to_json,
    storage_dtype,
)
from filexchange.errors import FileExchangeError, InvalidRefError, UnsupportedArrayError

ML_NAMES = [
    name
    for name, found in vars(ml_dtypes).items()
    if isinstance(found, type) and issubclass(found, np.generic)
]
PLAIN = st.one_of(
    hnp.scalar_dtypes(),
    hnp.byte_string_dtypes(min_len=1),
    hnp.unicode_string_dtypes(min_len=1),
    st.integers(1, 40).map(lambda n: np.dtype(f"V{n}")),
    st.sampled_from(ML_NAMES).map(lambda name: np.dtype(getattr(ml_dtypes, name))),
)
NAMES = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1)


@st.composite
def structured(draw: Any, fields: st.SearchStrategy[np.dtype[Any]]) -> np.dtype[Any]:
    """Draw a structured dtype with subarrays and with padding between the fields."""
    names = draw(st.lists(NAMES, min_size=1, max_size=4, unique=True))
    formats, offsets, end = [], [], 0
    for _ in names:
        shape = draw(hnp.array_shapes(min_dims=0, max_dims=2, max_side=3))
        formats.append(np.dtype((draw(fields), shape)))
        offsets.append(end + draw(st.integers(0, 5)))
        end = offsets[-1] + formats[-1].itemsize
    return np.dtype(
        {
            "names": names,
            "formats": formats,
            "offsets": offsets,
            "itemsize": end + draw(st.integers(0, 5)),
        }
    )


DTYPES = PLAIN | structured(PLAIN) | structured(PLAIN | structured(PLAIN))


@given(DTYPES)
def test_dtype_comes_back_from_json(dtype: np.dtype[Any]) -> None:
    again = dtype_from_json(json.loads(json.dumps(dtype_to_json(dtype))))
    assert again == dtype
    assert again.itemsize == dtype.itemsize
    assert again.fields == dtype.fields
    assert again.newbyteorder("=").str == dtype.newbyteorder("=").str


@given(DTYPES)
def test_stored_dtype_is_numpys_own_and_of_the_same_bytes(dtype: np.dtype[Any]) -> None:
    stored = storage_dtype(dtype)
    assert stored.itemsize == dtype.itemsize
    assert stored.names == dtype.names
    assert storage_dtype(stored) == stored
    assert np.dtype(np.lib.format.descr_to_dtype(np.lib.format.dtype_to_descr(stored))) == stored


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6),
        lambda inner: st.lists(inner, max_size=4),
        max_leaves=12,
    )
)
def test_json_is_a_dtype_or_an_error_of_ours(description: Any) -> None:
    try:
        dtype = dtype_from_json(description)
    except FileExchangeError:
        return
    check_dtype(dtype)


@pytest.mark.parametrize("name", ML_NAMES)
def test_ml_dtype_is_named(name: str) -> None:
    dtype = np.dtype(getattr(ml_dtypes, name))
    assert dtype_to_json(dtype) == dtype.name
    assert dtype_from_json(dtype.name) is dtype
    assert storage_dtype(dtype) == np.dtype(f"V{dtype.itemsize}")


@pytest.mark.parametrize(
    "description",
    [
        "|O",
        "O",
        "O8",
        "object",
        "T",
        "StringDType()",
        "V0",
        "S0",
        "<U0",
        "f3",
        "<f99",
        "i4,i4",
        "(2,)f4",
        "f4\0",
        "f4 ",
        "",
        "float",
        "<M8[x]",
        "M8[ns]; import os",
        "V9999999999",
        "finfo",
        "float8_no_such",
        "__class__1",
        None,
        4,
        {},
        [],
        [[]],
        ["<f4"],
        [["x"]],
        [["x", "<f4", 3]],
        [["x", "<f4", [-1]]],
        [["x", "<f4", [1.0]]],
        [["x", "<f4", [1 << 40, 1 << 40]]],
        [["x", "<f4", [1] * 100]],
        [["x", "|O"]],
        [["x", "<f4"], ["x", "<f4"]],
        [[1, "<f4"]],
        [["x", "<f4", [0]]],
        [["x", "<f4", [2], "more"]],
        [["x", "V999999999"]] * 8,
    ],
    ids=lambda description: repr(description)[:40],
)
def test_json_that_is_no_dtype_is_refused(description: Any) -> None:
    with pytest.raises(InvalidRefError):
        dtype_from_json(description)


def test_deep_nesting_is_refused() -> None:
    description: Any = "<f4"
    for _ in range(5000):
        description = [["x", description]]
    with pytest.raises(InvalidRefError):
        dtype_from_json(description)


@pytest.mark.parametrize(
    "dtype",
    [
        np.dtype(object),
        np.dtype([("x", "f4"), ("y", object)]),
        np.dtypes.StringDType(),
        np.dtype("V0"),
        np.dtype("S"),
        np.dtype([(("the title", "a"), "f4")]),
        np.dtype([("x", [(("the title", "a"), "f4")])]),
        np.dtype({"names": ["a", "b"], "formats": ["<i4", "<i2"], "offsets": [0, 2]}),
        np.dtype({"names": ["a", "b"], "formats": ["<i4", "<i4"], "offsets": [4, 0]}),
    ],
    ids=str,
)
def test_dtype_that_no_file_holds_is_refused(dtype: np.dtype[Any]) -> None:
    with pytest.raises(UnsupportedArrayError) as caught:
        check_dtype(dtype)
    assert isinstance(caught.value, TypeError)
    named = (dtype, *(dtype[name] for name in dtype.names or ()))
    assert any(text in str(caught.value) for each in named for text in (str(each), repr(each)))


@pytest.mark.parametrize("depth", [17, 100, 5000])
def test_dtype_nested_deeper_than_is_read_is_refused(depth: int) -> None:
    dtype = np.dtype("f4")
    for _ in range(depth):
        dtype = np.dtype([("x", dtype)])
    with pytest.raises(UnsupportedArrayError, match="several arrays"):
        check_dtype(dtype)


def test_masked_array_is_refused_with_a_remedy() -> None:
    with pytest.raises(UnsupportedArrayError, match="getmaskarray"):
        as_array(np.ma.masked_array([1, 2], [True, False]))


@pytest.mark.parametrize("view", [np.recarray, np.matrix, np.memmap])
def test_subclass_becomes_an_array_over_the_same_memory(
    view: type[np.ndarray[Any, Any]], tmp_path: Any
) -> None:
    array = np.zeros((2, 3), [("x", "f4"), ("y", "i2")] if view is np.recarray else "f4")
    given = (
        np.memmap(tmp_path / "a", "f4", "w+", shape=(2, 3))
        if view is np.memmap
        else array.view(view)
    )
    plain = as_array(given)
    assert type(plain) is np.ndarray
    assert plain.dtype.type is not np.record
    assert plain.dtype == (given.dtype if view is not np.recarray else array.dtype)
    assert np.shares_memory(plain, given)


def test_array_is_passed_on_as_it_is() -> None:
    array = np.zeros((2, 3))[::-1]
    assert as_array(array) is array
