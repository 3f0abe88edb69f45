"""The largest and smallest elements are those of a stable sort."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from filexchange import blocks
from filexchange.errors import MemoryBudgetError, UnsupportedArrayError, UnsupportedOptionError


def _places(array, k, axis):
    """Return where NumPy's stable sort has them, NaN as the largest."""
    ranks = np.unique(array, return_inverse=True)[1].reshape(array.shape)
    order = np.argsort(-ranks if k > 0 else ranks, axis=axis, kind="stable")
    return np.take(order, range(min(abs(k), array.shape[axis])), axis)


@settings(max_examples=25, deadline=None)
@given(
    array=hnp.arrays(
        st.sampled_from(["?", "u1", "i8", "f2", "f4"]),
        hnp.array_shapes(min_dims=1, max_dims=3, max_side=5),
        elements=st.integers(0, 1),
    ),
    k=st.integers(-7, 7).filter(bool),
    data=st.data(),
)
def test_as_a_stable_sort(array, k, data):
    if array.dtype.kind == "f":
        array = array * np.resize(np.array([1, -0.0, np.nan], array.dtype), array.shape)
    axis = data.draw(st.none() | st.integers(-array.ndim, array.ndim - 1))
    chunks = tuple(data.draw(st.integers(1, n)) for n in array.shape)
    lanes, along = (array.ravel(), 0) if axis is None else (array, axis)
    expected = _places(lanes, k, along)
    for executor in (1, 3):
        options = {"axis": axis, "chunks": chunks, "executor": executor}
        np.testing.assert_array_equal(blocks.argtopk(array, k, **options), expected)
        found = blocks.topk(array, k, **options)
        np.testing.assert_array_equal(found, np.take_along_axis(lanes, expected, along))
        assert found.dtype == array.dtype


def test_nothing():
    assert blocks.topk(np.empty((2, 0)), 3).shape == (2, 0)
    assert blocks.topk(np.empty(0), 3, axis=None).shape == (0,)


def test_refused():
    with pytest.raises(UnsupportedOptionError):
        blocks.topk(np.ones(3), 0)
    with pytest.raises(UnsupportedArrayError):
        blocks.topk(np.ones(3, "c8"), 1)
    with pytest.raises(MemoryBudgetError, match="topk"):
        blocks.topk(np.ones(1 << 16), 1 << 16, memory="1MB")
