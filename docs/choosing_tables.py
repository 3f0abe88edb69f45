"""Print the tables of docs/choosing.md from what `filexchange bench --json` wrote.

python docs/choosing_tables.py FOUND.json [MORE.json ...]
"""

import argparse
import json
import sys
from collections.abc import Iterable, Iterator

from filexchange.benchmark import Case, CaseResult, Input, Place, Results
from filexchange.sizes import format_size

ACCESSES = ("write", "read", "slice", "round_trip")
SOON_EQUAL = 1.1  # times the least that is marked as well


def milliseconds(result: CaseResult, access: str) -> float | None:
    """Return the median, None if there is none."""
    found = result.spread(access)
    return None if found is None else found.median * 1e3


def tables(results: Results) -> Iterator[list[str]]:
    """Yield the lines of a table for each input, directory and state of the cache."""
    for each in results.inputs:
        for place in results.places:
            for cache in dict.fromkeys(result.case.cache for result in results.measured):
                chosen = [
                    result
                    for result in results.measured
                    if (result.case.input, result.case.directory) == (each.name, place.directory)
                    and result.case.cache == cache
                ]
                if chosen:
                    yield [heading(each, place, cache), "", *table(each, chosen)]


def heading(each: Input, place: Place, cache: str) -> str:
    """Return what the figures are of."""
    return (
        f"**{each.name}**, {each.shape} {each.dtype}, {format_size(each.nbytes)}, on "
        f"{place.file_system}, {cache}"
    )


def table(each: Input, chosen: Iterable[CaseResult]) -> list[str]:
    """Return a table, the fastest round trip first and the least of each column in bold."""
    rows = sorted(chosen, key=lambda result: milliseconds(result, "round_trip") or float("inf"))
    least = {
        access: min((m for row in rows if (m := milliseconds(row, access))), default=0.0)
        for access in ACCESSES
    }
    lines = [
        f"| | {' | '.join(ACCESSES).replace('_', ' ')} | size |",
        "| --- |" + " --- |" * (len(ACCESSES) + 1),
    ]
    for row in rows:
        cells = [_cell(milliseconds(row, access), least[access]) for access in ACCESSES]
        size = "" if not row.nbytes_on_disk else f"{row.nbytes_on_disk / each.nbytes:.2f}"
        lines.append(f"| {_name(row.case)} | {' | '.join(cells)} | {size} |")
    return lines


def _name(case: Case) -> str:
    return f"`{case.way}`" if case.role == "format" else case.way


def _cell(value: float | None, least: float) -> str:
    if value is None:
        return ""
    text = f"{value:.3g}"
    return f"**{text}**" if value <= least * SOON_EQUAL else text


def main() -> None:
    """Print all of it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("found", nargs="+")
    for path in parser.parse_args().found:
        with open(path, encoding="utf-8") as file:
            results = Results.from_json(json.load(file))
        for lines in tables(results):
            sys.stdout.write("\n".join([*lines, "", ""]))


if __name__ == "__main__":
    main()
