"""Cards are well-formed, and nothing in them is taken for markup or hides itself."""

import xml.etree.ElementTree as ET

from hypothesis import given
from hypothesis import strategies as st

from filexchange.markup import Lines, card, escape, figures


def _parsed(markup: str) -> ET.Element:
    return ET.fromstring(f"<page>{markup}</page>")


def _cells(markup: str) -> list[tuple[str, str]]:
    rows = _parsed(markup).iter("tr")
    return [tuple("".join(cell.itertext()) for cell in row) for row in rows]


@given(st.dictionaries(st.text(), st.text(), max_size=5), st.text())
def test_any_text_gives_well_formed_markup(rows: dict[str, str], title: str) -> None:
    made = card(title, rows, folded={title: rows})
    assert len(_cells(made)) == 2 * len(rows)
    assert made.isprintable() or "\n" in made


@given(st.text(st.characters(categories=["L", "N", "P", "S"]), max_size=300))
def test_what_can_be_seen_is_shown_as_it_is(text: str) -> None:
    assert _cells(card("t", {"name": text})) == [("name", text)]


def test_markup_in_names_and_values_is_text() -> None:
    hostile = "</td><script>alert('1')</script>\"&amp;"
    made = card(hostile, {hostile: hostile}, folded={hostile: {hostile: hostile}})
    assert _cells(made) == [(hostile, hostile)] * 2
    assert "<script" not in made


def test_what_cannot_be_seen_is_written_out() -> None:
    assert escape("a\x00\x1b[31m\u202eb\udcff\n") == r"a\x00\x1b[31m\u202eb\udcff\n"


def test_long_text_is_cut_in_its_middle() -> None:
    shown = escape("a" * 10_000 + "z" * 10_000)
    assert len(shown) < 400
    assert shown[:100] == "a" * 100
    assert shown[-50:] == "z" * 50


def test_long_tables_say_how_much_is_missing() -> None:
    cells = _cells(card("t", {f"{number}": number for number in range(1000)}))
    assert len(cells) < 60
    assert cells[-1] == ("…", f"and {1000 - (len(cells) - 1)} more")


def test_empty_tables_are_not_folded_in() -> None:
    assert "<details" not in card("t", {"a": 1}, folded={"attrs": {}})
    assert "attrs (1)" in card("t", {"a": 1}, folded={"attrs": {"b": 2}})


def test_pictures_are_taken_as_they_are() -> None:
    assert card("t", {}, picture="<svg/>").endswith("<svg/></div>")


def test_lines_and_figures_are_text() -> None:
    made = card(
        "x",
        {"why": Lines(["<a>", "b"]), "list": [1, 2]},
        picture=figures([["", "<c>"], ["<d>", "<e>"]]),
    )
    assert "<div>&lt;a&gt;</div><div>b</div>" in made
    assert "[1, 2]" in made
    assert all(f"&lt;{each}&gt;" in made for each in "cde")
