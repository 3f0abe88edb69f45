"""What notebooks show of references."""

import re
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import filexchange as fx

ARRAYS = {
    "0-d": np.float64(3),
    "empty": np.zeros((3, 0)),
    "10-d": np.zeros((2,) * 10, "u1"),
    "Fortran": np.zeros((3, 4), order="F"),
    "times": np.zeros(3, "M8[s]"),
    "structured": np.zeros(2, [("id", "i8"), ("<b>at</b>", "f4", (3,)), ("in", [("x", "u1")])]),
}


def _rows(ref: fx.ArrayRef) -> dict[str, str]:
    page = ET.fromstring(f"<page>{ref._repr_html_()}</page>")
    return {"".join(row[0].itertext()): "".join(row[1].itertext()) for row in page.iter("tr")}


@pytest.mark.parametrize("name", ARRAYS)
@pytest.mark.parametrize("suffix", [".npy", ".npz", ".h5", ".zarr"])
def test_every_array_has_a_card(name: str, suffix: str, tmp_path: Path) -> None:
    array = np.asarray(ARRAYS[name])
    ref = fx.save(tmp_path / f"a{suffix}", array)
    rows = _rows(ref)
    assert rows["shape"] == str(array.shape)
    assert rows["path"] == ref.path
    assert rows["size"].startswith(
        f"{array.nbytes / 1000:.3g}" if array.nbytes > 999 else f"{array.nbytes} B"
    )


def test_it_says_how_the_array_is_stored(tmp_path: Path) -> None:
    ref = fx.create_array(
        tmp_path / "a.zarr",
        shape=(10, 20),
        dtype="f4",
        chunks=(5, 3),
        shards=(10, 9),
        compression="zstd:5",
        attrs={"unit": "m", "range": [0, 1]},
    )
    rows = _rows(ref)
    assert rows["layout"] == "14 chunks of (5, 3)"
    assert (rows["shards"], rows["compression"], rows["mode"]) == ("(10, 9)", "zstd:5", "r+")
    assert (rows["unit"], rows["range"]) == ("m", "[0, 1]")
    plain = fx.create_array(tmp_path / "b.zarr", shape=3, dtype="f4", chunks=2)
    assert _rows(plain)["compression"] == "none"


def test_a_part_is_shown_with_what_it_is_part_of(tmp_path: Path) -> None:
    ref = fx.create_array(tmp_path / "a.h5", shape=(10, 20), dtype="u1", chunks=(5, 5))
    for part in (ref.part[3], ref.part[::-2, None], ref.part[4:4], ref.part[..., -1, None]):
        rows = _rows(part)
        assert rows["shape"] == str(part.shape)
        assert rows["part of"] == "an array of shape (10, 20)"


def test_fields_of_a_structured_dtype_are_listed(tmp_path: Path) -> None:
    rows = _rows(fx.save(tmp_path / "a.npy", ARRAYS["structured"]))
    assert rows["dtype"] == "structured: 3 fields in 21 bytes"
    assert rows["<b>at</b>"] == "('<f4', (3,))"


def test_names_and_attrs_of_others_are_text(tmp_path: Path) -> None:
    hostile = "<img src=x onerror=alert(1)>\x1b\u202e"
    folder = tmp_path / "<script>"
    folder.mkdir()
    ref = fx.save(folder / "a.h5", np.zeros(3), key="<b>&", attrs={hostile: {hostile: hostile}})
    page = ref._repr_html_()
    assert re.search(r"<(img|script|b)\b", page) is None
    assert "\x1b" not in page
    assert "\u202e" not in page


def test_nothing_is_opened(tmp_path: Path) -> None:
    ref: Any = fx.save(tmp_path / "a.npy", np.zeros((4, 5)))
    before = ref._repr_html_()
    (tmp_path / "a.npy").unlink()
    assert ref._repr_html_() == before
