"""CPython's own tests of queues and process pools, run against ours.

The interpreter ships them, or not; what it does not ship is skipped. Classes are derived from
CPython's, one for each of its classes and start methods, with our queue and pool in place of its.
"""

import concurrent.futures
import functools
import importlib
import multiprocessing
import unittest
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest

import filexchange as fx
from filexchange import capabilities

pytest.importorskip("test.support", reason="this interpreter ships no tests")

QUEUES = "test._test_multiprocessing"
POOLS = "test.test_concurrent_futures"

#: What does not apply, and why.
SKIPPED = {
    "test_queue_feeder_donot_stop_onexc": (
        "put packs at once and raises there, where the standard queue's thread prints the error"
    ),
    "test_closed_queue_empty_exceptions": (
        "wants close() without effect on a queue that was not used, since the standard one has no "
        "thread then; ours is closed at once"
    ),
    "test_queue_feeder_on_queue_feeder_error": (
        "about a hook of subclasses of multiprocessing.queues.Queue, which ours is not"
    ),
}

#: Tests, or classes of them, that mostly sleep, and wait in a way that no start method changes.
ONE_METHOD_IS_ENOUGH = {
    "WaitTest": "futures.wait() is the standard one",
    "AsCompletedTest": "futures.as_completed() is the standard one",
    "test_map_timeout": "the timeout is the standard one",
    "test_gh105829_should_not_deadlock_if_wakeup_pipe_full": "the pipe is the standard one",
}


def _shipped(name: str) -> ModuleType | None:
    try:
        return importlib.import_module(name)
    except (ImportError, unittest.SkipTest):
        return None


@pytest.mark.parametrize("name", [QUEUES, POOLS])
def test_interpreter_ships(name: str) -> None:
    if _shipped(name) is None:
        pytest.skip(f"this interpreter does not ship {name}, or cannot run it")


def _adapted(name: str, bases: tuple[type, ...], members: dict[str, Any], fixture: str) -> type:
    """Return a class of tests of this module; what does not apply is skipped by name."""
    made = type(name, bases, {"__module__": __name__, **members})
    for test, reason in SKIPPED.items():
        if hasattr(made, test):
            setattr(made, test, unittest.skip(reason)(getattr(made, test)))
    # Forking while a queue's thread runs is what some of these tests are about.
    made = pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")(made)
    return pytest.mark.usefixtures(fixture)(made)


def _methods() -> list[str]:
    return multiprocessing.get_all_start_methods()


# Queues


def _queue_classes(module: Any) -> Iterator[type]:
    bases = (module._TestQueue, module.ProcessesMixin, unittest.TestCase)
    for method in _methods():
        context = multiprocessing.get_context(method)
        ours = staticmethod(functools.partial(fx.Queue, context=context))
        members = {
            "Queue": ours,
            "JoinableQueue": ours,
            "Process": context.Process,
            "Event": staticmethod(context.Event),
        }
        yield _adapted(f"{method.capitalize()}QueueTest", bases, members, "our_queue")
    # The other transport, where there are no sockets that keep messages apart.
    yield _adapted("FallbackQueueTest", bases, members, "our_queue_without_sockets")


@pytest.fixture
def our_queue(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let ours be what the tests find where they do not ask their class."""
    for name in ("Queue", "JoinableQueue"):
        monkeypatch.setattr(multiprocessing, name, getattr(request.cls, name))
    monkeypatch.setattr(importlib.import_module(QUEUES), "close_queue", _close)


@pytest.fixture
def our_queue_without_sockets(our_queue: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(capabilities, "packet_sockets", lambda: None)


def _close(queue: fx.Queue) -> None:
    queue.close()
    queue.join_thread()


# Pools


def _pool_modules() -> list[Any]:
    """Return the modules with tests of pools: one until Python 3.11, a package since."""
    found = _shipped(POOLS)
    if found is None or not hasattr(found, "__path__"):
        return [found] if found else []
    names = ("process_pool", "wait", "as_completed", "shutdown", "init", "deadlock")
    shipped = (_shipped(f"{POOLS}.test_{name}") for name in names)
    return [module for module in shipped if module is not None]


def _pool_classes(module: Any) -> Iterator[type]:
    for name, theirs in list(vars(module).items()):
        if (
            isinstance(theirs, type)
            and issubclass(theirs, unittest.TestCase)
            and getattr(theirs, "executor_type", None) is concurrent.futures.ProcessPoolExecutor
            and theirs.ctx in _methods()
        ):
            made = _adapted(name, (theirs,), {"executor_type": fx.ProcessPoolExecutor}, "our_pool")
            yield made if theirs.ctx == _methods()[0] else _shortened(made)


def _shortened(made: type) -> type:
    for slow, reason in ONE_METHOD_IS_ENOUGH.items():
        skip = unittest.skip(f"runs with {_methods()[0]} only, to save time: {reason}")
        if made.__name__.endswith(slow):
            skip(made)
        elif hasattr(made, slow):
            setattr(made, slow, skip(getattr(made, slow)))
    return made


@pytest.fixture
def our_pool(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let ours be what the tests find where they do not ask their class."""
    monkeypatch.setattr(concurrent.futures, "ProcessPoolExecutor", fx.ProcessPoolExecutor)
    for module in _pool_modules():
        if hasattr(module, "assert_python_ok"):
            run = functools.partial(_run_with_ours, module.assert_python_ok)
            monkeypatch.setattr(module, "assert_python_ok", run)


def _run_with_ours(run: Any, option: str, code: str) -> Any:
    theirs = "from concurrent.futures import ProcessPoolExecutor"
    assert theirs in code
    return run(option, code.replace(theirs, "from filexchange import ProcessPoolExecutor"))


_queues = _shipped(QUEUES)
_found = [*(_queue_classes(_queues) if _queues else ())]
for _module in _pool_modules():
    _found += _pool_classes(_module)
globals().update({each.__name__: each for each in _found})
