"""Tasks given to an executor, so many at a time that their memory stays within the budget."""

import itertools
from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, wait
from typing import Any

from filexchange.blocks.execution.workers import executing

# Waiting tasks, for each that runs: enough that no worker waits for the next one.
_WAITING = 2


def run(
    function: Callable[[Any], Any],
    tasks: Iterable[Any],
    executor: Any,
    most: int,
    memory: int = 0,
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
    memory : int, optional
        Bytes that they may add together; kept by processes that are started here.

    Notes
    -----
    When a task raises, or the caller stops, those that were given to the executor, at most two a
    worker, are waited for: nothing writes afterwards.
    """
    with executing(executor, most, function, memory) as (pool, workers):
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
