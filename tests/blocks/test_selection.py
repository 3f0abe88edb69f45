"""Elements by rank over many blocks, against `numpy.sort`."""

import functools
import operator
import pickle
from typing import Any

import hypothesis.extra.numpy as hnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from filexchange.blocks.kernels.selection import Search, survey
from filexchange.errors import ArrayMismatchError, RegionError, UnsupportedArrayError

DTYPES = ["?", "i1", "u2", "<i4", ">i4", "i8", "u8", "f2", "<f4", ">f4", "f8", "M8[s]", "m8[us]"]


def _select(blocks: list[Any], ranks: list[int], **options: int) -> tuple[Any, int]:
    """Return the elements and how many passes there were."""
    total = functools.reduce(operator.add, map(survey, blocks))
    search: Search = total.search(ranks, **options)
    passes = 1
    while not search.is_done:
        found = [search(block) for block in blocks]
        search = search.narrowed(functools.reduce(operator.add, found[::-1]))
        search = pickle.loads(pickle.dumps(search))
        passes += 1
    return search.values(), passes


def _expected(array: Any, ranks: list[int]) -> Any:
    return np.sort(array)[ranks]


@st.composite
def _arrays(draw: Any) -> Any:
    dtype = np.dtype(draw(st.sampled_from(DTYPES)))
    native = dtype.newbyteorder("=")
    array = draw(hnp.arrays(native, st.integers(1, 40)))
    if draw(st.booleans()):  # duplicates
        array = array[draw(hnp.arrays("i8", 60, elements=st.integers(0, len(array) - 1)))]
    return array.astype(dtype)


@given(_arrays(), st.data())
def test_elements_are_those_of_the_sorted_array(array: Any, data: Any) -> None:
    ranks = data.draw(st.lists(st.integers(0, len(array) - 1), max_size=6))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(array)), max_size=4)))
    blocks = np.split(array, cuts)
    for max_bytes in (0, 100, 1 << 20):
        found, passes = _select(blocks, ranks, max_bytes=max_bytes)
        assert found.dtype == array.dtype
        np.testing.assert_array_equal(found, _expected(array, ranks))
        assert passes <= max(1, array.itemsize // 2)


@pytest.mark.parametrize(
    "array",
    [
        np.random.default_rng(0).standard_normal(300_000).astype("f4"),
        np.random.default_rng(1).standard_normal(300_000),
        np.random.default_rng(2).lognormal(0, 30, 300_000),
        np.random.default_rng(3).integers(-50, 50, 300_000),
        np.random.default_rng(4).integers(0, 1 << 64, 300_000, "u8", endpoint=False),
        np.full(300_000, 7),
        np.where(np.random.default_rng(5).random(300_000) < 0.3, np.nan, 1.0),
        np.arange(300_000, dtype="f4").reshape(300, 1000)[:, ::-1],
        np.asfortranarray(np.arange(300_000).reshape(300, 1000)),
    ],
    ids=["f4", "f8", "skewed", "few", "u8", "constant", "nan", "reversed", "fortran"],
)
def test_large_blocks(array: Any) -> None:
    ranks = [0, 1, 75_000, 149_999, 150_000, 299_998, 299_999]
    blocks = np.array_split(array, 3)
    expected = _expected(array.ravel(), ranks)
    for max_bytes in (0, 1 << 20, 1 << 30):
        found, passes = _select(blocks, ranks, max_bytes=max_bytes)
        np.testing.assert_array_equal(found, expected)
        assert passes <= {0: 4, 1 << 20: 3, 1 << 30: 2}[max_bytes]


def test_integers_of_a_small_range_take_two_passes_even_with_64_bits() -> None:
    array = np.random.default_rng(0).integers(-100, 100, 1000)
    assert _select([array], [10, 500], max_bytes=0)[1] == 2
    assert _select([array - array], [10, 500], max_bytes=0)[1] == 1


def test_a_value_that_is_everywhere_costs_no_passes() -> None:
    array = np.random.default_rng(0).standard_normal(10_000)
    array[:6000] = 0
    assert _select([np.abs(array)], [3000], max_bytes=0)[1] == 2
    array[:6000] = 5e-324
    assert _select([np.abs(array)], [3000], max_bytes=0)[1] == 2


def test_many_ranks_take_more_passes_and_no_more_memory() -> None:
    array = np.random.default_rng(0).integers(0, 1 << 32, 3000, "u4")
    search = survey(array).search(range(3000), max_bytes=0)
    passes = 1
    while not search.is_done:
        found = search(array)
        assert sum(part.counts.nbytes for part in found.parts) <= 8 << 20
        search = search.narrowed(found)
        passes += 1
    assert passes == 3
    np.testing.assert_array_equal(search.values(), np.sort(array))


def test_nan_and_nat_have_the_last_ranks() -> None:
    dates = np.array(["NaT", "2300-01-01", "NaT", "1600-01-01"], "M8[s]")
    found = survey(dates)
    assert (found.count, found.missing) == (2, 2)
    assert _select([dates[:1], dates[1:]], [0, 1, 2, 3])[0].tolist() == np.sort(dates).tolist()
    floats = np.array([np.nan, np.inf, -np.nan, -np.inf])
    assert (survey(floats).count, survey(floats).missing) == (2, 2)
    np.testing.assert_array_equal(_select([floats], [1, 2])[0], [np.inf, np.nan])


def test_surveys_are_the_same_in_any_order() -> None:
    blocks = np.array_split(np.random.default_rng(0).standard_normal(1000), 5)
    blocks.append(np.empty(0))
    surveys = [pickle.loads(pickle.dumps(survey(block))) for block in blocks]
    one = functools.reduce(operator.add, surveys)
    other = surveys[5] + ((surveys[4] + surveys[2]) + (surveys[3] + surveys[1])) + surveys[0]
    assert (one.tally.low, one.tally.high) == (other.tally.low, other.tally.high)
    assert one.missing == other.missing
    np.testing.assert_array_equal(one.tally.counts, other.tally.counts)


def test_memory_of_what_is_gathered_is_kept() -> None:
    array = np.random.default_rng(0).standard_normal(100_000)
    search = survey(array).search([100, 50_000, 99_000], max_bytes=50_000)
    while not search.is_done:
        found = search(array)
        gathered = [part for part in found.parts if isinstance(part, tuple)]
        assert sum(each.nbytes for part in gathered for each in part) <= 25_000
        search = search.narrowed(found)


def test_ranks_that_are_not_there_are_refused() -> None:
    total = survey(np.arange(10))
    for rank in (-1, 10):
        with pytest.raises(
            RegionError, match=f"there are 10 elements, and none has the rank {rank}"
        ):
            total.search([3, rank])
    with pytest.raises(RegionError, match="there are 0 elements"):
        survey(np.empty(0)).search([0])
    assert survey(np.empty(0)).search([]).is_done


def test_an_array_that_changes_between_passes_is_noticed() -> None:
    array = np.random.default_rng(0).standard_normal(1000)
    search = survey(array).search([500], max_bytes=0)
    with pytest.raises(ArrayMismatchError, match="changed between two passes"):
        search.narrowed(search(array * 1e5))


def test_strings_are_refused() -> None:
    with pytest.raises(UnsupportedArrayError, match="cannot be ordered by integers"):
        survey(np.array(["a"]))
