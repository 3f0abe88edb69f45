"""`ProcessPoolExecutor`: the standard one, with arguments and results by file."""

import concurrent.futures
import weakref
from collections.abc import Callable
from multiprocessing.context import BaseContext
from typing import Any, Literal, ParamSpec, TypeVar

from filexchange.exchange import Exchange
from filexchange.lanes import Lane
from filexchange.message import INLINE_BELOW
from filexchange.receiving import ReceiveMode, check_mode
from filexchange.remembering import Remembered

P = ParamSpec("P")
T = TypeVar("T")


class ProcessPoolExecutor(concurrent.futures.ProcessPoolExecutor):
    """A pool of processes, with the interface of ``concurrent.futures.ProcessPoolExecutor``.

    Arrays of 96 KiB and more, wherever in arguments and results they stand, travel through
    segments of an exchange, and arrive without a copy.

    Parameters
    ----------
    max_workers, mp_context, initializer, initargs, max_tasks_per_child
        As for the standard executor.
    mode : {"r", "c", "copy"}, optional
        How arrays arrive, in workers and here: read-only and shared; writable, with pages copied
        when they are written; or as arrays of one's own.
    directory, capacity, inline_below : optional
        Of the exchange, see `Exchange`.

    Notes
    -----
    An array that is passed to many tasks is written once as long as it does not change; that it
    did not is found by comparing its bytes. Results of earlier tasks are passed on without a copy.

    Results that are kept take up segments of the workers that made them: beyond the capacity a
    worker waits until some are dropped, or copied.

    Arguments are packed when a worker is about to need them, as in the standard executor: until
    then they take up no space, and should not be changed. Results stay valid after
    :meth:`shutdown`, and as long as anything refers to them.

    A script that starts processes keeps that below ``if __name__ == "__main__":``.

    Examples
    --------
    >>> with fx.ProcessPoolExecutor(2) as pool:
    ...     doubled = list(pool.map(np.negative, [np.ones(100_000), np.zeros(10)]))
    >>> float(doubled[0].sum())
    -100000.0
    """

    def __init__(
        self,
        max_workers: int | None = None,
        mp_context: BaseContext | None = None,
        initializer: Callable[..., object] | None = None,
        initargs: tuple[Any, ...] = (),
        *,
        mode: ReceiveMode = "r",
        directory: Any = None,
        capacity: int | None = None,
        inline_below: int | Literal["auto"] = INLINE_BELOW,
        **options: Any,
    ) -> None:
        self._mode = check_mode(mode)
        super().__init__(max_workers, mp_context, initializer, initargs, **options)
        self._exchange = Exchange(directory, capacity=capacity, inline_below=inline_below)
        self._remembered = Remembered()
        # Calls have it too: the exchange ends when there is neither a pool nor a task of it.
        weakref.finalize(self._remembered, self._exchange.close)
        self._is_left_alone = False

    def submit(
        self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs
    ) -> concurrent.futures.Future[T]:
        """Run ``fn(*args, **kwargs)`` in a worker; see the standard executor."""
        call = _Call(self._exchange._lane, self._mode, (fn, args, kwargs), self._remembered)  # noqa: SLF001 - its other half
        future: concurrent.futures.Future[Any] = super().submit(_run, call)
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """End the pool, and with `wait` its exchange; see the standard executor.

        Without `wait`, and where a pool is dropped, the exchange ends after the last task.
        """
        super().shutdown(wait, cancel_futures=cancel_futures)
        self._remembered.forget()
        # Once it has not waited, the standard pool does not wait any more, whatever it is told.
        self._is_left_alone |= not wait
        if not self._is_left_alone:
            self._exchange.close()


class _Call:
    """A call, whose arguments are packed when it is pickled."""

    def __init__(
        self, lane: Lane, mode: ReceiveMode, parts: Any, remembered: Remembered | None = None
    ) -> None:
        self.lane = lane
        self.mode = mode
        self.parts = parts
        self._remembered = remembered

    def __reduce__(self) -> tuple[Any, ...]:
        (packed,) = self.lane.pack(self.parts, remembered=self._remembered)
        return _called, (self.lane, self.mode, packed)


def _called(lane: Lane, mode: ReceiveMode, packed: bytes) -> _Call:
    return _Call(lane, mode, lane.unpack(packed, mode))


class _Result:
    """A result, packed when it is pickled; when it is unpickled, it is the value alone."""

    def __init__(self, lane: Lane, mode: ReceiveMode, value: Any) -> None:
        self.lane = lane
        self.mode = mode
        self.value = value

    def __reduce__(self) -> tuple[Any, ...]:
        (packed,) = self.lane.pack(self.value)
        return Lane.unpack, (self.lane, packed, self.mode)


def _run(call: _Call) -> _Result:
    function, args, kwargs = call.parts
    return _Result(call.lane, call.mode, function(*args, **kwargs))
