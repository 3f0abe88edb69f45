"""Who works, and what keeps them within their share of memory."""

import os
import sys

import numpy as np
import pytest

import filexchange as fx
from filexchange import blocks
from filexchange.errors import UnsupportedOptionError


def _greedy(block):
    np.ones(64 << 20).sum()  # 512 MiB
    return block


def _pid(block):
    return np.full(block.shape, os.getpid())


def test_processes_are_others_and_as_many_as_there_is_room_for(tmp_path):
    ref = fx.save(tmp_path / "a.npy", np.zeros((8, 4)))
    options = {"executor": "processes", "chunks": (1, -1), "dtype": int}
    pids = set(blocks.map_blocks(_pid, ref, **options).flat)
    assert os.getpid() not in pids
    one = blocks.map_blocks(_pid, ref, memory=128 + 256, **options)
    assert len(set(one.flat)) == 1


@pytest.mark.skipif(sys.platform != "linux", reason="no limit that leaves mappings alone")
def test_what_takes_more_than_the_budget_fails_in_its_block(tmp_path):
    options = {"executor": "processes", "dtype": float, "out": tmp_path / "b.npy"}
    with pytest.raises(MemoryError) as caught:
        blocks.map_blocks(_greedy, np.zeros(4), memory="256MB", **options)
    assert "block 0" in "".join(caught.value.__notes__)
    assert os.listdir(tmp_path) == []
    blocks.map_blocks(_greedy, np.zeros(4), memory="1GB", **options)


@pytest.mark.parametrize("executor", [0, -1, True, 2.5, "fast", object()])
def test_what_is_no_executor(tmp_path, executor):
    for plan_only in (False, True):
        with pytest.raises(UnsupportedOptionError, match="executor="):
            blocks.map_blocks(
                np.negative,
                np.ones(3),
                out=tmp_path / "b.npy",
                executor=executor,
                plan_only=plan_only,
            )
    assert os.listdir(tmp_path) == []
