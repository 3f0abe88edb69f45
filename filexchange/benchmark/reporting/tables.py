"""Results as tables for a terminal of 80 columns."""

from collections.abc import Iterable, Iterator, Sequence
from typing import get_args

from rich import box
from rich.console import RenderableType
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from filexchange.benchmark.reporting.facts import TITLES, title
from filexchange.benchmark.reporting.phrases import margin, names, value
from filexchange.benchmark.reporting.questions import QUESTIONS, SMALLEST, Question
from filexchange.benchmark.reporting.ranking import (
    Group,
    Standing,
    by_size,
    groups,
    largest,
    members,
    standing,
    standings,
)
from filexchange.benchmark.results import ACCESSES, Access, CaseResult, Results, Role
from filexchange.quantities import (
    format_seconds,
)
from filexchange.sizes import format_size

_BEST = "bold green"
_BAR_WIDTH = 8
_WAY_WIDTH = 19
_WHOLE: tuple[Access, ...] = ("write", "read", "slice", "round_trip")
_PARTS = tuple(access for access in ACCESSES if access not in _WHOLE)


def report(results: Results) -> Iterator[RenderableType]:
    """Yield the tables of a run: who wins, and every case of the largest array in one place."""
    yield from overview(results)
    found = groups(results)
    shown = largest(results, found)[:1]
    yield from details(results, shown)
    if left := len(found) - len(shown):
        tables = "1 table" if left == 1 else f"{left} tables"
        yield Text(f"and {tables} like this with --all", style="dim")


def full_report(results: Results) -> Iterator[RenderableType]:
    """Yield the tables of a run: who wins, and every case."""
    yield from overview(results)
    yield from details(results, groups(results))


def overview(results: Results) -> Iterator[RenderableType]:
    """Yield the tables of who wins: one if there is one group, else one for each place."""
    found = groups(results)
    if len(found) == 1:
        yield winners_table(results, found[0])
    for place, cache in dict.fromkeys(group[1:] for group in found if len(found) > 1):
        yield sizes_table(results, [group for group in found if group[1:] == (place, cache)])


def details(results: Results, of: Iterable[Group]) -> Iterator[RenderableType]:
    """Yield the tables of every case of some groups."""
    for group in of:
        for accesses in (_WHOLE, _PARTS):
            if any(result.spread(a) for result in members(results, group) for a in accesses):
                yield cases_table(results, group, accesses)


def winners_table(results: Results, group: Group) -> Table:
    """Return a row for each question: who wins, by how much, and who ties."""
    made = plain_table(title(group))
    made.add_column("question", no_wrap=True)
    made.add_column("winner", style=_BEST, overflow="fold", max_width=32)
    for name in ("median", "ahead by"):
        made.add_column(name, justify="right", no_wrap=True)
    for question, found in standings(results, group).items():
        made.add_row(question.title, names(found), value(found), margin(found))
    return made


def sizes_table(results: Results, of: Sequence[Group]) -> Table:
    """Return a row for each input, small ones first, with the winners of each question."""
    made = plain_table(title(of[0]._replace(input="best for each size")))
    asked = [question for question in QUESTIONS if question.name in {*_WHOLE, SMALLEST.name}]
    answers = {question: _answers(results, of, question) for question in asked}
    shown = {question: found for question, found in answers.items() if any(found.values())}
    made.add_column("input", overflow="fold", max_width=15)
    for question in shown:
        made.add_column(question.title.removeprefix("fastest "), overflow="fold", max_width=12)
    for each in by_size(results):
        if any(group.input == each.name for group in of):
            made.add_row(each.name, *(names(found[each.name]) for found in shown.values()))
    return made


def cases_table(results: Results, group: Group, accesses: Sequence[Access]) -> Table:
    """Return a row for each case, the fastest first, and a column for each access that any has.

    The bars say how fast each is in comparison with the fastest, by the last of the accesses. The
    spread is the range of its samples, in percent of the median.
    """
    by_role = {role: _ordered(results, group, role, accesses) for role in get_args(Role)}
    field = [result for part in by_role.values() for result in part]
    shown = [a for a in accesses if any(result.spread(a) for result in field)]
    made = plain_table(title(group))
    made.add_column("way", overflow="fold", max_width=_WAY_WIDTH)
    for access in shown:
        made.add_column(TITLES[access].replace(" ", "\n", 1), justify="right", no_wrap=True)
    whole = shown[-1]
    made.add_column("spread", justify="right", style="dim", no_wrap=True)
    made.add_column("speed", no_wrap=True)
    made.add_column("on disk", justify="right", no_wrap=True)
    best = _best(results, group, shown)
    for part in by_role.values():
        fastest = min((s.median for result in part if (s := result.spread(whole))), default=0.0)
        for result in part:
            made.add_row(*_cells(result, shown, best, fastest))
        made.add_section()
    return made


def _cells(
    result: CaseResult, shown: Sequence[Access], best: set[tuple[str, str]], fastest: float
) -> Iterator[RenderableType]:
    style = "dim" if result.case.role == "floor" else ""
    yield Text(result.case.way, style=style)
    if result.error is not None:
        yield Text("failed", style="red")
        return
    for access in shown:
        spread = result.spread(access)
        marked = _BEST if (access, result.case.way) in best else style
        yield Text(format_seconds(spread.median) if spread else "-", style=marked)
    whole = result.spread(shown[-1])
    if whole is None:
        yield from ("-", "")
    else:
        yield Text(f"±{50 * (whole.high - whole.low) / whole.median:.0f}%")
        yield ProgressBar(
            total=1.0,
            completed=fastest / whole.median,
            width=_BAR_WIDTH,
            complete_style="green",
            finished_style="green",
        )
    nbytes = result.nbytes_on_disk
    marked = _BEST if (SMALLEST.name, result.case.way) in best else style
    yield Text("-" if nbytes is None else format_size(nbytes), style=marked)


def _ordered(
    results: Results, group: Group, role: Role, accesses: Sequence[Access]
) -> list[CaseResult]:
    """Return cases of one role by their time, with those that failed at the end."""
    field = [
        result
        for result in members(results, group, role)
        if result.error is not None or any(result.spread(access) for access in accesses)
    ]

    def key(result: CaseResult) -> tuple[bool, float]:
        medians = [s.median for access in accesses if (s := result.spread(access))]
        return result.error is not None, medians[-1] if medians else 0.0

    return sorted(field, key=key)


def _best(results: Results, group: Group, shown: Sequence[Access]) -> set[tuple[str, str]]:
    """Return the pairs of question and way to be marked."""
    return {
        (question.name, way)
        for question, found in standings(results, group).items()
        if question.access in {*shown, None} and question.role == "format"
        for way in found.ways
    }


def _answers(
    results: Results, of: Sequence[Group], question: Question
) -> dict[str, Standing | None]:
    return {group.input: standing(results, group, question) for group in of}


def plain_table(heading: str) -> Table:
    """Return an empty table with as few lines and spaces as can be read."""
    return Table(
        title=heading,
        title_justify="left",
        title_style="bold",
        box=box.SIMPLE_HEAD,
        show_edge=False,
        pad_edge=False,
        padding=(0, 1, 0, 0),
    )
