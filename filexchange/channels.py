"""Messages of bytes between processes, each whole and to one receiver.

The transport is a socket that keeps messages apart: the kernel hands each to one of those who
wait, so there is no lock among readers or writers that a killed process could keep, and no thread
between `put` and the receiver as long as the socket has room.
"""

import multiprocessing
import os
import select
import socket
import threading
import weakref
from collections import deque
from multiprocessing import util
from multiprocessing.context import BaseContext, assert_spawning
from queue import Empty, Full
from typing import Any, Protocol

from filexchange import capabilities
from filexchange.patience import Patience

#: Messages of more bytes do not fit a socket that has its default size.
MOST_BYTES = 128 << 10

# At the end of a process: after what may still put, as the standard queue has it.
_JOIN_PRIORITY = -5

_NO_LIMIT = 0x7FFFFFFF  # of semaphores, on every system

_room = threading.local()


class Channel(Protocol):
    """What a queue needs of a transport: the interface of ``multiprocessing.JoinableQueue``."""

    def put(self, data: bytes, block: bool, timeout: float | None, /) -> None:
        """Send a message."""

    def get(self, block: bool, timeout: float | None, /) -> bytes:
        """Return the next message."""

    def qsize(self) -> int:
        """Return how many wait."""

    def empty(self) -> bool:
        """Return whether none waits."""

    def full(self) -> bool:
        """Return whether there is no room."""

    def task_done(self) -> None:
        """Count a message as dealt with."""

    def join(self) -> None:
        """Wait until all messages have been dealt with."""

    def close(self) -> None:
        """Neither put nor get any more."""

    def join_thread(self) -> None:
        """Wait until all messages have been handed over."""

    def cancel_join_thread(self) -> None:
        """Let the process end although messages wait."""


def make_channel(maxsize: int, context: BaseContext | None) -> Channel:
    """Return a channel for the processes of a context.

    The standard queue where the system has no sockets that keep messages apart.
    """
    chosen: Any = context or multiprocessing.get_context()
    pair = capabilities.packet_sockets()
    channel: Channel = (
        chosen.JoinableQueue(maxsize) if pair is None else PacketChannel(*pair, maxsize, chosen)
    )
    return channel


class PacketChannel:
    """Messages through a pair of sockets."""

    def __init__(
        self, reader: socket.socket, writer: socket.socket, maxsize: int, context: Any
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._maxsize = maxsize if maxsize > 0 else _NO_LIMIT
        self._slots = context.BoundedSemaphore(self._maxsize)
        self._unfinished = context.Semaphore(0)
        self._all_done = context.Condition()
        self._reset()

    def __getstate__(self) -> tuple[Any, ...]:
        assert_spawning(self)
        return (
            *(self._reader, self._writer, self._maxsize),
            *(self._slots, self._unfinished, self._all_done),
        )

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        self._reader, self._writer, self._maxsize = state[:3]
        self._slots, self._unfinished, self._all_done = state[3:]
        for each in (self._reader, self._writer):
            each.settimeout(None)  # as where they were made, whatever this process has set
        self._reset()

    def _reset(self) -> None:
        self._pid = os.getpid()
        self._closed = False
        self._outbox = _Outbox(self._writer)
        # Like the standard queue, one that is dropped is closed without a word. Not at the end of
        # the process, where messages may still wait.
        weakref.finalize(self, _close, self._reader, self._outbox).atexit = False

    def _check_open(self) -> None:
        if self._pid != os.getpid():  # what waits in a forked child is its parent's to send
            self._reset()
        if self._closed:
            raise ValueError(f"{self!r} is closed")

    def put(self, data: bytes, block: bool = True, timeout: float | None = None) -> None:
        """Send a message of at most `MOST_BYTES`."""
        self._check_open()
        if not self._slots.acquire(block, timeout):
            raise Full
        self._unfinished.release()
        try:
            self._outbox.send(data)
        except BaseException:
            self._unfinished.acquire(False)
            self._slots.release()
            raise

    def get(self, block: bool = True, timeout: float | None = None) -> bytes:
        """Return the next message."""
        self._check_open()
        patience = Patience(timeout if block else 0)
        while True:
            left = patience.left()
            try:
                data = self._receive(0 if left is None else socket.MSG_DONTWAIT)
            except BlockingIOError:
                if patience.is_over or not _poll(self._reader, left):
                    raise Empty from None
                continue
            if not data:  # no message is empty: another thread has closed the channel
                raise ValueError(f"{self!r} is closed")
            self._slots.release()
            return data

    def _receive(self, flags: int) -> bytes:
        room: bytearray | None = getattr(_room, "bytes", None)
        if room is None:
            room = _room.bytes = bytearray(MOST_BYTES)
        return bytes(memoryview(room)[: self._reader.recv_into(room, 0, flags)])

    def qsize(self) -> int:
        """Return how many messages were put and not got."""
        return self._maxsize - int(self._slots.get_value())

    def empty(self) -> bool:
        """Return whether the socket has no message."""
        if self._closed:
            raise OSError(f"{self!r} is closed")
        return not _poll(self._reader, 0)

    def full(self) -> bool:
        """Return whether `maxsize` messages wait."""
        return int(self._slots.get_value()) == 0

    def task_done(self) -> None:
        """Count a message as dealt with."""
        with self._all_done:
            if not self._unfinished.acquire(False):
                raise ValueError("task_done() called too many times")
            if self._unfinished.get_value() == 0:
                self._all_done.notify_all()

    def join(self) -> None:
        """Wait until all messages have been dealt with."""
        with self._all_done:
            while self._unfinished.get_value() != 0:
                self._all_done.wait()

    def close(self) -> None:
        """Neither put nor get any more; what waits is still handed over."""
        if self._pid != os.getpid():
            self._reset()
        self._closed = True
        _close(self._reader, self._outbox)

    def join_thread(self) -> None:
        """Wait until all messages have been handed over."""
        if not self._closed:
            raise AssertionError(f"{self!r} has not been closed")
        self._outbox.join()

    def cancel_join_thread(self) -> None:
        """Let the process end although messages wait."""
        self._outbox.joins_at_exit = False


class _Outbox:
    """One process's side of sending: what the socket has no room for waits here, for a thread."""

    def __init__(self, writer: socket.socket) -> None:
        self.joins_at_exit = True
        self._writer = writer
        self._pid = os.getpid()
        self._is_closed = False
        self._waiting: deque[bytes] = deque()
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._at_exit: util.Finalize | None = None

    def send(self, data: bytes) -> None:
        with self._changed:
            if self._waiting or not self._send_now(data):
                self._start_thread()
                self._waiting.append(data)
                self._changed.notify()

    def _send_now(self, data: bytes) -> bool:
        try:
            self._writer.send(data, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return False
        return True

    def close(self) -> None:
        if self._pid != os.getpid():  # a thread of the parent may have had the lock
            self._writer.close()
            return
        with self._changed:
            if not self._is_closed:
                self._is_closed = True
                self._changed.notify()
                if self._thread is None:
                    self._writer.close()

    def join(self) -> None:
        if self._thread is not None:
            self._thread.join()

    def _start_thread(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(
                target=self._hand_over, name="queue feeder", daemon=True
            )
            self._thread.start()
            self._at_exit = util.Finalize(None, self._join_at_exit, exitpriority=_JOIN_PRIORITY)

    def _hand_over(self) -> None:
        while True:
            with self._changed:
                while not self._waiting:
                    if self._is_closed:
                        self._writer.close()
                        if self._at_exit is not None:
                            self._at_exit.cancel()
                        return
                    self._changed.wait()
            try:
                self._writer.send(self._waiting[0])
            except BrokenPipeError:  # there is no receiver any more
                self._waiting.clear()
                continue
            with self._changed:
                self._waiting.popleft()

    def _join_at_exit(self) -> None:
        if self.joins_at_exit and self._pid == os.getpid():
            self.close()
            self.join()


def _close(reader: socket.socket, outbox: _Outbox) -> None:
    reader.close()
    outbox.close()


def _poll(reader: socket.socket, timeout: float | None) -> bool:
    """Return whether there is a message, within `timeout` seconds."""
    poll = select.poll()
    poll.register(reader, select.POLLIN)
    return bool(poll.poll(None if timeout is None else timeout * 1000))
