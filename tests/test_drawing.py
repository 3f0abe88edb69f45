"""Pictures are well-formed, of bounded size, and show what they are of."""

import re
import xml.etree.ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filexchange import drawing

SVG = "{http://www.w3.org/2000/svg}"


def _possible(lengths: list[int]) -> tuple[int, ...]:
    """Return lengths of which the product is one that an array can have."""
    left = (1 << 63) - 1
    found = []
    for length in lengths:
        found.append(min(length, left))
        left //= found[-1]
    return tuple(found)


shapes = st.lists(st.integers(1, 1 << 62), min_size=1, max_size=64).map(_possible)


def _drawn(markup: str) -> ET.Element:
    """Return the parsed picture, in which all points lie within what is seen."""
    parsed = ET.fromstring(markup)
    left, top, width, height = map(float, parsed.attrib["viewBox"].split())
    for path in parsed.iter(f"{SVG}path"):
        for x, y in re.findall(r"[ML]([-\d.]+) ([-\d.]+)", path.attrib["d"]):
            assert left <= float(x) <= left + width
            assert top <= float(y) <= top + height
    return parsed


def _labels(markup: str) -> list[str]:
    return [text.text for text in _drawn(markup).iter(f"{SVG}text")]


def _borders(markup: str) -> int:
    """Return the number of lines between chunks."""
    lines = _drawn(markup).find(f"{SVG}g[2]/{SVG}path")
    return lines.attrib["d"].count("M")


@given(shapes, st.data())
def test_any_shape_has_a_small_picture(shape: tuple[int, ...], data: st.DataObject) -> None:
    chunks = data.draw(st.tuples(*(st.integers(1, 1 << 62) for _ in shape)))
    made = drawing.array(shape, chunks)
    assert len(made) < 20_000
    assert float(_drawn(made).attrib["width"]) < 500


@pytest.mark.parametrize("shape", [(), (0,), (3, 0), (0,) * 5])
def test_nothing_is_drawn_of_nothing(shape: tuple[int, ...]) -> None:
    assert drawing.array(shape, (1,) * len(shape)) == ""


def test_lengths_are_beside_the_edges() -> None:
    assert _labels(drawing.array((7,))) == ["7"]
    assert _labels(drawing.array((7, 8))) == ["7", "8"]
    assert _labels(drawing.array((7, 8, 9))) == ["7", "8", "9"]
    assert _labels(drawing.array((2, 3, 7, 8, 9)))[-1] == "one of 2 \N{MULTIPLICATION SIGN} 3"
    assert _labels(drawing.array((2,) * 10))[-1] == "one of 128"


@pytest.mark.parametrize(
    ("shape", "chunks", "borders"),
    [((9,), (3,), 2), ((10,), (3,), 3), ((9, 8), (3, 4), 3), ((9, 8, 7), (3, 4, 7), 3)],
)
def test_chunks_have_borders(shape: tuple[int, ...], chunks: tuple[int, ...], borders: int) -> None:
    assert _borders(drawing.array(shape, chunks)) == borders


def test_a_chunk_larger_than_its_array_has_no_border() -> None:
    assert _borders(drawing.array((9, 8), (100, 100))) == 0


@given(st.data())
def test_a_part_is_drawn_within_its_array(data: st.DataObject) -> None:
    shape = data.draw(st.lists(st.integers(1, 50), min_size=1, max_size=5))
    ends = st.tuples(*(st.tuples(st.integers(0, n), st.integers(0, n)) for n in shape))
    part = [(min(pair), max(pair)) for pair in data.draw(ends)]
    _drawn(drawing.array(tuple(shape), selected=part))


def test_a_budget_is_filled_from_the_left() -> None:
    bar = ET.fromstring(drawing.budget(20, 30, 2, 100, "80 of 100"))
    parts = [part.attrib for part in bar.find(f"{SVG}g")]
    full = float(bar.findall(f"{SVG}rect")[0].attrib["width"])
    shares = [float(part["width"]) / full for part in parts]
    assert shares == pytest.approx([0.2, 0.3, 0.3], abs=0.001)
    assert float(parts[-1].get("x")) / full == pytest.approx(0.5, abs=0.001)


def test_very_many_parts_are_one() -> None:
    assert drawing.budget(0, 1, 10**9, 10**9, "all").count("<rect") == 2
