"""Arrays that many processes write to, and the locks on their regions."""

import multiprocessing
import os
import signal
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import filexchange as fx
from filexchange.errors import LockTimeoutError, ReadOnlyError, UnsupportedOptionError
from filexchange.testing import assert_same

METHODS = ["spawn", "forkserver", "fork"]


def _run(method: str, target: Any, *arguments: Any) -> None:
    context: Any = multiprocessing.get_context(method)
    workers = [context.Process(target=target, args=(number, *arguments)) for number in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
        assert worker.exitcode == 0
        worker.close()


def _add(number: int, total: fx.ArrayRef) -> None:
    for _ in range(200):
        with total.lock() as sums:
            sums += number


@pytest.mark.parametrize("method", METHODS)
def test_sums_under_a_lock_lose_nothing(method: str) -> None:
    with fx.Exchange() as ex:
        total = ex.shared((1000,), "i8")
        _run(method, _add, total)
        assert_same(total.load(), np.full(1000, 200 * (0 + 1 + 2)))


def _descend(number: int, weights: fx.ArrayRef) -> None:
    random = np.random.default_rng(number)
    w = weights.open()
    target = np.arange(4.0)
    for _ in range(2000):
        x = random.normal(size=4)
        w -= 0.02 * ((w - target) @ x) * x


def test_descent_without_locks_converges() -> None:
    with fx.Exchange() as ex:
        weights = ex.shared((4,))
        _run("spawn", _descend, weights)
        assert np.allclose(weights[:], np.arange(4.0), atol=1e-3)


def test_everyone_sees_the_same_memory() -> None:
    with fx.Exchange() as ex:
        ref = ex.shared((3, 4), "f4")
        first, second = ref.open(), ref.open()
        first[1, 2] = 7
        assert second[1, 2] == 7
        ref[0] = 1
        assert float(first.sum()) == 11.0
        ex.release(ref)
        assert float(second.sum()) == 11.0


@pytest.mark.parametrize(
    ("held", "wanted", "excluded"),
    [
        (np.s_[:], np.s_[0], True),
        (np.s_[0:5], np.s_[5:], False),
        (np.s_[0:5], np.s_[4:], True),
        (np.s_[:, :3], np.s_[:, 3:], False),
        (np.s_[:, ::2], np.s_[:, 1::2], False),
        (np.s_[:, ::2], np.s_[3, 2], True),
        (np.s_[2, 3], np.s_[2, 3], True),
        (np.s_[2:2], np.s_[:], False),
    ],
    ids=str,
)
def test_only_regions_with_a_common_byte_exclude_each_other(
    held: Any, wanted: Any, excluded: bool, tmp_path: Path
) -> None:
    ref = fx.create_array(tmp_path / "a.npy", shape=(10, 6), dtype="i4")
    answers: list[bool] = []

    def ask() -> None:
        try:
            with ref.lock(wanted, timeout=0):
                answers.append(False)
        except LockTimeoutError:
            answers.append(True)

    with ref.lock(held):
        thread = threading.Thread(target=ask)
        thread.start()
        thread.join()
    ask()
    assert answers == [excluded, False]


def test_lock_of_a_part_is_of_that_part(tmp_path: Path) -> None:
    ref = fx.create_array(tmp_path / "a.npy", shape=(10, 6), dtype="i4")
    with ref.part[2:4].lock(0) as row:
        row += 1
        with ref.lock(np.s_[3:], timeout=0), ref.lock(np.s_[:2], timeout=0):
            pass
        with pytest.raises(LockTimeoutError, match="locked for 0 s"), ref.lock(2, timeout=0):
            pass
    assert_same(ref[:, 0], np.array([0, 0, 1, *[0] * 7], "i4"))


def _hold(ref: fx.ArrayRef, connection: Any) -> None:
    with ref.lock() as array:
        array[0] = 1
        connection.send("locked")
        connection.recv()


def test_killed_holder_lets_go() -> None:
    context = multiprocessing.get_context("spawn")
    with fx.Exchange() as ex:
        ref = ex.shared((5,), "i8")
        here, there = context.Pipe()
        holder = context.Process(target=_hold, args=(ref, there))
        holder.start()
        assert here.recv() == "locked"
        with pytest.raises(LockTimeoutError) as caught, ref.lock(timeout=0.01):
            pass
        assert isinstance(caught.value, TimeoutError)
        os.kill(holder.pid or 0, signal.SIGKILL)
        with ref.lock(timeout=60) as array:
            assert array[0] == 1
        holder.join()
        holder.close()
        here.close()
        there.close()


def test_what_cannot_be_locked_says_why(tmp_path: Path) -> None:
    ref = fx.save(tmp_path / "a.npy", np.zeros(3))
    with pytest.raises(ReadOnlyError, match="Exchange.shared"), ref.lock():
        pass
    made = fx.create_array(tmp_path / "a.h5", shape=3, dtype="f8")
    with pytest.raises(UnsupportedOptionError, match="'npy'"), made.lock():
        pass
    with pytest.raises(IndexError), fx.open_array(ref.path, mode="r+").lock(5):
        pass
