"""Regions are NumPy's basic indexing, as a value."""

import json
from typing import Any

import hypothesis.extra.numpy as hnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from filexchange.errors import InvalidRefError, RegionError
from filexchange.regions import NewAxis, Region, Span

SHAPES = hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=5)


def _counting(shape: tuple[int, ...]) -> np.ndarray:
    return np.arange(np.prod(shape, dtype=int)).reshape(shape)


def _slices(length: int) -> st.SearchStrategy[slice]:
    bound = st.none() | st.integers(-length - 2, length + 2)
    step = st.none() | st.integers(-length - 2, length + 2).filter(bool)
    return st.builds(slice, bound, bound, step)


@st.composite
def indices(draw: Any, shape: tuple[int, ...]) -> Any:
    """Draw any basic index of an array of this shape."""
    axes = draw(st.integers(0, len(shape)))
    key = [
        draw(_slices(length) | st.integers(-length, length - 1) if length else _slices(length))
        for length in shape[:axes]
    ]
    if draw(st.booleans()):
        # Axes after the ellipsis are the last ones, which these indices must fit as well.
        position = draw(st.integers(0, len(key)))
        key[position:] = [
            Ellipsis,
            *(draw(_slices(length)) for length in shape[len(shape) - (len(key) - position) :]),
        ]
    for _ in range(draw(st.integers(0, 2))):
        key.insert(draw(st.integers(0, len(key))), None)
    return key[0] if len(key) == 1 and draw(st.booleans()) else tuple(key)


@st.composite
def arrays_with_indices(draw: Any, count: int = 1) -> tuple[np.ndarray, list[Any]]:
    """Draw an array and indices, each of which fits what the ones before it select."""
    array = _counting(draw(SHAPES))
    part, keys = array, []
    for _ in range(count):
        keys.append(draw(indices(part.shape)))
        part = np.asarray(part[keys[-1]])
    return array, keys


@given(arrays_with_indices())
def test_region_selects_what_numpy_selects(case: tuple[np.ndarray, list[Any]]) -> None:
    array, (key,) = case
    region = Region.whole(array.shape)[key]
    expected = np.asarray(array[key])
    assert region.shape == expected.shape
    selected = array[(*region.index(), ...)]
    assert selected.shape == expected.shape
    assert np.array_equal(selected, expected)


@given(arrays_with_indices(count=3))
def test_regions_of_regions_compose(case: tuple[np.ndarray, list[Any]]) -> None:
    array, keys = case
    region, expected = Region.whole(array.shape), array
    for key in keys:
        region, expected = region[key], np.asarray(expected[key])
    assert region.shape == expected.shape
    if expected.size:  # else there is nothing to read
        assert np.array_equal(array[(*region.index(), ...)], expected)


@given(arrays_with_indices(count=2))
def test_block_of_positive_slices_is_arranged_into_the_region(
    case: tuple[np.ndarray, list[Any]],
) -> None:
    array, keys = case
    region, expected = Region.whole(array.shape), array
    for key in keys:
        region, expected = region[key], np.asarray(expected[key])
    slices = region.slices()
    assert len(slices) == array.ndim
    assert all(part.step > 0 and 0 <= part.start <= part.stop for part in slices)
    if 0 not in region.shape:
        block = array[(*slices, ...)]
        assert block.size == expected.size
        assert np.array_equal(region.arrange(block), expected)
        assert np.array_equal(region.disarrange(expected), block)
        assert np.shares_memory(region.arrange(block), array)


@given(arrays_with_indices(count=2))
def test_region_comes_back_from_json(case: tuple[np.ndarray, list[Any]]) -> None:
    array, keys = case
    region = Region.whole(array.shape)
    for key in keys:
        region = region[key]
    again = Region.from_json(json.loads(json.dumps(region.to_json())), array.shape)
    assert again == region
    assert hash(again) == hash(region)


@given(st.data(), SHAPES)
def test_whatever_json_says_stays_inside_the_array(data: st.DataObject, shape: Any) -> None:
    numbers = st.integers(-3, 7) | st.integers()
    items = data.draw(st.lists(numbers | st.lists(numbers, max_size=4), max_size=5))
    try:
        region = Region.from_json(items, shape)
    except InvalidRefError:
        return
    if 0 not in region.shape:
        assert _counting(shape)[(*region.index(), ...)].shape == region.shape


def test_equal_selections_are_equal_regions() -> None:
    whole = Region.whole((4, 6))
    assert whole[:] == whole[...] == whole[0:4:1, :6] == whole
    assert whole[2:3] == whole[2:3:1] == whole[2:1:-1] == whole[-2:3:5]
    assert whole[3:3] == whole[4:] == whole[2:1]
    assert whole[1].items == (1, Span(0, 1, 6))
    assert whole[None].items == (NewAxis(1), Span(0, 1, 4), Span(0, 1, 6))


@pytest.mark.parametrize(
    "key",
    [4, -5, (0, 6), (0, 0, 0), (..., 0, 0, 0), (..., ...), 1.0, "a", b"a", object, {1}],
    ids=repr,
)
def test_index_that_numpy_refuses_too_is_an_index_error(key: Any) -> None:
    with pytest.raises(RegionError) as caught:
        Region.whole((4, 6))[key]
    assert isinstance(caught.value, IndexError)
    with pytest.raises((IndexError, TypeError)):
        np.zeros((4, 6))[key]


@pytest.mark.parametrize(
    "key", [[0], [[0, 1]], np.array([1]), True, np.True_, np.zeros((4, 6), bool)], ids=repr
)
def test_advanced_index_is_refused_with_a_remedy(key: Any) -> None:
    with pytest.raises(RegionError, match="basic indexing"):
        Region.whole((4, 6))[key]
    with pytest.raises(RegionError, match="basic indexing"):
        Region.whole((4, 6))[:, key]


@pytest.mark.parametrize("key", [slice(0, 2, 0), slice(0.5), slice("a"), slice(None, None, 1.0)])
def test_slice_of_no_integers_is_refused(key: slice) -> None:
    with pytest.raises(RegionError, match="slice"):
        Region.whole((4,))[key]


@pytest.mark.parametrize("integer", [np.int8(1), np.uint64(1), np.array(1)], ids=type)
def test_integers_of_numpy_are_integers(integer: Any) -> None:
    region = Region.whole((4,))[integer]
    assert region.items == (1,)
    assert type(region.items[0]) is int


@pytest.mark.parametrize(
    "items",
    [
        None,
        {},
        "[]",
        [0],
        [0, 0, 0],
        [4, 0],
        [-1, 0],
        [[0, 1, 5], 0],
        [[3, -1, 5], 0],
        [[0, 0, 2], 0],
        [[0, 1, -1], 0],
        [[0, 1], 0],
        [[2], [0, 1, 4], 0],
        [0.0, 0],
        [True, 0],
        ["0", 0],
        [[0, 1, 2.0], 0],
        [None, 0],
        [[0, 1 << 70, 2], 0],
    ],
    ids=repr,
)
def test_json_that_is_no_region_of_the_array_is_refused(items: Any) -> None:
    with pytest.raises(InvalidRefError):
        Region.from_json(items, (4, 6))
