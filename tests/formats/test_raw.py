"""The raw format beyond the common contract."""

from pathlib import Path

import numpy as np
import pytest

import filexchange as fx
from filexchange.errors import UnsupportedOptionError
from filexchange.testing import FormatTests


class TestRaw(FormatTests):
    name = "raw"


def test_key_is_not_passed_over(tmp_path: Path) -> None:
    ref = fx.save(tmp_path / "a.bin", np.zeros(3))
    with pytest.raises(UnsupportedOptionError, match="keys"):
        fx.open_array(ref.path, dtype="f8", key="x")
    with pytest.raises(UnsupportedOptionError, match="reference"):
        fx.convert(ref, tmp_path / "b.npy", key="x")


def test_bytes_without_a_description_say_how_to_open_them(tmp_path: Path) -> None:
    ref = fx.save(tmp_path / "a.bin", np.zeros(3))
    for read in (fx.load, lambda path: fx.convert(path, tmp_path / "b.npy")):
        with pytest.raises(UnsupportedOptionError, match=r"open_array\(path, dtype="):
            read(ref.path)
