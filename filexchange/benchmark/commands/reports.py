"""The commands ``filexchange bench show`` and ``filexchange bench compare``."""

from collections.abc import Iterable, Iterator
from typing import Annotated

import typer
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from filexchange.benchmark.commands import options
from filexchange.benchmark.reporting.comparing import Change, Comparison, overall
from filexchange.benchmark.reporting.comparing import compare as compare_results
from filexchange.benchmark.reporting.facts import TITLES, facts, failures, title
from filexchange.benchmark.reporting.outputs import Outputs, read
from filexchange.benchmark.reporting.ranking import Group
from filexchange.benchmark.reporting.tables import full_report, plain_table, report
from filexchange.benchmark.reporting.wording import recommendation
from filexchange.benchmark.results import Case
from filexchange.quantities import format_seconds, format_times
from filexchange.terminal import console

#: Exit code of a comparison that found something slower than allowed, or failing that did not.
SLOWER = 3

_STYLES = {"faster": "green", "slower": "red"}
_SHOWN_ALONE = 5
_File = Annotated[str, typer.Argument(help="What `filexchange bench --json` wrote.")]


def show(
    file: _File,
    csv: options.Csv = None,
    html: options.Html = None,
    plot: options.Plot = None,
    all: options.All = False,
    quiet: options.Quiet = False,
) -> None:
    """Show what was measured before, or write it as a page, a table or a picture."""
    outputs = Outputs(csv=csv, html=html, plot=plot)
    outputs.check()
    results = read(file)
    outputs.write(results)
    if quiet:
        return
    shown = console()
    for line in facts(results):
        shown.print(line, style="dim", markup=False)
    for part in full_report(results) if all else report(results):
        shown.print()
        shown.print(part)
    shown.print()
    for advice in recommendation(results):
        shown.print(str(advice), style="bold", markup=False)
    for line in failures(results):
        shown.print(f"failed: {line}", style="red", markup=False)


def compare(
    before: _File,
    after: Annotated[str, typer.Argument(help="The same of another machine, or of later.")],
    fail_above: Annotated[
        float | None,
        typer.Option(
            min=1.0,
            metavar="RATIO",
            help="Exit with 3 if something takes more than RATIO times the time before, by more "
            "than noise, or fails and did not before.",
        ),
    ] = None,
    quiet: options.Quiet = False,
) -> None:
    """Compare two runs: two machines, or before and after a change.

    Exit code 1: the files cannot be compared; 3: see --fail-above.
    """
    found = compare_results(read(before), read(after))
    if not quiet:
        for part in comparison(found):
            console().print(part)
    if not found.changes and not found.broken:
        console(stderr=True).print("the two runs have nothing in common", style="red")
        raise typer.Exit(1)
    if fail_above is None:
        return
    lines = [_line(change) for change in found.slower_than(fail_above)]
    lines += [f"{_name(result.case)} fails: {result.error}" for result in found.broken]
    for line in lines:
        console(stderr=True).print(line, style="red", markup=False)
    if lines:
        raise typer.Exit(SLOWER)


def comparison(found: Comparison) -> Iterator[RenderableType]:
    """Yield what to print about two runs; it fits 80 columns."""
    for name, old, new in found.differences:
        yield Text(f"{name}: {old or 'none'} before, {new or 'none'} after", style="dim")
    changed = [*found.of("slower"), *found.of("faster")]
    if changed:
        yield _changes_table(changed)
    if found.changes:
        yield _overall_table(found.changes)
    for result in found.broken:
        yield Text(f"fails now: {_name(result.case)}: {result.error}", style="red")
    for when, cases in (("before", found.only_before), ("after", found.only_after)):
        if cases:
            more = len(cases) - _SHOWN_ALONE
            names = "; ".join(map(_name, cases[:_SHOWN_ALONE]))
            yield Text(f"only {when}: {names}" + (f"; and {more} more" if more > 0 else ""))


def _changes_table(changes: Iterable[Change]) -> Table:
    made = plain_table("changed by more than noise")
    for name, width in (("way", 18), ("of", 26)):
        made.add_column(name, overflow="fold", max_width=width)
    for name in ("access", "before", "after", "ratio"):
        made.add_column(name, justify="right", overflow="fold", max_width=10)
    for change in changes:
        made.add_row(
            change.case.way,
            _where(change.case),
            TITLES[change.access],
            format_seconds(change.before),
            format_seconds(change.after),
            Text(format_times(change.ratio), style=_STYLES[change.verdict]),
        )
    return made


def _overall_table(changes: tuple[Change, ...]) -> Table:
    made = plain_table("all cases")
    made.add_column("access")
    for name in ("faster", "same", "slower", "mean ratio"):
        made.add_column(name, justify="right")
    for access, (mean, counts) in overall(changes).items():
        made.add_row(TITLES[access], *map(str, counts.values()), format_times(mean))
    return made


def _line(change: Change) -> str:
    return (
        f"{_name(change.case)} takes {format_times(change.ratio)} the time of before to "
        f"{TITLES[change.access]}: {format_seconds(change.before)}, then "
        f"{format_seconds(change.after)}"
    )


def _where(case: Case) -> str:
    return title(Group(case.input, case.directory, case.cache))


def _name(case: Case) -> str:
    return f"{case.way} ({_where(case)})"
