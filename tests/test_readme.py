"""The README's script runs as it stands."""

import os
import re
import subprocess
import sys
from pathlib import Path

README = Path(__file__).parent.parent / "README.md"


def test_example_passes_arrays_between_two_processes(tmp_path: Path) -> None:
    (script,) = re.findall(
        r"```python\n(import multiprocessing.*?)```", README.read_text(), re.DOTALL
    )
    (tmp_path / "example.py").write_text(script)
    run = subprocess.run(
        [sys.executable, "example.py"],
        cwd=tmp_path,
        env={**os.environ, "FILEXCHANGE_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert run.stdout.splitlines() == [f"{i} (2048, 2048) {64.0 * i}" for i in range(3)]
    assert run.stderr == ""
