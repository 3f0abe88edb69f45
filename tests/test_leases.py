"""Leases: a segment stays as it is as long as a message or a view of it is anywhere."""

import gc
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import filexchange as fx
from filexchange import leases, segments
from filexchange.errors import ArrayNotFoundError
from filexchange.leases import lease_of

pytestmark = pytest.mark.usefixtures("base")

fcntl: Any = pytest.importorskip("fcntl", reason="leases are locks of Unix")

N = 100_000


def full(value: int) -> np.ndarray:
    return np.full(N, value, np.uint8)


def named_claims(ex: fx.Exchange) -> dict[str, int]:
    """Return the inodes that messages under way have, by the names that these are."""
    directory = os.path.join(ex.directory, "claims")
    return {name: os.stat(os.path.join(directory, name)).st_ino for name in os.listdir(directory)}


def claims(ex: fx.Exchange) -> set[int]:
    """Return the inodes that messages under way have."""
    return set(named_claims(ex).values())


def inode(array: Any) -> int:
    """Return the inode of the segment that an array is in."""
    found = lease_of(array)
    assert found is not None
    return os.stat(found[0].path).st_ino


def reuses(ex: fx.Exchange, segment: int) -> bool:
    """Return whether a segment is among those that are written again, and not made anew."""
    before, known = named_claims(ex), ex.stats().segments
    messages = [ex.pack(full(99))]
    while ex.stats().segments == known and len(messages) < 20:
        messages.append(ex.pack(full(99)))
    written = [found for name, found in named_claims(ex).items() if name not in before]
    for message in messages:
        ex.unpack(message)
    return segment in written


def test_segment_is_written_again_when_claim_and_all_leases_are_gone() -> None:
    with fx.Exchange() as ex:
        message = ex.pack(full(1))
        (first,) = claims(ex)
        assert not reuses(ex, first)  # claimed
        view = ex.unpack(message)
        assert claims(ex) == set()
        assert not reuses(ex, first)  # leased
        assert (view == 1).all()
        del view
        assert reuses(ex, first)


VIEWS: dict[str, Callable[[Any], Any]] = {
    "itself": lambda a: a,
    "slice": lambda a: a[10:20],
    "element as 0-d array": lambda a: a[5, ...],
    "steps": lambda a: a[::-7],
    "reshape": lambda a: a.reshape(100, -1),
    "transpose": lambda a: a.reshape(100, -1).T,
    "other dtype": lambda a: a.view("i4"),
    "view of a view of a view": lambda a: a[10:].reshape(2, -1)[1][::2],
    "asarray": np.asarray,
    "base class": lambda a: a.view(np.ndarray),
    "memoryview": memoryview,
    "slice of a memoryview": lambda a: memoryview(a)[5:50],
    "array of a memoryview": lambda a: np.frombuffer(memoryview(a), np.uint8),
    "from_dlpack": lambda a: np.from_dlpack(np.asarray(a[1:])),
    "strided": lambda a: np.lib.stride_tricks.sliding_window_view(a, 3),
    "iterator over rows": lambda a: list(a.reshape(10, -1))[3],
    "flat": lambda a: a.flat,
    "broadcast": lambda a: np.broadcast_to(a[:9], (3, 9)),
}


@pytest.mark.parametrize("kind", VIEWS)
def test_any_view_keeps_the_lease_and_the_last_one_frees_it(kind: str) -> None:
    with fx.Exchange() as ex:
        if kind == "from_dlpack":  # NumPy exports no read-only array that way before 2.1
            pytest.importorskip("numpy", "2.1")
        received = ex.unpack(ex.pack(full(7)))
        segment = inode(received)
        view = VIEWS[kind](received)
        other = received[-1:]
        del received
        gc.collect()
        assert not reuses(ex, segment)
        del other
        assert not reuses(ex, segment)
        assert {int(each) for each in np.asarray(view).view(np.uint8).ravel()[:100]} == {7}
        del view
        assert reuses(ex, segment)


@pytest.mark.parametrize("mode", ["r", "c"])
def test_arrays_of_one_message_share_a_segment_until_the_last_is_gone(mode: Any) -> None:
    with fx.Exchange(inline_below=1) as ex:
        message = ex.pack([full(1)[::2], {"b": full(2)[::2]}])
        (segment,) = claims(ex)
        first, rest = ex.unpack(message, mode=mode)
        del first
        assert not reuses(ex, segment)
        assert (rest["b"] == 2).all()
        rest.clear()
        assert reuses(ex, segment)


def test_copies_keep_nothing() -> None:
    with fx.Exchange() as ex:
        message = ex.pack(full(1))
        (segment,) = claims(ex)
        array = ex.unpack(message, mode="copy")
        assert reuses(ex, segment)
        assert (array == 1).all()


def test_each_receiver_of_a_broadcast_has_a_claim_and_a_lease_of_its_own() -> None:
    with fx.Exchange() as ex:
        queues = [ex.queue() for _ in range(3)]
        ex.broadcast(full(3), queues)
        (segment,) = claims(ex)
        assert ex.stats().claims == 3
        for left in (2, 1, 0):
            view = queues.pop().get(timeout=30)
            assert ex.stats().claims == left
            assert not reuses(ex, segment)
            assert (view == 3).all()
        del view
        assert reuses(ex, segment)


def test_message_is_unpacked_once() -> None:
    with fx.Exchange() as ex:
        message = ex.pack(full(1))
        ex.unpack(message)
        with pytest.raises(ArrayNotFoundError, match="once"):
            ex.unpack(message)


# Other processes.


def _receive(kept: dict[str, Any], ex: fx.Exchange, message: bytes, mode: Any = "r") -> int:
    kept["array"] = ex.unpack(message, mode=mode)
    return int(kept["array"][0])


def _values(kept: dict[str, Any]) -> set[int]:
    return set(np.unique(kept["array"]).tolist())


def _drop(kept: dict[str, Any]) -> None:
    kept.clear()


def _exit(kept: dict[str, Any]) -> None:
    os._exit(3)


def _send(kept: dict[str, Any], ex: fx.Exchange, value: int) -> bytes:
    return ex.pack(full(value))


def _forward(kept: dict[str, Any], ex: fx.Exchange) -> bytes:
    return ex.pack(kept["array"])


@pytest.mark.parametrize("mode", ["r", "c"])
@pytest.mark.parametrize("end", ["drops it", "os._exit", "kill -9", "ends"])
def test_reader_frees_a_segment_however_it_ends(end: str, mode: Any, companion: Any) -> None:
    with fx.Exchange() as ex:
        message = ex.pack(full(4))
        (segment,) = claims(ex)
        reader = companion()
        assert reader.call(_receive, ex, message, mode) == 4
        assert not reuses(ex, segment)
        assert reader.call(_values) == {4}
        if end == "drops it":
            reader.call(_drop)
        elif end == "os._exit":
            reader.begin(_exit)
            with pytest.raises(EOFError):
                reader.result()
            reader.join()
            assert reader.exitcode == 3
        elif end == "kill -9":
            reader.kill()
            assert reader.exitcode == -signal.SIGKILL
        else:
            reader.join()
            assert reader.exitcode == 0
        assert reuses(ex, segment)


@pytest.mark.parametrize("mode", ["r", "c"])
@pytest.mark.parametrize("end", ["drops it", "kill -9"])
def test_inherited_view_keeps_the_segment_after_the_parent_dropped_its_own(
    end: str, mode: Any, companion: Any
) -> None:
    with fx.Exchange() as ex:
        kept = {"array": ex.unpack(ex.pack(full(5)), mode=mode)[10:]}
        segment = inode(kept["array"])
        child = companion(kept)
        kept.clear()
        assert not reuses(ex, segment)
        assert child.call(_values) == {5}
        if end == "drops it":
            child.call(_drop)
        else:
            child.kill()
        assert reuses(ex, segment)


def test_child_that_drops_an_inherited_view_leaves_the_parents_lease(companion: Any) -> None:
    with fx.Exchange() as ex:
        kept = {"array": ex.unpack(ex.pack(full(5)))}
        child = companion(kept)
        child.call(_drop)
        assert not reuses(ex, inode(kept["array"]))
        child.join()
        assert not reuses(ex, inode(kept["array"]))
        assert _values(kept) == {5}


def test_child_of_a_killed_reader_keeps_its_view(companion: Any) -> None:
    with fx.Exchange() as ex:
        message = ex.pack(full(6))
        (segment,) = claims(ex)
        (waiting, go), (answers, answer) = os.pipe(), os.pipe()
        reader = companion()
        reader.call(_receive, ex, message)
        reader.call(_leave_a_child, waiting, go, answer)
        reader.kill()
        os.close(waiting)
        os.close(answer)
        assert not reuses(ex, segment)
        os.close(go)
        assert os.read(answers, 100) == b"[6]"
        assert os.read(answers, 100) == b""  # the child ends
        os.close(answers)
        _wait_for_all_leases(ex, segment)
        assert reuses(ex, segment)


def _wait_for_all_leases(ex: fx.Exchange, segment: int) -> None:
    (path,) = (
        each for each in Path(ex.directory).glob("pools/*/*") if os.stat(each).st_ino == segment
    )
    with open(path, "rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)


def _leave_a_child(kept: dict[str, Any], waiting: int, go: int, answer: int) -> None:
    if os.fork() == 0:
        os.close(go)
        os.read(waiting, 1)  # until the test has closed it, too
        os.write(answer, str(np.unique(kept["array"]).tolist()).encode())
        os._exit(0)


# What came out goes in again.


def test_array_that_came_out_is_put_again_by_a_claim_and_not_by_a_copy() -> None:
    with fx.Exchange(inline_below=1) as ex:
        array = ex.unpack(ex.pack([full(1)[::2], full(2)[::2]]))[1]
        again = ex.pack({"array": array})
        assert claims(ex) == {inode(array)}
        ref = ex.put(array)
        assert os.stat(ref.path).st_ino == inode(array)
        segment = inode(array)
        del array
        assert (ref[:] == 2).all()
        ex.release(ref)
        assert not reuses(ex, segment)
        assert (ex.unpack(again)["array"] == 2).all()
        assert reuses(ex, segment)


@pytest.mark.parametrize("cut", [np.s_[100:], np.s_[:10_000], np.s_[::2], np.s_[::-1]], ids=str)
def test_part_of_an_array_that_came_out_is_what_it_shows(cut: Any) -> None:
    with fx.Exchange(inline_below=1) as ex:
        array = ex.unpack(ex.pack(np.arange(N)))
        message = ex.pack(array[cut])
        is_dense = array[cut].flags.c_contiguous
        assert (claims(ex) == {inode(array)}) == is_dense
        assert np.array_equal(ex.unpack(message), np.arange(N)[cut])


def test_array_of_a_dead_producer_is_put_again_without_a_copy(companion: Any) -> None:
    with fx.Exchange() as ex:
        producer, reader = companion(), companion()
        array = ex.unpack(producer.call(_send, ex, 8))
        producer.kill()
        message = ex.pack(array)
        assert claims(ex) == {inode(array)}
        assert len(ex.sweep()) == 1  # the producer's segments lose their own names
        del array
        assert reader.call(_receive, ex, message) == 8
        assert reader.call(_values) == {8}


def test_array_whose_segment_has_been_swept_is_put_again(companion: Any) -> None:
    with fx.Exchange() as ex:
        producer, reader = companion(), companion()
        array = ex.unpack(producer.call(_send, ex, 8))
        producer.kill()
        ex.sweep()
        assert reader.call(_receive, ex, ex.pack(array)) == 8
        assert (ex.put(array)[:] == 8).all()
        assert reader.call(_values) == {8}


@pytest.mark.parametrize("way", ["pack", "put"])
def test_array_whose_segment_is_swept_while_it_is_put_is_put_all_the_same(
    way: str, companion: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    with fx.Exchange() as ex:
        producer = companion()
        array = ex.unpack(producer.call(_send, ex, 8))
        producer.kill()
        _interrupted(monkeypatch, leases.capabilities, "link_or_copy", ex.sweep)
        again = ex.put(array)[:] if way == "put" else ex.unpack(ex.pack(array))
        assert (again == 8).all()


def test_changed_copy_on_write_array_is_copied_when_it_is_put() -> None:
    with fx.Exchange() as ex:
        array = ex.unpack(ex.pack(full(1)), mode="c")
        array[:10] = 2
        message = ex.pack(array)
        assert claims(ex) != {inode(array)}
        received = ex.unpack(message)
        assert np.array_equal(received, array)
        assert set(np.unique(received[10:])) == {1}


def test_reader_who_passes_a_message_on_leaves_it_to_the_next(companion: Any) -> None:
    with fx.Exchange() as ex:
        first, second = companion(), companion()
        first.call(_receive, ex, ex.pack(full(9)))
        message = first.call(_forward, ex)
        (segment,) = claims(ex)
        first.kill()
        assert not reuses(ex, segment)
        assert second.call(_receive, ex, message) == 9
        assert not reuses(ex, segment)
        assert second.call(_values) == {9}
        second.call(_drop)
        assert reuses(ex, segment)


# The order of steps. Where a producer can come between two of them, it does here.


def _interrupted(
    monkeypatch: pytest.MonkeyPatch, module: Any, name: str, act: Callable[[], Any]
) -> None:
    """Let `act` happen just before the next call of a function."""
    function = getattr(module, name)

    def interrupted(*args: Any) -> Any:
        monkeypatch.setattr(module, name, function)
        act()
        return function(*args)

    monkeypatch.setattr(module, name, interrupted)


@pytest.mark.parametrize("mode", ["r", "c", "copy"])
def test_producer_that_comes_between_the_steps_of_a_reader_finds_no_free_segment(
    mode: Any,
) -> None:
    with fx.Exchange() as ex:
        ex.unpack(ex.pack(full(0)))  # what is made once is there
        message = ex.pack(full(1))
        written: list[bytes] = []

        def write(frame: Any, event: str, call: Any) -> None:
            # Around each of the system calls by which the reader opens, locks, maps and unlinks.
            if event in {"c_call", "c_return"} and call.__module__ in {"posix", "fcntl"}:
                written.append(ex.pack(full(2)))

        sys.setprofile(write)
        try:
            array = ex.unpack(message, mode=mode)
        finally:
            sys.setprofile(None)
        assert len(written) > 6
        assert set(np.unique(array)) == {1}
        for each in written:
            assert set(np.unique(ex.unpack(each))) == {2}


def test_reader_that_passes_on_while_the_producer_looks_keeps_the_segment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with fx.Exchange() as ex:
        views = [ex.unpack(ex.pack(full(1)))]
        passed: list[bytes] = []

        def pass_on() -> None:
            # The producer has seen one name; now there are two, and no lease.
            passed.append(ex.pack(views.pop()))

        _interrupted(monkeypatch, segments.capabilities, "try_lock_alone", pass_on)
        other = ex.unpack(ex.pack(full(2)))
        assert len(passed) == 1
        assert set(np.unique(ex.unpack(passed[0]))) == {1}
        assert set(np.unique(other)) == {2}


# Many.

_MANY = """
import os, resource, sys
import numpy as np
import filexchange as fx

soft, hard = map(int, sys.argv[1:])
resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
with fx.Exchange(capacity=1 << 40, inline_below=1) as ex:
    array = np.zeros(8 << 10)
    alive = []
    for number in range(10_000):
        array[[0, -1]] = number
        alive.append(ex.unpack(ex.pack(array)))
    assert ex.stats().leases == 10_000
    assert all(a[0] == a[-1] == number for number, a in enumerate(alive))
    del alive[::2]
    array[:] = -1  # what comes now is written to where these were
    alive.extend(ex.unpack(ex.pack(array)) for _ in range(1000))
    numbers = [*range(1, 10_000, 2), *[-1] * 1000]
    assert all(a[0] == a[-1] == number for number, a in zip(numbers, alive, strict=True))
    alive.clear()
    ex.sweep()
    assert ex.stats()[:5] == (0, 0, 0, 0, 0), ex.stats()
    opened = len(os.listdir("/proc/self/fd"))
    assert opened < 20, opened
"""


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="counts what /proc tells")
@pytest.mark.parametrize("limits", ["soft 1024", "hard 1024"])
def test_ten_thousand_arrays_are_alive_at_once(limits: str) -> None:
    import resource

    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    numbers = {"soft 1024": (1024, hard), "hard 1024": (1024, 1024)}
    env = {name: value for name, value in os.environ.items() if name != "FILEXCHANGE_DIR"}
    arguments = [str(number) for number in numbers[limits]]
    subprocess.run([sys.executable, "-c", _MANY, *arguments], check=True, env=env)


def test_descriptors_of_a_producer_are_few_however_many_segments_are_under_way() -> None:
    with fx.Exchange() as ex:
        before = len(os.listdir("/dev/fd"))
        messages = [ex.pack(full(number % 100)) for number in range(1000)]
        assert len(os.listdir("/dev/fd")) - before < 300
        for number, message in enumerate(messages):
            assert ex.unpack(message)[-1] == number % 100
