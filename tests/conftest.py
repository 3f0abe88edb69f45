"""Every test leaves the machine as it found it."""

import gc
import glob
import multiprocessing
import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from filexchange import lanes, participants, sweeping


def _open_files() -> set[str]:
    """Return the regular files that this process has open; pipes and sockets are the runner's."""
    found = set()
    for name in os.listdir("/proc/self/fd"):
        try:
            target = os.readlink(f"/proc/self/fd/{name}")
        except FileNotFoundError:  # the descriptor of the listing itself
            continue
        if target.startswith(("/dev/shm", tempfile.gettempdir())):
            found.add(target)
    return found


def _scratch() -> set[str]:
    """Return what exchanges and shared memory keep outside the test's own directory."""
    sessions = os.path.join(f"filexchange-{os.getuid()}", "*")
    places = [os.path.join(base, sessions) for base in ("/dev/shm", tempfile.gettempdir())]
    return {name for place in (*places, "/dev/shm/psm_*") for name in glob.glob(place)}


@pytest.fixture(autouse=True)
def _nothing_left_behind(tmp_path: Path) -> Iterator[None]:
    if not os.path.isdir("/proc/self/fd"):
        yield
        return
    scratch = _scratch()
    files = _open_files()
    yield
    gc.collect()
    assert multiprocessing.active_children() == []
    own = tuple(lane.path for lane in lanes._default.values())
    assert {name for name in _open_files() - files if not name.startswith(own or "-")} == set()
    assert {name for name in _scratch() - scratch if _is_ours(name)} == set()


def _is_ours(name: str) -> bool:
    """Return whether something is left by this test: by no living process but this one.

    The exchange that queues of this process share lives as long as the process.
    """
    if not os.path.isdir(name):
        return not _is_mapped(name) and os.path.exists(name)
    if name in {lane.path for lane in lanes._default.values()}:
        return False
    return name in participants._participants or not sweeping.facts(name).is_alive


def _is_mapped(name: str) -> bool:
    """Return whether some process uses a file; this one, and its children, do no more."""
    for maps in glob.glob("/proc/[0-9]*/maps"):
        try:
            with open(maps, encoding="utf-8") as file:
                if name in file.read():
                    return True
        except OSError:  # it has ended, or belongs to somebody else
            continue
    return False


class Companion:
    """Another process, forked from this one, that runs what it is told.

    Parameters
    ----------
    kept : dict, optional
        What it has from the beginning, by inheritance.
    """

    def __init__(self, kept: dict[str, Any]) -> None:
        context = multiprocessing.get_context("fork")
        self._connection, theirs = context.Pipe()
        self._process = context.Process(target=_obey, args=(theirs, self._connection, kept))
        self._process.start()
        theirs.close()
        self.pid: Any = self._process.pid
        self.exitcode: int | None = None

    def begin(self, function: Callable[..., Any], *args: Any) -> None:
        """Let it call ``function(kept, *args)``; `kept` is a dict of its own that stays."""
        self._connection.send((function, args))

    def result(self) -> Any:
        """Return what the function returned; EOFError if the process ended instead."""
        returned, error = self._connection.recv()
        if error is not None:
            raise error
        return returned

    def call(self, function: Callable[..., Any], *args: Any) -> Any:
        """Begin, and wait for the result."""
        self.begin(function, *args)
        return self.result()

    def kill(self) -> None:
        """End it by SIGKILL."""
        self._process.kill()
        self.join()

    def join(self) -> None:
        """Let it end, if it does not already, and wait."""
        if self.exitcode is None:
            self._connection.close()
            self._process.join()
            self.exitcode = self._process.exitcode
            self._process.close()


def _obey(connection: Any, theirs: Any, kept: dict[str, Any]) -> None:
    theirs.close()
    while True:
        try:
            function, args = connection.recv()
        except EOFError:
            return
        try:
            done = function(kept, *args), None
        except Exception as error:  # noqa: BLE001 - it is raised again over there
            done = None, error
        connection.send(done)


@pytest.fixture
def companion() -> Iterator[Callable[..., Companion]]:
    """Make other processes, which end with the test."""
    made: list[Companion] = []

    def make(kept: dict[str, Any] | None = None) -> Companion:
        made.append(Companion({} if kept is None else kept))
        return made[-1]

    yield make
    for each in made:
        each.join()


@pytest.fixture
def base(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Let exchanges be made in a directory of the test's own, and return it."""
    directory = tmp_path / "base"
    directory.mkdir()
    monkeypatch.setenv("FILEXCHANGE_DIR", str(directory))
    return directory
