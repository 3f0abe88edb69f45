"""What the dead leave behind is found by their locks, and goes."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

import filexchange as fx
from filexchange import sweeping
from filexchange.cli import app

LEAVE = (
    "import os, signal, sys, filexchange as fx, numpy as np\n"
    "ex = fx.Exchange(sys.argv[1])\n"
    "packed = ex.pack(np.ones(100_000)); ref = ex.put(np.zeros(100_000))\n"
    "print(ex.directory, flush=True)\n"
    "sys.stdin.read() if sys.argv[2] == 'live' else os.kill(os.getpid(), signal.SIGKILL)\n"
)


def _leave(base: Path) -> str:
    """Return the directory of an exchange whose process was killed."""
    run = subprocess.run(
        [sys.executable, "-c", LEAVE, base, "die"], capture_output=True, text=True, check=False
    )
    assert run.returncode == -signal.SIGKILL
    return run.stdout.strip()


@pytest.fixture
def living(tmp_path: Path) -> Iterator[str]:
    """Return the directory of an exchange of another process that lives."""
    process = subprocess.Popen(
        [sys.executable, "-c", LEAVE, tmp_path, "live"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    yield process.stdout.readline().strip()
    process.communicate()


def test_next_exchange_removes_what_a_killed_process_left(
    tmp_path: Path, living: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FILEXCHANGE_DIR", str(tmp_path))
    left = _leave(tmp_path)
    assert os.path.isdir(left)
    with fx.Exchange() as ex:
        assert not os.path.lexists(left)
        assert sorted(os.listdir(os.path.dirname(living))) == sorted(
            map(os.path.basename, (living, ex.directory))
        )


def test_sweep_tells_what_it_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FILEXCHANGE_DIR", str(tmp_path))
    with fx.Exchange() as ex:
        left = _leave(tmp_path)
        assert ex.sweep() == [left]
        assert ex.sweep() == []


def test_sweep_gives_back_free_segments() -> None:
    with fx.Exchange() as ex:
        kept = ex.unpack(ex.pack(np.ones(100_000)))
        ex.unpack(ex.pack(np.ones(100_000)))
        assert ex.stats().segments == 2
        ex.sweep()
        assert (ex.stats().segments, ex.stats().leases) == (1, 1)
        assert float(kept.sum()) == 100_000


def test_messages_of_a_dead_process_survive_its_segments(tmp_path: Path) -> None:
    code = (
        "import os, pickle, signal, sys, filexchange as fx, numpy as np\n"
        "ex = pickle.loads(sys.stdin.buffer.read())\n"
        "sys.stdout.buffer.write(ex.pack(np.arange(100_000))); sys.stdout.flush()\n"
        "ex.unpack(ex.pack(np.ones(100_000)))\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    import pickle

    with fx.Exchange(tmp_path) as ex:
        run = subprocess.run(
            [sys.executable, "-c", code], input=pickle.dumps(ex), capture_output=True, check=False
        )
        assert sweeping.facts(ex.directory).dead_pools == 1
        assert len(ex.sweep()) == 1
        assert ex.stats().segments == 0
        received = ex.unpack(run.stdout)
        assert received[-1] == 99_999


def _command(*arguments: object) -> str:
    done = CliRunner().invoke(app, [str(each) for each in arguments])
    assert done.exit_code == 0, done.output
    return done.output


def test_ls_shows_the_living_and_the_dead(tmp_path: Path, living: str) -> None:
    assert _command("ls", tmp_path / "nowhere") == "no exchanges\n"
    dead = _leave(tmp_path)
    lines = _command("ls", tmp_path).splitlines()
    for path, state in ((living, "alive"), (dead, "dead")):
        (line,) = [line for line in lines if os.path.basename(path) in line]
        cells = [cell.strip() for cell in line.split("│")]
        assert cells[1:-1] == [state, "1", "2", "0", "1", "1"]
        assert cells[-1].endswith(" MB")


def test_clean_removes_the_dead_only(tmp_path: Path, living: str) -> None:
    dead = _leave(tmp_path)
    shown = _command("clean", tmp_path, "--dry-run")
    assert f"would remove {dead}" in shown
    assert "1 dead exchanges" in shown
    assert os.path.isdir(dead)
    shown = _command("clean", tmp_path)
    assert f"removed {dead}" in shown
    assert "MB" in shown
    assert not os.path.lexists(dead)
    assert os.path.isdir(living)
    assert _command("clean", tmp_path) == "there is nothing to remove\n"


def test_directory_of_somebody_else_is_left_alone(tmp_path: Path) -> None:
    dead = _leave(tmp_path)
    os.chmod(os.path.dirname(dead), 0o755)
    assert sweeping.sweep_sessions([str(tmp_path)]) == []
    assert os.path.isdir(dead)


def test_half_removed_and_half_made_directories_go(tmp_path: Path) -> None:
    parent = Path(os.path.dirname(_leave(tmp_path)))
    (parent / "dead-0123").mkdir()
    (parent / "dead-0123" / "file").touch()
    (parent / "0123456789abcdef").mkdir()
    sweeping.sweep_sessions([str(tmp_path)])
    assert list(parent.iterdir()) == []


def test_exchange_removes_what_is_dead_where_it_is_made(tmp_path: Path) -> None:
    left = _leave(tmp_path)
    with fx.Exchange(tmp_path) as ex:
        assert not os.path.lexists(left)
        left = _leave(tmp_path)
        assert ex.sweep() == [left]


def test_strange_files_are_left_alone(tmp_path: Path) -> None:
    with fx.Exchange(tmp_path) as ex:
        note = Path(ex.directory).parent / "note.txt"
        note.touch()
        with fx.Exchange(tmp_path):
            assert note.exists()
        assert "note.txt" not in _command("ls", tmp_path)


def test_participant_of_many_exchanges_keeps_nothing_of_those_that_ended(tmp_path: Path) -> None:
    code = (
        "import os, pickle, sys, filexchange as fx, numpy as np\n"
        "from multiprocessing.connection import Connection\n"
        "here = Connection(int(sys.argv[1]))\n"
        "while True:\n"
        "    ex = here.recv()\n"
        "    if ex is None: break\n"
        "    here.send((len(os.listdir('/proc/self/fd')), ex.pack(np.ones(100_000))))\n"
    )
    from multiprocessing import Pipe

    here, there = Pipe()
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(there.fileno())], pass_fds=[there.fileno()]
    )
    there.close()
    opened = []
    for _ in range(8):
        with fx.Exchange(tmp_path) as ex:
            here.send(ex)
            count, packed = here.recv()
            assert float(ex.unpack(packed).sum()) == 100_000
            opened.append(count)
    here.send(None)
    assert process.wait() == 0
    here.close()
    assert opened[2:] == opened[2:3] * 6
