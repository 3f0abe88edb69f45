"""What is larger than the memory a process may have is worked on all the same."""

import shutil
import subprocess
import sys

import pytest

import filexchange as fx

pytest.importorskip("resource")
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="RLIMIT_DATA counts mappings there")

_SHAPE = (1 << 16, 1 << 12)  # 1 GiB of float32

_PROGRAM = """
import resource
import sys
import numpy as np
import filexchange as fx
from filexchange import blocks

ref = fx.open_array(sys.argv[1])
blocks.std(np.ones(3))
with open("/proc/self/status") as file:
    used = next(int(line.split()[1]) << 10 for line in file if line.startswith("VmData"))
# The budget, and two threads with their stacks and arenas.
resource.setrlimit(resource.RLIMIT_DATA, (used + (128 << 20) + (160 << 20),) * 2)
options = {"memory": "128MiB", "executor": 2}
"""

_PROGRAMS = {
    "std": "assert not blocks.std(ref, axis=0, **options).any()",
    "sum": "assert blocks.sum(ref, **options) == 0",
    "median": "assert blocks.median(ref, **options) == 0",
    "map": "assert blocks.map_blocks(np.cos, ref, out='out.npy', **options)[-1, -1] == 1",
    "transpose": "assert blocks.transpose(ref, out='out.npy', **options).shape[0] == 1 << 12",
    "overlap": """
part = ref.part[: 1 << 15]
blocks.map_blocks(np.cos, part, out="out.npy", overlap=8, boundary="periodic", **options)
""",
    "matmul": "assert blocks.matmul(ref, np.ones((1 << 12, 8), 'f4'), **options)[-1, -1] == 0",
    "fft2": "assert blocks.fft2(ref.part[: 1 << 13], out='out.npy', **options)[-1, -1] == 0",
    "sort": """
flat = fx.create_array("flat.npy", shape=1 << 27, dtype="f4")  # 512 MiB
assert blocks.sort(flat.path, out="out.npy", **options)[-1] == 0
""",
    "argsort": """
flat = fx.create_array("flat.npy", shape=1 << 25, dtype="f8")  # 256 MiB
assert blocks.argsort(flat.path, out="out.npy", **options)[-1] == (1 << 25) - 1
""",
    "iteration": """
total = 0
for region, block in blocks.iter_blocks(ref, memory="128MiB"):
    total += block.size
assert total == ref.size
""",
}

_CONTROLS = {
    "std": "np.std(ref[...], axis=0)",
    "map": "np.save('out.npy', np.cos(ref[...]))",
    "fft2": "np.fft.fft2(ref[: 1 << 13])",
    "sort": "np.sort(np.zeros(1 << 27, 'f4'))",
    "argsort": "np.argsort(np.zeros(1 << 25))",
    "load": "ref.load()",
}


@pytest.fixture
def large(tmp_path):
    yield fx.create_array(tmp_path / "a.npy", shape=_SHAPE, dtype="f4").path
    shutil.rmtree(tmp_path)  # pytest would keep gigabytes


def _run(program, path, directory):
    return subprocess.run(
        [sys.executable, "-c", _PROGRAM + program, path],
        cwd=directory,
        env={"PYTHONPATH": ":".join(sys.path), "OPENBLAS_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("name", _PROGRAMS)
def test_within_the_limit(name, large, tmp_path):
    done = _run(_PROGRAMS[name], large, tmp_path)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", _CONTROLS)
def test_the_plain_line_fails_within_the_same_limit(name, large, tmp_path):
    done = _run(_CONTROLS[name], large, tmp_path)
    assert "MemoryError" in done.stderr
