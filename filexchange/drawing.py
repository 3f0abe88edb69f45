"""Small pictures in SVG: the shape of an array and its chunks, and how a budget is spent.

Their lines have the color of the text around them, so that they suit light and dark pages.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

from filexchange.aliases import Shape

_LONGEST, _SHORTEST = 130.0, 22.0
# Where each of the last three axes goes on the page, as complex numbers, whose y points down.
_DIRECTIONS = (0.36 - 0.36j, 1j, 1)
_CLOSEST = 3.0  # chunks that are smaller are hatching
_FONT, _LETTER, _LINE = 10.5, 6.2, 13.0
_MOST_LETTERS = 18
_FILL = "#4a90c2"
_TONES = (0.4, 0.22, 0.6)  # of the faces in front, on top and on the right
_BAR = 260.0

_Index = tuple[float, float, float]


class _Label(NamedTuple):
    text: str
    at: complex
    anchor: str

    @property
    def corners(self) -> tuple[complex, complex]:
        """Return where its text begins and ends."""
        width = _LETTER * len(self.text)
        begin = self.at - width * {"start": 0.0, "middle": 0.5, "end": 1.0}[self.anchor]
        return begin - _FONT * 1j, begin + width

    def __str__(self) -> str:
        return (
            f'<text x="{self.at.real:.1f}" y="{self.at.imag:.1f}" text-anchor="{self.anchor}">'
            f"{self.text}</text>"
        )


def array(
    shape: Shape,
    chunks: Shape | None = None,
    shards: Shape | None = None,
    selected: Sequence[tuple[int, int]] | None = None,
) -> str:
    """Draw an array as a bar, a rectangle or a box, with the borders of its chunks and shards.

    Parameters
    ----------
    shape : tuple of int
        The last three axes are drawn; the lengths of those before are written beside the box.
    chunks, shards : tuple of int, optional
    selected : sequence of (int, int), optional
        Start and stop along each axis of the part that is filled; all of it by default.

    Returns
    -------
    str
        An ``<svg>`` element; nothing for an array without axes or elements.

    Examples
    --------
    >>> array((200, 300), (100, 100))[:4], array(()), array((3, 0))
    ('<svg', '', '')
    """
    if not shape or 0 in shape:
        return ""
    box = _Box(shape)
    whole = [(0, length) for length in shape]
    filled = "".join(
        f'<path d="{face}" fill-opacity="{tone}"/>'
        for face, tone in zip(box.faces(selected or whole), _TONES, strict=True)
    )
    borders = "".join(
        f'<path d="{box.borders(unit)}" stroke-opacity="{opacity}" stroke-width="{width}"/>'
        for unit, opacity, width in ((chunks, 0.5, 0.6), (shards, 1, 1.1))
        if unit is not None
    )
    labels = box.labels()
    return _svg(
        f"array of shape {shape}" + ("" if chunks is None else f" in chunks of {chunks}"),
        [*box.corners(), *(corner for label in labels for corner in label.corners)],
        f'<g fill="{_FILL}">{filled}</g><g fill="none" stroke="currentColor">{borders}'
        f'<path d="{"".join(box.faces(whole))}" stroke-width="1.3" stroke-linejoin="round"/></g>'
        f'<g fill="currentColor" font-size="{_FONT}">{"".join(map(str, labels))}</g>',
    )


def budget(fixed: float, each: float, count: int, whole: float, title: str) -> str:
    """Draw a bar that is filled by something fixed and by a number of equal parts.

    Parameters
    ----------
    fixed, each : float
    count : int
        How many of `each` there are.
    whole : float
        The full length of the bar.
    title : str
        For those who cannot see it.

    Returns
    -------
    str
        An ``<svg>`` element.
    """
    if _BAR * each < _CLOSEST * whole:
        each, count = each * count, 1
    parts = [(0.0, fixed), *((fixed + number * each, each) for number in range(count))]
    drawn = "".join(
        f'<rect x="{_BAR * start / whole:.1f}" width="{_BAR * part / whole:.1f}" height="10"/>'
        for start, part in parts
        if part
    )
    return _svg(
        title,
        [0, complex(_BAR, 10)],
        f'<g fill="{_FILL}" fill-opacity="0.6" stroke="currentColor" stroke-width="0.7">{drawn}</g>'
        f'<rect width="{_BAR:.0f}" height="10" fill="none" stroke="currentColor"/>',
    )


class _Box:
    """The last three axes of an array on the page; those that it does not have are of no depth."""

    def __init__(self, shape: Shape) -> None:
        self._leading, self._drawn = shape[:-3], shape[-3:]
        missing = 3 - len(self._drawn)
        longest = max(self._drawn)
        sides = [max(_SHORTEST, _LONGEST * length / longest) for length in self._drawn]
        self._lengths = (1,) * missing + self._drawn
        self._sides = [*(0.0, _SHORTEST)[:missing], *sides]

    def _at(self, index: _Index) -> complex:
        """Return where an index is on the page, from the corner in front at the top left."""
        terms = zip(index, self._lengths, self._sides, _DIRECTIONS, strict=True)
        return sum(at / length * side * direction for at, length, side, direction in terms)

    def _path(self, corners: Sequence[_Index]) -> str:
        points = (self._at(corner) for corner in corners)
        return "M" + "L".join(f"{point.real:.1f} {point.imag:.1f}" for point in points)

    def faces(self, selected: Sequence[tuple[int, int]]) -> list[str]:
        """Return the paths around the faces of a part that are seen: front, top, right."""
        padded = [(0, 1)] * (3 - len(selected)) + list(selected[-3:])
        (front, back), (top, bottom), (left, right) = padded
        faces = (
            [
                (front, top, left),
                (front, top, right),
                (front, bottom, right),
                (front, bottom, left),
            ],
            [(front, top, left), (back, top, left), (back, top, right), (front, top, right)],
            [
                (front, top, right),
                (back, top, right),
                (back, bottom, right),
                (front, bottom, right),
            ],
        )
        return [self._path(face) + "Z" for face in faces]

    def borders(self, unit: Shape) -> str:
        """Return the path of the borders between chunks on the faces that are seen."""
        steps = (1,) * (3 - len(unit)) + unit[-3:]
        depths, rows, columns = map(_inner, steps, self._lengths, self._sides)
        z, y, x = self._lengths
        lines: list[Sequence[_Index]] = [
            *([(z, 0, at), (0, 0, at), (0, y, at)] for at in columns),
            *([(0, at, 0), (0, at, x), (z, at, x)] for at in rows),
            *([(at, 0, 0), (at, 0, x), (at, y, x)] for at in depths),
        ]
        return "".join(map(self._path, lines))

    def labels(self) -> list[_Label]:
        """Return the lengths beside the edges, and what is not drawn below."""
        z, y, x = self._lengths
        below = self._at((0, y, x / 2)) + 1j * _LINE
        places = [
            (self._at((z / 2, y, x)) + 5 + 9j, "start"),
            (self._at((0, y / 2, 0)) - 5 + 4j, "end"),
            (below, "middle"),
        ]
        found = [
            _Label(f"{length}", point, anchor)
            for length, (point, anchor) in zip(
                self._drawn, places[-len(self._drawn) :], strict=True
            )
        ]
        if self._leading:
            times = " \N{MULTIPLICATION SIGN} ".join(map(str, self._leading))
            if len(times) > _MOST_LETTERS:
                times = f"{math.prod(self._leading):,}"
            found.append(_Label(f"one of {times}", below + 1.3j * _LINE, "middle"))
        return found

    def corners(self) -> tuple[complex, complex]:
        """Return the top left and the bottom right of what is drawn."""
        z, y, x = self._lengths
        return (
            complex(0, self._at((z, 0, 0)).imag),
            complex(self._at((z, 0, x)).real, self._at((0, y, 0)).imag),
        )


def _inner(step: int, length: int, side: float) -> list[float]:
    """Return the borders between chunks along an axis, or a hatching in place of very many."""
    if not side:
        return []
    apart = max(step, length / side * _CLOSEST)
    return [number * apart for number in range(1, math.ceil(length / apart))]


def _svg(title: str, points: Sequence[complex], content: str) -> str:
    """Return a picture with a margin around these points."""
    left = min(point.real for point in points) - 2
    top = min(point.imag for point in points) - 2
    width = max(point.real for point in points) + 2 - left
    height = max(point.imag for point in points) + 2 - top
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-label="{title}" '
        f'width="{width:.0f}" height="{height:.0f}" '
        f'viewBox="{left:.0f} {top:.0f} {width:.0f} {height:.0f}">{content}</svg>'
    )
