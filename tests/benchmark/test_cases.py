"""What can be measured, and what the workers do with it."""

import numpy as np
import pytest

from filexchange.benchmark import DEFAULT_CASES, Case, synthetic_array
from filexchange.benchmark.workers import middle_slice, touch
from filexchange.errors import UnknownFormatError, UnsupportedOptionError


def test_default_cases_are_spelled_as_they_are_parsed() -> None:
    assert tuple(Case.parse(str(case)) for case in DEFAULT_CASES) == DEFAULT_CASES


def test_a_case_that_no_format_serves_is_refused() -> None:
    with pytest.raises(UnknownFormatError, match="parquet"):
        Case.parse("parquet")
    with pytest.raises(UnsupportedOptionError, match="lzma"):
        Case.parse("hdf5:lzma")
    with pytest.raises(UnsupportedOptionError, match="0 to 9"):
        Case.parse("hdf5:gzip:99")


@pytest.mark.parametrize("dtype", ["f4", "f8", "i1", "u1", "i2", "u8", "c8", "?"])
def test_synthetic_data_are_the_same_every_time_and_not_constant(dtype: str) -> None:
    array = synthetic_array(40_000, dtype)
    assert array.dtype == dtype
    assert 36_000 <= array.nbytes <= 40_000
    assert len(np.unique(array)) > 1
    np.testing.assert_array_equal(array, synthetic_array(40_000, dtype))


def test_synthetic_data_of_less_than_an_element_is_one_element() -> None:
    assert synthetic_array(1, "f8").shape == (1, 1)


def test_synthetic_data_of_strings_are_refused() -> None:
    with pytest.raises(UnsupportedOptionError, match="float32"):
        synthetic_array(1000, "S5")


@pytest.mark.parametrize("length", [0, 1, 7, 8, 9, 1001])
@pytest.mark.parametrize("position", [0, -1])
def test_touch_reads_the_first_and_the_last_byte(length: int, position: int) -> None:
    array = np.zeros(length, "u1")
    assert touch(array) == 0
    if length:
        array[position] = 1
        assert touch(array) > 0


def test_middle_slice_is_a_hundredth_and_at_least_a_row() -> None:
    rows = np.arange(1000)
    assert rows[middle_slice((1000,))].tolist() == list(range(495, 505))
    assert np.arange(2)[middle_slice((2,))].tolist() == [0]
    assert rows[:0][middle_slice((0,))].size == 0
    assert np.array(7)[middle_slice(())] == 7
