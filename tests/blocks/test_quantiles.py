"""Exact quantiles, bit for bit those of `numpy.quantile`."""

import functools
import operator
import warnings
from typing import Any

import hypothesis.extra.numpy as hnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from filexchange.blocks.kernels.quantiles import METHODS, nan_quantile_search, quantile_search
from filexchange.blocks.kernels.selection import survey
from filexchange.errors import RegionError, UnsupportedArrayError, UnsupportedOptionError

QS = st.floats(0, 1) | st.sampled_from([0, 1, 0.5, 0.25]) | st.lists(st.floats(0, 1), max_size=4)


def _quantile(begin: Any, blocks: list[Any], q: Any, method: str) -> Any:
    total = functools.reduce(operator.add, map(survey, blocks))
    search = begin(total, q, method, max_bytes=0)
    while not search.is_done:
        search = search.narrowed(functools.reduce(operator.add, map(search, blocks)))
    return search.values()


def _same(found: Any, expected: Any) -> None:
    assert type(found) is type(expected)
    assert found.dtype == expected.dtype
    np.testing.assert_array_equal(found, expected, strict=True)


@given(
    st.sampled_from(["f2", "<f4", ">f4", "f8", "i4", "u1", "i8"]).flatmap(
        lambda name: hnp.arrays(np.dtype(name).newbyteorder("="), st.integers(1, 30)).map(
            lambda array: array.astype(name)
        )
    ),
    QS,
    st.sampled_from(METHODS),
)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # NumPy's own, of infinities
def test_quantiles_are_those_of_numpy(array: Any, q: Any, method: str) -> None:
    blocks = np.array_split(array, 3)
    native = array.astype(array.dtype.newbyteorder("="))
    found = _quantile(quantile_search, blocks, q, method)
    expected = np.quantile(native, q, method=method)
    if found.dtype.isnative:
        _same(found, expected)
    np.testing.assert_array_equal(found, expected)
    found = _quantile(nan_quantile_search, blocks, q, method)
    np.testing.assert_array_equal(found, np.nanquantile(native, q, method=method))


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("size", [1, 2, 3, 10, 1001])
def test_every_definition_at_every_rank(method: str, size: int) -> None:
    array = np.random.default_rng(size).standard_normal(size)
    q = np.concatenate([np.arange(size + 1) / size, np.linspace(0, 1, 23)]).reshape(-1, 1)
    found = _quantile(quantile_search, [array], q, method)
    _same(found, np.quantile(array, q, method=method))
    single = array.astype("f4")
    for each in (0.3, np.float32(0.3), np.float64(0.3), 1, 0):
        found = _quantile(quantile_search, [single], each, method)
        _same(found, np.quantile(single, each, method=method))


def test_methods_are_all_that_numpy_has() -> None:
    with pytest.raises(ValueError, match="not a valid method") as caught:
        np.quantile([1.0], 0.5, method="no such")  # type: ignore[call-overload]
    assert all(f"'{name}'" in str(caught.value) for name in METHODS)
    assert str(caught.value).count("'") == 2 * len(METHODS) + 2


def test_nan_makes_all_quantiles_nan_unless_it_is_left_out() -> None:
    array = np.array([1, np.nan, 3, 2], "f4")
    _same(_quantile(quantile_search, [array], [0, 0.5], "linear"), np.quantile(array, [0, 0.5]))
    assert np.isnan(_quantile(quantile_search, [array], 0.2, "lower"))
    _same(_quantile(nan_quantile_search, [array], 0.4, "linear"), np.nanquantile(array, 0.4))
    nothing = np.array([np.nan, np.nan])
    assert np.isnan(_quantile(nan_quantile_search, [nothing], [0.2, 0.5], "linear")).all()


def test_quantiles_of_dates() -> None:
    dates = np.array(["2020-01-01", "2020-01-04", "2020-03-01"], "M8[s]")
    for method in ("linear", "lower", "midpoint"):
        _same(
            _quantile(quantile_search, [dates], 0.3, method), np.quantile(dates, 0.3, method=method)
        )
    dates[1] = "NaT"
    assert np.isnat(_quantile(quantile_search, [dates], 0.3, "linear"))


def test_no_warning_about_infinities() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = _quantile(quantile_search, [np.array([-np.inf, np.inf])], 0.5, "linear")
    assert np.isnan(found)


@pytest.mark.parametrize("q", [-0.1, 1.1, [0.5, np.nan], "x"])
def test_what_is_no_quantile_is_refused(q: Any) -> None:
    with pytest.raises(UnsupportedOptionError, match="give numbers between 0 and 1"):
        quantile_search(survey(np.arange(3)), q)


def test_other_mistakes_are_refused() -> None:
    with pytest.raises(UnsupportedOptionError, match="give one of linear, midpoint"):
        quantile_search(survey(np.arange(3)), 0.5, "median")
    with pytest.raises(UnsupportedArrayError, match="view the array as uint8"):
        quantile_search(survey(np.array([True, False])), 0.5)
    found = _quantile(quantile_search, [np.array([True, False])], 1.0, "lower")
    _same(found, np.bool_(True))
    for begin in (quantile_search, nan_quantile_search):
        with pytest.raises(RegionError, match="there are 0 elements"):
            begin(survey(np.empty(0)), 0.5)
