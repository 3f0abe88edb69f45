"""Results as one page that needs nothing else, and as a summary for notebooks."""

import json
from collections.abc import Iterable, Sequence
from html import escape
from importlib.resources import files
from string import Template
from typing import Any

from filexchange.benchmark.reporting.facts import TITLES, facts, failures, processor, storage, title
from filexchange.benchmark.reporting.palette import styles
from filexchange.benchmark.reporting.phrases import margin, names, value
from filexchange.benchmark.reporting.ranking import (
    Group,
    Standing,
    by_size,
    front,
    groups,
    members,
    standings,
)
from filexchange.benchmark.reporting.wording import recommendation
from filexchange.benchmark.results import ACCESSES, Access, CaseResult, Input, Results
from filexchange.quantities import format_seconds
from filexchange.sizes import format_size

# What moves all bytes of the array, so that bytes per second can be told.
_RATED: tuple[Access, ...] = ("write", "read", "shared", "round_trip")

_SCRIPTS = (
    *("state.js", "numbers.js", "elements.js", "axes.js", "labels.js", "tips.js", "drawing.js"),
    *("plots.js", "tables.js", "controls.js"),
)


def page(results: Results) -> str:
    """Return a page of HTML with everything in it: it asks for nothing from anywhere.

    Parameters
    ----------
    results : Results

    Notes
    -----
    Text from results is escaped wherever it goes. The page forbids itself to load anything, by a
    content security policy.

    Examples
    --------
    >>> from filexchange.benchmark.machine import Machine
    >>> from filexchange.benchmark.results import Results
    >>> text = page(Results(Machine.here(), (), (), (), "2026-11-25T14:00:00+00:00"))
    >>> text[:15], "nothing was measured" in text
    ('<!DOCTYPE html>', True)
    """
    data = json.dumps(_data(results), separators=(",", ":"))
    return Template(_part("page.html")).substitute(
        style=_part("page.css"),
        script="\n".join(map(_part, _SCRIPTS)),
        # Nothing in it can end the element that it is in.
        data=data.replace("<", "\\u003c"),
        started=escape(_started(results)),
        advice=_advice(results),
        facts=_definitions(_facts(results)),
        failures=_list("failures", failures(results)),
    )


def summary(results: Results) -> str:
    """Return a few lines of HTML: what to take, and who wins."""
    found = groups(results)
    tables = "".join(_winners(results, group) for group in found)
    if len(found) > 1:
        tables = (
            f"<details><summary>Winners of {len(found)} comparisons</summary>{tables}</details>"
        )
    machine = "".join(f"<div>{escape(line)}</div>" for line in facts(results))
    return (
        f"<div><b>filexchange benchmark, {escape(_started(results))}</b>{_advice(results)}{tables}"
        f"<details><summary>Machine and data</summary>{machine}</details></div>"
    )


def _part(name: str) -> str:
    return (
        files("filexchange.benchmark.reporting").joinpath("page", name).read_text(encoding="utf-8")
    )


def _data(results: Results) -> dict[str, Any]:
    """Return what the plots and tables of the page show."""
    looks = styles(results.cases)
    numbers = {key: number for number, key in enumerate(looks)}
    positions = {id(result): position for position, result in enumerate(results.cases)}
    measured = [
        access for access in ACCESSES if any(each.seconds.get(access) for each in results.cases)
    ]

    def places(of: Iterable[CaseResult]) -> list[int]:
        return [positions[id(result)] for result in of]

    return {
        "accesses": [
            {"name": name, "title": TITLES[name], "rated": name in _RATED} for name in measured
        ],
        "inputs": [_input(each) for each in by_size(results)],
        "ways": [
            {"name": way, "role": role, **look._asdict()} for (role, way), look in looks.items()
        ],
        "cases": [
            _case(result, numbers[result.case.role, result.case.way]) for result in results.cases
        ],
        "groups": [
            {
                **group._asdict(),
                "cases": places(members(results, group)),
                "fronts": {access: places(front(results, group, access)) for access in measured},
                "winners": [
                    _winner(found, places(found.winners))
                    for found in standings(results, group).values()
                ],
            }
            for group in groups(results)
        ],
    }


def _input(each: Input) -> dict[str, Any]:
    words = f"{each.name}: {each.dtype} {each.shape}, {format_size(each.nbytes)}"
    return {"name": each.name, "kind": each.kind, "nbytes": each.nbytes, "words": words}


def _case(result: CaseResult, way: int) -> dict[str, Any]:
    spreads = {
        access: [*(float(f"{each:.4g}") for each in spread), len(result.seconds[access])]
        for access in result.seconds
        if (spread := result.spread(access)) is not None
    }
    return {
        "way": way,
        "input": result.case.input,
        "seconds": {} if result.error else spreads,
        "nbytes": result.nbytes_on_disk,
        "memory": result.peak_memory,
        "error": result.error,
    }


def _winner(found: Standing, winners: Sequence[int]) -> dict[str, Any]:
    return {
        "name": found.question.name,
        "role": found.question.role,
        "question": found.question.title,
        "winners": winners,
        "value": value(found),
        "margin": margin(found),
    }


def _started(results: Results) -> str:
    return f"{results.started[:16].replace('T', ' ')} UTC"


def _advice(results: Results) -> str:
    items = (
        f"<li>{escape(advice.purpose)}{': ' if advice.purpose else ''}"
        f"<b>{escape(advice.choice)}</b>. {escape(advice.reason)}</li>"
        for advice in recommendation(results)
    )
    return f'<ul class="advice">{"".join(items)}</ul>'


def _facts(results: Results) -> dict[str, list[str]]:
    versions = [f"{name} {number}" for name, number in results.machine.packages.items()]
    state = "" if results.complete else "; it ended before every case had all its samples"
    return {
        "Data": [_input(each)["words"] for each in results.inputs],
        "Directories": [f"{place.directory}: {storage(place)}" for place in results.places],
        "Machine": [processor(results)],
        "Software": [", ".join([f"Python {results.machine.python}", *versions])],
        "Run": [f"{len(results.cases)} cases in {format_seconds(results.elapsed)}{state}"],
    }


def _definitions(found: dict[str, list[str]]) -> str:
    return "".join(
        f"<dt>{escape(name)}</dt>" + "".join(f"<dd>{escape(line)}</dd>" for line in lines)
        for name, lines in found.items()
        if lines
    )


def _list(name: str, lines: Sequence[str]) -> str:
    items = "".join(f"<li>{escape(line)}</li>" for line in lines)
    return f'<section class="{name}"><h2>Failed</h2><ul>{items}</ul></section>' if lines else ""


def _winners(results: Results, group: Group) -> str:
    rows = "".join(
        f"<tr><td>{escape(question.title)}</td><td>{escape(names(found))}</td>"
        f"<td>{escape(value(found))}</td><td>{escape(margin(found))}</td></tr>"
        for question, found in standings(results, group).items()
    )
    head = "<tr><th>question</th><th>winner</th><th>median</th><th>ahead by</th></tr>"
    return f"<table><caption>{escape(title(group))}</caption>{head}{rows}</table>"
