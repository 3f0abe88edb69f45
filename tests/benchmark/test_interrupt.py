"""Ctrl-C in a terminal reaches every process of the program."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

pty = pytest.importorskip("pty", reason="terminals of POSIX")


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 4096)
    except OSError:  # Linux says that the last process has closed its side
        return b""


def test_ctrl_c_shows_what_there_is_and_leaves_nothing(tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    program = subprocess.Popen(
        [
            *(sys.executable, "-m", "filexchange", "bench", "--size", "200k", "--budget", "60s"),
            *("--formats", "zarr:blosc-lz4,npy", "--dir", tmp_path),
        ],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=theirs,
        start_new_session=True,
    )
    os.close(theirs)
    shown = b""
    while not re.search(rb"measured 4", shown):
        part = _read(ours)
        assert part, shown
        shown += part
    os.killpg(program.pid, signal.SIGINT)
    while part := _read(ours):
        shown += part
    table = program.communicate()[0].decode()
    os.close(ours)
    assert program.returncode == 130
    assert b"Traceback" not in shown
    assert b"leaked" not in shown
    assert "npy" in table
    assert "nothing was measured" not in table
    assert os.listdir(tmp_path) == []
