"""The process that reads."""

import signal
import time
from collections.abc import Mapping
from multiprocessing.connection import Connection
from typing import Any

import numpy as np

from filexchange import capabilities
from filexchange.benchmark.measuring import trees
from filexchange.benchmark.measuring.accesses import Selection, checksum, reopened, touch
from filexchange.benchmark.measuring.jobs import (
    GONE,
    Explore,
    Failure,
    Read,
    Receive,
    Register,
    Settle,
    reason,
)
from filexchange.benchmark.measuring.timing import repeating
from filexchange.benchmark.measuring.transports import Endpoint
from filexchange.benchmark.results import Access
from filexchange.formats import register_format


def consume(producer: Connection, endpoints: Mapping[tuple[str, str], Endpoint]) -> None:
    """Do what `producer` asks for, until it is gone."""
    leave_interrupts_to_the_parent()
    try:
        producer.send(None)  # all is imported
        while True:
            try:
                _serve(producer.recv(), producer, endpoints)
            except GONE:
                raise
            except Exception as error:  # noqa: BLE001 - whatever it is, the results show it
                producer.send(Failure(reason(error)))
    except GONE:
        return


def _serve(wish: Any, producer: Connection, endpoints: Mapping[tuple[str, str], Endpoint]) -> None:
    match wish:
        case Read():
            _read(wish, producer)
        case Explore():
            producer.send(_explored(wish))
        case Receive(way, directory):
            _receive(endpoints[way, directory], producer)
        case Register(plugin):
            register_format(plugin)
            producer.send(None)
        case Settle():
            capabilities.trim_memory()
            producer.send(None)


def _read(wish: Read, producer: Connection) -> None:
    array = (reopened(wish.ref) if wish.reopens else wish.ref)[...]
    touch(array)
    producer.send(None)
    if wish.checks:
        producer.send(checksum(array))


def _explored(wish: Explore) -> dict[Access, tuple[list[float], int]]:
    return {
        access: _timed(wish, part, wish.seconds if access == "read" else wish.part_seconds)
        for access, part in wish.selections.items()
    }


def _timed(wish: Explore, part: Selection, duration: float) -> tuple[list[float], int]:
    """Return the seconds of each access to a part, and the checksum of what was read."""
    seconds: list[float] = []
    array = None
    for _ in repeating(duration):
        array = None  # what is mapped stays in the page cache
        if wish.is_cold:
            trees.evict(wish.ref.path)
        start = time.perf_counter()
        array = part.read(reopened(wish.ref))
        touch(array)
        seconds.append(time.perf_counter() - start)
    return seconds, checksum(np.asarray(array))


def _receive(endpoint: Endpoint, producer: Connection) -> None:
    is_first = True
    while (received := endpoint.receive(producer)) is not None:
        array, release = received
        touch(array)
        producer.send(None)
        if is_first:
            producer.send(checksum(array))
        is_first = False
        # Memory that others own can only be let go of when no array refers to it.
        del array, received
        release()


def leave_interrupts_to_the_parent() -> None:
    """Ignore Ctrl-C, which a terminal sends to every process of the program."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
