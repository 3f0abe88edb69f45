"""iter_blocks gives every block once, and stops when its user does."""

import threading

import numpy as np
import pytest

import filexchange as fx
from filexchange import blocks
from filexchange.errors import MemoryBudgetError, UnsupportedOptionError


@pytest.mark.parametrize(
    ("name", "options"),
    [("a.npy", {}), ("a.npz", {}), ("a.zarr", {"chunks": (4, 4)}), ("a.h5", {"chunks": (4, 4)})],
)
def test_blocks_make_up_the_array(tmp_path, name, options):
    array = np.arange(200).reshape(20, 10)
    ref = fx.save(tmp_path / name, array, **options)
    for chunks in ("auto", (3, 4), -1):
        seen = np.zeros_like(array)
        for region, block in blocks.iter_blocks(ref, chunks=chunks):
            seen[region] += block + 1
        np.testing.assert_array_equal(seen, array + 1)


def test_blocks_are_whole_chunks_of_the_file(tmp_path):
    ref = fx.save(tmp_path / "a.zarr", np.zeros((64, 64)), chunks=(16, 16))
    shapes = {block.shape for _, block in blocks.iter_blocks(ref, memory=8 * 16 * 64 * 8)}
    assert shapes == {(16, 64)}


def test_stopping_ends_the_reader():
    before = threading.active_count()
    for _ in blocks.iter_blocks(np.arange(100), chunks=1):
        break
    assert threading.active_count() == before


def test_errors_come_at_once(tmp_path):
    with pytest.raises(MemoryBudgetError, match="iter_blocks needs 2.40 kB for a block"):
        blocks.iter_blocks(np.zeros(100), chunks=-1, memory=1000)
    with pytest.raises(UnsupportedOptionError, match="chunks"):
        blocks.iter_blocks(np.zeros(100), chunks=(1, 2))
    with pytest.raises(FileNotFoundError):
        blocks.iter_blocks(tmp_path / "none.npy")
