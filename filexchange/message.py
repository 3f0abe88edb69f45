"""Messages between processes: any picklable object, with its large arrays left in files.

::

    pack     arrays ── sender ──> files       the rest ── pickle ──> bytes, with their places
    unpack   arrays <─ receiver ─ files       the rest <── pickle ── bytes, with their places

Messages are pickled, as everything that ``multiprocessing`` carries: unpack only what your own
processes have packed.
"""

import io
import pickle
from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypeAlias

import numpy as np

from filexchange import files
from filexchange.aliases import Array, DType, Order, Shape
from filexchange.dtypes import is_plain
from filexchange.received import ReceivedArray, marked

#: Arrays smaller than this many bytes are cheaper inside the message.
INLINE_BELOW = 96 << 10

#: Where arrays are, for one receiver: one place each. What a place is, is between the sender and
#: the receiver.
Sent: TypeAlias = list[Any]

# What kind of message it is, at its end.
_ALONE, _WITH_ARRAYS, _ELSEWHERE = b"\0", b"\1", b"\2"
_SIZE_BYTES = 4


_ARRAY_TYPES = (np.ndarray, np.memmap, ReceivedArray)


class Sender(Protocol):
    """Puts arrays into files."""

    def send(self, arrays: Sequence[Array], receivers: int) -> list[Sent]:
        """Write arrays, and return for each receiver where they are."""


class Receiver(Protocol):
    """Gets arrays from files."""

    def receive(self, sent: Sent) -> Sequence[Array]:
        """Return what was sent: for each array its bytes, or itself, whatever the sender is."""

    def inline(self, data: bytes) -> bytes | bytearray:
        """Return the bytes that came inside a message, writable or not."""


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
    large = _Large(inline_below)
    _Pickler(stream, large).dump(obj)
    if not large.arrays:
        stream.write(_ALONE)
        return [stream.getvalue()] * receivers
    body = stream.getbuffer()
    return [
        b"".join((body, _tail(sent, large.buffers), _WITH_ARRAYS))
        for sent in sender.send(large.arrays, receivers)
    ]


def shorten(message: bytes, sender: Sender) -> bytes:
    """Return a short message that stands for a long one, which goes to a file."""
    (sent,) = sender.send([np.frombuffer(message, np.uint8)], 1)
    return _tail(sent, []) + _ELSEWHERE


# Behind the pickled object, which ends by itself, comes what tells where its arrays are, the bytes
# of that, and a mark. So nothing has to be moved to make room for it.


def _tail(sent: Sent, buffers: list[int]) -> bytes:
    head = pickle.dumps((sent, buffers), protocol=5)
    return head + len(head).to_bytes(_SIZE_BYTES, "little")


def _read_tail(message: bytes) -> tuple[Sent, list[int]]:
    if message.endswith(_ALONE):
        return [], []
    end = len(message) - _SIZE_BYTES - len(_WITH_ARRAYS)
    begin = end - int.from_bytes(message[end : end + _SIZE_BYTES], "little")
    sent, buffers = pickle.loads(memoryview(message)[begin:end])  # noqa: S301 - see the module's docstring
    return sent, buffers


def unpack(message: bytes, receiver: Receiver) -> Any:
    """Return the object that :func:`pack` packed, its arrays as `receiver` gives them."""
    sent, buffers = _read_tail(message)
    arrays = receiver.receive(sent) if sent else []
    if message.endswith(_ELSEWHERE):
        return unpack(arrays[0].tobytes(), receiver)

    has_arrays = False

    def rebuild(where: Any, kind: Any, shape: Shape, order: Order) -> Array:
        nonlocal has_arrays
        has_arrays = True
        data = arrays[where] if type(where) is int else receiver.inline(where)
        if isinstance(data, np.ndarray) and data.shape == shape and data.dtype == kind:
            return data  # its format has told both
        return np.ndarray(shape, kind, data, order=order)

    obj = _Unpickler(message, [arrays[number] for number in buffers], rebuild).load()
    return marked(obj) if has_arrays else obj


def places(message: bytes, receiver: Receiver) -> Sent:
    """Return where the arrays of a message are that is not unpacked; a long one is received."""
    sent, _ = _read_tail(message)
    if message.endswith(_ELSEWHERE):
        return places(receiver.receive(sent)[0].tobytes(), receiver)
    return sent


class _Large:
    """The arrays of a message that do not travel inside it, in the order in which they are met."""

    def __init__(self, inline_below: int) -> None:
        self.inline_below = inline_below
        self.arrays: list[Array] = []
        self.buffers: list[int] = []

    def take_buffer(self, buffer: pickle.PickleBuffer) -> bool:
        """Take the buffer of another object than an array, or return true to leave it inside."""
        data = buffer.raw()
        if data.nbytes < self.inline_below:
            return True
        self.buffers.append(len(self.arrays))
        self.arrays.append(np.frombuffer(data, np.uint8))
        return False


class _Pickler(pickle.Pickler):
    """Leaves the numbers of large arrays in the stream."""

    def __init__(self, stream: io.BytesIO, large: _Large) -> None:
        # Not a method of this object: it would refer to itself, and to the arrays until the
        # garbage collector comes.
        super().__init__(stream, protocol=5, buffer_callback=large.take_buffer)
        self._large = large

    def reducer_override(self, obj: Any) -> Any:
        if type(obj) not in _ARRAY_TYPES or not is_plain(obj.dtype):
            return NotImplemented
        order: Order = "F" if obj.flags.fnc else "C"
        kind = _kind(obj.dtype)
        if obj.nbytes < self._large.inline_below:
            return _array, (_bytes_of(obj, order), kind, obj.shape, order)
        self._large.arrays.append(obj)
        return _array, (len(self._large.arrays) - 1, kind, obj.shape, order)


class _Unpickler(pickle.Unpickler):
    """Lets `rebuild` make the arrays; it must not refer to this object, see `_Pickler`."""

    def __init__(
        self, message: bytes, buffers: Sequence[Array], rebuild: Callable[..., Array]
    ) -> None:
        super().__init__(io.BytesIO(message), buffers=buffers)
        self._rebuild = rebuild

    def find_class(self, module: str, name: str, /) -> Any:
        if name == "_array" and module == __name__:
            return self._rebuild
        return super().find_class(module, name)


def _array(*_: Any) -> Any:
    """Stand for an array in the stream."""
    raise pickle.UnpicklingError("a message of filexchange: unpack it with Exchange.unpack")


def _bytes_of(array: Array, order: Order) -> Any:
    """Return what pickles as the elements of an array, without a copy where it is contiguous."""
    if array.flags.c_contiguous or order == "F":
        return pickle.PickleBuffer(files.as_bytes(array).toreadonly())
    return array.tobytes()


def _kind(dtype: DType) -> Any:
    """Return what pickles small, where a dtype has a name."""
    return dtype.str if dtype.isbuiltin == 1 and not dtype.metadata else dtype
