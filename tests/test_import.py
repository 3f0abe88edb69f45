"""Importing the package, and working with npy files, costs next to nothing."""

import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = {
    "dask",
    "distributed",
    "h5py",
    "hdf5plugin",
    "ml_dtypes",
    "psutil",
    "ray",
    "rich",
    "typer",
    "xarray",
    "zarr",
}

PROGRAMS = {
    "import": "import filexchange",
    "names": "import filexchange as fx; dir(fx); fx.ArrayRef; fx.save",
    "npy round trip": """
import numpy as np, filexchange as fx
ref = fx.save("a.npy", np.arange(6).reshape(2, 3), attrs={"unit": "m"})
assert fx.load("a.npy").sum() == fx.open_array("a.npy")[...].sum() == 15
assert fx.ArrayRef.from_json(ref.to_json()).part[1][0] == 3
""",
    "raw round trip": """
import numpy as np, filexchange as fx
fx.save("a.raw", np.arange(6))
assert fx.open_array("a.raw", dtype=int)[-1] == 5
""",
}


def _imported_by(program: str, directory: Path) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", f"{program}\nimport sys\nprint(*sys.modules)"],
        cwd=directory,
        env={"PYTHONPATH": ":".join(sys.path)},
        capture_output=True,
        text=True,
        check=True,
    )
    return set(done.stdout.split())


@pytest.mark.parametrize("name", PROGRAMS)
def test_heavy_packages_are_not_imported(name: str, tmp_path: Path) -> None:
    imported = _imported_by(PROGRAMS[name], tmp_path)
    assert "filexchange" in imported
    assert imported & HEAVY == set()


def test_import_alone_brings_neither_numpy_nor_multiprocessing(tmp_path: Path) -> None:
    imported = _imported_by("import filexchange", tmp_path)
    assert imported & {"numpy", "multiprocessing"} == set()
    assert {name for name in imported if name.startswith("filexchange.")} == set()


def test_npy_does_not_bring_other_formats(tmp_path: Path) -> None:
    imported = _imported_by(PROGRAMS["npy round trip"], tmp_path)
    formats = {"hdf5", "npz", "zarr"}
    assert imported & {f"filexchange.formats.{name}" for name in formats} == set()
    assert "multiprocessing" not in imported


def test_modules_hide_no_public_name(tmp_path: Path) -> None:
    program = (
        "import pkgutil, importlib, filexchange as fx\n"
        "for each in pkgutil.walk_packages(fx.__path__, 'filexchange.'):\n"
        "    if not each.name.endswith('__main__'): importlib.import_module(each.name)\n"
        "import types\n"
        "assert not [n for n in fx.__all__ if isinstance(getattr(fx, n), types.ModuleType)]"
    )
    _imported_by(program, tmp_path)
