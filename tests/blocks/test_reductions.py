"""Reductions give what NumPy gives, and the same bits for any number of workers."""

import math
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import filexchange as fx
from filexchange import blocks
from filexchange.blocks.reductions.paneling import deep_block
from filexchange.errors import MemoryBudgetError
from filexchange.geometry import block_shape

_EXACT = ["min", "max", "any", "all", "count_nonzero", "sum", "prod"]
_CLOSE = ["mean", "var", "std"]


@settings(max_examples=60)
@given(
    array=hnp.arrays(
        st.sampled_from(["i2", "u1", "?"]),
        hnp.array_shapes(min_dims=1, max_dims=3, max_side=6),
    ),
    data=st.data(),
)
@pytest.mark.parametrize("name", [*_EXACT, *_CLOSE])
def test_as_numpy(name, array, data):
    chunks = tuple(data.draw(st.integers(1, n)) for n in array.shape)
    axes = st.sets(st.sampled_from(range(array.ndim))).map(tuple)
    axis = data.draw(st.none() | st.integers(-array.ndim, array.ndim - 1) | axes)
    keepdims = data.draw(st.booleans())
    ours = getattr(blocks, name)(array, axis, keepdims=keepdims, chunks=chunks, executor=1)
    theirs = getattr(np, name)(array, axis, keepdims=keepdims)
    if name in _EXACT:
        np.testing.assert_array_equal(ours, theirs)
    else:
        np.testing.assert_allclose(ours, theirs, rtol=1e-12, atol=1e-12)
    assert np.asarray(ours).dtype == np.asarray(theirs).dtype


@pytest.mark.parametrize("dtype", ["f2", "f4", "f8", "c8"])
@pytest.mark.parametrize("name", _CLOSE)
def test_dtype_is_that_of_numpy(name, dtype):
    array = np.arange(12).reshape(3, 4).astype(dtype)
    ours = getattr(blocks, name)(array, 0, chunks=(2, 4))
    theirs = getattr(np, name)(array, 0)
    assert ours.dtype == theirs.dtype
    np.testing.assert_allclose(ours, theirs, rtol=1e-3)


def test_nan():
    array = np.array([[1.0, np.nan], [3.0, 5.0], [np.nan, np.nan]])
    for name in ("min", "max", "mean", "var"):
        np.testing.assert_array_equal(
            getattr(blocks, name)(array, 0, chunks=(1, 2)), getattr(np, name)(array, 0)
        )
    for name in ("nanmean", "nanvar", "nanstd"):
        np.testing.assert_allclose(
            getattr(blocks, name)(array, 0, chunks=(1, 2)), getattr(np, name)(array, 0)
        )


@pytest.mark.parametrize("name", ["sum", "mean", "any"])
def test_nothing(name):
    array = np.empty((0, 3))
    with np.errstate(invalid="ignore"):
        assert getattr(blocks, name)(array, 0).shape == (3,)


def test_smallest_of_nothing_is_an_error():
    with pytest.raises(ValueError, match="zero-size"):
        blocks.min(np.empty(0))


def test_same_bits_for_any_executor(tmp_path):
    array = np.random.default_rng(1).normal(size=(1000, 37)).astype("f4")
    ref = fx.save(tmp_path / "a.npy", array)
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as processes:
        for name in ("sum", "mean", "std", "prod"):
            found = {
                getattr(blocks, name)(ref, 0, chunks=(64, 37), executor=executor).tobytes()
                for executor in (None, 1, 2, 5, processes)
            }
            assert len(found) == 1


def test_offset_does_not_cost_precision():
    array = np.random.default_rng(2).normal(size=10_000) + 1e9
    np.testing.assert_allclose(blocks.var(array, chunks=1000), array.var(), rtol=1e-9)


def test_reduction_of_the_callers_own(tmp_path):
    array = np.random.default_rng(3).integers(0, 9, (50, 6, 4))
    ref = fx.save(tmp_path / "a.zarr", array, chunks=(10, 3, 4))
    found = blocks.reduction(ref, np.max, np.max, axis=(0, 2), keepdims=True)
    np.testing.assert_array_equal(found, array.max((0, 2), keepdims=True))


def test_plan_and_budget(tmp_path):
    ref = fx.create_array(tmp_path / "a.npy", shape=(1 << 12, 1 << 12), dtype="f4")
    plan = blocks.mean(ref, plan_only=True, memory="200MB")
    assert (plan.operation, plan.bytes_read, plan.bytes_written) == ("mean", ref.nbytes, 0)
    with pytest.raises(MemoryBudgetError, match="mean needs 134 MB for a block"):
        blocks.mean(ref, chunks=-1, memory="1MB")


@given(data=st.data())
def test_blocks_are_long_along_what_is_reduced(data):
    ndim = data.draw(st.integers(1, 4))
    shape, chunks = (
        tuple(data.draw(st.integers(1, most)) for _ in range(ndim)) for most in (200, 5)
    )
    axes = tuple(sorted(data.draw(st.sets(st.sampled_from(range(ndim)), min_size=1))))
    most = data.draw(st.integers(1, 10_000))
    block = block_shape(shape, 1, most, chunks)
    found = deep_block(block, shape, axes, chunks, 16, most)
    assert math.prod(found) <= max(most, math.prod(map(min, chunks, shape)))
    assert all(
        n == length or n % unit == 0 for n, length, unit in zip(found, shape, chunks, strict=True)
    )
    assert math.prod(found[i] for i in axes) >= math.prod(block[i] for i in axes)


def test_many_wide_rows(tmp_path):
    array = np.random.default_rng(4).normal(size=(50, 300, 40)).astype("f4")
    ref = fx.save(tmp_path / "a.npy", array)
    options = {"memory": 1_500_000}
    assert blocks.mean(ref, 0, plan_only=True, **options).block_shape[0] >= 32
    for name in ("mean", "std", "sum", "argmax"):
        found = getattr(blocks, name)(ref, 0, **options)
        np.testing.assert_allclose(found, getattr(np, name)(array, 0), rtol=1e-3, atol=1e-5)
