"""Every test leaves the machine as it found it."""

import gc
import glob
import multiprocessing
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

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
        return True
    if name in {lane.path for lane in lanes._default.values()}:
        return False
    return name in participants._participants or not sweeping.facts(name).is_alive
