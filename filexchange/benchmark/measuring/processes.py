"""The producer and the consumers as running processes, replaced when one of them dies."""

import contextlib
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Iterator, Mapping
from multiprocessing.process import BaseProcess
from pickle import PicklingError
from types import TracebackType
from typing import Any, NamedTuple, Self

from filexchange import files
from filexchange.benchmark.measuring.consumer import consume
from filexchange.benchmark.measuring.inputs import Source
from filexchange.benchmark.measuring.jobs import GONE, Job, Outcome, reason
from filexchange.benchmark.measuring.memory import MemoryWatch
from filexchange.benchmark.measuring.producer import produce
from filexchange.benchmark.measuring.transports import Endpoint, endpoint
from filexchange.errors import ExchangeError, FileExchangeError

_START_SECONDS = 60
_JOIN_SECONDS = 2
# What is killed leaves names of semaphores, such as those of codecs, of which Python warns at exit.
_GRACE_SECONDS = 0.5
_LOOK_SECONDS = 0.0005


class Answer(NamedTuple):
    """What one visit of a case gave.

    Attributes
    ----------
    outcome : Outcome
    peak_memory : int or None
    elapsed : float
        Seconds that it took, preparation and checks included.
    """

    outcome: Outcome
    peak_memory: int | None
    elapsed: float


class Crew:
    """A producer and consumers, started by spawn when they are needed.

    Use it in a ``with`` statement, which ends them.

    Parameters
    ----------
    sources : mapping of str to Source
    endpoints : mapping of tuple of str to str
        Where the files of transports go, by name and directory of the case.
    readers : int
        How many consumers there are.
    """

    def __init__(
        self, sources: Mapping[str, Source], endpoints: Mapping[tuple[str, str], str], readers: int
    ) -> None:
        self._sources = dict(sources)
        self._wanted = dict(endpoints)
        self._readers = readers
        self._processes: dict[str, BaseProcess] = {}
        self._endpoints: dict[tuple[str, str], Endpoint] = {}
        self._unmade: dict[tuple[str, str], str] = {}
        self._made = contextlib.ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop()

    def measure(self, job: Job, limit: float) -> Answer:
        """Visit a case once.

        Parameters
        ----------
        job : Job
        limit : float
            Seconds after which it is given up.
        """
        self.start()
        start = time.monotonic()
        peak = None
        try:
            self._refuse_unmade(job)
            self._connection.send(job)
            self._answer(start + limit)
            watch = self._watch(job)
            outcome = self._answer(start + limit, watch)
            peak = None if watch is None else watch.peak
        except TimeoutError:
            outcome = Outcome({}, error=f"given up after {limit:.0f} s", is_broken=True)
        except GONE:
            outcome = Outcome({}, error=self._stop(), is_broken=True)
        except (FileExchangeError, PicklingError, AttributeError, TypeError) as error:
            outcome = Outcome({}, error=reason(error))  # nothing was sent
        if outcome.is_broken:
            self._stop(at_once=True)
            _empty(job.scratch)
        return Answer(outcome, peak, time.monotonic() - start)

    def _refuse_unmade(self, job: Job) -> None:
        why = self._unmade.get((job.case.way, job.case.directory))
        if why is not None and job.case.role == "transport":
            raise ExchangeError(why)

    def _watch(self, job: Job) -> MemoryWatch | None:
        """Return what watches the processes, if they are those that do what is measured."""
        used = self._endpoints.get((job.case.way, job.case.directory))
        is_elsewhere = job.case.role == "transport" and used and not used.uses_consumer
        if not job.watches_memory or job.case.role == "floor" or is_elsewhere:
            return None
        pids = (process.pid for process in self._processes.values())
        return MemoryWatch([pid for pid in pids if pid is not None])

    def _answer(self, deadline: float, watch: MemoryWatch | None = None) -> Any:
        while True:
            left = deadline - time.monotonic()
            if self._connection.poll(max(0, left if watch is None else min(left, _LOOK_SECONDS))):
                return self._connection.recv()
            if watch is not None:
                watch.look()
            if left <= 0:
                raise TimeoutError

    def start(self) -> None:
        """Start the processes, unless they are running, and wait until they are ready.

        Raises
        ------
        ExchangeError
            If they end instead.
        """
        if self._processes:
            return
        try:
            self._start()
            self._answer(time.monotonic() + _START_SECONDS)
        except GONE as error:
            raise ExchangeError(f"the benchmark cannot start: {self._stop()}") from error
        except BaseException:
            self._stop(at_once=True)
            raise

    def _start(self) -> None:
        context = multiprocessing.get_context("spawn")
        self._make_endpoints(context)
        self._connection, to_parent = context.Pipe()
        pipes = [context.Pipe() for _ in range(self._readers)]
        to_consumers = [ours for ours, _ in pipes]
        producer_args = (to_parent, to_consumers, self._sources, self._endpoints)
        self._processes["producer"] = context.Process(
            target=produce, args=producer_args, daemon=True
        )
        for number, (_, theirs) in enumerate(pipes, 1):
            name = "consumer" if self._readers == 1 else f"consumer {number}"
            self._processes[name] = context.Process(
                target=consume, args=(theirs, self._endpoints), daemon=True
            )
        with interrupts_ignored():
            for process in self._processes.values():
                process.start()
        # Open only in the processes that use them, they end when those do.
        for connection in (to_parent, *(end for pipe in pipes for end in pipe)):
            connection.close()

    def _make_endpoints(self, context: Any) -> None:
        for (way, directory), scratch in self._wanted.items():
            try:
                made = self._made.enter_context(endpoint(way, scratch, context))
            except FileExchangeError as error:
                self._unmade[way, directory] = reason(error)
            else:
                self._endpoints[way, directory] = made

    def _stop(self, *, at_once: bool = False) -> str:
        """End all processes and return how those that died by themselves did."""
        died = []
        if self._processes:
            self._connection.close()
        for name, process in self._processes.items():
            if process.pid is None:
                continue
            # They end by themselves when they see their connections closed.
            process.join(_GRACE_SECONDS if at_once else _JOIN_SECONDS)
            if process.exitcode:
                died.append(f"the {name} process ended with exit code {process.exitcode}")
            process.terminate()
            process.join()
            process.close()
        self._processes.clear()
        self._made.close()
        self._endpoints.clear()
        self._unmade.clear()
        return "; ".join(died) or "a process ended early"


def _empty(directory: str) -> None:
    """Remove what processes that were killed have left, which may be large."""
    if directory:
        files.remove(directory)
        os.mkdir(directory)


@contextlib.contextmanager
def interrupts_ignored() -> Iterator[None]:
    """Let processes start with Ctrl-C ignored; only the main thread can have it so.

    Raises
    ------
    ExchangeError
        If this process may start none.
    """
    if multiprocessing.current_process().daemon:
        raise ExchangeError(
            "a measurement starts processes, which a daemonic process may not, as workers of "
            "multiprocessing.Pool are: measure in the main process, or in a worker of "
            "concurrent.futures.ProcessPoolExecutor"
        )
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    handler = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, handler)
