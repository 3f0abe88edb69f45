"""One pass tells what NumPy's functions tell in several."""

import numpy as np
import pytest

from filexchange import blocks
from filexchange.errors import UnsupportedArrayError


@pytest.mark.parametrize("dtype", ["?", "u1", "i8", "f2", "f4", "f8"])
def test_as_numpy(dtype):
    array = (np.random.default_rng(0).random((50, 7)) * 100).astype(dtype)
    if array.dtype.kind == "f":
        array[3, 2:4] = np.nan
    found = blocks.describe(array, chunks=(8, 3), executor=3)
    assert found == blocks.describe(array, chunks=(8, 3), executor=1)
    assert (found.count, found.missing) == (np.sum(~np.isnan(array)), np.sum(np.isnan(array)))
    assert (found.min, found.max) == (np.nanmin(array), np.nanmax(array))
    assert found.min.dtype == array.dtype
    wide = array.astype("f8")
    np.testing.assert_allclose([found.mean, found.std], [np.nanmean(wide), np.nanstd(wide)])


@pytest.mark.parametrize("axis", [0, 1, (0, 2), (2, 1, 0)])
def test_along_axes(axis):
    array = np.random.default_rng(1).normal(size=(9, 8, 7)).astype("f4")
    array[3:, 2, 4] = np.nan
    found = blocks.describe(array, axis, keepdims=True, chunks=(4, 3, 5))
    for name, func in [("min", np.nanmin), ("max", np.nanmax), ("mean", np.nanmean)]:
        theirs = func(array.astype("f8"), axis, keepdims=True)
        np.testing.assert_allclose(getattr(found, name), theirs, rtol=1e-12)
    np.testing.assert_array_equal(found.missing, np.isnan(array).sum(axis, keepdims=True))
    assert found.min.dtype == array.dtype


@pytest.mark.parametrize("array", [np.empty(0), np.full(4, np.nan)])
def test_nothing(array):
    found = blocks.describe(array, chunks=2)
    assert (found.count, found.missing) == (0, array.size)
    assert np.isnan([found.min, found.max, found.mean, found.std]).all()


def test_refused():
    with pytest.raises(UnsupportedArrayError):
        blocks.describe(np.ones(2, "c8"))


@pytest.mark.parametrize("dtype", ["i4", "f4", "c8"])
def test_mean_and_variance_in_one_pass(dtype):
    array = (np.random.default_rng(2).normal(size=(40, 9)) * 50).astype(dtype)
    found = blocks.moments(array, 0, keepdims=True, chunks=(7, 4))
    np.testing.assert_allclose(found.mean, array.mean(0, "c16" if dtype == "c8" else "f8")[None])
    wide = array.astype("c16" if dtype == "c8" else "f8")
    np.testing.assert_allclose(found.variance(1), wide.var(0, ddof=1)[None])
    whole = blocks.moments(array)
    assert whole.count == array.size
    assert blocks.moments(array, plan_only=True).operation == "moments"
