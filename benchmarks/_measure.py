"""Timing and tables that the benchmark scripts share."""

import json
import os
import platform
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

Setup = Callable[[], Any]


def timed(action: Callable[[], object]) -> float:
    """Return the seconds that `action` takes; its result is dropped before the clock stops."""
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def interleaved(
    actions: dict[str, Callable[[], object]],
    repeat: int,
    after: Callable[[], object] = lambda: None,
) -> dict[str, list[float]]:
    """Time actions in turn, forwards and backwards, so that drift of the machine hits all alike.

    `after` runs after each action and is not timed. The first round is not counted.
    """
    samples: dict[str, list[float]] = {name: [] for name in actions}
    for number in range(repeat + 1):
        order = list(actions) if number % 2 else list(reversed(actions))
        for name in order:
            seconds = timed(actions[name])
            after()
            if number:
                samples[name].append(seconds)
    return samples


def ratio(ours: list[float], theirs: list[float]) -> float:
    """Return the median of the ratios of the rounds: each compares neighbours in time."""
    return statistics.median(a / b for a, b in zip(ours, theirs, strict=True))


def memcpy_seconds(nbytes: int, repeat: int = 9) -> float:
    """Return the median seconds to copy `nbytes` into memory that is in use."""
    source, target = np.ones(nbytes, "u1"), np.ones(nbytes, "u1")
    return statistics.median(timed(lambda: np.copyto(target, source)) for _ in range(repeat))


def machine() -> dict[str, Any]:
    """Return what the figures depend on."""
    return {
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "cpus": len(os.sched_getaffinity(0))
        if hasattr(os, "sched_getaffinity")
        else os.cpu_count(),
        "python": platform.python_version(),
        "numpy": np.__version__,
    }


def report(
    title: str, columns: list[str], rows: list[list[str]], document: Any, path: str | None
) -> None:
    """Print a table, and write the JSON document to `path` (``-`` for standard output)."""
    table = Table()
    for column in columns:
        table.add_column(column, justify="left" if column == columns[0] else "right")
    for row in rows:
        table.add_row(*row)
    console = Console(stderr=path == "-", width=max(100, Console().width), highlight=False)
    console.print(title, markup=False)
    console.print(table)
    if path == "-":
        json.dump(document, sys.stdout, indent=1)
        sys.stdout.write("\n")
    elif path is not None:
        with open(path, "w", encoding="utf-8") as file:
            json.dump(document, file, indent=1)
