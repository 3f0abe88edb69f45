"""A ``multiprocessing`` queue that carries references while the arrays stay in files."""

from collections.abc import Sequence
from multiprocessing.context import BaseContext
from queue import Full
from typing import Any

from filexchange.channels import MOST_BYTES, Channel, make_channel
from filexchange.errors import ExchangeError
from filexchange.lanes import Lane, default_lane
from filexchange.manners import Manner
from filexchange.patience import Patience
from filexchange.receiving import ReceiveMode, check_mode
from filexchange.tuning.uses import Use


class Queue:
    """A queue between processes, with the interface of ``multiprocessing.JoinableQueue``.

    Drop it in where ``multiprocessing.Queue`` was: arrays of 96 KiB and more travel through
    segments in an exchange, wherever in an object they stand, and arrive without a copy.

    Parameters
    ----------
    maxsize : int, optional
        The most messages that may wait; no limit by default.
    mode : {"r", "c", "copy"}, optional
        How arrays arrive: read-only and shared; writable, with pages copied when they are
        written; or as arrays of one's own.
    context : multiprocessing context, optional
        The one whose processes will use it; the default context otherwise.
    format : str, optional
        Of the files of large arrays; ``"npy"``, the default, stands for segments, which are the
        fastest. ``"auto"`` chooses for each array, as :func:`recommend` does.
    compression, for_
        As for `save`.
    lane : Lane, optional
        The exchange to use, as `Exchange.queue` does. Otherwise one of this process, which ends
        with it.

    Notes
    -----
    It is passed to child processes as an argument, under any start method; any number of processes
    and threads may put and get. What is put is packed before `put` returns: later changes do not
    reach the receiver, and an object that cannot be pickled is an error of `put` (the standard
    queue prints it and goes on).

    A segment is written again when the last view of its last receiver is gone. Where a consumer
    keeps what it gets, segments add up to the exchange's capacity; then `put` waits.

    Messages are pickled, like those of the standard queue: get only what processes have put that
    you trust.

    Examples
    --------
    >>> queue = fx.Queue()
    >>> queue.put({"frame": np.zeros((512, 512)), "time": 0.5})
    >>> message = queue.get()
    >>> message["frame"].shape, message["time"]
    ((512, 512), 0.5)
    >>> queue.close()
    """

    def __init__(
        self,
        maxsize: int = 0,
        *,
        mode: ReceiveMode = "r",
        context: BaseContext | None = None,
        format: str = "npy",
        compression: str | None = None,
        for_: Use = "exchange",
        lane: Lane | None = None,
    ) -> None:
        self._mode = check_mode(mode)
        manner = Manner(format, compression, for_=for_)
        self._lane = (default_lane() if lane is None else lane).in_manner(manner)
        self._closed = False
        self._channel = make_channel(maxsize, context)

    def put(self, obj: Any, block: bool = True, timeout: float | None = None) -> None:
        """Put an object; its arrays are in their segment when this returns.

        Raises
        ------
        queue.Full
            If there is no room, at once or after `timeout` seconds; nothing is left behind. Its
            subclass `ExchangeFullError` if it is the segments that are all in use.
        ValueError
            If the queue, or its exchange (`ExchangeClosedError`), has been closed.
        StorageFullError
            If an array is larger than the exchange, or its disk full.
        """
        if self._closed:
            raise ValueError(f"{self!r} is closed")
        if not block and self._channel.full():
            raise Full  # before anything is copied
        wait = Patience(timeout if block else 0)
        (packed,) = self._lane.pack(obj, timeout=wait.left(), most_bytes=MOST_BYTES)
        self._put_packed(packed, block, wait.left())

    def _put_packed(self, packed: bytes, block: bool, timeout: float | None) -> None:
        try:
            self._channel.put(packed, block, timeout)
        except BaseException:
            self._lane.discard(packed)
            raise

    def get(
        self, block: bool = True, timeout: float | None = None, *, mode: ReceiveMode | None = None
    ) -> Any:
        """Return the next object.

        Parameters
        ----------
        block, timeout
            As for the standard queue.
        mode : {"r", "c", "copy"}, optional
            How its arrays arrive, where it is not as the queue says.

        Raises
        ------
        queue.Empty
            If there is none, at once or after `timeout` seconds.
        ExchangeClosedError
            If the exchange has ended meanwhile.
        """
        chosen = self._mode if mode is None else check_mode(mode)
        return self._lane.unpack(self._channel.get(block, timeout), chosen)

    def put_nowait(self, obj: Any) -> None:
        """Put without waiting; see :meth:`put`."""
        self.put(obj, block=False)

    def get_nowait(self) -> Any:
        """Get without waiting; see :meth:`get`."""
        return self.get(block=False)

    def task_done(self) -> None:
        """Say that a message that was got has been dealt with; see :meth:`join`.

        Raises
        ------
        ValueError
            If it is called more often than there were messages.
        """
        self._channel.task_done()

    def join(self) -> None:
        """Wait until `task_done` has been called for every message that was put."""
        self._channel.join()

    def qsize(self) -> int:
        """Return about how many messages wait."""
        return int(self._channel.qsize())

    def empty(self) -> bool:
        """Return whether no message waits, as far as one can tell."""
        return bool(self._channel.empty())

    def full(self) -> bool:
        """Return whether `maxsize` messages wait, as far as one can tell."""
        return bool(self._channel.full())

    def close(self) -> None:
        """Declare that this process puts, and gets, no more."""
        self._closed = True
        self._channel.close()

    def join_thread(self) -> None:
        """Wait, after :meth:`close`, until all messages have been handed over."""
        self._channel.join_thread()

    def cancel_join_thread(self) -> None:
        """Let the process end without waiting for messages to be handed over."""
        self._channel.cancel_join_thread()

    def __getstate__(self) -> tuple[ReceiveMode, Lane, Channel]:
        return self._mode, self._lane, self._channel

    def __setstate__(self, state: tuple[ReceiveMode, Lane, Channel]) -> None:
        self._mode, self._lane, self._channel = state
        self._closed = False


def broadcast(
    lane: Lane, obj: Any, queues: Sequence[Queue], block: bool, timeout: float | None
) -> None:
    """Put an object into several queues of an exchange, with its arrays written once."""
    strangers = [queue for queue in queues if queue._lane.path != lane.path]  # noqa: SLF001 - its other half
    if strangers:
        raise ExchangeError(
            f"{strangers[0]!r} is not a queue of the exchange in {lane.path!r}: make it with "
            "queue() of that exchange"
        )
    wait = Patience(timeout if block else 0)
    packed = lane.pack(obj, receivers=len(queues), timeout=wait.left(), most_bytes=MOST_BYTES)
    for position, queue in enumerate(queues):
        try:
            queue._put_packed(packed[position], block, wait.left())  # noqa: SLF001 - as above
        except BaseException:
            for later in packed[position + 1 :]:
                lane.discard(later)
            raise
