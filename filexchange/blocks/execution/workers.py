"""Who works: threads and processes that are started here, and executors of others."""

import contextlib
import io
import multiprocessing
import os
import pickle
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing.reduction import ForkingPickler
from typing import Any

from filexchange import capabilities
from filexchange.errors import UnsupportedOptionError

# What libraries allocate when a process uses them for the first time.
_ALLOWANCE = 64 << 20


def check_executor(executor: Any) -> None:
    """Raise `UnsupportedOptionError` unless :func:`executing` takes it."""
    if isinstance(executor, int) and (isinstance(executor, bool) or executor < 1):
        raise UnsupportedOptionError(f"executor={executor!r} is not a positive number of threads")
    if not (
        executor in {None, "threads", "processes"}
        or isinstance(executor, int | Executor)
        or hasattr(executor, "get_executor")
    ):
        raise UnsupportedOptionError(
            f"executor={executor!r} is neither a number of threads nor 'threads' nor 'processes' "
            "nor a concurrent.futures.Executor nor a Dask client"
        )


def are_threads(executor: Any) -> bool:
    """Return whether workers are threads of this process, which get arrays as they are."""
    return (
        executor is None or executor == "threads" or isinstance(executor, int | ThreadPoolExecutor)
    )


def check_can_be_sent(function: Callable[[Any], Any], executor: Any) -> None:
    """Raise `UnsupportedOptionError` if processes that are started here cannot get a function."""
    if executor != "processes":
        return
    try:
        ForkingPickler(_Nowhere()).dump(function)
    except (AttributeError, TypeError, ValueError, RuntimeError, pickle.PickleError) as error:
        raise UnsupportedOptionError(
            f"executor='processes' sends the function to other processes, and it cannot be pickled "
            f"({error}): use a function of a module, and arguments that can be pickled, or threads"
        ) from error


class _Nowhere(io.RawIOBase):
    """A file that forgets what is written."""

    def write(self, data: Any) -> int:
        return memoryview(data).nbytes


@contextlib.contextmanager
def executing(
    executor: Any, most: int, function: Callable[[Any], Any], memory: int
) -> Iterator[tuple[Executor, int]]:
    """Yield an executor and how many tasks it runs at a time.

    Parameters
    ----------
    executor : Executor, int, str or None
        An executor of the caller's, or what has one to give like ``distributed.Client``; it stays
        open. A number makes that many threads, ``"threads"`` and None one for each core, and
        ``"processes"`` as many processes, which end with the block.
    most : int
        Tasks whose memory the budget has room for.
    function : callable
        What the tasks will be given to.
    memory : int
        Bytes that all workers together may add: the limit of processes that are made here.
    """
    workers = min(executor if isinstance(executor, int) else _cores(), most)
    if executor == "processes":
        limited = (function, memory // workers + _ALLOWANCE)
        # Started anew: a fork of a process with threads may hang.
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(workers, context, _begin, limited) as pool:
            yield pool, workers
    elif executor is None or executor == "threads" or isinstance(executor, int):
        with ThreadPoolExecutor(workers, "filexchange-blocks") as pool:
            yield pool, workers
    elif not isinstance(executor, Executor):
        # Not pure: equal tasks are not one task.
        yield executor.get_executor(pure=False), max(1, sum(executor.nthreads().values()))
    else:
        yield executor, getattr(executor, "_max_workers", None) or _cores()


def _begin(_function: Callable[[Any], Any], room: int) -> None:
    """Limit this process; the function came along so that what it imports is not counted."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    capabilities.limit_memory(room)


def _end_with_parent() -> None:
    """End this process when that which started it is killed: nobody else would."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
