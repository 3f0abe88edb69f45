"""Messages between processes: any picklable object, with its large arrays left in files.

::

    pack     arrays ── sender ──> files       the rest ── pickle ──> bytes, with their places
    unpack   arrays <─ receiver ─ files       the rest <── pickle ── bytes, with their places

Messages are pickled, as everything that ``multiprocessing`` carries: unpack only what your own
processes have packed.
"""

import io
import pickle
from collections.abc import Sequence
from typing import Any, Protocol, TypeAlias

import numpy as np

from filexchange.aliases import Array, DType, Order, Shape
from filexchange.dtypes import is_plain
from filexchange.received import ReceivedArray

#: Arrays smaller than this many bytes are cheaper inside the message.
INLINE_BELOW = 64 << 10

#: Where arrays are, for one receiver: one place each. What a place is, is between the sender and
#: the receiver.
Sent: TypeAlias = list[Any]

_ARRAY_TYPES = (np.ndarray, np.memmap, ReceivedArray)


class Sender(Protocol):
    """Puts arrays into files."""

    def send(self, arrays: Sequence[Array], receivers: int) -> list[Sent]:
        """Write arrays, and return for each receiver where they are."""


class Receiver(Protocol):
    """Gets arrays from files."""

    def receive(self, sent: Sent) -> Sequence[Array]:
        """Return what was sent: for each array its bytes, or itself, whatever the sender is."""

    def inline(self, data: bytes) -> Any:
        """Return a buffer of bytes that came inside a message."""


def pack(obj: Any, sender: Sender, *, receivers: int = 1, inline_below: int) -> list[bytes]:
    """Return a message with `obj` for each of `receivers`.

    Parameters
    ----------
    obj : object
        Anything picklable. An array that occurs twice in it is sent once, and so are the buffers
        of other objects that pickle protocol 5 exposes. What no file can hold (object dtypes,
        masked arrays) is pickled like other objects.
    sender : Sender
    receivers : int, optional
        How many messages are wanted; the files are written once for all of them.
    inline_below : int
        Arrays of fewer bytes stay inside the message.
    """
    stream = io.BytesIO()
    pickler = _Pickler(stream, inline_below)
    pickler.dump(obj)
    if not pickler.sent:
        return [b"\0" + stream.getvalue()] * receivers
    body = stream.getvalue()
    sent = sender.send(pickler.sent, receivers)
    return [_frame(each, pickler.buffers, body) for each in sent]


def _frame(sent: Sent, buffers: list[int], body: bytes) -> bytes:
    head = pickle.dumps((sent, buffers), protocol=5)
    return b"".join((b"\1", len(head).to_bytes(4, "little"), head, body))


def _unframe(message: bytes) -> tuple[Sent, list[int], memoryview]:
    view = memoryview(message)
    if view[:1] == b"\0":
        return [], [], view[1:]
    size = int.from_bytes(view[1:5], "little")
    sent, buffers = pickle.loads(view[5 : 5 + size])  # noqa: S301 - see the module's docstring
    return sent, buffers, view[5 + size :]


def unpack(message: bytes, receiver: Receiver) -> Any:
    """Return the object that :func:`pack` packed, its arrays as `receiver` gives them."""
    sent, buffers, body = _unframe(message)
    arrays = receiver.receive(sent) if sent else []
    return _Unpickler(body, receiver, arrays, buffers).load()


def places(message: bytes) -> Sent:
    """Return where the arrays of a message are."""
    return _unframe(message)[0]


class _Pickler(pickle.Pickler):
    """Collects the large arrays, and leaves their numbers in the stream."""

    def __init__(self, stream: io.BytesIO, inline_below: int) -> None:
        super().__init__(stream, protocol=5, buffer_callback=self._take_buffer)
        self._inline_below = inline_below
        self.sent: list[Array] = []
        self.buffers: list[int] = []

    def reducer_override(self, obj: Any) -> Any:
        if type(obj) not in _ARRAY_TYPES or not is_plain(obj.dtype):
            return NotImplemented
        order: Order = "F" if obj.flags.fnc else "C"
        kind = _kind(obj.dtype)
        if obj.nbytes < self._inline_below:
            return _array, (obj.tobytes(order), kind, obj.shape, order)
        self.sent.append(obj)
        return _array, (len(self.sent) - 1, kind, obj.shape, order)

    def _take_buffer(self, buffer: pickle.PickleBuffer) -> bool:
        """Take the buffer of another object, or leave it in the stream."""
        data = buffer.raw()
        if data.nbytes < self._inline_below:
            return True
        self.buffers.append(len(self.sent))
        self.sent.append(np.frombuffer(data, np.uint8))
        return False


class _Unpickler(pickle.Unpickler):
    def __init__(
        self, body: memoryview, receiver: Receiver, arrays: Sequence[Array], buffers: list[int]
    ) -> None:
        super().__init__(
            io.BytesIO(body), buffers=[np.asarray(arrays[number]) for number in buffers]
        )
        self._receiver = receiver
        self._arrays = arrays

    def find_class(self, module: str, name: str, /) -> Any:
        if name == "_array" and module == __name__:
            return self._array
        return super().find_class(module, name)

    def _array(self, where: int | bytes, kind: Any, shape: Shape, order: Order) -> Array:
        if isinstance(where, bytes):
            data: Any = self._receiver.inline(where)
        else:
            data = self._arrays[where]
            if data.shape == shape and data.dtype == kind:  # the format has told both
                return _as_received(data)
        return _as_received(np.ndarray(shape, kind, data, order=order))


def _as_received(array: Array) -> Array:
    return array if array.flags.writeable else array.view(ReceivedArray)


def _array(*_: Any) -> Any:
    raise pickle.UnpicklingError("a message of filexchange: unpack it with Exchange.unpack")


def _kind(dtype: DType) -> Any:
    """Return what pickles small, where a dtype has a name."""
    return dtype.str if dtype.isbuiltin == 1 and dtype.names is None and not dtype.metadata else dtype
