"""What a consumer reads, and how it is checked."""

from pathlib import Path

import numpy as np
import pytest

import filexchange as fx
from filexchange.benchmark.measuring.accesses import READS, checksum, reopened, selection, touch


@pytest.mark.parametrize("length", [0, 1, 7, 8, 9, 1001])
@pytest.mark.parametrize("position", [0, -1])
def test_touch_reads_the_first_and_the_last_byte(length: int, position: int) -> None:
    array = np.zeros(length, "u1")
    assert touch(array) == 0
    if length:
        array[position] = 1
        assert touch(array) > 0


@pytest.mark.parametrize("suffix", [".npy", ".raw", ".npz", ".h5", ".zarr"])
@pytest.mark.parametrize("shape", [(), (0, 3), (3,), (250,), (200, 7), (120, 3, 2)])
@pytest.mark.parametrize("access", READS)
def test_a_part_of_a_file_is_that_part_of_the_array(
    access: str, shape: tuple[int, ...], suffix: str, tmp_path: Path
) -> None:
    array = np.arange(np.prod(shape, dtype=int), dtype="i4").reshape(shape)
    ref = fx.save(tmp_path / f"a{suffix}", array)
    part = selection(access, ref.shape, ref.chunks, ref.itemsize)
    found = part.read(reopened(ref))
    np.testing.assert_array_equal(found, part.of(array))
    assert checksum(found) == checksum(part.of(array))
    if array.size:
        assert found.size


def test_parts_are_a_hundredth_and_not_more_than_a_chunk() -> None:
    rows = np.arange(10_000)
    assert selection("slice", (10_000,), None, 8).of(rows).tolist() == list(range(4950, 5050))
    assert selection("strided", (10_000,), None, 8).of(rows).size == 100
    assert selection("rows", (10_000,), None, 8).of(rows).size == 100
    assert selection("chunk", (10_000,), (300,), 8).of(rows).tolist() == list(range(4800, 5100))
    assert selection("slice", (2, 5), None, 8).of(np.zeros((2, 5))).shape == (1, 5)


def test_a_checksum_is_of_the_elements_and_not_of_their_order_in_memory() -> None:
    array = np.random.default_rng(0).random((300, 400))
    assert checksum(array) == checksum(np.asfortranarray(array)) == checksum(array[:, ::1].copy())
    assert checksum(array) == checksum(array.astype(array.dtype.newbyteorder(">")))
    assert checksum(array) != checksum(array.T)
    array[-1, -1] += 1
    assert checksum(array) != checksum(array[:, ::-1])
