"""Writers in any process that are told to stop, and waited for."""

import os
import threading

import pytest

from filexchange.blocks.layouts.gates import gate, through
from filexchange.errors import ArrayNotFoundError


def test_who_is_through_is_waited_for(tmp_path):
    path, done = os.fspath(tmp_path / "gate"), []
    entered, may_end = threading.Event(), threading.Event()

    def write():
        with through(path):
            entered.set()
            may_end.wait()
            done.append(1)

    thread = threading.Thread(target=write)
    with gate(path):
        thread.start()
        entered.wait()
        threading.Timer(0.05, may_end.set).start()
    assert done == [1]
    thread.join()
    with pytest.raises(ArrayNotFoundError), through(path):
        pass
    assert os.listdir(tmp_path) == []


def test_many_are_through_at_a_time(tmp_path):
    path = os.fspath(tmp_path / "gate")
    with gate(path), through(path), through(path):
        pass


def test_processes_are_waited_for(tmp_path, companion):
    path = os.fspath(tmp_path / "gate")
    other = companion()
    with gate(path):
        other.call(_enter, path)
        other.begin(_leave, os.fspath(tmp_path / "written"))
    assert (tmp_path / "written").exists()
    other.result()


def _enter(kept, path):
    kept["through"] = through(path)
    kept["through"].__enter__()


def _leave(kept, path):
    with open(path, "w"):
        pass
    kept["through"].__exit__(None, None, None)
