"""What a caller of `distributed.Client.get_executor` has to know."""

import os
from concurrent.futures import CancelledError, wait
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from filexchange.testing import assert_same


def _pass_gate(directory: str) -> None:
    """Tell that the task runs, wait until it may end, and tell that it has: all by FIFOs."""
    for name, mode in (("started", "w"), ("opened", "r"), ("ended", "w")):
        with open(Path(directory, name), mode, encoding="utf-8"):
            pass


def _pass(fifo: Path, mode: str) -> None:
    with open(fifo, mode, encoding="utf-8"):
        pass


def test_client_knows_how_many_tasks_run_at_a_time(dask_client: Any) -> None:
    assert sum(dask_client.nthreads().values()) == 2


def test_arrays_come_as_ones_own(dask_executor: Any) -> None:
    array = np.arange(100_000.0)
    result = dask_executor.submit(np.negative, array).result()
    assert result.flags.writeable
    assert_same(result, -array)


def test_cancelled_task_that_runs_runs_on(dask_executor: Any, tmp_path: Path) -> None:
    started, opened, ended = (tmp_path / name for name in ("started", "opened", "ended"))
    for fifo in (started, opened, ended):
        os.mkfifo(fifo)
    future = dask_executor.submit(_pass_gate, str(tmp_path))
    _pass(started, "r")
    assert not future.running()
    assert future.cancel()
    assert wait([future]).done == {future}
    with pytest.raises(CancelledError):
        future.result()
    _pass(opened, "w")
    _pass(ended, "r")


def test_executor_that_is_shut_down_leaves_the_client(dask_client: Any) -> None:
    executor = dask_client.get_executor(pure=False)
    future = executor.submit(abs, -1)
    executor.shutdown()
    assert future.done()
    with pytest.raises(RuntimeError, match="after shutdown"):
        executor.submit(abs, -1)
    assert dask_client.get_executor(pure=False).submit(abs, -1).result() == 1
