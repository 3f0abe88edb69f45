"""How far an operation has come is told, and whether it tells changes nothing."""

import io
import sys

import numpy as np
import pytest

from filexchange import blocks
from filexchange.errors import UnsupportedOptionError


class _Terminal(io.StringIO):
    def isatty(self):
        return True


def test_a_function_hears_of_every_block():
    heard = []
    blocks.sum(np.ones((3, 2)), chunks=(1, 2), progress=lambda *numbers: heard.append(numbers))
    assert heard == [(0, 3), (1, 3), (2, 3), (3, 3)]
    heard.clear()
    blocks.map_blocks(np.sqrt, np.ones(2), chunks=1, progress=lambda *n: heard.append(n))
    assert heard == [(0, 2), (1, 2), (2, 2)]


def test_what_it_raises_ends_the_operation(tmp_path):
    def tell(done, total):
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        blocks.map_blocks(
            np.sqrt, np.ones(9), chunks=1, out=tmp_path / "b.npy", progress=tell, executor=2
        )
    assert list(tmp_path.iterdir()) == []


def test_bar_in_a_terminal_only(monkeypatch, capsys):
    blocks.sum(np.ones(3), progress=True)
    assert capsys.readouterr() == ("", "")
    monkeypatch.setattr(sys, "stderr", _Terminal())
    monkeypatch.setenv("TERM", "xterm")
    blocks.sum(np.ones(3), progress=True)
    assert "sum" in sys.stderr.getvalue()
    assert "100%" in sys.stderr.getvalue()


@pytest.mark.parametrize("progress", [1, "bar"])
def test_what_is_neither(progress):
    with pytest.raises(UnsupportedOptionError, match="progress="):
        blocks.sum(np.ones(3), progress=progress)
