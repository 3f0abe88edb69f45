"""Runs the process of a measurement, held to a limit of memory."""

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import tempfile
import time
from typing import IO, NamedTuple, Self

from _outofcore import cgroup
from _outofcore.anonymous import PERIOD, Sampler, anonymous, family
from _outofcore.job import Job

Place = tuple[cgroup.Version, str] | cgroup.Nowhere
DROP = "/proc/sys/vm/drop_caches"


class Measurement(NamedTuple):
    """What came out.

    Attributes
    ----------
    state : str
        ``ok``, ``killed`` (by the kernel, out of memory), ``timeout``, or the error.
    seconds : float or None
    anonymous : int or None
        The peak of the anonymous memory of all its processes, less what they had at the start.
    charged : int or None
        The peak of the memory charged to the cgroup, page cache included.
    """

    state: str
    seconds: float | None = None
    anonymous: int | None = None
    charged: int | None = None


def run(job: Job, blas_threads: int, place: Place, limit: int, timeout: float) -> Measurement:
    """Return what one run of the job in a fresh process took, held to `limit` if that can be."""
    with contextlib.ExitStack() as stack:
        group = None
        if not isinstance(place, cgroup.Nowhere):
            group = stack.enter_context(cgroup.made(place, limit))
        child = stack.enter_context(Child(job, blas_threads, group))
        if (ready := child.answer(timeout)) != "ready":
            return Measurement(child.failure(ready))
        with Sampler(lambda: anonymous(child.processes())) as sampler:
            drop_caches()
            child.go()
            answer = child.answer(timeout)
        peaks = sampler.added(), group.peak() if group else None
        if not answer:
            return Measurement(child.failure(answer), None, *peaks)
        child.wait(timeout)
        state = "killed" if child.was_killed() else "ok"  # one of its own children, perhaps
        return Measurement(state, json.loads(answer)["seconds"], *peaks)


def can_drop_caches() -> bool:
    return os.access(DROP, os.W_OK)


def drop_caches() -> None:
    """Make the page cache cold, if that is allowed."""
    os.sync()
    if can_drop_caches():
        with open(DROP, "w", encoding="ascii") as file:
            file.write("3")


class Child:
    """The process; when the block ends, it and all that it has started are gone."""

    def __init__(self, job: Job, blas_threads: int, group: cgroup.Group | None) -> None:
        self._arguments = [job.to_json(), *([group.members] if group else [])]
        self._group = group
        libraries = ("OPENBLAS", "OMP", "MKL", "NUMEXPR")
        here = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
        path = os.pathsep.join(filter(None, [here, os.environ.get("PYTHONPATH")]))
        self._environment = os.environ | {"PYTHONPATH": path}
        self._environment |= {f"{name}_NUM_THREADS": str(blas_threads) for name in libraries}

    def __enter__(self) -> Self:
        self._said: IO[str] = tempfile.TemporaryFile("w+")  # a pipe that nobody reads fills up
        self._process = subprocess.Popen(
            [sys.executable, "-m", "_outofcore.child", *self._arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._said,
            text=True,
            start_new_session=True,
            env=self._environment,
        )
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.communicate()
        while self._group and (left := self._group.processes()):
            for number in left:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(number, signal.SIGKILL)
            time.sleep(PERIOD)
        self._said.close()

    def processes(self) -> list[int]:
        return self._group.processes() if self._group else family(self._process.pid)

    def go(self) -> None:
        """Let it begin."""
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):  # it has been killed, as will be seen
            self._process.stdin.write("go\n")
            self._process.stdin.flush()

    def answer(self, timeout: float) -> str | None:
        """Return the next line, empty if it has ended, or None if that takes too long."""
        assert self._process.stdout is not None
        ready, _, _ = select.select([self._process.stdout], [], [], timeout)
        return self._process.stdout.readline().strip() if ready else None

    def wait(self, timeout: float) -> None:
        self._process.wait(timeout)

    def was_killed(self) -> bool:
        """Return whether the kernel has killed it, or one of its children."""
        return bool(self._group and self._group.kills())

    def failure(self, answer: str | None) -> str:
        """Return why there was no answer."""
        if self.was_killed():
            return "killed"
        if answer is None:
            return "timeout"
        if self._process.wait() == -signal.SIGKILL:
            return "killed"
        self._said.seek(0)
        lines = self._said.read().strip().splitlines()
        return f"failed: {lines[-1] if lines else self._process.returncode}"
