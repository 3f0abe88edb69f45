"""The workloads of the benchmarks, small: real work from end to end, by the public functions."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[1] / "benchmarks" / "workloads.py"
# Steps that were measured, and one of the checks that their results passed.
WORKLOADS = {
    "pencils": (1, "all elements are there, those of 64 hours in their places"),
    "climate": (2, "zonal mean of day 1"),
    "embeddings": (7, "top 10 of a few queries"),
    "features": (1, "covariance"),
    "images": (3, "images of each block are normalised"),
    "line": (4, "argsort is in order"),
}

pytestmark = pytest.mark.skipif(os.name != "posix", reason="needs SIGKILL")


def test_all_workloads_give_right_results_and_leave_nothing(tmp_path: Path) -> None:
    found, directory = tmp_path / "found.json", tmp_path / "files"
    directory.mkdir()
    command = [sys.executable, str(SCRIPT), "--scale", "0.0001", "--dir", str(directory)]
    done = subprocess.run(
        [*command, "--json", str(found)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    document = json.loads(found.read_text())
    steps = [figure["workload"] for figure in document["figures"]]
    for name, (count, check) in WORKLOADS.items():
        assert steps.count(name) == count
        assert check in document["checks"][name]
    assert "half was done before" in document["checks"]["images"]
    assert document["checks"].keys() == WORKLOADS.keys()
    assert os.listdir(directory) == []
