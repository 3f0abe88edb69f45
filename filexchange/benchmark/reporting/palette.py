"""Colors and marks by which ways are told apart in plots: a color a family, a mark a member.

The colors are those of Okabe and Ito (2008), which color-blind people can tell apart.
"""

from collections.abc import Sequence
from typing import NamedTuple

from filexchange.benchmark.results import Case, CaseResult, Role

_COLORS = {
    "npy": "#0072B2",
    "raw": "#56B4E9",
    "npz": "#CC79A7",
    "hdf5": "#E69F00",
    "zarr": "#009E73",
    "transport": "#D55E00",
    "floor": "#808080",
}
_OTHER = "#F0E442"

#: Names of marks, and how matplotlib spells them.
MARKS = {
    "circle": "o",
    "square": "s",
    "triangle": "^",
    "diamond": "D",
    "down": "v",
    "cross": "X",
    "plus": "P",
    "star": "*",
}


class Style(NamedTuple):
    """How a way looks."""

    family: str
    color: str
    mark: str


def styles(cases: Sequence[CaseResult]) -> dict[tuple[Role, str], Style]:
    """Return the looks of all ways of some cases, by role and name."""
    found: dict[tuple[Role, str], Style] = {}
    members: dict[str, int] = {}
    for result in cases:
        key = (result.case.role, result.case.way)
        if key not in found:
            family = _family(result.case)
            number = members.get(family, 0)
            members[family] = number + 1
            mark = list(MARKS)[number % len(MARKS)]
            found[key] = Style(family, _COLORS.get(family, _OTHER), mark)
    return found


def _family(case: Case) -> str:
    return case.way.partition(":")[0] if case.role == "format" else case.role
