"""Scratch directories go with their process, or after it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from filexchange import capabilities
from filexchange.benchmark.measuring.scratch import PREFIX, scratch
from filexchange.errors import ArrayNotFoundError

_HOLDER = """
import sys
from filexchange.benchmark.measuring.scratch import scratch
with scratch(sys.argv[1]) as place:
    open(place + "/large", "wb").close()
    print(place, flush=True)
    sys.stdin.read()
"""


def _holder(base: Path) -> tuple["subprocess.Popen[str]", Path]:
    holder = subprocess.Popen(
        [sys.executable, "-c", _HOLDER, base],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert holder.stdout is not None
    return holder, Path(holder.stdout.readline().strip())


def test_nothing_is_left(tmp_path: Path) -> None:
    with scratch(str(tmp_path)) as place:
        Path(place, "a").touch()
    assert os.listdir(tmp_path) == []


def test_what_a_killed_process_left_goes_and_what_is_in_use_stays(tmp_path: Path) -> None:
    holder, theirs = _holder(tmp_path)
    with scratch(str(tmp_path)):
        assert (theirs / "large").exists()
    holder.kill()
    holder.communicate()
    assert theirs.exists()
    with scratch(str(tmp_path)) as ours:
        assert os.listdir(tmp_path) == [Path(ours).parent.name]
    assert os.listdir(tmp_path) == []


def test_half_removed_directories_go(tmp_path: Path) -> None:
    (tmp_path / f"dead-{PREFIX}0").mkdir(0o700)
    with scratch(str(tmp_path)):
        pass
    assert os.listdir(tmp_path) == []


def test_what_others_may_have_made_stays(tmp_path: Path) -> None:
    kept = [tmp_path / "mine", tmp_path / f"{PREFIX}file"]
    kept[0].mkdir()
    kept[1].touch()
    if not sys.platform.startswith("win"):
        kept.append(tmp_path / f"{PREFIX}open")
        kept[2].mkdir()
        kept[2].chmod(0o777)
        assert not capabilities.is_private(kept[2].stat())
    with scratch(str(tmp_path)):
        pass
    assert sorted(tmp_path.iterdir()) == sorted(kept)


def test_a_base_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ArrayNotFoundError, match="nowhere"), scratch(str(tmp_path / "nowhere")):
        pass
