"""Integers are counted as NumPy counts them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from filexchange import blocks
from filexchange.errors import ArrayMismatchError, MemoryBudgetError


@settings(max_examples=25, deadline=None)
@given(
    x=hnp.arrays(
        st.sampled_from(["?", "u1", "i2", "u4", "i8"]),
        st.integers(0, 20),
        elements={"min_value": 0},
    ).map(lambda a: a if a.dtype.kind == "b" else a % 40),
    minlength=st.integers(0, 50),
)
def test_as_numpy(x, minlength):
    for weights in (None, np.arange(x.size)):
        theirs = np.bincount(x, weights, minlength)
        for executor in (1, 3):
            ours = blocks.bincount(x, weights, minlength, chunks=3, executor=executor)
            np.testing.assert_array_equal(ours, theirs)
            assert ours.dtype == theirs.dtype


@pytest.mark.parametrize(
    ("x", "error"),
    [
        (np.array([1, -1]), ValueError),
        (np.array([1, -1], "i1"), ValueError),
        (np.array([1.0]), TypeError),
        (np.array([[1]]), ValueError),
    ],
)
def test_refused(x, error):
    with pytest.raises(error):
        blocks.bincount(x)


def test_other_refusals():
    with pytest.raises(ValueError, match="minlength"):
        blocks.bincount(np.array([1]), minlength=-1)
    with pytest.raises(ArrayMismatchError):
        blocks.bincount(np.array([1]), np.ones(2))
    with pytest.raises(MemoryBudgetError, match="bincount"):
        blocks.bincount(np.array([1 << 40]), memory="100MB")
