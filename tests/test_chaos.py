"""Producers and consumers that are killed at random: what arrives is right, and nothing is left.

``FILEXCHANGE_CHAOS_SECONDS=60 pytest -rP tests/test_chaos.py`` takes longer and shows its figures.
"""

import itertools
import multiprocessing
import os
import pickle
import random
import select
import signal
import socket
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

import filexchange as fx
from filexchange import capabilities, sweeping

pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="sockets of whole messages are Linux's"
)

SECONDS = float(os.environ.get("FILEXCHANGE_CHAOS_SECONDS", "5"))
PRODUCERS, CONSUMERS = 3, 3
CAPACITY = 256 << 20
FEWEST_WORDS, MOST_WORDS = (64 << 10) // 8, (2 << 20) // 8
MOST_ARRAYS = 3
STOP = b"stop"

_WORDS = np.random.default_rng(0).integers(1 << 63, size=MOST_WORDS, dtype=np.uint64)


def content(seed: int, words: int) -> np.ndarray:
    """Return words each of which tells the seed."""
    return _WORDS[:words] + np.uint64(seed)


def is_right(message: dict[str, Any]) -> bool:
    """Return whether every word of every array is what its seed tells."""
    return all(
        np.array_equal(array, content(seed, array.size)) for seed, array in message["arrays"]
    )


class Report(NamedTuple):
    """What a participant tells the supervisor, in one piece."""

    sender: int
    number: int
    what: str


class Wires(NamedTuple):
    """Sockets that carry whole messages, and have no locks that a killed process would keep."""

    lanes: list[tuple[socket.socket, socket.socket]]
    reports: tuple[socket.socket, socket.socket]

    def tell(self, sender: int, number: int, what: str) -> None:
        self.reports[1].send(pickle.dumps(Report(sender, number, what)))

    def close(self) -> None:
        for pair in (*self.lanes, self.reports):
            for each in pair:
                each.close()


def _wires() -> Wires:
    def pair() -> tuple[socket.socket, socket.socket]:
        return socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)

    lanes = [pair() for _ in range(CONSUMERS)]
    for sending, _ in lanes:
        sending.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 16 << 10)
    return Wires(lanes, pair())


def _telling(function: Any) -> Any:
    """Let a participant tell its errors."""

    def told(ex: fx.Exchange, wires: Wires, identity: int, *args: Any) -> None:
        try:
            function(ex, wires, identity, *args)
        except BaseException as error:
            wires.tell(identity, -1, f"{function.__name__} failed: {error!r}")
            raise

    return told


@_telling
def _produce(ex: fx.Exchange, wires: Wires, identity: int) -> None:
    chance = random.Random(identity)
    for number in itertools.count():
        arrays = []
        for _ in range(chance.choice([1, 1, 1, 2, MOST_ARRAYS])):
            seed = chance.getrandbits(62)
            words = int(FEWEST_WORDS * (MOST_WORDS / FEWEST_WORDS) ** chance.random())
            array = content(seed, words)
            if chance.random() < 0.2:
                filled = ex.empty(words, np.uint64, timeout=60)
                filled[:] = array
                array = filled
            arrays.append((seed, array))
        message = {"sender": identity, "number": number, "arrays": arrays}
        packed = ex.pack(message, timeout=60)
        chance.choice(wires.lanes)[0].send(packed)
        wires.tell(identity, number, "sent")


@_telling
def _consume(ex: fx.Exchange, wires: Wires, identity: int, place: int) -> None:
    chance = random.Random(identity)
    held: list[tuple[int, dict[str, Any]]] = []
    child: tuple[int, int, int] | None = None
    forwarded = itertools.count()
    for count in itertools.count():
        packed = wires.lanes[place][1].recv(1 << 16)
        if packed == STOP:
            break
        message = ex.unpack(packed)
        verdict = "received" if is_right(message) else "wrong when received"
        wires.tell(message["sender"], message["number"], verdict)
        if chance.random() < 0.1:
            _forward(ex, wires, identity, next(forwarded), message, chance)
        if chance.random() < 0.4:
            held.append((count + chance.randrange(1, 20), message))
        del message
        if child is None and held and chance.random() < 0.05:
            pid, told = _fork(wires, identity, held)
            held.clear()
            child = pid, told, count + chance.randrange(1, 10)
        elif child is not None and child[2] <= count:
            _release(*child[:2])
            child = None
        for due, message in held:
            if due <= count and not is_right(message):
                wires.tell(message["sender"], message["number"], "wrong when held")
            del message
        held = [each for each in held if each[0] > count]
    if child is not None:
        _release(*child[:2])
    if not all(is_right(message) for _, message in held):
        wires.tell(identity, -1, "wrong at the end")


def _forward(
    ex: fx.Exchange,
    wires: Wires,
    identity: int,
    number: int,
    message: dict[str, Any],
    chance: random.Random,
) -> None:
    """Pass a message on to some consumer, unless that has enough to do."""
    packed = ex.pack({**message, "sender": identity, "number": number}, timeout=60)
    try:
        chance.choice(wires.lanes)[0].send(packed, socket.MSG_DONTWAIT)
    except BlockingIOError:
        ex.unpack(packed)
    else:
        wires.tell(identity, number, "sent")


def _fork(wires: Wires, identity: int, held: list[tuple[int, dict[str, Any]]]) -> tuple[int, int]:
    """Let a child look at what it inherits as soon as its parent closes a pipe, or is killed."""
    reading, told = os.pipe()
    pid = os.fork()
    if pid:
        os.close(reading)
        return pid, told
    try:
        os.close(told)
        os.read(reading, 1)
        right = all(is_right(message) for _, message in held)
        wires.tell(identity, -1, "inherited" if right else "wrong when inherited")
    finally:
        os._exit(0)


def _release(pid: int, told: int) -> None:
    os.close(told)
    os.waitpid(pid, 0)


class Supervisor:
    """Starts participants, kills them, and hears what they have to say."""

    def __init__(self, ex: fx.Exchange) -> None:
        self.ex = ex
        self.wires = _wires()
        self.kills = Counter[str]()
        self.told = Counter[str]()
        self.sent: set[tuple[int, int]] = set()
        self.received: Counter[tuple[int, int]] = Counter()
        self._identities = itertools.count()
        self._context: Any = multiprocessing.get_context("fork")
        self.producers = [self._start(_produce) for _ in range(PRODUCERS)]
        self.consumers = [self._start(_consume, place) for place in range(CONSUMERS)]

    def _start(self, function: Any, *args: Any) -> Any:
        process = self._context.Process(
            target=function, args=(self.ex, self.wires, next(self._identities), *args)
        )
        process.start()
        return process

    def hear(self, report: bytes) -> None:
        sender, number, what = pickle.loads(report)
        self.told[what] += 1
        if what == "sent":
            self.sent.add((sender, number))
        elif what == "received":
            self.received[sender, number] += 1

    def hear_until(self, end: float) -> None:
        while (left := end - time.monotonic()) > 0:
            ready, _, _ = select.select([self.wires.reports[0]], [], [], left)
            for each in ready:
                self.hear(each.recv(1 << 16))

    def kill(self, process: Any, kind: str) -> None:
        process.kill()
        process.join()
        assert process.exitcode == -signal.SIGKILL, "it had ended by itself"
        process.close()
        self.kills[kind] += 1

    def run(self, seconds: float, chance: random.Random) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.hear_until(time.monotonic() + chance.uniform(0.02, 0.15))
            place = chance.randrange(PRODUCERS + CONSUMERS)
            if place < PRODUCERS:
                self.kill(self.producers[place], "producers")
                self.producers[place] = self._start(_produce)
            else:
                place -= PRODUCERS
                self.kill(self.consumers[place], "consumers")
                self.consumers[place] = self._start(_consume, place)

    def stop(self) -> None:
        """Let all come to their end, and hear and read what is still under way."""
        for each in self.producers:
            self.kill(each, "producers")
        waiting = [sending for sending, _ in self.wires.lanes]
        reports, telling = self.wires.reports
        while waiting:
            ready, writable, _ = select.select([reports], waiting, [])
            for each in ready:
                self.hear(each.recv(1 << 16))
            for each in writable:
                try:
                    each.send(STOP, socket.MSG_DONTWAIT)
                except BlockingIOError:  # a consumer passed something on meanwhile
                    continue
                waiting.remove(each)
        telling.close()
        while report := reports.recv(1 << 16):  # until the last process has closed its end
            self.hear(report)
        for each in self.consumers:
            each.join()
            assert each.exitcode == 0
            each.close()
        for sending, receiving in self.wires.lanes:
            sending.close()
            while packed := receiving.recv(1 << 16):
                message = self.ex.unpack(packed)
                assert is_right(message)
                self.received[message["sender"], message["number"]] += 1
                del message

    def end(self) -> None:
        """Kill what is left where something went wrong."""
        for each in multiprocessing.active_children():
            each.kill()
            each.join()
        self.wires.close()


@pytest.fixture
def base(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    memory = capabilities.shared_memory_dir()
    roomy = memory is not None and capabilities.free_bytes(memory) > 2 << 30
    with tempfile.TemporaryDirectory(dir=memory if roomy else tmp_path) as directory:
        monkeypatch.setenv("FILEXCHANGE_DIR", directory)
        yield Path(directory)


def test_what_arrives_is_right_whoever_is_killed(base: Path) -> None:
    with fx.Exchange(capacity=CAPACITY, inline_below=1) as ex:
        supervisor = Supervisor(ex)
        try:
            supervisor.run(SECONDS, random.Random(0))
            supervisor.stop()
        finally:
            supervisor.end()
        ex.sweep()
        found = sweeping.facts(ex.directory)
    received, kills = supervisor.received, supervisor.kills
    lost = supervisor.sent - set(received)
    print(  # noqa: T201 - what a long run is for
        f"\nkilled {kills['producers']} producers and {kills['consumers']} consumers; "
        f"{received.total()} messages received, {len(lost)} lost; {dict(supervisor.told)}; "
        f"{found.claims} claims of {found.nbytes >> 10} KiB were nobody's any more"
    )
    assert set(supervisor.told) <= {"sent", "received", "inherited"}
    assert set(received.values()) == {1}
    # A consumer that was killed takes the one message with it that it was dealing with.
    assert len(lost) <= kills["consumers"]
    assert (found.pools, found.segments, found.leases, found.held) == (0, 0, 0, 0)
    # Who is killed between a claim and its end leaves it to the end of the exchange.
    assert found.claims <= MOST_ARRAYS * kills.total()
    assert list(base.rglob("*")) == [base / f"filexchange-{os.getuid()}"]
