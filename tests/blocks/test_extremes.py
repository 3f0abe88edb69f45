"""Places of extremes, and reductions without NaN, are those of NumPy."""

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from filexchange import blocks

_PLACES = ["argmin", "argmax", "nanargmin", "nanargmax"]
_VALUES = ["nanmin", "nanmax", "nansum", "nanprod"]

_FEW = st.sampled_from([0, 1, -1, np.nan, np.inf, -np.inf, -0.0])


@st.composite
def arrays(draw):
    dtype = np.dtype(draw(st.sampled_from(["?", "u1", "i2", "i8", "f2", "f4", "f8", "c8"])))
    shape = draw(hnp.array_shapes(min_dims=1, max_dims=3, max_side=5))
    if dtype.kind in "fc":
        return draw(hnp.arrays(dtype, shape, elements=_FEW, fill=st.nothing()))
    return draw(hnp.arrays(dtype, shape, elements=st.integers(0, 1 if dtype.kind == "b" else 3)))


def _outcome(func, *args, **options):
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            return func(*args, **options)
        except ValueError:
            return "refused"


@settings(max_examples=25, deadline=None)
@given(array=arrays(), data=st.data())
@pytest.mark.parametrize("name", _PLACES + _VALUES)
def test_as_numpy(name, array, data):
    chunks = tuple(data.draw(st.integers(1, n)) for n in array.shape)
    axis = data.draw(st.none() | st.integers(-array.ndim, array.ndim - 1))
    options = {"axis": axis, "keepdims": data.draw(st.booleans())}
    theirs = _outcome(getattr(np, name), array, **options)
    for executor in (1, 3):
        ours = _outcome(getattr(blocks, name), array, **options, chunks=chunks, executor=executor)
        np.testing.assert_array_equal(ours, theirs)
        assert np.asarray(ours).dtype.kind == np.asarray(theirs).dtype.kind
        assert np.shape(ours) == np.shape(theirs)


@pytest.mark.parametrize("name", _PLACES + _VALUES)
@pytest.mark.parametrize("shape", [(0,), (0, 2), (2, 0)])
def test_nothing(name, shape):
    for axis in (None, 0):
        theirs = _outcome(getattr(np, name), np.empty(shape), axis)
        np.testing.assert_array_equal(
            _outcome(getattr(blocks, name), np.empty(shape), axis), theirs
        )


def test_a_single_number():
    assert blocks.argmax(np.array(3)) == 0


def test_dates():
    array = np.array(["2020", "NaT", "2010", "2030"], "M8[Y]")
    for name in ("argmin", "argmax"):
        assert getattr(blocks, name)(array, chunks=1) == getattr(np, name)(array)


def test_axis_has_to_be_one():
    with pytest.raises(TypeError):
        blocks.argmin(np.zeros((2, 2)), axis=(0, 1))
