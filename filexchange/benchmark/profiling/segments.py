"""From which size on segments are faster than messages, and how fast they are in a directory."""

import multiprocessing
import statistics
import time
from collections.abc import Mapping
from queue import Empty
from typing import Any

import numpy as np

from filexchange.benchmark.measuring.processes import interrupts_ignored
from filexchange.errors import ExchangeError
from filexchange.exchange import Exchange
from filexchange.queues import Queue

#: Bytes of the arrays that go both ways, and of those that only segments are for.
SMALL = tuple(1 << bits for bits in range(12, 21))
LARGE = (1 << 20, 16 << 20)

_ROUNDS = 15
_PATIENCE_SECONDS = 30  # of a process that was killed nothing comes
_NEVER_INLINE, _ALWAYS_INLINE = 0, 1 << 40
_SHORTEST, _LONGEST = 4 << 10, 1 << 20


def segment_times(directory: str) -> tuple[dict[int, float], dict[int, float]]:
    """Return the seconds of a round trip by segment and inside messages, by bytes of the array."""
    with (
        Exchange(directory, inline_below=_NEVER_INLINE) as by_segment,
        Exchange(directory, inline_below=_ALWAYS_INLINE) as inside,
    ):
        context = multiprocessing.get_context("spawn")
        queues = [each.queue(context=context) for each in (by_segment, inside, inside)]
        process = context.Process(target=_answer, args=tuple(queues), daemon=True)
        with interrupts_ignored():  # this process ends it
            process.start()
        try:
            _received(queues[2])
            segments = {nbytes: _round_trip(queues[0], queues[2], nbytes) for nbytes in SMALL}
            messages = {nbytes: _round_trip(queues[1], queues[2], nbytes) for nbytes in SMALL}
            for nbytes in LARGE:
                segments[nbytes] = _round_trip(queues[0], queues[2], nbytes)
            queues[0].put(None)
            process.join()
        finally:
            process.terminate()
            process.join()
            process.close()
            for queue in queues:
                queue.close()
    return segments, messages


def _round_trip(there: Queue, back: Queue, nbytes: int) -> float:
    array = np.ones(nbytes, "u1")
    samples = []
    for number in range(_ROUNDS + 2):
        start = time.perf_counter()
        there.put(array)
        _received(back)
        if number > 1:  # the first ones make segments
            samples.append(time.perf_counter() - start)
    return statistics.median(samples)


def _received(queue: Queue) -> Any:
    try:
        return queue.get(timeout=_PATIENCE_SECONDS)
    except Empty as error:
        raise ExchangeError(
            f"the process that answers has said nothing for {_PATIENCE_SECONDS} s: try again"
        ) from error


def _answer(by_segment: Queue, inside: Queue, back: Queue) -> None:
    back.put(None)
    for queue, count in (
        (by_segment, len(SMALL)),
        (inside, len(SMALL)),
        (by_segment, len(LARGE)),
    ):
        for _ in range(count * (_ROUNDS + 2)):
            back.put(int(queue.get().sum()))
    by_segment.get()


def crossing(segments: Mapping[int, float], inline: Mapping[int, float]) -> int:
    """Return from how many bytes on segments are faster, as far as both were measured.

    Examples
    --------
    >>> crossing({4096: 9.0, 65536: 9.5, 1048576: 12.0}, {4096: 1.0, 65536: 5.0, 1048576: 99.0})
    131072
    """
    slower = [n for n in sorted(inline) if segments[n] > inline[n]]
    if not slower:
        return _SHORTEST
    return min(_LONGEST, slower[-1] * 2)
