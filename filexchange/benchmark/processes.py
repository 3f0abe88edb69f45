"""The producer and the consumer as two running processes, replaced when one of them dies."""

import contextlib
import multiprocessing
import signal
import threading
from collections.abc import Iterator, Mapping
from multiprocessing.process import BaseProcess
from types import TracebackType
from typing import Self

from filexchange.benchmark.cases import Case
from filexchange.benchmark.results import Sample
from filexchange.benchmark.workers import Failure, consume, produce
from filexchange.errors import ExchangeError
from filexchange.ref import ArrayRef

_JOIN_SECONDS = 5


class ProcessPair:
    """Two processes started by spawn, connected to each other and the first one to this process.

    Use it in a ``with`` statement, which ends them.
    """

    def __init__(self, directory: str, refs: Mapping[str, ArrayRef]) -> None:
        self._directory = directory
        self._refs = dict(refs)
        self._processes: dict[str, BaseProcess] = {}

    def __enter__(self) -> Self:
        try:
            self._start()
        except BaseException:
            self._stop(at_once=True)
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop(at_once=error is not None)

    def measure(self, case: Case) -> Sample | str:
        """Return one measurement of a case, or why it failed."""
        try:
            self._connection.send(case)
            answer = self._connection.recv()
        except (EOFError, ConnectionError):
            reason = self._stop()
            self._start()
            return reason
        return answer.reason if isinstance(answer, Failure) else answer

    def time_memcpy(self) -> float:
        """Return the seconds to copy the arrays into memory that is in use."""
        try:
            self._connection.send(None)
            seconds: float = self._connection.recv()
        except (EOFError, ConnectionError) as error:
            raise ExchangeError(f"the benchmark cannot go on: {self._stop()}") from error
        return seconds

    def _start(self) -> None:
        context = multiprocessing.get_context("spawn")
        self._connection, to_parent = context.Pipe()
        to_consumer, to_producer = context.Pipe()
        self._processes = {
            "producer": context.Process(
                target=produce,
                args=(to_parent, to_consumer, self._directory, self._refs),
                daemon=True,
            ),
            "consumer": context.Process(target=consume, args=(to_producer,), daemon=True),
        }
        with _interrupts_ignored():
            for process in self._processes.values():
                process.start()
        # Open only in the processes that use them, they end when those do.
        for connection in (to_parent, to_consumer, to_producer):
            connection.close()
        try:
            self._connection.recv()
        except (EOFError, ConnectionError) as error:
            raise ExchangeError(f"the benchmark cannot start: {self._stop()}") from error

    def _stop(self, *, at_once: bool = False) -> str:
        """End both processes and return how those that died by themselves did."""
        self._connection.close()
        died = []
        for name, process in self._processes.items():
            # They end by themselves when they see their connections closed.
            process.join(0 if at_once else _JOIN_SECONDS)
            if process.exitcode:
                died.append(f"the {name} process ended with exit code {process.exitcode}")
            process.terminate()
            process.join()
            process.close()
        self._processes.clear()
        return "; ".join(died) or "a process ended early"


@contextlib.contextmanager
def _interrupts_ignored() -> Iterator[None]:
    """Let processes start with Ctrl-C ignored; only the main thread can have it so."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    handler = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, handler)
