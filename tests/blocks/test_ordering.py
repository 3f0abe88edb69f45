"""Quantiles are those of NumPy, exactly, for any blocks and budget."""

import numpy as np
import pytest

import filexchange as fx
from filexchange import blocks
from filexchange.errors import RegionError


@pytest.mark.parametrize("dtype", ["f4", "f8", "i2", "u8"])
@pytest.mark.parametrize("method", ["linear", "nearest", "median_unbiased"])
def test_as_numpy(tmp_path, dtype, method):
    array = (np.random.default_rng(0).normal(size=(100, 31)) * 1000).astype(dtype)
    ref = fx.save(tmp_path / "a.npy", array)
    q = [0, 0.1, 0.5, 0.999, 1]
    for memory in ("1MB", 5000):
        found = blocks.quantile(ref, q, method=method, chunks=(7, 31), memory=memory, executor=2)
        np.testing.assert_array_equal(found, np.quantile(array, q, method=method))
    assert blocks.median(ref) == np.median(array)


def test_nan():
    array = np.array([3, np.nan, 1, 2])
    assert np.isnan(blocks.quantile(array, 0.5, chunks=1))
    assert blocks.nanquantile(array, 0.5, chunks=1) == 2


def test_nothing():
    with pytest.raises(RegionError):
        blocks.quantile(np.empty(0), 0.5)


def test_plan():
    assert blocks.quantile(np.zeros(10), 0.5, plan_only=True).operation == "quantile"
