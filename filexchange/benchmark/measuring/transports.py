"""Ways for an array from one process to another, whatever they use.

The parent makes an :class:`Endpoint` before it starts the processes, and both get it as an
argument: the producer sends, the consumer receives. Small things that say what is where go through
the connection between them.
"""

import contextlib
import errno
import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from multiprocessing.context import BaseContext
from multiprocessing.shared_memory import SharedMemory
from typing import Any, ClassVar

import numpy as np

from filexchange import files
from filexchange.aliases import Array
from filexchange.benchmark.measuring.jobs import Receive, answer
from filexchange.errors import MissingDependencyError, UnsupportedOptionError
from filexchange.exchange import Exchange

#: What a consumer gets: an array, and what lets go of it when nothing refers to it any more.
Received = tuple[Array, Callable[[], None]]


def _nothing() -> None:
    pass


class Endpoint(ABC):
    """Both ends of one transport."""

    #: Whether the array has been handed over when :meth:`send` returns.
    hands_over: ClassVar[bool] = True
    #: Whether the processes of the benchmark are those that send and receive.
    uses_consumer: ClassVar[bool] = True

    def prepare(self) -> None:  # noqa: B027 - most have nothing to import
        """Import what is needed, in the producer."""

    def close(self) -> None:  # noqa: B027 - most have started nothing
        """End what :meth:`prepare` started."""

    def begin(self, wish: Receive, consumer: Connection) -> None:
        """Let the consumer wait for what is sent."""
        consumer.send(wish)

    def end(self, consumer: Connection) -> None:
        """Let it wait no longer."""
        self.send(None, consumer)

    @abstractmethod
    def send(self, array: Array | None, consumer: Connection) -> Any:
        """Send an array, or that there are no more; return what :meth:`forget` needs."""

    @abstractmethod
    def receive(self, producer: Connection) -> Received | None:
        """Return the next array; None if there are no more."""

    def wait(self, sent: Any, consumer: Connection) -> None:
        """Return when what was sent has been read."""
        answer(consumer)

    def checksum(self, sent: Any, consumer: Connection) -> int:
        """Return the checksum of what has been read, the first time."""
        found: int = answer(consumer)
        return found

    def forget(self, sent: Any) -> None:  # noqa: B027 - most keep nothing
        """Remove what was sent, when it has been read."""


class Queued(Endpoint):
    """A queue with the interface of ``multiprocessing.Queue``."""

    def __init__(self, queue: Any) -> None:
        self._queue = queue

    def send(self, array: Array | None, consumer: Connection) -> Any:
        """Put it."""
        self._queue.put(array)

    def receive(self, producer: Connection) -> Received | None:
        """Get it."""
        array = self._queue.get()
        return None if array is None else (array, _nothing)


class Pickled(Queued):
    """The standard queue, whose thread pickles when :meth:`send` has returned."""

    hands_over = False


class Shared(Endpoint):
    """A new block of ``multiprocessing.shared_memory`` for each array."""

    def send(self, array: Array | None, consumer: Connection) -> Any:
        """Copy it to a new block."""
        if array is None:
            consumer.send(None)
            return None
        memory = SharedMemory(create=True, size=max(1, array.nbytes))
        np.ndarray(array.shape, array.dtype, memory.buf)[...] = array
        consumer.send((memory.name, array.shape, array.dtype))
        return memory

    def receive(self, producer: Connection) -> Received | None:
        """Attach to the block."""
        message = producer.recv()
        if message is None:
            return None
        name, shape, dtype = message
        memory = SharedMemory(name)
        return np.ndarray(shape, dtype, memory.buf), memory.close

    def forget(self, sent: Any) -> None:
        """Remove the block."""
        sent.close()
        sent.unlink()


class ByHand(Endpoint):
    """A file that the caller's own code writes and reads."""

    def __init__(self, directory: str) -> None:
        self._directory = directory

    def write(self, path: str, array: Array) -> None:
        """Write it as NumPy does."""
        try:
            np.save(path, array)
        except OSError as error:
            if error.errno is None:  # NumPy does not say why it wrote less
                raise OSError(errno.ENOSPC, f"{os.strerror(errno.ENOSPC)} ({error})") from error
            raise

    def read(self, path: str) -> Array:
        """Read it as NumPy does."""
        array: Array = np.load(path)
        return array

    def send(self, array: Array | None, consumer: Connection) -> Any:
        """Write a file."""
        path = None
        if array is not None:
            path = os.path.join(self._directory, f"{os.urandom(8).hex()}.npy")
            with files.naming_errors(path):
                self.write(path, array)
        consumer.send(path)
        return path

    def receive(self, producer: Connection) -> Received | None:
        """Read the file."""
        path = producer.recv()
        return None if path is None else (self.read(path), _nothing)

    def forget(self, sent: Any) -> None:
        """Remove the file."""
        files.remove(sent)


class Joblib(ByHand):
    """A file as joblib's processes write and map it for large arguments."""

    def prepare(self) -> None:
        """Import joblib."""
        _joblib()

    def write(self, path: str, array: Array) -> None:
        """Write it as joblib does."""
        _joblib().dump(array, path)

    def read(self, path: str) -> Array:
        """Map it as joblib does."""
        array: Array = _joblib().load(path, mmap_mode="r")
        return array


def _joblib() -> Any:
    try:
        import joblib  # noqa: PLC0415 - need not be installed
    except ImportError as error:
        raise MissingDependencyError(
            "the transport 'joblib' needs the package joblib: pip install joblib"
        ) from error
    return joblib


@contextlib.contextmanager
def _queue(directory: str, context: BaseContext) -> Iterator[Endpoint]:
    with Exchange(directory) as exchange:
        queue = exchange.queue(context=context)
        yield Queued(queue)
        queue.close()


@contextlib.contextmanager
def _pickle(context: BaseContext) -> Iterator[Endpoint]:
    queue: Any = context.Queue()
    yield Pickled(queue)
    queue.close()
    queue.join_thread()


def _ray() -> Endpoint:
    from filexchange.benchmark.measuring.raystore import RayStore  # noqa: PLC0415 - it builds on this module

    return RayStore()


_Maker = Callable[[str, BaseContext], contextlib.AbstractContextManager[Endpoint]]
_MAKERS: dict[str, _Maker] = {
    "queue": _queue,
    "pickle": lambda _, context: _pickle(context),
    "shared_memory": lambda *_: contextlib.nullcontext(Shared()),
    "np.save": lambda directory, _: contextlib.nullcontext(ByHand(directory)),
    "joblib": lambda directory, _: contextlib.nullcontext(Joblib(directory)),
    "ray": lambda *_: contextlib.nullcontext(_ray()),
}
_WITHOUT_FILES = {"pickle", "shared_memory", "ray"}

#: All transports. ``queue`` is this package's; ``pickle`` the standard library's.
TRANSPORTS = tuple(_MAKERS)

#: Those that need no other package, and no seconds to start.
DEFAULT_TRANSPORTS = ("queue", "pickle", "shared_memory", "np.save")


def check_transport(name: str) -> str:
    """Return the name of a transport.

    Raises
    ------
    UnsupportedOptionError
        If it is none.
    """
    if name not in _MAKERS:
        raise UnsupportedOptionError(
            f"there is no transport {name!r}: choose of {', '.join(TRANSPORTS)}"
        )
    return name


def needs_directory(name: str) -> bool:
    """Return whether a transport has files in a directory of one's choice."""
    return name not in _WITHOUT_FILES


def endpoint(
    name: str, directory: str, context: BaseContext
) -> contextlib.AbstractContextManager[Endpoint]:
    """Make both ends of a transport, for processes of `context`."""
    return _MAKERS[name](directory, context)
