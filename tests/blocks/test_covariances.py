"""Covariances are those of NumPy, to rounding, and have the same bits for any workers."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import filexchange as fx
from filexchange import blocks
from filexchange.errors import MemoryBudgetError, UnsupportedArrayError


@settings(max_examples=25, deadline=None)
@given(
    array=hnp.arrays(
        st.sampled_from(["?", "i2", "f2", "f4", "f8", "c8"]),
        hnp.array_shapes(min_dims=1, max_dims=2, min_side=2, max_side=7),
        elements=st.integers(0, 1),
    ),
    rowvar=st.booleans(),
    ddof=st.sampled_from([None, 0, 1]),
    bias=st.booleans(),
)
def test_as_numpy(array, rowvar, ddof, bias):
    array = array * np.arange(1, array.shape[-1] + 1, dtype="u1")
    theirs = np.cov(array, rowvar=rowvar, ddof=ddof, bias=bias)
    options = {"rowvar": rowvar, "ddof": ddof, "bias": bias, "chunks": 2}
    ours = [blocks.cov(array, **options, executor=workers) for workers in (1, 3)]
    np.testing.assert_allclose(ours[0], theirs, rtol=1e-12, atol=1e-12)
    assert ours[0].dtype == theirs.dtype
    assert ours[0].tobytes() == ours[1].tobytes()
    if array.ndim == 2:
        gram = blocks.gram(array, chunks=2)
        wide = array.astype(np.result_type(array, "f8"))
        np.testing.assert_allclose(gram, wide.conj().T @ wide)


def test_offset_does_not_cost_precision(tmp_path):
    array = np.random.default_rng(0).normal(size=(4000, 5))
    ref = fx.save(tmp_path / "a.zarr", array + 1e8, chunks=(100, 3))
    ours = blocks.cov(ref, rowvar=False)
    np.testing.assert_allclose(ours, np.cov(array, rowvar=False), rtol=1e-6, atol=1e-6)


def test_few_observations():
    assert np.isnan(blocks.cov(np.ones((3, 1)))).all()
    assert blocks.gram(np.ones((0, 2))).tolist() == [[0, 0], [0, 0]]


def test_refused():
    with pytest.raises(UnsupportedArrayError):
        blocks.cov(np.ones((2, 2, 2)))
    with pytest.raises(UnsupportedArrayError):
        blocks.gram(np.ones(2))
    with pytest.raises(MemoryBudgetError, match="gram"):
        blocks.gram(np.ones((1, 10_000)), memory="100MB")
