"""Python literals read without evaluating anything: the grammar of ``.npy`` headers.

Strings, integers, booleans, tuples, lists and dicts, and a comment; no signs, no arithmetic, no
names. Nesting and lengths are bounded, so that no text takes more memory than it has characters.
"""

import ast
import re
from collections.abc import Iterator
from typing import Any, NoReturn

# A field within 16 structured dtypes, each of which is a list of tuples.
_MAX_DEPTH = 40

# Possessive repeats (*+) keep no positions to go back to, which would take memory. Escapes that
# Python would warn of are none.
_ESCAPE = r"""\\(?:[\\'"abfnrtv]|x..|u.{4}|U.{8})"""

_TOKEN = re.compile(
    rf"""\s*+(?:
      [uUbB]?(?P<string>'(?:[^'\\\n]|{_ESCAPE})*+'|"(?:[^"\\\n]|{_ESCAPE})*+")
    | (?P<number>[0-9]++)[lL]?
    | (?P<name>True|False)\b
    | (?P<mark>[()\[\]{{}},:])
    | \#(?P<note>[^\n]*)
    | (?P<end>$)
    )""",
    re.VERBOSE,
)


class LiteralError(ValueError):
    """What is wrong in a text of literals."""


class Literals:
    """A reader of Python literals.

    Attributes
    ----------
    note : str
        The text of the last comment passed over.

    Examples
    --------
    >>> Literals("{'a': (1, True), 'b': ['x']}  # note").value(0)
    {'a': (1, True), 'b': ['x']}
    """

    def __init__(self, text: str) -> None:
        self.note = ""
        self._tokens = self._split(text)
        self._kind, self._text = next(self._tokens)

    def _split(self, text: str) -> Iterator[tuple[str, str]]:
        position = 0
        while True:
            match = _TOKEN.match(text, position)
            if match is None or match.lastgroup is None:
                raise LiteralError(f"{text[position : position + 20]!r} is not part of a header")
            position = match.end()
            if match.lastgroup == "note":
                self.note = match["note"]
                continue
            yield match.lastgroup, match[match.lastgroup]

    def _take(self) -> str:
        taken = self._text
        if self._kind != "end":
            self._kind, self._text = next(self._tokens)
        return taken

    def expect(self, kind: str, text: str = "") -> None:
        """Pass over one token, which must be this one."""
        if (self._kind, self._text) != (kind, text):
            raise LiteralError(f"{self._text or 'its end'!r} where {text or 'the end'!r} belongs")
        self._take()

    def value(self, depth: int) -> Any:
        """Return the next literal."""
        if depth > _MAX_DEPTH:
            raise LiteralError(f"it is nested more than {_MAX_DEPTH} deep")
        kind, text = self._kind, self._text
        self._take()
        match kind, text:
            case "string", _:
                return self._string(text)
            case "number", _:
                return int(text) if len(text) < 20 else _too_large(text)  # noqa: PLR2004 - digits
            case "name", _:
                return text == "True"
            case "mark", "(":
                return self._tuple(depth)
            case "mark", "[":
                return [value for value, _ in self._items("]", depth)]
            case "mark", "{":
                return self._dict(depth)
            case _:
                raise LiteralError(f"{text or 'its end'!r} where a value belongs")

    def _string(self, text: str) -> str:
        try:
            value = ast.literal_eval(text)  # one string literal: nothing but escapes to evaluate
        except (SyntaxError, ValueError) as error:
            raise LiteralError(f"{text!r} is not a string") from error
        return str(value)

    def _items(self, close: str, depth: int) -> Iterator[tuple[Any, bool]]:
        """Yield values up to the closing mark, and whether a comma followed each."""
        while (self._kind, self._text) != ("mark", close):
            value = self.value(depth + 1)
            comma = (self._kind, self._text) == ("mark", ",")
            if comma:
                self._take()
            yield value, comma
            if not comma:
                break
        self.expect("mark", close)

    def _tuple(self, depth: int) -> Any:
        items = list(self._items(")", depth))
        if len(items) == 1 and not items[0][1]:
            return items[0][0]  # parentheses around a value
        return tuple(value for value, _ in items)

    def _dict(self, depth: int) -> dict[str, Any]:
        fields: dict[str, Any] = {}
        while (self._kind, self._text) != ("mark", "}"):
            name = self.value(depth + 1)
            if not isinstance(name, str) or name in fields:
                raise LiteralError(f"key {name!r} is not a string, or stands twice")
            self.expect("mark", ":")
            fields[name] = self.value(depth + 1)
            if (self._kind, self._text) != ("mark", ","):
                break
            self._take()
        self.expect("mark", "}")
        return fields


def _too_large(text: str) -> NoReturn:
    raise LiteralError(f"number {text[:20]}... exceeds any file")
