"""Anonymous memory of processes, watched from outside."""

import contextlib
import os
import threading
from collections.abc import Callable
from typing import Self

PERIOD = 0.01  # seconds between two looks


class Sampler:
    """Keeps the largest of what a function returns, called again and again by a thread."""

    def __init__(self, measure: Callable[[], int | None]) -> None:
        self._measure = measure
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Self:
        self._first = self._most = self._measure()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def added(self) -> int | None:
        """Return how much the largest is above the first."""
        if self._first is None or self._most is None:
            return None
        return self._most - self._first

    def most(self) -> int | None:
        """Return the largest."""
        return self._most

    def _run(self) -> None:
        while not self._stop.wait(PERIOD):
            now = self._measure()
            if now is not None and self._most is not None:
                self._most = max(self._most, now)


def family(number: int) -> list[int]:
    """Return a process and all that come from it."""
    numbers = [number]
    for each in numbers:  # grows meanwhile
        with contextlib.suppress(OSError):
            numbers += _children(each)
    return numbers


def _children(number: int) -> list[int]:
    found: list[int] = []
    for task in os.listdir(f"/proc/{number}/task"):
        with open(f"/proc/{number}/task/{task}/children", encoding="ascii") as file:
            found += map(int, file.read().split())
    return found


def anonymous(numbers: list[int]) -> int | None:
    """Return the anonymous bytes of these processes, or None where the kernel does not tell."""
    if not os.path.isdir("/proc/self/task"):
        return None
    return sum(_anonymous_of(number) for number in numbers)


def _anonymous_of(number: int) -> int:
    with contextlib.suppress(OSError), open(f"/proc/{number}/status", encoding="ascii") as file:
        for line in file:
            if line.startswith("RssAnon:"):
                return int(line.split()[1]) << 10
    return 0  # it has ended
