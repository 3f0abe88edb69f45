"""Chunks of unequal lengths, joined until they are whole units."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from filexchange.blocks.layouts.aligning import aligned_chunks


@given(st.lists(st.integers(1, 9), min_size=1, max_size=30), st.integers(1, 12))
def test_aligned_chunks_are_the_shortest_of_whole_ones_and_units(lengths, unit):
    (aligned,) = aligned_chunks((tuple(lengths),), (unit,))
    assert sum(aligned) == sum(lengths)
    bounds, found = ({0, *itertools.accumulate(each)} for each in (lengths, aligned))
    wanted = {n for n in bounds if n % unit == 0 or n == sum(lengths)}
    assert found == wanted


def test_where_any_length_does():
    assert aligned_chunks(((3, 1), (2,)), None) == ((3, 1), (2,))
    assert aligned_chunks(((0,), (3, 1)), (1, 4)) == ((0,), (4,))
