"""The samples of each workload, and their table."""

import statistics
from collections.abc import Iterator
from typing import Any, NamedTuple

from _measure import MIB, OURS
from rich.console import Console
from rich.table import Table

from _outofcore.contenders import FLOORS
from _outofcore.watch import Measurement

OK = "ok"
#: What needs no explanation.
STATES = {OK, "killed", "timeout"}


class Samples(NamedTuple):
    """All runs of one contender at one workload."""

    contender: str
    runs: list[Measurement]

    @property
    def state(self) -> str:
        """What went wrong in any run, or ok."""
        return next((run.state for run in self.runs if run.state != OK), OK)

    @property
    def was_run(self) -> bool:
        return any(run.anonymous is not None or run.seconds is not None for run in self.runs)

    def seconds(self) -> float | None:
        """Return the median of the runs, or None if any failed."""
        times = [run.seconds for run in self.runs if run.seconds is not None]
        return statistics.median(times) if times and self.state == OK else None

    def most(self, name: str) -> int | None:
        values = [getattr(run, name) for run in self.runs]
        return max((value for value in values if value is not None), default=None)


class Figure(NamedTuple):
    """A workload and its samples, by contender; the floor is a sum of some of them."""

    workload: str
    title: str
    nbytes: int
    floor: tuple[str, ...]
    samples: dict[str, Samples]

    def floor_seconds(self) -> float | None:
        parts = [self.samples[name].seconds() for name in self.floor if name in self.samples]
        known = [part for part in parts if part is not None]
        return sum(known) if len(known) == len(self.floor) else None

    def document(self) -> dict[str, Any]:
        return {
            "workload": self.workload,
            "title": self.title,
            "nbytes": self.nbytes,
            "floor": self.floor,
            "floor_s": self.floor_seconds(),
            "contenders": {
                name: {
                    "state": each.state,
                    "median_s": each.seconds(),
                    "runs": [run._asdict() for run in each.runs],
                }
                for name, each in self.samples.items()
            },
        }


def show(figure: Figure, *, to_stderr: bool) -> None:
    """Print the table of one workload, floors first, then the fastest first."""
    title = f"{figure.workload}: {figure.title}, {figure.nbytes / 1e9:.2f} GB"
    table = Table(title=title, title_justify="left", title_style="bold", caption_justify="left")
    for column in ("", "s", "of the floor", f"of {OURS}", "MiB anonymous", "MiB in cgroup"):
        table.add_column(column, justify="right" if column else "left")
    table.add_column("state")
    for row in _rows(figure):
        table.add_row(*row)
    table.caption = "\n".join(_remarks(figure))
    console = Console(
        stderr=to_stderr, width=max(110, Console().width), highlight=False, markup=False
    )
    console.print(table)


def _rows(figure: Figure) -> Iterator[list[str]]:
    floor = figure.floor_seconds()
    ours = figure.samples[OURS].seconds() if OURS in figure.samples else None
    if floor is not None:
        yield [f"floor: {' + '.join(figure.floor)}", f"{floor:.2f}", "1.00", "", "", "", ""]
    for each in sorted(figure.samples.values(), key=_order):
        if not each.was_run:
            continue
        seconds = each.seconds()
        yield [
            each.contender,
            _number(seconds),
            _number(seconds, floor),
            _number(seconds, ours),
            _mebibytes(each.most("anonymous")),
            _mebibytes(each.most("charged")),
            each.state if each.state in STATES else each.state.partition(": ")[0],
        ]


def _remarks(figure: Figure) -> Iterator[str]:
    """Yield why there are no figures of some contenders."""
    for each in figure.samples.values():
        if each.state not in STATES:
            yield f"{each.contender}: {each.state}"


def _order(each: Samples) -> tuple[bool, float]:
    seconds = each.seconds()
    return each.contender not in FLOORS, float("inf") if seconds is None else seconds


def _number(seconds: float | None, unit: float | None = 1) -> str:
    return "" if seconds is None or unit is None else f"{seconds / unit:.2f}"


def _mebibytes(nbytes: int | None) -> str:
    return "" if nbytes is None else f"{nbytes / MIB:.0f}"
