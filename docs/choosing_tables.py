"""Print the tables of docs/choosing.md from what `filexchange bench --json` wrote.

python docs/choosing_tables.py FOUND.json [MORE.json ...] [--of write,read]
"""

import argparse
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from filexchange.benchmark import CaseResult, Results
from filexchange.benchmark.results import ACCESSES
from filexchange.sizes import format_size

SOON_EQUAL = 1.1  # times the least that is bold as well
SIZE = "size"


class Column(NamedTuple):
    """What the figures of a column are of."""

    input: str
    file_system: str
    cache: str


Cells = dict[str, dict[Column, float]]


def collect(runs: Sequence[Results], value: Callable[[CaseResult, Results], float | None]) -> Cells:
    """Return values by way and column, where there are any."""
    found: Cells = {}
    for results in runs:
        systems = {place.directory: place.file_system for place in results.places}
        for result in results.measured:
            case, figure = result.case, value(result, results)
            if figure is not None:
                size = format_size(results.input(case.input).nbytes)
                system = systems.get(case.directory, "memory")
                column = Column(f"{case.input}, {size}", system, case.cache)
                found.setdefault(case.way, {})[column] = figure
    return found


def milliseconds(access: str) -> Callable[[CaseResult, Results], float | None]:
    """Return a function that returns the median of an access."""

    def value(result: CaseResult, _: Results) -> float | None:
        found = result.spread(access)
        return None if found is None else found.median * 1e3

    return value


def share(result: CaseResult, results: Results) -> float | None:
    """Return the bytes on disk by those of the array."""
    if result.nbytes_on_disk is None:
        return None
    return result.nbytes_on_disk / results.input(result.case.input).nbytes


def table(cells: Cells) -> Iterator[str]:
    """Yield the lines of a table with the least of each column in bold."""
    columns = list(dict.fromkeys(column for row in cells.values() for column in row))
    least = {c: min(row[c] for row in cells.values() if c in row) for c in columns}
    yield f"| | {' | '.join(', '.join(column) for column in columns)} |"
    yield "| --- |" + " --- |" * len(columns)
    for way, row in cells.items():
        texts = [_text(row[c], least[c]) if c in row else "" for c in columns]
        yield f"| `{way}` | {' | '.join(texts)} |"


def _text(value: float, least: float) -> str:
    text = f"{value:.0f}" if value >= 100 else f"{value:.3g}"  # noqa: PLR2004 - three digits
    return f"**{text}**" if value <= least * SOON_EQUAL else text


def main() -> None:
    """Print all of it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("found", nargs="+")
    parser.add_argument("--of", default=",".join([*ACCESSES, SIZE]))
    options = parser.parse_args()
    runs = []
    for path in options.found:
        with open(path, encoding="utf-8") as file:
            runs.append(Results.from_json(json.load(file)))
    for name in options.of.split(","):
        cells = collect(runs, share if name == SIZE else milliseconds(name))
        if cells:
            sys.stdout.write("\n".join([f"{name}:", "", *table(cells), "", ""]))


if __name__ == "__main__":
    main()
