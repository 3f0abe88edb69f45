"""Ray behind the interface of ``concurrent.futures``."""

import concurrent.futures
import functools
import os
import subprocess
import sys
import threading
from concurrent.futures import BrokenExecutor, CancelledError, as_completed, wait
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from filexchange.errors import MissingDependencyError
from filexchange.interop.ray import RayExecutor, _room
from filexchange.testing import assert_same

ray: Any = pytest.importorskip("ray", reason="it has no wheel for this Python")

MIB = 1 << 20


# What workers do.


class ArrayError(Exception):
    pass


def _raise(array: Any) -> None:
    raise ArrayError(array * 2, "text")


class Negative:
    def __call__(self, number: int) -> int:
        return -number


def _flags(array: Any) -> tuple[bool, float]:
    return array.flags.writeable, float(array.sum())


def _keywords(first: Any, /, **keywords: Any) -> Any:
    return first, keywords


def _die(path: str) -> None:
    with open(path, "a", encoding="utf-8") as file:
        file.write("once ")
    os._exit(1)


def _pass_gate(directory: str) -> int:
    """Tell that the task runs, and wait until it may end: both by a FIFO."""
    for name, mode in (("started", "w"), ("opened", "r")):
        with open(os.path.join(directory, name), mode, encoding="utf-8"):
            pass
    return os.getpid()


class Gate:
    """Holds tasks back that were submitted with its directory."""

    def __init__(self, directory: Path) -> None:
        self.directory = str(directory)
        self._names = [os.path.join(directory, name) for name in ("started", "opened")]
        for name in self._names:
            os.mkfifo(name)

    def wait(self) -> None:
        """Wait until a task runs."""
        with open(self._names[0], encoding="utf-8"):
            pass

    def open(self) -> None:
        """Let it end."""
        with open(self._names[1], "w", encoding="utf-8"):
            pass


@pytest.fixture
def gate(tmp_path: Path) -> Gate:
    return Gate(tmp_path)


@pytest.fixture
def single(ray_cluster: Any) -> Any:
    """Return an executor that hands Ray one task at a time."""
    with RayExecutor(1) as executor:
        yield executor


# Calls and results.


def test_submit_returns_a_standard_future(ray_executor: Any) -> None:
    future = ray_executor.submit(_keywords, 1, self=2, fn=3)
    assert type(future) is concurrent.futures.Future
    assert future.result() == (1, {"self": 2, "fn": 3})
    assert future.done()
    assert not future.running()
    assert not future.cancel()


def test_map_gives_results_in_order(ray_executor: Any) -> None:
    assert list(ray_executor.map(pow, range(20), [2] * 20)) == [i**2 for i in range(20)]


def test_many_tasks(ray_executor: Any) -> None:
    futures = [ray_executor.submit(abs, -i) for i in range(500)]
    assert [future.result() for future in futures] == list(range(500))


@pytest.mark.parametrize(
    "function",
    [abs, np.negative, (0).__sub__, functools.partial(pow, exp=1, mod=4), lambda x: -x, Negative()],
    ids=["builtin", "ufunc", "method", "partial", "closure", "object"],
)
def test_function_may_be_any_callable(function: Any, ray_executor: Any) -> None:
    assert ray_executor.submit(function, -2).result() == 2


def test_closure_has_the_state_of_each_call(ray_executor: Any) -> None:
    state = [0]

    def see() -> int:
        return state[0]

    for value in range(3):
        state[0] = value
        assert ray_executor.submit(see).result() == value


def test_arrays_come_read_only_and_unchanged(ray_executor: Any) -> None:
    array = np.arange(MIB / 8).reshape(2, -1)
    assert ray_executor.submit(_flags, array).result() == (False, array.sum())
    result = ray_executor.submit(np.negative, array).result()
    assert not result.flags.writeable
    assert_same(result, -array)


def test_object_that_is_in_the_store_is_passed_as_its_value(ray_executor: Any) -> None:
    array = np.arange(1000.0)
    reference = ray.put(array)
    futures = [ray_executor.submit(_flags, reference) for _ in range(10)]
    assert {future.result() for future in futures} == {(False, array.sum())}


def test_arguments_that_exceed_the_object_store_together(ray_executor: Any) -> None:
    futures = [ray_executor.submit(_flags, np.full(2 * MIB, i)) for i in range(16)]
    assert [future.result()[1] for future in futures] == [2 * MIB * i for i in range(16)]


def test_wait_and_as_completed(ray_executor: Any, gate: Gate) -> None:
    held = ray_executor.submit(_pass_gate, gate.directory)
    futures = [ray_executor.submit(abs, i) for i in range(4)]
    gate.wait()
    assert {future.result() for future in as_completed(futures)} == set(range(4))
    done, pending = wait([held, *futures], return_when=concurrent.futures.FIRST_COMPLETED)
    assert (done, pending) == (set(futures), {held})
    with pytest.raises(concurrent.futures.TimeoutError):
        held.result(timeout=0)
    gate.open()
    assert wait([held]).not_done == set()


def test_callbacks_may_submit(ray_executor: Any) -> None:
    submitted: concurrent.futures.Future[Any] = concurrent.futures.Future()
    first = ray_executor.submit(abs, -1)
    first.add_done_callback(lambda _: submitted.set_result(ray_executor.submit(abs, -2)))
    assert submitted.result().result() == 2


def test_threads_may_share_an_executor(ray_executor: Any) -> None:
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        results = pool.map(lambda i: ray_executor.submit(abs, -i).result(), range(40))
        assert list(results) == list(range(40))


# Errors.


def test_exception_is_the_functions_own(ray_executor: Any) -> None:
    array = np.arange(10)
    error = ray_executor.submit(_raise, array).exception()
    assert type(error) is ArrayError
    doubled, text = error.args
    assert_same(doubled, 2 * array)
    assert text == "text"
    assert isinstance(error.__cause__, ray.exceptions.RayTaskError)
    assert "_raise" in str(error.__cause__)
    with pytest.raises(FileNotFoundError, match="nowhere") as caught:
        ray_executor.submit(os.stat, "/nowhere").result()
    assert type(caught.value) is FileNotFoundError


def test_what_cannot_be_pickled_is_the_tasks_error(ray_executor: Any) -> None:
    for call in ((len, threading.Lock()), (threading.Lock,)):
        with pytest.raises(TypeError, match="pickle|serialize"):
            ray_executor.submit(*call).result()
    assert ray_executor.submit(abs, -1).result() == 1


def test_worker_that_dies_is_the_tasks_error_alone(ray_cluster: Any, tmp_path: Path) -> None:
    path = str(tmp_path / "runs")
    with RayExecutor(max_retries=0) as executor:
        with pytest.raises(ray.exceptions.WorkerCrashedError, match="worker died unexpectedly"):
            executor.submit(_die, path).result()
        assert executor.submit(abs, -1).result() == 1
    assert Path(path).read_text(encoding="utf-8") == "once "


def test_ray_runs_tasks_of_workers_that_died_again(ray_cluster: Any, tmp_path: Path) -> None:
    path = str(tmp_path / "runs")
    with RayExecutor(max_retries=1) as executor:
        error = executor.submit(_die, path).exception()
    assert type(error) is ray.exceptions.WorkerCrashedError
    assert Path(path).read_text(encoding="utf-8") == "once once "


# Cancelling, and the end.


def test_only_tasks_that_are_not_with_ray_are_cancelled(single: Any, gate: Gate) -> None:
    running = single.submit(_pass_gate, gate.directory)
    gate.wait()
    waiting = [single.submit(abs, -i) for i in range(5)]
    assert running.running()
    assert not running.cancel()
    assert waiting[0].cancel()
    with pytest.raises(CancelledError):
        waiting[0].result()
    gate.open()
    assert running.result() > 0
    assert [future.result() for future in waiting[1:]] == list(range(1, 5))


def test_shutdown_cancels_what_waits_and_lets_the_rest_end(single: Any, gate: Gate) -> None:
    running = single.submit(_pass_gate, gate.directory)
    gate.wait()
    waiting = [single.submit(abs, -i) for i in range(5)]
    single.shutdown(wait=False, cancel_futures=True)
    assert all(future.cancelled() for future in waiting)
    with pytest.raises(RuntimeError, match="after shutdown"):
        single.submit(abs, 1)
    gate.open()
    single.shutdown()
    assert running.result() > 0


def test_context_manager_waits(ray_cluster: Any) -> None:
    with RayExecutor() as executor:
        futures = [executor.submit(abs, -i) for i in range(20)]
    assert all(future.done() for future in futures)
    assert ray.is_initialized()


# Programs that start Ray themselves, or end it.

STARTED_BY_AN_EXECUTOR = """
import ray
from filexchange.interop.ray import RayExecutor
with RayExecutor() as first, RayExecutor() as second:
    assert second.submit(abs, -1).result() == 1
    second.shutdown()
    assert first.submit(abs, -1).result() == 1
    first.shutdown(wait=False)
    assert ray.is_initialized()
assert not ray.is_initialized()
"""

STARTED_AND_ENDED_BY_THE_PROGRAM = """
import concurrent.futures, ray
from filexchange.interop.ray import RayExecutor
executor = RayExecutor()
for number in range(2):
    ray.init(num_cpus=1, include_dashboard=False, ignore_reinit_error=True)
    assert executor.submit(abs, -number).result() == number
    ray.shutdown()
    error = executor.submit(abs, -1).exception()
    assert isinstance(error, concurrent.futures.BrokenExecutor)
    assert not ray.is_initialized()
"""

NEVER_ENDED = """
import ray
from filexchange.interop.ray import RayExecutor
ray.init(num_cpus=1, include_dashboard=False)
RayExecutor().submit(abs, -1).add_done_callback(lambda future: print(future.result()))
"""


@pytest.mark.parametrize(
    ("program", "printed"),
    [
        (STARTED_BY_AN_EXECUTOR, ""),
        (STARTED_AND_ENDED_BY_THE_PROGRAM, ""),
        (NEVER_ENDED, "1\n"),
    ],
    ids=["started by an executor", "started and ended by the program", "never ended"],
)
def test_ray_in_a_program(program: str, printed: str, ray_environment: dict[str, str]) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        env={**os.environ, **ray_environment, "PYTHONPATH": ":".join(sys.path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, printed), done.stderr


def test_ray_that_ends_during_a_task_does_not_end_the_program(
    ray_executor: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Ray itself may as well let the task wait forever, so that this cannot be tried.
    monkeypatch.setattr(ray, "get", lambda _: sys.exit(0))
    with pytest.raises(BrokenExecutor, match="shut down"):
        ray_executor.submit(abs, -1).result()


# Options.


def test_workers_are_as_many_as_fit_the_cluster(ray_cluster: Any) -> None:
    cases: list[tuple[dict[str, Any], int]] = [
        ({}, 2),
        ({"num_cpus": 2}, 1),
        ({"num_cpus": 0.5}, 4),
        ({"num_cpus": 0}, 2),
        ({"num_cpus": 64}, 1),
        ({"memory": MIB}, 2),
        ({"max_workers": 3}, 3),
    ]
    for options, workers in cases:
        with RayExecutor(**options) as executor:
            assert executor._max_workers == workers


def test_room_is_that_of_whole_tasks_on_living_nodes() -> None:
    node = {"Alive": True, "Resources": {"CPU": 3.0, "memory": 10.0, "disk": 1.0}}
    nodes = [node, node, {"Alive": False, "Resources": {}}]
    assert _room(nodes, {"num_cpus": 2}) == 2
    assert _room(nodes, {"num_cpus": 1, "memory": 4}) == 4
    assert _room(nodes, {"num_cpus": 1, "resources": {"disk": 1}}) == 2
    assert _room(nodes, {"num_cpus": 1, "num_gpus": 1}) == 1


def test_options_are_rays(ray_cluster: Any) -> None:
    with RayExecutor(runtime_env={"env_vars": {"GIVEN": "here"}}) as executor:
        assert executor.submit(os.getenv, "GIVEN").result() == "here"
    with pytest.raises(ValueError, match="num_cups"):
        RayExecutor(num_cups=1)
    with pytest.raises(ValueError, match="at least 1"):
        RayExecutor(0)


def test_ray_that_is_not_installed_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(MissingDependencyError, match=r"pip install .*ray"):
        RayExecutor()
