"""The two processes of a measurement: one writes and waits, the other reads and answers."""

import os
import signal
import time
import zlib
from collections.abc import Mapping
from multiprocessing.connection import Connection
from typing import Any, NamedTuple

import numpy as np

from filexchange import arrays, files
from filexchange.aliases import Array
from filexchange.benchmark.cases import Case
from filexchange.benchmark.results import Sample
from filexchange.formats import get_format
from filexchange.ref import ArrayRef

_SLICE_SHARE = 100

# What a connection raises when the process at its other end is gone.
_GONE = (EOFError, ConnectionError)


class Failure(NamedTuple):
    """Why a case could not be measured."""

    reason: str


class _Checked(NamedTuple):
    """What the consumer finds out when the clock of the round trip has stopped."""

    slice_s: float
    checksums: list[int]


def produce(
    parent: Connection, consumer: Connection, directory: str, sources: Mapping[str, ArrayRef]
) -> None:
    """Load the arrays, then write them once for each case that `parent` sends.

    Answers a `Sample` or `Failure` to a case, and the seconds of a memcpy to None.
    """
    _leave_interrupts_to_the_parent()
    loaded = {name: ref.load() for name, ref in sources.items()}
    copies = [array.copy() for array in loaded.values()]
    checksums = [_checksum(array) for array in loaded.values()]
    try:
        parent.send(consumer.recv())  # both are ready
        while True:
            case = parent.recv()
            if case is None:
                parent.send(_time_memcpy(list(loaded.values()), copies))
            else:
                parent.send(_produce_case(case, consumer, directory, loaded, checksums))
    except _GONE:  # the parent is done, or the consumer died
        return


def _produce_case(
    case: Case,
    consumer: Connection,
    directory: str,
    loaded: Mapping[str, Array],
    checksums: list[int],
) -> Sample | Failure:
    paths = [os.path.join(directory, os.urandom(8).hex()) for _ in loaded]
    try:
        start = time.perf_counter()
        refs = [
            arrays.save(path, array, format=case.format, compression=case.compression)
            for path, array in zip(paths, loaded.values(), strict=True)
        ]
        written = time.perf_counter()
        consumer.send(refs)
        read_s = consumer.recv()
        end = time.perf_counter()
        if isinstance(read_s, Failure):
            return read_s
        checked = consumer.recv()
        if isinstance(checked, Failure):
            return checked
        return Sample(
            write_s=written - start,
            read_s=read_s,
            slice_s=checked.slice_s,
            round_trip_s=end - start,
            nbytes_on_disk=sum(
                get_format(ref.format).stored_nbytes(ref.path, ref.stored) for ref in refs
            ),
            verified=checked.checksums == checksums,
        )
    except _GONE:
        raise
    except Exception as error:  # noqa: BLE001 - whatever it is, the report shows it as a row
        return _failure(error)
    finally:
        for path in paths:
            files.remove(path)


def consume(producer: Connection) -> None:
    """Read the arrays of every list of references that `producer` sends.

    Answers the seconds it took to open them and read every byte; then, after an untimed check,
    the seconds for a slice of each and the checksums. A `Failure` ends either answer.
    """
    _leave_interrupts_to_the_parent()
    producer.send(None)
    try:
        while True:
            refs = producer.recv()
            try:
                _consume_case(refs, producer)
            except Exception as error:  # noqa: BLE001 - whatever it is, the report shows it as a row
                producer.send(_failure(error))
    except _GONE:
        return


def _consume_case(refs: list[ArrayRef], producer: Connection) -> None:
    start = time.perf_counter()
    read = [ref[...] for ref in refs]
    for array in read:
        touch(array)
    producer.send(time.perf_counter() - start)
    checksums = [_checksum(array) for array in read]
    del read, array
    start = time.perf_counter()
    for ref in refs:
        touch(ref[middle_slice(ref.shape)])
    producer.send(_Checked(time.perf_counter() - start, checksums))


def touch(array: Array) -> int:
    """Read every byte of an array and return their sum in words of eight."""
    if not array.flags.forc:
        array = np.ascontiguousarray(array)
    data = np.frombuffer(files.as_bytes(array), np.uint8)
    whole = len(data) // 8 * 8
    return int(np.add.reduce(data[:whole].view("u8"))) + int(np.add.reduce(data[whole:]))


def middle_slice(shape: tuple[int, ...]) -> Any:
    """Return an index for a hundredth of the rows, at least one, from the middle.

    Examples
    --------
    >>> middle_slice((1000, 5)), middle_slice((3,)), middle_slice(())
    (slice(495, 505, None), slice(1, 2, None), Ellipsis)
    """
    if not shape:
        return ...
    rows = max(1, shape[0] // _SLICE_SHARE)
    start = (shape[0] - rows) // 2
    return slice(max(0, start), start + rows)


def _time_memcpy(sources: list[Array], targets: list[Array]) -> float:
    start = time.perf_counter()
    for source, target in zip(sources, targets, strict=True):
        np.copyto(target, source)
    return time.perf_counter() - start


def _checksum(array: Array) -> int:
    return zlib.crc32(files.as_bytes(np.ascontiguousarray(array)))


def _failure(error: Exception) -> Failure:
    return Failure(f"{type(error).__name__}: {error}")


def _leave_interrupts_to_the_parent() -> None:
    """Ignore Ctrl-C, which a terminal sends to every process of the program."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
