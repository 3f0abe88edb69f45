"""Which bytes of a file a region has."""

from typing import Any

import hypothesis.extra.numpy as hnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from filexchange.ranges import byte_ranges, run_of
from filexchange.regions import Region

SHAPES = hnp.array_shapes(min_dims=1, max_dims=4, max_side=6)


def _bytes(ranges: list[tuple[int, int]]) -> set[int]:
    return {byte for start, length in ranges for byte in range(start, start + length)}


@st.composite
def _regions(draw: Any) -> tuple[Any, Region, set[int]]:
    """Return an array, a region of it, and the bytes that the region has."""
    shape = draw(SHAPES)
    array = np.zeros(shape, "i2", draw(st.sampled_from("CF")))
    index = draw(hnp.basic_indices(shape, allow_newaxis=True))
    numbers = np.arange(array.nbytes).reshape(-1, 2)
    flat = np.empty_like(array)  # the number of the first byte of each element
    flat.reshape(-1, order="A")[...] = numbers[:, 0]
    first = np.ravel(flat[index])
    return array, Region.whole(shape)[index], {int(b) + i for b in first for i in (0, 1)}


@given(_regions())
def test_ranges_have_the_bytes_of_the_region_and_no_others(drawn: Any) -> None:
    array, region, expected = drawn
    ranges = byte_ranges(region, array.strides, 2)
    assert _bytes(ranges) == expected
    assert ranges == sorted(ranges)
    ends = [start + length for start, length in ranges]
    assert all(end < start for end, (start, _) in zip(ends, ranges[1:], strict=False))


def test_rows_of_a_large_array_are_one_range() -> None:
    whole = Region.whole((1000, 500, 20))
    assert byte_ranges(whole[10:20], (80_000, 160, 8), 8) == [(800_000, 800_000)]
    assert byte_ranges(whole, (80_000, 160, 8), 8) == [(0, 80_000_000)]


@pytest.mark.parametrize("index", [np.s_[:, :5], np.s_[:, ::2], np.s_[100:9000:7, 3]])
def test_many_runs_become_one_range_that_covers_them(index: Any) -> None:
    shape, strides = (10_000, 10), (80, 8)
    ranges = byte_ranges(Region.whole(shape)[index], strides, 8)
    assert len(ranges) <= 1024
    starts = np.add.outer(np.arange(10_000) * 80, np.arange(10) * 8)[index]
    begin, length = ranges[0][0], sum(ranges[-1]) - ranges[0][0]
    assert begin == starts.min()
    assert begin + length == starts.max() + 8


@given(SHAPES.flatmap(lambda shape: st.tuples(st.just(shape), hnp.basic_indices(shape))))
def test_run_is_where_elements_follow_each_other(drawn: Any) -> None:
    shape, index = drawn
    region = Region.whole(shape)[index]
    places = np.arange(np.prod(shape)).reshape(shape)[region.slices()].reshape(-1)
    first = run_of(region.slices(), shape)
    if places.size:
        assert first == (places[0] if (np.diff(places) == 1).all() else None)
