"""The queue of an exchange: multiprocessing.Queue's interface, arrays by file."""

import dataclasses
import multiprocessing
import pickle
import queue
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import filexchange as fx
from filexchange import message
from filexchange.errors import ExchangeClosedError, ExchangeError, UnsupportedOptionError
from filexchange.message import Sent
from filexchange.testing import ARRAYS, REFUSED, assert_same

pytestmark = pytest.mark.usefixtures("base")

FORMATS = ["npy", "raw", "npz", "hdf5", "zarr", "auto"]


@dataclasses.dataclass
class Frame:
    image: Any
    time: float


@pytest.mark.parametrize("format", FORMATS)
def test_every_array_comes_out_of_the_queue_equal(format: str, tmp_path: Path) -> None:
    with fx.Exchange(inline_below=1) as ex:
        frames = ex.queue(format=format)
        for make in ARRAYS.values():
            array = make(tmp_path)
            frames.put(array)
            received = frames.get()
            assert_same(np.asarray(received).view(np.ndarray), np.asarray(array).view(np.ndarray))
            if type(array) is np.ndarray:
                assert not received.flags.writeable
                assert isinstance(received, fx.ReceivedArray)
        _close(frames)
        assert ex.stats().claims == 0


@pytest.mark.parametrize("kind", ["object", "masked", "StringDType"])
def test_array_that_no_file_holds_is_pickled(kind: str) -> None:
    array = REFUSED[kind]()
    with fx.Exchange() as ex:
        frames = ex.queue()
        frames.put({"array": array})
        received = frames.get()["array"]
        assert type(received) is type(array)
        assert received.tolist() == array.tolist()
        _close(frames)


def test_arrays_anywhere_in_an_object_go_by_file() -> None:
    with fx.Exchange(inline_below=1) as ex:
        frames = ex.queue()
        shared = np.arange(5)
        frames.put([Frame(np.ones((2, 3)), 0.5), {"a": (shared, shared)}, "text", None])
        assert (ex.stats().claims, ex.stats().segments) == (1, 1)
        frame, nested, text, nothing = frames.get()
        assert_same(frame.image, np.ones((2, 3)))
        assert (frame.time, text, nothing) == (0.5, "text", None)
        assert_same(nested["a"][0], shared)
        assert nested["a"][0] is nested["a"][1]
        assert ex.stats().claims == 0
        _close(frames)


def test_references_travel_as_references() -> None:
    with fx.Exchange() as ex:
        frames = ex.queue()
        ref = ex.put(np.arange(10))
        frames.put(ref.part[2:])
        received = frames.get()
        assert received == ref.part[2:]
        assert_same(received[...], np.arange(2, 10))
        assert_same(ref.load(), np.arange(10))
        _close(frames)


def test_a_message_is_small_however_large_its_array() -> None:
    with fx.Exchange() as ex:
        frames = ex.queue()
        frames.put(np.zeros(4 << 20, "u1"))
        assert len(frames._channel.get()) < 600
        _close(frames)


def test_full_queue_keeps_nothing_of_what_it_refused() -> None:
    with fx.Exchange(inline_below=1) as ex:
        frames = ex.queue(1)
        frames.put(np.zeros(10))
        for put in (
            lambda: frames.put(np.ones(10), block=False),
            lambda: frames.put(np.ones(10), timeout=0.01),
            lambda: frames.put_nowait(np.ones(10)),
        ):
            with pytest.raises(queue.Full):
                put()
        assert ex.stats().claims == 1
        assert frames.full()
        assert frames.qsize() == 1
        assert_same(frames.get(timeout=30), np.zeros(10))
        for get in (frames.get_nowait, lambda: frames.get(timeout=0.01)):
            with pytest.raises(queue.Empty):
                get()
        assert frames.empty()
        _close(frames)


def test_object_that_cannot_be_pickled_is_the_callers_error_and_leaves_nothing() -> None:
    with fx.Exchange() as ex:
        frames = ex.queue()
        with pytest.raises((TypeError, AttributeError, pickle.PicklingError)):
            frames.put([np.zeros(3), lambda: None])
        assert ex.stats().claims == 0
        _close(frames)


def test_closed_queue_and_ended_exchange_say_so() -> None:
    with fx.Exchange(inline_below=1) as ex:
        frames = ex.queue()
        frames.close()
        with pytest.raises(ValueError, match="closed"):
            frames.put(np.zeros(3))
        frames.join_thread()
        late = ex.queue()
        late.put(np.zeros(3))
    with pytest.raises(ExchangeClosedError):
        late.get(timeout=30)
    with pytest.raises(ExchangeClosedError):
        late.put(np.zeros(3))
    _close(late)


def test_message_cannot_name_a_file_outside_the_exchange(tmp_path: Path) -> None:
    ref = fx.save(tmp_path / "precious.npy", np.arange(3))
    with fx.Exchange() as ex:
        frames = ex.queue()
        for place in (ref, ("../../../precious.npy", "x", 128, 24)):
            forged = message.pack(np.zeros(3), _Forger(place), inline_below=1)
            frames._channel.put(*forged)
            with pytest.raises(ExchangeError, match="not a file of the exchange"):
                frames.get(timeout=30)
        _close(frames)
    assert_same(ref.load(), np.arange(3))


@pytest.mark.parametrize("method", ["spawn", "forkserver", "fork"])
def test_producers_and_consumers_in_processes(method: str) -> None:
    context: Any = multiprocessing.get_context(method)
    with fx.Exchange() as ex:
        frames, sums = ex.queue(4, context=context), ex.queue(context=context)
        producers = [context.Process(target=_produce, args=(frames, start)) for start in (0, 100)]
        consumers = [context.Process(target=_consume, args=(frames, sums)) for _ in range(2)]
        for process in producers + consumers:
            process.start()
        for process in producers:
            process.join()
        for _ in consumers:
            frames.put(None)
        received = dict(sums.get(timeout=60) for _ in range(20))
        for process in producers + consumers:
            process.join()
            assert process.exitcode == 0
            process.close()
        assert received == {
            i: float(np.full((64, 64), i).sum()) for i in (*range(10), *range(100, 110))
        }
        assert ex.stats().claims == 0
        _close(frames, sums)


def _produce(frames: Any, start: int) -> None:
    for i in range(start, start + 10):
        frames.put({"index": i, "image": np.full((64, 64), i)})


def _consume(frames: Any, sums: Any) -> None:
    for frame in iter(frames.get, None):
        sums.put((frame["index"], float(frame["image"].sum())))


@pytest.mark.parametrize("mode", ["r", "c", "copy"])
@pytest.mark.parametrize("format", ["npy", "npz", "hdf5"])
def test_mode_says_how_arrays_arrive(mode: Any, format: str) -> None:
    with fx.Exchange() as ex:
        frames = ex.queue(mode=mode, format=format)
        for array in (np.zeros(10), np.zeros(100_000)):
            frames.put(array)
            frames.put(array)
            received, read_only = frames.get(timeout=60), frames.get(timeout=60, mode="r")
            assert not read_only.flags.writeable
            assert received.flags.writeable == (mode != "r")
            if mode != "r":
                received += 1
            assert_same(np.asarray(read_only), array)
        with pytest.raises(UnsupportedOptionError):
            frames.get(mode="rw")  # type: ignore[arg-type]
        _close(frames)


def test_broadcast_writes_once_for_all_receivers() -> None:
    with fx.Exchange() as ex:
        queues = [ex.queue(maxsize=1) for _ in range(4)]
        ex.broadcast({"x": np.ones(100_000)}, queues)
        assert (ex.stats().segments, ex.stats().claims) == (1, 4)
        received = [each.get(timeout=60)["x"] for each in queues]
        assert (ex.stats().claims, ex.stats().leases) == (0, 1)
        assert [float(each.sum()) for each in received] == [100_000.0] * 4
        queues[2].put("in the way")
        with pytest.raises(queue.Full):
            ex.broadcast(np.ones(100_000), queues, block=False)
        assert ex.stats().claims == 2
        _close(*queues)


def test_broadcast_is_for_queues_of_the_exchange() -> None:
    with fx.Exchange() as ex, fx.Exchange() as other:
        stranger = other.queue()
        with pytest.raises(ExchangeError, match="not a queue of the exchange"):
            ex.broadcast(1, [stranger])
        _close(stranger)


def test_many_small_arrays_and_large_objects_go_through() -> None:
    with fx.Exchange() as ex:
        frames = ex.queue()
        message = {"small": [np.full(1000, i) for i in range(100)], "text": "x" * 1_000_000}
        frames.put(message)
        received = frames.get(timeout=60)
        assert received["text"] == message["text"]
        for array, expected in zip(received["small"], message["small"], strict=True):
            assert_same(np.asarray(array), expected)
        _close(frames)


def test_message_with_very_many_arrays_goes_through_or_leaves_nothing() -> None:
    with fx.Exchange(inline_below=1) as ex:
        frames = ex.queue(maxsize=1)
        message = [np.full(2, number) for number in range(20_000)]
        frames.put(message)
        with pytest.raises(queue.Full):
            frames.put(message, timeout=0.01)
        assert ex.stats().claims == 1 + 1  # of the arrays, and of the message that names them
        received = frames.get(timeout=60)
        assert [int(array[1]) for array in received] == list(range(20_000))
        assert ex.stats().claims == 0
        _close(frames)


def test_queue_needs_no_exchange_of_ones_own() -> None:
    first, second = fx.Queue(), fx.Queue(2)
    first.put(np.arange(100_000))
    second.put(first.get(timeout=60))
    assert_same(np.asarray(second.get(timeout=60)), np.arange(100_000))
    _close(first, second)


def test_queue_in_a_forked_child_uses_an_exchange_of_the_child() -> None:
    context: Any = multiprocessing.get_context("fork")
    frames = fx.Queue(context=context)
    receiving, sending = context.Pipe(duplex=False)
    child = context.Process(target=_send_default_lane, args=(sending,))
    child.start()
    assert receiving.recv() != frames._lane.path
    child.join()
    child.close()
    receiving.close()
    sending.close()
    _close(frames)


def _send_default_lane(connection: Any) -> None:
    own = fx.Queue()
    own.put(np.zeros(100_000))
    own.get(timeout=60)
    connection.send(own._lane.path)


class _Forger:
    """Sends nothing, and says what it is told to."""

    def __init__(self, place: Any) -> None:
        self.place = place

    def send(self, arrays: Any, receivers: int) -> list[Sent]:
        return [[self.place] * len(arrays)] * receivers


def _close(*queues: Any) -> None:
    for each in queues:
        each.close()
        each.join_thread()
