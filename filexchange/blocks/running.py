"""Tasks given to an executor, so many at a time that their memory stays within the budget."""

import contextlib
import itertools
import os
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor, wait
from typing import Any

from filexchange.errors import UnsupportedOptionError

# Waiting tasks, for each that runs: enough that no worker waits for the next one.
_WAITING = 2


def check_executor(executor: Any) -> None:
    """Raise `UnsupportedOptionError` unless :func:`executing` takes it."""
    if isinstance(executor, int) and (isinstance(executor, bool) or executor < 1):
        raise UnsupportedOptionError(f"executor={executor!r} is not a positive number of threads")
    if not (
        executor is None
        or isinstance(executor, int | Executor)
        or hasattr(executor, "get_executor")
    ):
        raise UnsupportedOptionError(
            f"executor={executor!r} is neither a number of threads nor a "
            "concurrent.futures.Executor nor a Dask client"
        )


@contextlib.contextmanager
def executing(executor: Any, most: int) -> Iterator[tuple[Executor, int]]:
    """Yield an executor and how many tasks it runs at a time.

    Parameters
    ----------
    executor : Executor, int or None
        An executor of the caller's, or what has one to give like ``distributed.Client``; it stays
        open. A number makes that many threads, None one for each core, which end with the block.
    most : int
        Tasks whose memory the budget has room for.
    """
    if executor is None or isinstance(executor, int):
        workers = _cores() if executor is None else executor
        with ThreadPoolExecutor(min(workers, most), "filexchange-blocks") as pool:
            yield pool, min(workers, most)
        return
    if not isinstance(executor, Executor):
        # Not pure: equal tasks are not one task.
        yield executor.get_executor(pure=False), max(1, sum(executor.nthreads().values()))
        return
    yield executor, getattr(executor, "_max_workers", None) or _cores()


def run(
    function: Callable[[Any], Any], tasks: Iterable[Any], executor: Any, most: int
) -> Generator[Any, None, None]:
    """Yield ``function(task)`` for each task, in the order of the tasks.

    Parameters
    ----------
    function : callable
        Sent to the workers with each task.
    tasks : iterable
        Made when there is room for them.
    executor
        As of :func:`executing`.
    most : int
        How many tasks may be under way, done ones that nobody has taken included.

    Notes
    -----
    When a task raises, or the caller stops, those that were given to the executor, at most two a
    worker, are waited for: nothing writes afterwards.
    """
    with executing(executor, most) as (pool, workers):
        window = max(1, min(most, _WAITING * workers))
        pending: deque[Future[Any]] = deque()
        try:
            done = itertools.count()
            for task in tasks:
                if len(pending) == window:
                    yield _result(pending.popleft(), next(done))
                pending.append(pool.submit(function, task))
            while pending:
                yield _result(pending.popleft(), next(done))
        finally:
            # Not canceled: Dask says of tasks that run that they are, and they write on.
            wait(pending)


def _result(future: Future[Any], number: int) -> Any:
    try:
        return future.result()
    except Exception as error:
        error.add_note(f"while filexchange worked on block {number}, counted from 0 in C order")
        raise


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
