"""Segments: preallocated files that one process writes again and again."""

import os
import queue
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import filexchange as fx
from filexchange import capabilities, pools
from filexchange.errors import ExchangeClosedError, ExchangeFullError, StorageFullError

pytestmark = pytest.mark.usefixtures("base")

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="segments are leased on Unix")

N = 100_000


def full(value: int) -> np.ndarray:
    return np.full(N, value, np.uint8)


def files_in(ex: fx.Exchange, directory: str = "pools") -> dict[Path, os.stat_result]:
    found = Path(ex.directory, directory).rglob("*.segment.npy")
    return {path: path.stat() for path in found}


# What is written without a copy.


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("way", ["put", "pack"])
def test_empty_is_published_without_a_copy_and_becomes_read_only(way: str, order: Any) -> None:
    with fx.Exchange() as ex:
        out = ex.empty((300, 400), "f4", order=order)
        (segment,) = files_in(ex).values()
        out[:] = np.arange(400)
        if way == "put":
            ref = ex.put(out)
            assert os.stat(ref.path).st_ino == segment.st_ino
            received = ref[:]
        else:
            message = ex.pack({"out": out})
            (claim,) = files_in(ex, "claims").values()
            assert claim.st_ino == segment.st_ino
            received = ex.unpack(message)["out"]
        assert len(files_in(ex)) == 1
        assert ex.stats().taken == 1
        assert received.flags.fnc == (order == "F")
        assert np.array_equal(received, np.broadcast_to(np.arange(400), (300, 400)))
        with pytest.raises(ValueError, match="read-only"):
            out[0, 0] = 1
        # It may be put again, by another claim.
        assert np.array_equal(ex.unpack(ex.pack(out)), received)
        assert len(files_in(ex)) == 1


CUTS: dict[str, Callable[[Any], Any]] = {
    "first half": lambda a: a[:50_000],
    "second half": lambda a: a[50_000:],
    "steps": lambda a: a[::2],
    "reversed": lambda a: a[::-1],
    "element": lambda a: a[7:8],
}


@pytest.mark.parametrize("kind", CUTS)
def test_part_of_a_writable_empty_is_copied(kind: str) -> None:
    with fx.Exchange(inline_below=1) as ex:
        out = ex.empty(N, np.uint8)
        out[:] = np.arange(N) % 251
        received = ex.unpack(ex.pack(CUTS[kind](out)))
        held = ex.put(CUTS[kind](out))
        expected = CUTS[kind](out).copy()
        out[:] = 0
        assert np.array_equal(received, expected)
        assert np.array_equal(held[:], expected)


def test_segment_of_an_empty_that_is_given_up_is_written_again() -> None:
    with fx.Exchange() as ex:
        out = ex.empty(N, np.uint8)
        kept = out[:10]
        del out
        ex.unpack(ex.pack(full(1)))
        assert ex.stats().segments == 2
        kept[:] = 3
        del kept
        messages = [ex.pack(full(value)) for value in (4, 5)]
        assert ex.stats().segments == 2
        assert [int(ex.unpack(each)[0]) for each in messages] == [4, 5]


# What they are on disk.


def test_message_with_a_thousand_arrays_takes_one_segment() -> None:
    with fx.Exchange() as ex:
        arrays = [np.full(100 << 10, number % 251, np.uint8) for number in range(1000)]
        message = ex.pack(arrays)
        assert (ex.stats().segments, ex.stats().claims) == (1, 1)
        received = ex.unpack(message)
        assert ex.stats().leases == 1
        for array, expected in zip(received, arrays, strict=True):
            assert np.array_equal(array, expected)


@pytest.mark.parametrize("nbytes", [1, 65 << 10, 1_000_000, 5_000_001])
def test_segments_have_no_holes(nbytes: int) -> None:
    with fx.Exchange(inline_below=1) as ex:
        ex.pack(np.zeros(nbytes, np.uint8))
        ex.put(np.zeros(nbytes, np.uint8))
        ex.empty(nbytes, np.uint8)
        found = files_in(ex).values()
        assert len(found) == 3
        for each in found:
            assert each.st_blocks * 512 >= each.st_size >= nbytes


def test_segment_is_an_npy_file() -> None:
    with fx.Exchange() as ex:
        array = np.arange(60_000.0).reshape(200, 300)
        assert np.array_equal(np.load(ex.put(array).path), array)
        message = ex.pack(array)
        ((path, _),) = files_in(ex, "claims").items()
        assert array.tobytes() in np.load(path).tobytes()
        ex.unpack(message)


# Capacity.

_ONE, _TWO = 1 << 20, 2 << 20
ROOM_FOR_TWO = 2 * _ONE + (64 << 10)


def _waiting(monkeypatch: pytest.MonkeyPatch, act: Callable[[], Any]) -> list[float]:
    """Let `act` happen when a pool begins to wait; return its pauses."""
    pauses: list[float] = []

    def sleep(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 1:
            act()

    clock = types.SimpleNamespace(monotonic=pools.time.monotonic, sleep=sleep)
    monkeypatch.setattr(pools, "time", clock)
    return pauses


def _mebibyte(value: int) -> np.ndarray:
    return np.full(_ONE, value, np.uint8)


def test_put_waits_for_a_reader_where_capacity_is_reached(monkeypatch: pytest.MonkeyPatch) -> None:
    with fx.Exchange(capacity=ROOM_FOR_TWO) as ex:
        views = [ex.unpack(ex.pack(_mebibyte(value))) for value in (1, 2)]
        pauses = _waiting(monkeypatch, lambda: views.pop(0))
        third = ex.unpack(ex.pack(_mebibyte(3)))
        assert len(pauses) == 1
        assert (views[0] == 2).all()
        assert (third == 3).all()
        assert ex.stats().segments == 2


def _receive(kept: dict[str, Any], ex: fx.Exchange, message: bytes) -> None:
    kept["array"] = ex.unpack(message)


def _drop(kept: dict[str, Any]) -> None:
    kept.clear()


@pytest.mark.parametrize("end", ["drops it", "is killed"])
def test_put_goes_on_when_a_reader_elsewhere_lets_go(
    end: str, companion: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    with fx.Exchange(capacity=ROOM_FOR_TWO) as ex:
        reader = companion()
        reader.call(_receive, ex, ex.pack(_mebibyte(1)))
        ref = ex.put(_mebibyte(2))
        act = reader.kill if end == "is killed" else lambda: reader.call(_drop)
        pauses = _waiting(monkeypatch, act)
        again = ex.put(_mebibyte(3))
        assert len(pauses) == 1
        assert (ref[:] == 2).all()
        assert (again[:] == 3).all()


def test_released_reference_makes_room(monkeypatch: pytest.MonkeyPatch) -> None:
    with fx.Exchange(capacity=ROOM_FOR_TWO) as ex:
        refs = [ex.put(_mebibyte(value)) for value in (1, 2)]
        pauses = _waiting(monkeypatch, lambda: ex.release(refs.pop()))
        assert (ex.put(_mebibyte(3))[:] == 3).all()
        assert len(pauses) == 1
        assert (refs[0][:] == 1).all()


def test_segments_of_other_sizes_make_room() -> None:
    with fx.Exchange(capacity=ROOM_FOR_TWO) as ex:
        for value in (1, 2):
            ex.unpack(ex.pack(full(value)))
        received = ex.unpack(ex.pack(np.ones(_TWO, np.uint8)))
        assert received.all()
        assert ex.stats().nbytes <= ROOM_FOR_TWO


@pytest.mark.parametrize("timeout", [0, 0.01])
def test_full_exchange_is_an_error_after_the_timeout(timeout: float) -> None:
    with fx.Exchange(capacity=ROOM_FOR_TWO) as ex:
        messages = [ex.pack(_mebibyte(value)) for value in (1, 2)]
        frames = ex.queue()
        for put in (
            lambda: ex.put(_mebibyte(3), timeout=timeout),
            lambda: ex.pack(_mebibyte(3), timeout=timeout),
            lambda: ex.empty(_ONE, np.uint8, timeout=timeout),
            lambda: frames.put(_mebibyte(3), timeout=timeout),
        ):
            with pytest.raises(ExchangeFullError, match="capacity") as caught:
                put()
            assert isinstance(caught.value, queue.Full)
            assert isinstance(caught.value, TimeoutError)
        assert ex.stats().claims == 2
        frames.close()
        frames.join_thread()
        assert [int(ex.unpack(each)[-1]) for each in messages] == [1, 2]
        assert (ex.put(_mebibyte(3), timeout=timeout)[:] == 3).all()


def test_array_larger_than_the_capacity_is_an_error_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with fx.Exchange(capacity=_ONE) as ex:
        pauses = _waiting(monkeypatch, lambda: None)
        for put in (ex.put, ex.pack):
            with pytest.raises(StorageFullError, match="capacity"):
                put(np.zeros(_TWO, np.uint8))
        with pytest.raises(StorageFullError, match="capacity"):
            ex.empty(_TWO, np.uint8)
        assert pauses == []
        assert ex.stats()[:5] == (0, 0, 0, 0, 0)


# Processes.


def _pool_of_a_message(ex: fx.Exchange, message: bytes) -> str:
    """Return the pool that the only message under way was written to, and take it."""
    ((_, claim),) = files_in(ex, "claims").items()
    (path,) = (path for path, each in files_in(ex).items() if each.st_ino == claim.st_ino)
    ex.unpack(message)
    return path.parent.name


def _send(kept: dict[str, Any], ex: fx.Exchange, value: int) -> bytes:
    return ex.pack(full(value))


def test_forked_child_writes_to_a_pool_of_its_own(companion: Any) -> None:
    with fx.Exchange() as ex:
        ours = _pool_of_a_message(ex, ex.pack(full(1)))
        view = ex.unpack(ex.pack(full(2)))
        child = companion()  # it inherits the pool, with segments that are free
        theirs = _pool_of_a_message(ex, child.call(_send, ex, 3))
        assert theirs != ours
        assert _pool_of_a_message(ex, ex.pack(full(4))) == ours
        assert _pool_of_a_message(ex, child.call(_send, ex, 5)) == theirs
        assert (view == 2).all()
        child.join()
        assert _pool_of_a_message(ex, ex.pack(full(6))) == ours


def test_parent_and_child_do_not_write_to_the_same_segments(companion: Any) -> None:
    with fx.Exchange() as ex:
        ex.unpack(ex.pack(full(0)))  # a free segment that both know
        child = companion()
        theirs = [child.call(_send, ex, 1) for _ in range(3)]
        ours = [ex.pack(full(2)) for _ in range(3)]
        assert ex.stats().segments == 6
        assert [set(np.unique(ex.unpack(each))) for each in theirs] == [{1}] * 3
        assert [set(np.unique(ex.unpack(each))) for each in ours] == [{2}] * 3


def test_child_that_outlives_its_parent_does_not_keep_the_parents_pool(companion: Any) -> None:
    with fx.Exchange() as ex:
        parent = companion()
        message = parent.call(_send, ex, 1)
        (waiting, go), (answers, answer) = os.pipe(), os.pipe()
        other = companion()
        other.call(_send_and_leave_a_child, ex, waiting, go, answer)
        os.close(waiting)
        os.close(answer)
        assert os.read(answers, 10) == b"here"
        assert ex.stats().segments == 2
        for each in (parent, other):
            each.kill()
        assert len(ex.sweep()) == 2  # though a child of one of them lives
        assert (ex.unpack(message) == 1).all()
        os.close(go)
        assert os.read(answers, 10) == b""
        os.close(answers)


def _send_and_leave_a_child(
    kept: dict[str, Any], ex: fx.Exchange, waiting: int, go: int, answer: int
) -> None:
    ex.unpack(ex.pack(full(1)))
    if os.fork() == 0:
        os.write(answer, b"here")
        os.close(go)
        os.read(waiting, 1)
        os._exit(0)


def test_segments_end_with_their_process_and_messages_do_not(companion: Any) -> None:
    with fx.Exchange() as ex:
        producer = companion()
        message = producer.call(_send, ex, 7)
        producer.join()
        assert ex.stats().segments == 0
        assert ex.sweep() == []
        assert (ex.unpack(message) == 7).all()


def test_producer_whose_exchange_has_ended_is_told_so(
    companion: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pools, "_KEPT_OPEN", 1)
    with fx.Exchange() as ex:
        producer = companion()
        for message in [producer.call(_send, ex, value) for value in range(3)]:
            ex.unpack(message)
    with pytest.raises(ExchangeClosedError):
        producer.call(_send, ex, 1)


# Where there are no leases.


def test_exchange_without_leases_carries_everything_in_fresh_files(
    companion: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(capabilities, "can_lease", lambda directory: False)
    with fx.Exchange(inline_below=1) as ex:
        other = companion()
        kept = []
        for value in range(20):
            kept.append(ex.unpack(ex.pack({"a": full(value), "b": [np.arange(value)]})))
            kept.append({"a": ex.unpack(other.call(_send, ex, value)), "b": [np.arange(value)]})
        for value, (ours, theirs) in enumerate(zip(kept[::2], kept[1::2], strict=True)):
            for each in (ours, theirs):
                assert np.array_equal(each["a"], full(value))
                assert np.array_equal(each["b"][0], np.arange(value))
        ref = ex.put(full(3))
        out = ex.empty(N, np.uint8)
        out[:] = 4
        published = ex.put(out)
        frames = ex.queue(mode="c")
        frames.put(kept[0]["a"])
        changed = frames.get(timeout=30)
        changed[:] = 9
        frames.close()
        frames.join_thread()
        assert not kept[0]["a"].any()
        assert (ref[:] == 3).all()
        assert (published[:] == 4).all()
        assert (ex.unpack(ex.pack(published[:])) == 4).all()
        assert ex.stats().reuse_rate == 0
        ex.release(ref)
        ex.release(published)
        del kept, ours, theirs, each, out, changed
        assert ex.stats()[:5] == (0, 0, 0, 0, 0)
