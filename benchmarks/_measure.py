"""Timing, options, tables and plots that the benchmark scripts share."""

import argparse
import contextlib
import importlib.metadata
import importlib.util
import json
import os
import platform
import shutil
import signal
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from rich.console import Console
from rich.table import Table

KIB, MIB = 1 << 10, 1 << 20

#: The peer that all others are compared with, and the row of the physical limit.
OURS, LIMIT = "filexchange", "limit"


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


def versions(peers: Sequence[str]) -> dict[str, str]:
    """Return the versions of those distributions that are installed."""
    found = {}
    for name in ("filexchange", *peers):
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            found[name] = importlib.metadata.version(name)
    return found


def is_installed(module: str) -> bool:
    """Return whether a peer's module is there; peers of the standard library need none."""
    return not module or importlib.util.find_spec(module) is not None


class LocalRay:
    """Ray on this machine alone, in a directory of its own, which goes when it stops."""

    def __init__(self) -> None:
        self.directory = ""

    def start(self, cpus: int, store: int) -> Any:
        """Return the module `ray`, with `cpus` for tasks and `store` bytes for objects."""
        os.environ.update(RAY_USAGE_STATS_ENABLED="0", RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO="0")
        import ray

        self.directory = tempfile.mkdtemp(prefix="fxb-")
        ray.init(
            num_cpus=cpus,
            include_dashboard=False,
            log_to_driver=False,
            logging_level="error",
            object_store_memory=store,
            _temp_dir=self.directory,
        )
        end_in_order()  # it has set a handler of its own, which leaves everything behind
        return ray

    def stop(self) -> None:
        """Stop all processes of Ray, and remove its files."""
        if self.directory:
            import ray

            ray.shutdown()
            shutil.rmtree(self.directory, ignore_errors=True)


def parse_size(text: str) -> int:
    """Return the bytes of a size like ``64K`` or ``16M``, in powers of 1024."""
    units = {"K": KIB, "M": MIB, "G": KIB * MIB}
    return int(text[:-1]) * units[text[-1].upper()] if text[-1].isalpha() else int(text)


def size_name(nbytes: int) -> str:
    return f"{nbytes // MIB} MiB" if nbytes >= MIB else f"{nbytes // KIB} KiB"


def names_among(names: Sequence[str]) -> Callable[[str], list[str]]:
    """Return a type for an option that takes some of these names, separated by commas."""

    def known(text: str) -> list[str]:
        chosen = text.split(",")
        if unknown := set(chosen) - set(names):
            raise argparse.ArgumentTypeError(f"{sorted(unknown)} are none of {', '.join(names)}")
        return chosen

    return known


def parser(doc: str, *, sizes: str, names: Sequence[str], repeat: int) -> argparse.ArgumentParser:
    """Return a parser of the options that scripts with peers have."""

    def listed(text: str) -> list[int]:
        return [parse_size(size) for size in text.split(",")]

    made = argparse.ArgumentParser(description=doc.splitlines()[0])
    made.add_argument("--sizes", type=listed, default=listed(sizes), help=f"default {sizes}")
    made.add_argument("--only", type=names_among(names), default=list(names), help=", ".join(names))
    made.add_argument("--repeat", type=int, default=repeat, help=f"rounds, default {repeat}")
    made.add_argument("--json", metavar="OUT", help="'-' is standard output")
    made.add_argument("--plot", metavar="OUT", help="a picture: .svg, .png or .pdf")
    return made


def end_in_order() -> None:
    """Let `timeout` and `kill` end a script like Ctrl-C does: everything is cleaned up."""

    def stop(*_: object) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, stop)


@contextlib.contextmanager
def stopped_at_end() -> Iterator[Callable[[Any], object]]:
    """Yield a function that lets things be stopped at the end of the block, the last one first.

    A second Ctrl-C does not get in the way.
    """
    with contextlib.ExitStack() as stack:
        try:
            yield lambda thing: stack.callback(thing.stop)
        finally:
            signal.signal(signal.SIGINT, signal.SIG_IGN)


def taking_turns(things: Sequence[Any], rounds: int) -> Iterator[tuple[bool, Any]]:
    """Yield each thing in each round, forwards and backwards, and whether the round counts.

    So drift of the machine hits all alike. The first round does not count.
    """
    for number in range(rounds + 1):
        for each in things if number % 2 else reversed(things):
            yield number > 0, each


class Figure(NamedTuple):
    """What was measured of all peers in turn, on the same work.

    Attributes
    ----------
    part, work : str
        Which table, and which section of it.
    nbytes : int
        Bytes of one array.
    arrays : int
        Arrays that are handed over in one sample; times are shown for one of them.
    samples : dict
        Seconds, by name of the peer.
    """

    part: str
    work: str
    nbytes: int
    arrays: int
    samples: dict[str, list[float]]

    def medians(self) -> dict[str, float]:
        """Return the median seconds for one array."""
        return {
            name: statistics.median(seconds) / self.arrays
            for name, seconds in self.samples.items()
            if seconds
        }


def show(figures: Sequence[Figure], missing: Sequence[str], *, to_stderr: bool) -> None:
    """Print a table for each part, with a section for each work, the fastest peer first."""
    console = Console(
        stderr=to_stderr, width=max(100, Console().width), highlight=False, markup=False
    )
    for part in dict.fromkeys(figure.part for figure in figures):
        table = Table(title=part, title_justify="left", title_style="bold")
        for column in ("", "peer", "ms", "GB/s", "of the limit", f"times {OURS}"):
            table.add_column(column, justify="right" if column not in {"", "peer"} else "left")
        for figure in figures:
            if figure.part == part:
                for row in _rows(figure):
                    table.add_row(*row)
                for name in missing:
                    table.add_row("", name, "not installed")
                table.add_section()
        console.print(table)


def _rows(figure: Figure) -> Iterator[list[str]]:
    medians = figure.medians()
    work = figure.work
    for name, seconds in sorted(medians.items(), key=lambda item: item[1]):
        of_limit = f"{medians[LIMIT] / seconds:.2f}" if LIMIT in medians else ""
        to_ours = f"{seconds / medians[OURS]:.2f}" if OURS in medians else ""
        speed = f"{figure.nbytes / seconds / 1e9:.2f}" if LIMIT in medians else ""
        yield [work, name, f"{seconds * 1e3:.3f}", speed, of_limit, to_ours]
        work = ""


def write_json(path: str | None, document: Mapping[str, Any]) -> None:
    """Write one JSON document to `path` (``-`` for standard output), or nothing."""
    if path == "-":
        json.dump(document, sys.stdout, indent=1)
        sys.stdout.write("\n")
    elif path is not None:
        with open(path, "w", encoding="utf-8") as file:
            json.dump(document, file, indent=1)


# Okabe and Ito's colours, which most colour-blind people can tell apart; markers and dashes differ
# as well.
_COLOURS = ("#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9")
_MARKERS, _DASHES = "osD^vP", ("-", "--")


def plot(path: str | None, title: str, panels: Mapping[str, Sequence[Figure]]) -> None:
    """Draw size against time on logarithmic axes, a panel for each of `panels`, to a file."""
    if path is None:
        return
    from matplotlib.figure import Figure as Picture  # not needed for the tables

    picture = Picture(figsize=(2.6 + 5.4 * len(panels), 6), layout="constrained")
    axes = picture.subplots(1, len(panels), sharey=True, squeeze=False)[0]
    names = [name for name in _slowest_first(panels) if name not in {OURS, LIMIT}]
    styles = {name: _style(number) for number, name in enumerate(names)}
    styles[OURS] = {"color": "black", "linewidth": 3, "marker": "o", "zorder": 5}
    styles[LIMIT] = {"color": "0.45", "linewidth": 2, "linestyle": ":"}
    for ax, (panel, figures) in zip(axes, panels.items(), strict=True):
        for name in _slowest_first(panels):
            points = [(each.nbytes, each.medians().get(name)) for each in figures]
            sizes, seconds = zip(*((x, y * 1e3) for x, y in points if y), strict=True)
            ax.plot(sizes, seconds, label=name, **styles[name])
        ax.set(xscale="log", yscale="log", xlabel="size of the array", title=panel)
        ax.set_xticks([each.nbytes for each in figures], [size_name(f.nbytes) for f in figures])
        ax.yaxis.set_major_formatter("{x:g}")
        ax.minorticks_off()
        ax.grid(color="0.9")
    axes[0].set_ylabel("milliseconds, less is better")
    picture.legend(*axes[0].get_legend_handles_labels(), loc="outside right upper", frameon=False)
    picture.suptitle(title)
    picture.savefig(path, dpi=110)


def _slowest_first(panels: Mapping[str, Sequence[Figure]]) -> list[str]:
    """Return the names in the order in which their lines end at the right."""
    last = next(iter(panels.values()))[-1].medians()
    return sorted(last, key=lambda name: -last[name])


def _style(number: int) -> dict[str, Any]:
    return {
        "color": _COLOURS[number % len(_COLOURS)],
        "marker": _MARKERS[number % len(_MARKERS)],
        "linestyle": _DASHES[number // len(_COLOURS) % len(_DASHES)],
        "markersize": 5,
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
    write_json(path, document)
