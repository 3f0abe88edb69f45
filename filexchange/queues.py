"""A ``multiprocessing`` queue that carries references while the arrays stay in files."""

import multiprocessing
from multiprocessing.context import BaseContext
from typing import Any

from filexchange import message
from filexchange.aliases import Array
from filexchange.formats import get_format
from filexchange.ref import ArrayRef
from filexchange.scratch import ScratchDirectory


class Queue:
    """The interface of ``multiprocessing.Queue``; every array in a message goes by file.

    Made by `Exchange.queue`. What is put comes out equal: arrays as arrays, mapped and read-only,
    wherever they stand in the object; references as references; all else by pickle.

    Notes
    -----
    Like its model it is passed to child processes as an argument, under any start method, and any
    number of processes and threads may put and get. The file of an array is removed as soon as
    its receiver has mapped it; the kernel frees the memory with the last view. What is never
    received is removed with the exchange.
    """

    def __init__(
        self,
        scratch: ScratchDirectory,
        maxsize: int = 0,
        *,
        format: str = "npy",
        context: BaseContext | None = None,
    ) -> None:
        get_format(format)  # a wrong name is an error here, not at the first put
        self._scratch = scratch
        self._format = format
        self._queue: Any = (context or multiprocessing.get_context()).Queue(maxsize)

    def put(self, obj: Any, block: bool = True, timeout: float | None = None) -> None:
        """Put an object; its arrays are in their files when this returns.

        Raises
        ------
        queue.Full
            If there is no room, at once or after `timeout` seconds; nothing is left behind.
        ExchangeClosedError
            If the exchange has ended.
        StorageFullError
            If the scratch directory is full.
        """
        written: list[ArrayRef] = []

        def save(array: Array) -> ArrayRef:
            written.append(self._scratch.save(array, self._format))
            return written[-1]

        try:
            self._queue.put(message.pack(obj, save), block, timeout)
        except BaseException:
            for ref in written:
                self._scratch.discard(ref)
            raise

    def get(self, block: bool = True, timeout: float | None = None) -> Any:
        """Return the next object.

        Raises
        ------
        queue.Empty
            If there is none, at once or after `timeout` seconds.
        ArrayNotFoundError
            If the exchange has ended meanwhile.
        """
        return message.unpack(self._queue.get(block, timeout), self._take)

    def _take(self, ref: ArrayRef) -> Array:
        array: Array = ref.open() if ref.offset is not None else ref.load()
        array.flags.writeable = False
        self._scratch.discard(ref)
        return array

    def put_nowait(self, obj: Any) -> None:
        """Put without waiting; see :meth:`put`."""
        self.put(obj, block=False)

    def get_nowait(self) -> Any:
        """Get without waiting; see :meth:`get`."""
        return self.get(block=False)

    def qsize(self) -> int:
        """Return about how many messages wait."""
        return int(self._queue.qsize())

    def empty(self) -> bool:
        """Return whether no message waits, as far as one can tell."""
        return bool(self._queue.empty())

    def full(self) -> bool:
        """Return whether `maxsize` messages wait, as far as one can tell."""
        return bool(self._queue.full())

    def close(self) -> None:
        """Declare that this process puts no more."""
        self._queue.close()

    def join_thread(self) -> None:
        """Wait, after :meth:`close`, until all messages have been handed over."""
        self._queue.join_thread()

    def cancel_join_thread(self) -> None:
        """Let the process end without waiting for messages to be handed over."""
        self._queue.cancel_join_thread()
