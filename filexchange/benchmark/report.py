"""Results as a table, and in words."""

import statistics
from typing import NamedTuple

from rich import box
from rich.table import Table
from rich.text import Text

from filexchange.benchmark.results import CaseResult, Results
from filexchange.sizes import format_size

_BEST = "bold green"
# Differences that another run could turn round are no reason to choose.
_TIE = 1.1


class _Column(NamedTuple):
    title: str
    field: str
    scale: float


_COLUMNS = (
    _Column("write", "write_s", 1e3),
    _Column("read", "read_s", 1e3),
    _Column("1%\nslice", "slice_s", 1e3),
    _Column("round\ntrip", "round_trip_s", 1e3),
)


def facts(results: Results) -> list[str]:
    """Return the lines that say what was measured where."""
    machine = results.machine
    versions = ", ".join(f"{name} {number}" for name, number in machine.packages.items())
    lines = [
        f"{array.name}: {array.dtype} {array.shape}, {format_size(array.nbytes)}"
        for array in results.arrays
    ]
    return [
        *lines,
        f"{machine.directory} ({machine.file_system}), {machine.cpu_count} CPUs, {machine.system}",
        f"Python {machine.python}, {versions}",
        f"median of {results.repeat} rounds in ms (range of the round trip), page cache warm",
    ]


def table(results: Results) -> Table:
    """Return one row for each case, with the best of each column marked.

    It is narrow enough for a terminal of 80 columns.
    """
    made = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=0)
    made.add_column("format", no_wrap=True)
    for column in _COLUMNS:
        made.add_column(column.title, justify="right", no_wrap=True)
    for title in ("range", "GB/s", "x\nmemcpy", "on disk", "ratio"):
        made.add_column(title, justify="right", no_wrap=True)
    best = {column.field: _lowest(results, column.field) for column in _COLUMNS}
    best["nbytes_on_disk"] = _lowest(results, "nbytes_on_disk")
    memcpy_s = statistics.median(results.memcpy_s) if results.memcpy_s else None
    for result in results.cases:
        if result in results.measured:
            made.add_row(*_cells(result, results.nbytes, best, memcpy_s))
        elif result.error is not None:
            made.add_row(str(result.case), Text("failed, see below", style="red"))
        else:
            made.add_row(str(result.case), Text("not measured", style="dim"))
    return made


def _cells(
    result: CaseResult, nbytes: int, best: dict[str, float], memcpy_s: float | None
) -> list[Text]:
    trip = result.spread("round_trip_s")
    size = result.spread("nbytes_on_disk").median

    def cell(text: str, field: str) -> Text:
        is_best = result.spread(field).median <= best[field]
        return Text(text, style=_BEST if is_best else "")

    return [
        Text(str(result.case)),
        *(
            cell(_number(result.spread(column.field).median * column.scale), column.field)
            for column in _COLUMNS
        ),
        Text(f"{_number(trip.low * 1e3)}-{_number(trip.high * 1e3)}", style="dim"),
        Text(f"{nbytes / trip.median / 1e9:.2f}"),
        Text("-" if memcpy_s is None else _number(trip.median / memcpy_s)),
        cell(format_size(size), "nbytes_on_disk"),
        Text(f"{size / nbytes:.2f}" if nbytes else "-"),
    ]


def _number(value: float) -> str:
    """Return a number with three digits, and no more than two decimals."""
    return f"{value:.{2 if value < 9.995 else 1 if value < 99.95 else 0}f}"  # noqa: PLR2004 - what rounds to 10.0 and 100


def _lowest(results: Results, field: str) -> float:
    return min((result.spread(field).median for result in results.measured), default=0.0)


def recommendation(results: Results) -> str:
    """Return one line that says which format to take, and for what."""
    measured = results.measured
    if not measured:
        return "nothing was measured"
    fastest = min(measured, key=lambda result: result.spread("round_trip_s").median)
    smallest = min(measured, key=lambda result: result.spread("nbytes_on_disk").median)
    trip, size = (
        fastest.spread("round_trip_s").median,
        fastest.spread("nbytes_on_disk").median,
    )
    ties = [
        str(result.case)
        for result in measured
        if result is not fastest and result.spread("round_trip_s").median <= trip * _TIE
    ]
    rate = _number(results.nbytes / trip / 1e9)
    words = f"to exchange: {fastest.case}, {_number(trip * 1e3)} ms there and read ({rate} GB/s)"
    if ties:
        words += f"; {', '.join(ties)} as fast within a tenth"
    if smallest is not fastest and smallest.spread("nbytes_on_disk").median * _TIE < size:
        share = smallest.spread("nbytes_on_disk").median / size
        cost = smallest.spread("round_trip_s").median / trip
        words += (
            f". To save space: {smallest.case}, {share:.2f} of the bytes, {cost:.1f} times the time"
        )
    return words + "."


def failures(results: Results) -> list[str]:
    """Return a line for each case that failed."""
    return [f"{result.case}: {result.error}" for result in results.cases if result.error]
