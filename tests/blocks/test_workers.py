"""Who works, and what keeps them within their share of memory."""

import functools
import os
import signal
import subprocess
import sys
from concurrent.futures.process import BrokenProcessPool

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


def _killed_once(marker, block):
    """Kill the process that works, unless that was done before."""
    if not os.path.exists(marker):
        with open(marker, "x"):
            pass
        os.kill(os.getpid(), signal.SIGKILL)
    return block * 2


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no way to end a process at any point")
@pytest.mark.parametrize("resume", [False, True])
def test_worker_that_is_killed_leaves_nothing_but_what_is_resumed(tmp_path, resume):
    array, marker = np.arange(40.0).reshape(8, 5), str(tmp_path / "marker")
    work = functools.partial(_killed_once, marker)
    options = {"out": tmp_path / "b.npy", "chunks": (2, 5), "executor": "processes"}
    with pytest.raises(BrokenProcessPool):
        blocks.map_blocks(work, array, dtype=float, resume=resume, **options)
    assert sorted(os.listdir(tmp_path)) == ["b.npy.fxjob", "marker"][not resume :]
    if resume:
        found = blocks.map_blocks(work, array, dtype=float, resume=True, **options)
        np.testing.assert_array_equal(found.load(), array * 2)


@pytest.mark.parametrize("resume", [False, True])
def test_function_that_cannot_be_sent(tmp_path, resume):
    for options in ({"out": tmp_path / "b.npy", "resume": resume}, {}):
        with pytest.raises(UnsupportedOptionError, match="cannot be pickled .*local object"):
            blocks.map_blocks(
                lambda block: block, np.ones(3), dtype=float, executor="processes", **options
            )
    with pytest.raises(UnsupportedOptionError, match="cannot be pickled .*local object"):
        blocks.reduction(np.ones(3), lambda *_, **__: 1, np.sum, executor="processes")
    assert os.listdir(tmp_path) == []


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no way to end a process at any point")
@pytest.mark.parametrize("name", ["SIGKILL", "SIGINT"])
def test_workers_end_with_who_started_them(tmp_path, name):
    code = (
        "import os, signal, numpy as np\n"
        "from filexchange import blocks\n"
        "def end(done, total):\n"
        f"    if done: os.kill(os.getpid(), signal.{name})\n"
        "blocks.map_blocks(np.negative, np.ones((8, 5)), out='b.npy', dtype=float,\n"
        "                  chunks=(1, 5), executor='processes', progress=end)\n"
    )
    # It returns when nobody has the pipe any more: neither workers nor what counts their resources.
    ended = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, timeout=60, check=False
    )
    assert ended.returncode == -getattr(signal, name), ended.stderr
