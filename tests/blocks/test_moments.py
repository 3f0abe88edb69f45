"""Count, sum and squared deviations against NumPy's, and against exact arithmetic."""

import math
import threading
from fractions import Fraction
from typing import Any

import hypothesis.extra.numpy as hnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from filexchange.blocks.kernels.moments import Moments, merge, moments, nan_moments
from filexchange.errors import UnsupportedArrayError

NUMERIC = ["?", "i1", "u8", "<i4", ">i8", "f2", "<f4", ">f4", "f8", "g", "c8", "c16"]
FINITE = {"allow_nan": False, "allow_infinity": False, "min_value": -1e6, "max_value": 1e6}


def _same(found: Moments, expected: tuple[Any, Any, Any]) -> None:
    for mine, theirs in zip(found, expected, strict=True):
        assert np.shape(mine) == np.shape(theirs)
        np.testing.assert_allclose(mine, theirs, rtol=1e-11, atol=1e-9, equal_nan=True)


def _expected(block: Any, axis: Any) -> tuple[Any, Any, Any]:
    """Return the moments as NumPy has them."""
    block = block.astype("c16" if block.dtype.kind == "c" else "f8")
    count = np.ones(block.shape, "i8").sum(axis)
    total = block.sum(axis)
    mean = block.sum(axis, keepdims=True) / np.maximum(1, np.expand_dims(count, _axes(block, axis)))
    return count, total, (np.abs(block - mean) ** 2).sum(axis)


def _axes(block: Any, axis: Any) -> Any:
    return tuple(range(block.ndim)) if axis is None else axis


@st.composite
def _blocks(draw: Any) -> tuple[Any, Any]:
    """Return a block in some memory order, and the axes to reduce."""
    shape = draw(hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=7))
    dtype = np.dtype(draw(st.sampled_from(NUMERIC)))
    block = np.random.default_rng(draw(st.integers(0, 9))).normal(3, 40, shape)
    block = np.asarray(block.astype(dtype, order=draw(st.sampled_from("CF"))))
    if draw(st.booleans()):
        block = np.repeat(block, 2, axis=-1)[..., ::2] if block.ndim else block
    axes = st.none() | st.sets(st.integers(-block.ndim, -1)).map(tuple) if block.ndim else st.none()
    return block, draw(axes)


@given(_blocks())
@pytest.mark.filterwarnings("ignore:invalid value")  # floats as unsigned integers
@pytest.mark.filterwarnings("ignore:overflow")
def test_moments_are_those_of_numpy(drawn: Any) -> None:
    block, axis = drawn
    before = block.copy()
    _same(moments(block, axis), _expected(block, axis))
    _same(nan_moments(block, axis), _expected(block, axis))
    np.testing.assert_array_equal(block, before)


@pytest.mark.parametrize("axis", [None, 0, 1, 2, (0, 1), (1, 2), (0, 2), -1, ()])
@pytest.mark.parametrize(
    "shape",
    [(3, 500, 700), (2, 3000, 3), (9, 2, 5000), (200_000, 3, 1), (1, 1, 200_000), (70, 33, 65)],
)
def test_blocks_of_many_tiles(shape: Any, axis: Any) -> None:
    block = np.random.default_rng(1).normal(2, 1, shape).astype("f4")
    _same(moments(block, axis), _expected(block, axis))
    _same(nan_moments(block, axis), _expected(block, axis))
    _same(moments(np.asfortranarray(block), axis), _expected(block, axis))


@pytest.mark.parametrize("axis", [None, 0, 1, (0, 2), 2])
@pytest.mark.parametrize("dtype", ["f2", ">f4", "f8", "c8"])
@pytest.mark.parametrize("shape", [(40, 100, 50), (3, 4, 5), (1000, 3, 2)])
def test_nan_is_left_out(shape: Any, dtype: Any, axis: Any) -> None:
    rng = np.random.default_rng(2)
    block = rng.normal(0, 1, shape).astype(dtype)
    block[rng.random(shape) < 0.3] = np.nan
    block[0, 0] = np.nan
    if dtype == "c8":
        block[1, 1] = complex(1, np.nan)
    masked = np.ma.masked_invalid(block.astype("c16" if dtype == "c8" else "f8"))
    total = masked.sum(axis, keepdims=True)
    mean = total / np.maximum(1, masked.count(axis, keepdims=True))
    m2 = (np.abs(masked - mean) ** 2).sum(axis)
    expected = masked.count(axis), masked.sum(axis), m2
    _same(nan_moments(block, axis), tuple(np.ma.filled(part, 0) for part in expected))
    assert np.isnan(moments(block).total)


@given(
    hnp.arrays("f8", st.integers(1, 30), elements=st.floats(**FINITE)),
    st.sampled_from([0, 1e3, 1e8, -1e11]),
)
def test_a_large_offset_costs_the_rounding_of_means(values: Any, offset: float) -> None:
    values += offset
    exact = [Fraction(value) for value in values.tolist()]
    mean = sum(exact) / len(exact)
    m2 = sum((value - mean) ** 2 for value in exact)
    found = merge(*(moments(part) for part in np.array_split(values, 3)))
    error = 4 * np.spacing(float(np.abs(values).max()))
    rounding = len(exact) * error * (error + 2 * float(np.ptp(values))) + 1e-300
    assert float(found.m2) == pytest.approx(float(m2), rel=1e-12, abs=rounding)
    assert float(found.mean) == pytest.approx(float(mean), rel=1e-15 * len(exact), abs=1e-10)


def test_a_first_row_unlike_all_others_costs_no_digits() -> None:
    block = np.random.default_rng(3).normal(0, 1e-3, (400, 2000))
    block[0] = -9999
    expected = np.array([math.fsum(lane) for lane in ((block - block.mean(0)) ** 2).T])
    np.testing.assert_allclose(moments(block, 0).m2, expected, rtol=1e-13)
    ordinary = merge(moments(block[1:200], 0), moments(block[200:], 0))
    np.testing.assert_allclose(ordinary.variance(), block[1:].var(0), rtol=1e-12)


@given(st.lists(st.integers(0, 50), max_size=6), st.sampled_from([moments, nan_moments]))
def test_merged_blocks_are_as_one(cuts: list[int], of_block: Any) -> None:
    block = np.random.default_rng(4).normal(7, 3, (50, 4))
    parts = [of_block(part, 0) for part in np.split(block, sorted(cuts))]
    whole = merge(*parts)
    _same(whole, _expected(block, 0))
    _same(merge(whole, of_block(block[:0], 0)), _expected(block, 0))


def test_nothing_merged_with_something_is_exactly_that() -> None:
    something = moments(np.array([[1e200, -1e200, 0.1, np.inf], [3e200, 2, 0.3, 1]]), 0)
    nothing = moments(np.empty((0, 4)), 0)
    for merged in (merge(nothing, something), merge(something, nothing), merge(something)):
        for mine, theirs in zip(merged, something, strict=True):
            np.testing.assert_array_equal(mine, theirs)


@pytest.mark.parametrize("of_block", [moments, nan_moments])
def test_infinities_and_nothing(of_block: Any) -> None:
    found = of_block(np.array([[1, np.inf, -np.inf, np.inf], [2, np.inf, 3, -np.inf]]), 0)
    np.testing.assert_array_equal(found.mean, [1.5, np.inf, -np.inf, np.nan])
    np.testing.assert_array_equal(found.variance(), [0.25, np.nan, np.nan, np.nan])
    nothing = of_block(np.empty((0, 2), "i4"), axis=0)
    assert nothing.count.tolist() == [0, 0]
    assert np.isnan(nothing.mean).all()
    assert np.isnan(nothing.variance()).all()
    assert of_block(np.empty((2, 0)), axis=0).count.shape == (0,)


def test_variance_takes_ddof_as_numpy_does() -> None:
    block = np.arange(12.0).reshape(3, 4)
    for ddof in (0, 1, 1.5):
        np.testing.assert_allclose(moments(block, 0).variance(ddof), block.var(0, ddof=ddof))
    assert np.isnan(moments(block[:1], 0).variance(ddof=1)).all()


def test_same_bits_whatever_runs_beside_it() -> None:
    block = np.random.default_rng(5).normal(0, 1, (512, 1000)).astype("f4")
    alone = [moments(block, axis) for axis in (None, 0, 1)]
    found: list[Any] = [None] * 4

    def work(i: int) -> None:
        found[i] = [moments(block.copy(), axis) for axis in (None, 0, 1)]

    threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for each in found:
        for mine, theirs in zip(each, alone, strict=True):
            assert [np.asarray(x).tobytes() for x in mine] == [
                np.asarray(x).tobytes() for x in theirs
            ]


@pytest.mark.parametrize("dtype", ["M8[s]", "m8[s]", "S3", "O", [("a", "f4")]])
def test_what_has_no_mean_is_refused(dtype: Any) -> None:
    with pytest.raises(UnsupportedArrayError, match="have no mean: give numbers"):
        moments(np.zeros(3, dtype))


def test_an_axis_that_is_not_there_is_refused() -> None:
    with pytest.raises(np.exceptions.AxisError):
        moments(np.zeros((2, 3)), axis=2)
