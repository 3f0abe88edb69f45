"""The largest and smallest elements with their places, against sorting everything."""

import functools
import operator
import pickle
from typing import Any

import hypothesis.extra.numpy as hnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from filexchange.blocks.kernels.topk import Largest, Smallest
from filexchange.errors import UnsupportedArrayError, UnsupportedOptionError
from filexchange.geometry import iter_blocks

DTYPES = ["?", "i1", "<i4", ">i4", "u8", "f2", ">f4", "f8", "M8[s]"]


def _found(of: Any, array: Any, k: int, block: Any) -> Any:
    parts = [
        of.of(array[region], k, tuple(axis.start for axis in region), array.shape)
        for region in iter_blocks(array.shape, block)
    ]
    parts = [pickle.loads(pickle.dumps(part)) for part in parts[::-1]]
    return functools.reduce(operator.add, parts)


def _expected(of: Any, array: Any, k: int) -> Any:
    """Return the indexes of the elements, by sorting."""
    flat = array.ravel()
    native = flat.astype(flat.dtype.newbyteorder("="))
    ranks = np.unique(native, return_inverse=True, equal_nan=True)[1].astype("i8")
    return np.argsort(ranks if of is Smallest else -ranks, kind="stable")[:k]


def _check(of: Any, array: Any, k: int, block: Any) -> None:
    found = _found(of, array, k, block)
    expected = _expected(of, array, k)
    assert found.indexes.tolist() == expected.tolist()
    assert found.indexes.dtype == np.int64
    # NumPy's pickles of arrays forget the byte order.
    assert found.values.dtype.newbyteorder("=") == array.dtype.newbyteorder("=")
    np.testing.assert_array_equal(found.values, array.ravel()[expected])


@st.composite
def _arrays(draw: Any) -> Any:
    dtype = np.dtype(draw(st.sampled_from(DTYPES)))
    native = dtype.newbyteorder("=")
    array = draw(hnp.arrays(native, st.integers(1, 20)))
    shape = draw(hnp.array_shapes(max_dims=3, max_side=4))
    places = draw(hnp.arrays("i8", shape, elements=st.integers(0, len(array) - 1)))
    return np.asarray(array[places].astype(dtype), order=draw(st.sampled_from("CF")))


@given(_arrays(), st.sampled_from([Largest, Smallest]), st.integers(1, 70), st.integers(1, 4))
def test_elements_are_those_of_the_sorted_array(array: Any, of: Any, k: int, side: int) -> None:
    _check(of, array, k, (side,) * array.ndim)


@pytest.mark.parametrize("of", [Largest, Smallest])
@pytest.mark.parametrize("k", [1, 10, 100_000])
@pytest.mark.parametrize(
    "array",
    [
        np.random.default_rng(0).standard_normal((600, 500)).astype("f4"),
        np.random.default_rng(0).integers(0, 5, (600, 500)),
        np.arange(300_000.0),
        np.arange(300_000.0)[::-1],
        np.zeros(300_000, "i2"),
        np.where(np.random.default_rng(0).random(300_000) < 0.5, np.nan, -0.0),
    ],
    ids=["random", "few", "ascending", "descending", "constant", "nan"],
)
def test_large_blocks(of: Any, k: int, array: Any) -> None:
    _check(of, array, k, array.shape)
    _check(of, array, k, (200, *array.shape[1:]) if array.ndim > 1 else (123_456,))


def test_zeros_are_equal_whatever_their_sign() -> None:
    array = np.array([0.0, -0.0, 0.0, -0.0])
    for of in (Largest, Smallest):
        assert _found(of, array, 3, (2,)).indexes.tolist() == [0, 1, 2]


def test_of_fewer_elements_there_are_fewer() -> None:
    found = Largest.of(np.array([1, 3]), 5, (0,), (2,)) + Largest.of(
        np.empty(0, int), 5, (2,), (2,)
    )
    assert found.values.tolist() == [3, 1]


@pytest.mark.parametrize("k", [0, -1])
def test_no_elements_are_refused(k: int) -> None:
    with pytest.raises(UnsupportedOptionError, match=f"k={k} elements .* give at least 1"):
        Largest.of(np.arange(3), k, (0,), (3,))


def test_strings_are_refused() -> None:
    with pytest.raises(UnsupportedArrayError, match="cannot be ordered by integers"):
        Largest.of(np.array(["a"]), 1, (0,), (1,))
