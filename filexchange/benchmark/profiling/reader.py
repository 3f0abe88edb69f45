"""The process that reads what `filexchange tune` writes."""

import multiprocessing
import time
from multiprocessing.connection import Connection
from types import TracebackType
from typing import Self

from filexchange.benchmark.measuring.accesses import selection, touch
from filexchange.benchmark.measuring.processes import interrupts_ignored
from filexchange.benchmark.results import Access
from filexchange.errors import ExchangeError
from filexchange.ref import ArrayRef

_JOIN_SECONDS, _JOIN_AFTER_ERROR_SECONDS = 5, 1
_PARTS: tuple[Access, ...] = ("slice", "strided", "rows", "chunk")


class Reader:
    """A process started by spawn; use it in a ``with`` statement, which ends it."""

    def __enter__(self) -> Self:
        context = multiprocessing.get_context("spawn")
        self._connection, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs,), daemon=True)
        with interrupts_ignored():  # this process ends it
            self._process.start()
        theirs.close()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._connection.close()
        self._process.join(_JOIN_SECONDS if error is None else _JOIN_AFTER_ERROR_SECONDS)
        self._process.terminate()
        self._process.join()
        self._process.close()

    def read(self, ref: ArrayRef, parts: tuple[float, ...] = ()) -> tuple[float, ...]:
        """Return the seconds of each access to an array but writing it.

        `parts` are those of parts of it, if they are known.

        Raises
        ------
        ExchangeError
            If the process is gone, or could not read the array.
        """
        try:
            self._connection.send((ref, ("read",) if parts else ("read", *_PARTS)))
            answer: tuple[float, ...] | str = self._connection.recv()
        except (EOFError, ConnectionError) as error:
            raise ExchangeError(
                f"the process that reads ended while it read {ref.format!r}: try again, and if it "
                "ends again, update the package of that format"
            ) from error
        if isinstance(answer, str):
            raise ExchangeError(f"what was written could not be read: {answer}")
        return (*answer, *parts)


def _serve(connection: Connection) -> None:
    while True:
        try:
            ref, accesses = connection.recv()
        except (EOFError, ConnectionError):
            return
        try:
            connection.send(tuple(_timed(access, ref) for access in accesses))
        except Exception as error:  # noqa: BLE001 - whatever it is, the parent raises it
            connection.send(f"{type(error).__name__}: {error}")


def _timed(access: Access, ref: ArrayRef) -> float:
    chosen = selection(access, ref.shape, ref.chunks, ref.dtype.itemsize)
    start = time.perf_counter()
    touch(chosen.read(ref))
    return time.perf_counter() - start
