"""The check of the benchmark's figures against scripts by hand, small: that it runs at all."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[1] / "benchmarks" / "method.py"
# Too few elements to agree on anything.
SMALL = ["--size", "256K", "--rounds", "1", "--repeat", "1", "--settle", "0.01", "--budget", "1s"]


def test_every_figure_is_compared_and_nothing_is_left(tmp_path: Path) -> None:
    out, directory = tmp_path / "found.json", tmp_path / "files"
    directory.mkdir()
    command = [sys.executable, str(SCRIPT), *SMALL, "--dir", str(directory), "--json", str(out)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert out.exists(), done.stderr
    figures = json.loads(out.read_text())["figures"]
    assert len({(each["way"], each["access"]) for each in figures}) == len(figures) == 9
    assert done.returncode == (0 if all(each["agrees"] for each in figures) else 1)
    for each in figures:
        assert all(seconds[0] > 0 for seconds in each["seconds"].values())
        ours = each["seconds"]["bench"][0] / each["seconds"]["filexchange"][0]
        assert each["ratios"]["filexchange"] == pytest.approx([ours])
    assert list(directory.iterdir()) == []
