"""Every test leaves the machine as it found it."""

import gc
import glob
import multiprocessing
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


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
    assert _open_files() - files == set()
    # The base directory itself stays, empty, for the next exchange of this user.
    left = {name for name in _scratch() - scratch if not _is_empty_directory(name)}
    assert left == set()


def _is_empty_directory(name: str) -> bool:
    return os.path.isdir(name) and not os.listdir(name)
