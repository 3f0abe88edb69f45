"""A grid covers an array once."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from filexchange.blocks.storage.flat import runs
from filexchange.blocks.storage.grid import Grid, region_shape

_SHAPES = st.lists(st.integers(1, 7), min_size=0, max_size=4).map(tuple)


@given(shape=_SHAPES, data=st.data())
def test_every_element_is_in_one_block(shape, data):
    block = tuple(data.draw(st.integers(1, n)) for n in shape)
    seen = np.zeros(shape, int)
    grid = Grid(shape, block)
    for region in grid:
        seen[region] += 1
    assert (seen == 1).all()
    assert len(list(grid)) == len(grid)


def test_nothing_has_no_blocks():
    assert list(Grid((0, 3), (1, 3))) == []


@given(shape=_SHAPES, data=st.data())
def test_runs_are_the_region_in_its_order(shape, data):
    region = tuple(
        slice(a, data.draw(st.integers(a + 1, n)), 1)
        for n in shape
        for a in [data.draw(st.integers(0, n - 1))]
    )
    starts, length = runs(shape, region)
    numbers = np.arange(np.prod(shape, dtype=int)).reshape(shape)
    found = [n for start in starts for n in range(start, start + length)]
    assert found == numbers[region].ravel().tolist()
    assert len(found) == np.prod(region_shape(region), dtype=int)
