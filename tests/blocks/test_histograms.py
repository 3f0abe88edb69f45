"""Counts and edges are those of NumPy."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from filexchange import blocks
from filexchange.errors import ArrayMismatchError, MemoryBudgetError, UnsupportedOptionError

_NUMBERS = hnp.arrays(
    st.sampled_from(["u1", "i2", "i8", "f2", "f4", "f8"]),
    hnp.array_shapes(min_dims=1, max_dims=2, max_side=8),
    elements=st.integers(0, 50),
)


def _equal(ours, theirs):
    for found, expected in zip(ours, theirs, strict=True):
        np.testing.assert_array_equal(found, expected)
        assert found.dtype == expected.dtype


@settings(max_examples=25, deadline=None)
@given(
    array=_NUMBERS,
    bins=st.integers(1, 9) | st.sampled_from(["sqrt", "rice", "sturges", [0, 3, 9], [1.5, 20]]),
    range=st.sampled_from([None, (0, 30), (5.5, 7.25)]),
    density=st.booleans(),
)
def test_as_numpy(array, bins, range, density):
    range = None if isinstance(bins, str) else range
    with np.errstate(invalid="ignore"):
        theirs = np.histogram(array, bins, range, density=density)
        for executor in (1, 3):
            options = {"density": density, "chunks": 3, "executor": executor}
            _equal(blocks.histogram(array, bins, range, **options), theirs)


def test_reals():
    x = np.random.default_rng(0).normal(size=5000).astype("f4")
    for bins in (100, "rice", "sqrt", "sturges"):
        _equal(blocks.histogram(x, bins, chunks=700), np.histogram(x, bins))


def test_booleans():
    counts, edges = blocks.histogram(np.array([True, False, True]), 2)
    np.testing.assert_array_equal(counts, [1, 2])
    np.testing.assert_array_equal(edges, [0, 0.5, 1])


def test_weights_have_the_same_bits_for_any_number_of_workers():
    a, weights = np.random.default_rng(0).random((2, 3000))
    found = [
        blocks.histogram(a, weights=weights, chunks=64, executor=workers)[0] for workers in (1, 3)
    ]
    assert found[0].tobytes() == found[1].tobytes()
    np.testing.assert_allclose(found[0], np.histogram(a, weights=weights)[0])


def test_nothing():
    for bins in (3, "sqrt", [0, 1]):
        _equal(blocks.histogram(np.empty(0), bins), np.histogram(np.empty(0), bins))


@pytest.mark.parametrize(
    ("bins", "error"),
    [(0, ValueError), ([2, 1], ValueError), (1.5, TypeError), ("fd", UnsupportedOptionError)],
)
def test_bins_that_are_none(bins, error):
    with pytest.raises(error):
        blocks.histogram(np.arange(5), bins)


def test_refused():
    with pytest.raises(ValueError, match="finite"):
        blocks.histogram(np.array([1, np.nan]))
    with pytest.raises(ArrayMismatchError):
        blocks.histogram(np.ones(3), weights=np.ones(4))
    with pytest.raises(MemoryBudgetError, match="histogram"):
        blocks.histogram(np.ones(3), 10**12, memory="100MB")


def test_plans():
    assert blocks.histogram(np.ones(9), "sqrt", plan_only=True).operation == "histogram"


def test_resumed(tmp_path):
    found = blocks.histogram(np.arange(9.0), 3, resume=tmp_path / "job", chunks=2)
    _equal(found, np.histogram(np.arange(9.0), 3))
    assert not list(tmp_path.iterdir())
