"""What notebooks show of a value: HTML that stands on its own, in light and in dark."""

import html
from collections.abc import Mapping, Sequence

Rows = Mapping[str, object]

_MOST_ROWS = 40
_MOST_TEXT = 300

# Only colors that follow the page: a notebook may be dark where the system is light.
_STYLE = """
.fx-card{display:flex;flex-wrap:wrap;align-items:flex-start;gap:.8em 2.5em;line-height:1.4}
.fx-card .fx-title{font-weight:600;padding:0 0 .3em}
.fx-card table{border-collapse:collapse;border:0;margin:0;font-size:inherit;color:inherit}
.fx-card tbody tr:nth-child(n),.fx-card tbody tr:hover{background:none}
.fx-card th,.fx-card td{text-align:left;vertical-align:top;padding:.15em 1em .15em 0;border:0;
border-top:1px solid rgba(128,128,128,.3);max-width:32em;white-space:pre-wrap;
overflow-wrap:anywhere}
.fx-card th{font-weight:normal;opacity:.7;max-width:16em;overflow-wrap:break-word}
.fx-card td div{margin:0 0 .4em}
.fx-card summary{cursor:pointer;padding:.3em 0}
.fx-card details table{margin-left:1.1em}
.fx-card th[scope=col],.fx-card td.fx-number{text-align:right;white-space:nowrap}
.fx-card svg{max-width:100%;height:auto;flex:none;margin-top:1.8em}
"""


class Lines(tuple[str, ...]):
    """Several sentences as one value of a card, one below the other."""

    __slots__ = ()


def card(
    title: str, rows: Rows, *, folded: Mapping[str, Rows] | None = None, picture: str = ""
) -> str:
    """Return a table of names and values, with a picture beside it.

    Parameters
    ----------
    title : str
    rows : mapping of str to object
        What is shown as ``str`` gives it, or as :class:`Lines`. Long text is cut, and so are long
        tables.
    folded : mapping of str to mapping, optional
        Tables that open when their title is clicked; empty ones are left out.
    picture : str, optional
        Markup, such as one of `filexchange.drawing` or :func:`figures`, which is taken as it is.

    Returns
    -------
    str
        HTML. All text in it is escaped.

    Examples
    --------
    >>> card("Point", {"x": 1, "of": "<b>"})[-66:]
    '<th scope="row">of</th><td>&lt;b&gt;</td></tr></table></div></div>'
    """
    tables = [_table(rows)]
    tables += [
        f"<details><summary>{escape(name)} ({len(inner)})</summary>{_table(inner)}</details>"
        for name, inner in (folded or {}).items()
        if inner
    ]
    return (
        f'<style>{_STYLE}</style><div class="fx-card"><div>'
        f'<div class="fx-title">{escape(title)}</div>{"".join(tables)}</div>{picture}</div>'
    )


def figures(rows: Sequence[Sequence[str]]) -> str:
    """Return a table of figures: the first row has the names of columns, the first cells of rows.

    Examples
    --------
    >>> figures([["", "read"], ["npy", "3 ms"]])[-68:]
    '<th scope="row">npy</th><td class="fx-number">3 ms</td></tr></table>'
    """
    heading, *others = rows
    lines = ["".join(f'<th scope="col">{escape(cell)}</th>' for cell in heading)]
    lines += [
        f'<th scope="row">{escape(name)}</th>'
        + "".join(f'<td class="fx-number">{escape(cell)}</td>' for cell in cells)
        for name, *cells in others
    ]
    return f"<table>{''.join(f'<tr>{line}</tr>' for line in lines)}</table>"


def escape(value: object) -> str:
    r"""Return the text of a value for HTML, on one line, cut in its middle if it is long.

    What cannot be seen, such as control characters and marks that turn the direction of writing,
    is written as in a string literal.

    Examples
    --------
    >>> escape("a < b\n")
    'a &lt; b\\n'
    """
    text = str(value)
    if len(text) > _MOST_TEXT:
        text = f"{text[: _MOST_TEXT * 2 // 3]} … {text[-_MOST_TEXT // 3 :]}"
    visible = (each if each.isprintable() else repr(each)[1:-1] for each in text)
    return html.escape("".join(visible))


def _table(rows: Rows) -> str:
    shown = list(rows.items())[:_MOST_ROWS]
    if len(rows) > len(shown):
        shown.append(("…", f"and {len(rows) - len(shown)} more"))
    lines = (
        f'<tr><th scope="row">{escape(name)}</th><td>{_lines(value)}</td></tr>'
        for name, value in shown
    )
    return f"<table>{''.join(lines)}</table>"


def _lines(value: object) -> str:
    if isinstance(value, Lines):
        return "".join(f"<div>{escape(line)}</div>" for line in value)
    return escape(value)
