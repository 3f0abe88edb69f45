"""Quantiles along axes are those of NumPy, from any file."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import filexchange as fx
from filexchange import blocks
from filexchange.errors import MemoryBudgetError, UnsupportedOptionError


@settings(max_examples=25, deadline=None)
@given(
    array=hnp.arrays(
        st.sampled_from(["u1", "i4", "f2", "f4", "f8"]),
        hnp.array_shapes(min_dims=2, max_dims=3, max_side=5),
        elements=st.integers(0, 20),
    ),
    q=st.sampled_from([0.5, [0.25, 0.9], [[0.1], [1]]]),
    data=st.data(),
)
@pytest.mark.parametrize("is_nan", [False, True])
def test_as_numpy(is_nan, array, q, data):
    axes = st.sets(st.sampled_from(range(array.ndim)), min_size=1).map(tuple)
    options = {
        "axis": data.draw(st.none() | st.integers(-array.ndim, array.ndim - 1) | axes),
        "keepdims": data.draw(st.booleans()),
    }
    if array.dtype.kind == "f" and is_nan and array.size > 1:
        array = array.copy()
        array.flat[0] = np.nan
    name = "nan" if is_nan and not np.isnan(array).all(options["axis"]).any() else ""
    for func, args in ((f"{name}quantile", (array, q)), (f"{name}median", (array,))):
        theirs = getattr(np, func)(*args, **options)
        if func == "nanquantile" and np.ndim(q) > 1:  # NumPy's axes are wrong for tuples
            flat = np.nanquantile(array, np.ravel(q), **options)
            theirs = flat.reshape(np.shape(q) + flat.shape[1:])
        for executor in (1, 3):
            ours = getattr(blocks, func)(*args, **options, chunks=2, executor=executor)
            np.testing.assert_array_equal(ours, theirs)
            assert ours.dtype == theirs.dtype


def test_panels_of_chunks(tmp_path):
    array = np.random.default_rng(0).normal(size=(60, 40))
    ref = fx.save(tmp_path / "a.zarr", array, chunks=(7, 8))
    plan = blocks.median(ref, axis=0, plan_only=True)
    assert plan.block_shape[0] == 60
    np.testing.assert_array_equal(blocks.median(ref, axis=0), np.median(array, axis=0))
    found = blocks.median(ref, axis=0, memory=8000)
    np.testing.assert_array_equal(found, np.median(array, axis=0))


def test_refused():
    with pytest.raises(MemoryBudgetError) as raised:
        blocks.median(np.ones((1000, 4)), axis=0, memory=10_000)
    needed = int(str(raised.value).split("memory=")[2].split()[0])
    assert blocks.median(np.ones((1000, 4)), axis=0, memory=needed).tolist() == [1] * 4
    with pytest.raises(UnsupportedOptionError):
        blocks.quantile(np.ones((3, 3)), 2, axis=0)
