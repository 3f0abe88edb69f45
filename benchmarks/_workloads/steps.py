"""The steps of a workload: where their files are, what they took, and whether they are right."""

import os
import sys
import time
from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

from _outofcore.anonymous import Sampler, anonymous, family
from _outofcore.checks import WrongError, close, equal
from _outofcore.inputs import Array, make

T = TypeVar("T")


class Figure(NamedTuple):
    """What one step took.

    Attributes
    ----------
    workload, step : str
    nbytes : int
        Of what it reads, each pass of its own counted.
    seconds : float
    added : int or None
        The peak of anonymous memory above that of the idle program; None where nobody tells.
    """

    workload: str
    step: str
    nbytes: int
    seconds: float
    added: int | None


class Steps:
    """The steps of one workload.

    Attributes
    ----------
    options : dict
        What all operations get.
    figures : list of Figure
    checks : list of str
        What was found to be right.
    """

    def __init__(
        self, workload: str, directory: str, scale: float, memory: str, idle: int | None
    ) -> None:
        self.options: dict[str, Any] = {"memory": memory}
        self.figures: list[Figure] = []
        self.checks: list[str] = []
        self._workload, self._directory, self._scale, self._idle = workload, directory, scale, idle

    def length(self, full: int, least: int = 1) -> int:
        """Return how long an axis is at this scale."""
        return max(least, round(full * self._scale))

    def path(self, name: str) -> str:
        return os.path.join(self._directory, name)

    def made(self, name: str, shape: tuple[int, ...], dtype: str) -> str:
        """Return the path of a new npy file of random numbers."""
        return make(Array(shape, dtype, shape), "npy", self.path(name))

    def run(self, step: str, nbytes: int, action: Callable[[], T]) -> T:
        """Return what an action returns, measure it, and say so, since all may take minutes."""
        with Sampler(memory_now) as sampler:
            start = time.perf_counter()
            found = action()
            seconds = time.perf_counter() - start
        print(f"{self._workload}: {step}, {seconds:.2f} s", file=sys.stderr, flush=True)
        most = sampler.most()
        added = None if most is None or self._idle is None else most - self._idle
        self.figures.append(Figure(self._workload, step, nbytes, seconds, added))
        return found

    def check(self, what: str, found: Any, expected: Any, tolerance: float | None = None) -> None:
        """Raise WrongError unless both are equal, or as close as that."""
        try:
            if tolerance is None:
                equal(found, expected)
            else:
                close(found, expected, tolerance)
        except WrongError as error:
            raise WrongError(f"{what}: {error}") from error
        self.checks.append(what)


def memory_now() -> int | None:
    """Return the anonymous memory of this process and those that it has started."""
    return anonymous(family(os.getpid())) if os.path.isdir("/proc/self/task") else None
