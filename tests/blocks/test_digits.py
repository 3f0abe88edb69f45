"""Counting and choosing keys by some of their bits."""

from typing import Any

import hypothesis.extra.numpy as hnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from filexchange.blocks.kernels.digits import Counter, batches, beginning, key_tiles
from filexchange.blocks.kernels.keys import to_keys


@pytest.mark.parametrize("shape", [(0,), (1,), (300, 500), (), (5, 0, 3)])
@pytest.mark.parametrize("dtype", ["i2", "f8", "u1"])
def test_tiles_have_every_key_once(shape: Any, dtype: str) -> None:
    block = np.arange(np.prod(shape)).reshape(shape).astype(dtype, order="F")
    found = np.concatenate([np.empty(0, "u1"), *(tile.copy() for tile in key_tiles(block))])
    np.testing.assert_array_equal(np.sort(found), np.sort(to_keys(block).ravel()))


@given(hnp.arrays("u8", st.integers(0, 20), elements=st.integers(0, 255)), st.integers(0, 8))
def test_counts_are_those_of_the_first_bits(keys: Any, shift: int) -> None:
    counter = Counter()
    for part in (keys, keys[:5], keys):
        expected = np.bincount((part >> np.uint64(shift)).astype(int), minlength=256)
        np.testing.assert_array_equal(counter(part, shift, 256), expected)


@given(
    hnp.arrays("u4", st.integers(0, 50)),
    st.lists(st.tuples(st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1)).map(sorted)),
)
def test_no_key_of_a_range_is_left_out(keys: Any, ranges: Any) -> None:
    found = beginning(keys, [tuple(each) for each in ranges]).tolist()
    expected = [k for k in keys.tolist() if any(a >> 16 <= k >> 16 <= b >> 16 for a, b in ranges)]
    assert found == expected


@given(st.lists(st.integers(0, 100_000), max_size=8))
def test_batches_have_every_element_in_its_place(sizes: list[int]) -> None:
    arrays = np.split(np.arange(sum(sizes)), np.cumsum(sizes)[:-1]) if sizes else []
    found = list(batches(arrays))
    np.testing.assert_array_equal(np.concatenate([[], *found]), np.arange(sum(sizes)))
    assert all(len(each) >= 1 << 16 for each in found[:-1])
