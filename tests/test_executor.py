"""The process pool: the standard one's behaviour, arguments and results by file."""

import concurrent.futures
import functools
import gc
import multiprocessing
import os
import pickle
import signal
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

import filexchange as fx
from filexchange.errors import StorageFullError, UnsupportedOptionError
from filexchange.leases import lease_of
from filexchange.remembering import Remembered
from filexchange.testing import assert_same

pytestmark = pytest.mark.usefixtures("base")

METHODS = multiprocessing.get_all_start_methods()
MIB = 1 << 20

# The process has threads when a pool forks: those of numpy's libraries.
pytestmark = pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")


def _pool(workers: int = 2, *, method: str = METHODS[0], **options: Any) -> fx.ProcessPoolExecutor:
    return fx.ProcessPoolExecutor(workers, multiprocessing.get_context(method), **options)


def _sessions(base: Path) -> list[str]:
    return [path.name for path in base.glob("filexchange-*/*")]


# What workers do.


class Seen(NamedTuple):
    place: tuple[str, int] | None  # segment and byte; None for an array of the process's own
    is_writable: bool
    total: float


def _see(array: Any) -> Seen:
    found = lease_of(array)
    place = None if found is None else (found[0].path, found[1])
    return Seen(place, array.flags.writeable, float(array.sum()))


def _negative(array: Any) -> Any:
    return -array


def _nested(first: Any, /, *, second: Any) -> Any:
    return {"sum": first["x"][0] + second, "text": first["text"]}


def _add_in_place(array: Any) -> Any:
    array += 1
    return array


def _full(value: float) -> Any:
    return np.full(MIB // 8, value)


def _full_and_process(value: float) -> tuple[Any, int]:
    return _full(value), os.getpid()


def _last(array: Any) -> float:
    return float(array.flat[-1])


class ArrayError(Exception):
    pass


def _raise(array: Any) -> None:
    raise ArrayError(array * 2, "text")


def _unpicklable(array: Any) -> Any:
    return array * 2, lambda: None


def _kill_oneself(array: Any) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


_gate: Any = None


def _set_gate(gate: Any) -> None:
    global _gate  # noqa: PLW0603 - an initializer has no other place
    _gate = gate


def _pass_gate(array: Any) -> Any:
    started, opened = _gate
    started.set()
    opened.wait()
    return array * 2


def _manager(pool: fx.ProcessPoolExecutor) -> Any:
    """Return the thread that ends after the last task."""
    assert pool._executor_manager_thread is not None
    return pool._executor_manager_thread


def _gated(method: str = METHODS[0]) -> tuple[fx.ProcessPoolExecutor, Any, Any]:
    """Return a pool of one worker, what tells that a task runs, and what lets tasks end."""
    context: Any = multiprocessing.get_context(method)
    gate = context.Event(), context.Event()
    return _pool(1, method=method, initializer=_set_gate, initargs=(gate,)), *gate


# Arrays there and back.


@pytest.mark.parametrize("method", METHODS)
def test_arguments_and_results_go_by_file(method: str) -> None:
    array = np.arange(100_000.0)
    with _pool(method=method) as pool:
        segments = os.path.join(pool._exchange.directory, "pools", "")
        seen = pool.submit(_see, array).result()
        assert seen.place is not None
        assert seen.place[0].startswith(segments)
        assert not seen.is_writable
        assert seen.total == array.sum()
        result = pool.submit(_negative, array).result()
        assert isinstance(result, fx.ReceivedArray)
        lease = lease_of(result)
        assert lease is not None
        assert lease[0].path.startswith(segments)
        assert_same(np.asarray(result), -array)


@pytest.mark.parametrize("method", METHODS)
def test_arrays_anywhere_in_arguments_results_and_functions(method: str) -> None:
    array = np.arange(100_000.0)
    with _pool(method=method) as pool:
        call = functools.partial(_nested, {"x": [array], "text": "text"})
        result = pool.submit(call, second=array).result()
        assert_same(np.asarray(result["sum"]), 2 * array)
        assert result["text"] == "text"
        assert pool._exchange.stats().claims == 0


def test_small_arrays_travel_inside_messages() -> None:
    with _pool() as pool:
        assert_same(np.asarray(pool.submit(_negative, np.arange(10.0)).result()), -np.arange(10.0))
        assert pool._exchange.stats().segments == 0
    with _pool(inline_below=1) as pool:
        assert pool.submit(_see, np.arange(10.0)).result().place is not None


def test_map_gives_results_in_order() -> None:
    with _pool() as pool:
        results = pool.map(_negative, (np.full(20_000, i) for i in range(20)), chunksize=3)
        assert [int(each[0]) for each in results] == [-i for i in range(20)]


def test_results_are_read_only_and_outlive_the_pool(base: Path) -> None:
    with _pool() as pool:
        result = pool.submit(_full, 7).result()
        with pytest.raises(ValueError, match="read-only"):
            result[0] = 1
        assert len(_sessions(base)) == 1
    assert _sessions(base) == []
    assert_same(np.asarray(result), _full(7))


def test_mode_c_gives_writable_arrays_whose_changes_nobody_sees() -> None:
    array = np.zeros(100_000)
    with _pool(1, mode="c") as pool:
        seen = pool.submit(_see, array).result()
        assert seen.place is not None
        assert seen.is_writable
        first, second = (pool.submit(_add_in_place, array).result() for _ in range(2))
        first += 1
        assert (first[0], second[0], array[0]) == (2, 1, 0)


def test_mode_copy_gives_arrays_of_ones_own() -> None:
    array = np.zeros(100_000)
    with _pool(1, mode="copy") as pool:
        assert pool.submit(_see, array).result() == Seen(None, True, 0.0)
        result = pool.submit(_add_in_place, array).result()
        assert _see(result) == Seen(None, True, 100_000.0)
        assert array[0] == 0


def test_wrong_options_are_errors_before_anything_is_made(base: Path) -> None:
    wrong: list[dict[str, Any]] = [{"mode": "w"}, {"capacity": 0}, {"inline_below": -1}]
    for options in wrong:
        with pytest.raises(UnsupportedOptionError):
            _pool(**options)
    assert _sessions(base) == []


# What is written, and how often.


def test_array_that_is_passed_to_many_tasks_is_written_once() -> None:
    array = np.arange(100_000.0)
    with _pool() as pool:
        places = {seen.place for seen in pool.map(_see, [array] * 10)}
        assert len(places) == 1
        assert None not in places
        assert pool._exchange.stats().taken == 1


def test_array_that_has_changed_is_sent_anew() -> None:
    array = np.zeros(100_000)
    with _pool() as pool:
        for value in range(20):
            array[-1] = value
            assert pool.submit(_last, array).result() == value


def test_views_of_changed_memory_are_never_stale() -> None:
    whole = np.zeros((4, 50_000))
    with _pool() as pool:
        for value in range(5):
            whole[2, -1] = value
            views = [whole[2], whole[2, ::-1][::-1], whole.T[:, 2], np.asfortranarray(whole[2:3])]
            assert [_last(view) for view in views] == [value] * 4
            assert list(pool.map(_last, views)) == [value] * 4


def test_result_is_passed_on_without_a_copy() -> None:
    with _pool() as pool:
        result = pool.submit(_full, 3).result()
        before = pool._exchange.stats()
        seen = pool.submit(_see, result).result()
        assert seen == _see(result)
        part = pool.submit(_see, result[1000:]).result()
        assert part == _see(result[1000:])
        after = pool._exchange.stats()
        assert (after.taken, after.segments) == (before.taken, before.segments)


def test_arguments_that_exceed_the_capacity_together_wait_for_each_other() -> None:
    with _pool(capacity=9 * MIB // 2) as pool:
        futures = [pool.submit(_last, np.full(MIB // 8, value)) for value in range(20)]
        assert [future.result() for future in futures] == list(range(20))


def test_results_that_exceed_the_capacity_together_come_as_they_are_taken() -> None:
    with _pool(capacity=9 * MIB // 2) as pool:
        totals = [float(result[0]) for result in pool.map(_full, range(20))]
        assert totals == list(range(20))


def test_array_that_exceeds_the_capacity_alone_is_the_tasks_error() -> None:
    with _pool(capacity=MIB // 2) as pool:
        for future in (pool.submit(_last, np.zeros(MIB // 8)), pool.submit(_full, 1)):
            with pytest.raises(StorageFullError):
                future.result()
        assert pool.submit(_last, np.ones(20_000)).result() == 1


# What goes wrong.


def test_exception_brings_its_arrays() -> None:
    array = np.arange(100_000)
    with _pool() as pool:
        error = pool.submit(_raise, array).exception()
        assert isinstance(error, ArrayError)
        doubled, text = error.args
        assert_same(np.asarray(doubled), 2 * array)
        assert text == "text"
        assert pool._exchange.stats().claims == 0


def test_what_cannot_be_pickled_is_the_tasks_error_and_leaves_nothing() -> None:
    array = np.arange(100_000)
    with _pool(1) as pool:
        for future in (
            pool.submit(_nested, {"x": [array]}, second=lambda: None),
            pool.submit(_unpicklable, array),
        ):
            with pytest.raises((TypeError, AttributeError, pickle.PicklingError)):
                future.result()
        assert pool.submit(_last, array).result() == 99_999
        assert pool._exchange.stats().claims == 0


@pytest.mark.parametrize("method", METHODS)
def test_killed_worker_breaks_the_pool_whose_exchange_still_ends(method: str, base: Path) -> None:
    with _pool(method=method) as pool:
        result = pool.submit(_full, 5).result()
        with pytest.raises(BrokenProcessPool):
            pool.submit(_kill_oneself, np.zeros(100_000)).result()
        with pytest.raises(BrokenProcessPool):
            pool.submit(_full, 6)
    assert _sessions(base) == []
    assert_same(np.asarray(result), _full(5))


# The end of workers, tasks and pools.


def test_results_outlive_the_workers_that_made_them() -> None:
    with _pool(1, method="spawn", max_tasks_per_child=1) as pool:
        found = [pool.submit(_full_and_process, value).result() for value in range(3)]
    assert len({process for _, process in found}) == 3
    for value, (result, _) in enumerate(found):
        assert_same(np.asarray(result), _full(value))


def test_cancelled_tasks_are_not_run_and_running_ones_end() -> None:
    pool, started, opened = _gated()
    with pool:
        futures = [pool.submit(_pass_gate, np.full(20_000, value)) for value in range(10)]
        manager = _manager(pool)
        started.wait()
        pool.shutdown(wait=False, cancel_futures=True)
        opened.set()
        with pytest.raises(concurrent.futures.CancelledError):
            futures[-1].result()
    for value, future in enumerate(futures):
        assert future.cancelled() or future.result()[0] == 2 * value
    del pool
    manager.join()


@pytest.mark.parametrize("method", METHODS)
def test_pool_that_is_not_waited_for_lets_its_tasks_end(method: str) -> None:
    array = np.ones(100_000)
    pool, started, opened = _gated(method)
    with pool:
        futures = [pool.submit(_pass_gate, array) for _ in range(3)]
        manager = _manager(pool)
        started.wait()
        pool.shutdown(wait=False)
    opened.set()
    for future in futures:
        assert_same(np.asarray(future.result()), 2 * array)
    del pool
    manager.join()


@pytest.mark.parametrize("end", ["shutdown", "drop"])
def test_exchange_ends_after_the_last_task_of_a_pool_that_is_gone(end: str, base: Path) -> None:
    pool, started, opened = _gated()
    future = pool.submit(_pass_gate, np.ones(100_000))
    manager = _manager(pool)
    started.wait()
    if end == "shutdown":
        pool.shutdown(wait=False)
    del pool
    gc.collect()
    assert len(_sessions(base)) == 1
    opened.set()
    manager.join()
    assert _sessions(base) == []
    assert_same(np.asarray(future.result()), np.full(100_000, 2.0))


class _Forgetful(Remembered):
    """Forgets as soon as it has found, as where a pool is shut down meanwhile."""

    def find(self, array: Any) -> Any:
        found = super().find(array)
        self.forget()
        return found


def test_array_that_is_forgotten_while_it_is_sent_is_still_that_array() -> None:
    with fx.Exchange(inline_below=1) as ex:
        remembered = _Forgetful()
        old, new = np.full(1000, 1), np.full(1000, 2)
        for arrays in ([old], [old, new]):
            (packed,) = ex._lane.pack(arrays, remembered=remembered)
            received = ex.unpack(packed)
            assert [int(each[0]) for each in received] == [int(each[0]) for each in arrays]
            del received
