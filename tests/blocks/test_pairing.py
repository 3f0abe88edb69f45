"""Pairs are counted as NumPy counts them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import filexchange as fx
from filexchange import blocks
from filexchange.errors import ArrayMismatchError, MemoryBudgetError

_NUMBERS = hnp.arrays(
    st.sampled_from(["u1", "i2", "i8", "f2", "f4", "f8"]),
    hnp.array_shapes(min_dims=1, max_dims=2, max_side=8),
    elements=st.integers(0, 50),
)


def _equal(ours, theirs):
    for found, expected in zip(ours, theirs, strict=True):
        np.testing.assert_array_equal(found, expected)
        assert found.dtype == expected.dtype


@settings(max_examples=20, deadline=None)
@given(x=_NUMBERS, bins=st.sampled_from([3, [2, 5], [0, 2, 9], [[0, 1, 60], 4]]))
def test_as_numpy(x, bins):
    x, y = x.ravel(), (x.ravel()[::-1] * 1.5).astype("f4")
    for options in ({}, {"range": [(0, 20), (3, 9)]}, {"weights": np.arange(x.size)}):
        theirs = np.histogram2d(x, y, bins, **options)
        _equal(blocks.histogram2d(x, y, bins, **options, chunks=3, executor=3), theirs)


def test_reals_in_files(tmp_path):
    x, y = np.random.default_rng(0).normal(size=(2, 5000)).astype("f4")
    refs = fx.save(tmp_path / "x.npy", x), fx.save(tmp_path / "y.zarr", y, chunks=300)
    for options in ({}, {"density": True}):
        _equal(
            blocks.histogram2d(*refs, 20, **options, chunks=700),
            np.histogram2d(x, y, 20, **options),
        )
    _equal(blocks.histogram2d([], [], 3), np.histogram2d([], [], 3))


def test_plan():
    plan = blocks.histogram2d(np.ones(9), np.ones(9), 1000, plan_only=True, memory="100MB")
    assert plan.operation == "histogram2d"
    assert plan.result_memory >= 16 * 1000**2


def test_refused():
    with pytest.raises(ArrayMismatchError):
        blocks.histogram2d(np.ones(3), np.ones(4))
    with pytest.raises(MemoryBudgetError, match="histogram2d"):
        blocks.histogram2d(np.ones(3), np.ones(3), 10**6, memory="100MB")
    with pytest.raises(ValueError, match="finite"):
        blocks.histogram2d(np.ones(2), np.array([1, np.nan]))
