"""Results as a picture, drawn by matplotlib."""

import math
import os
import re
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any

from filexchange import files
from filexchange.aliases import PathLike
from filexchange.benchmark.reporting.facts import processor, storage, title
from filexchange.benchmark.reporting.palette import MARKS, Style, styles
from filexchange.benchmark.reporting.ranking import Group, front, groups, members
from filexchange.benchmark.results import CaseResult, Place, Results
from filexchange.errors import MissingDependencyError, UnsupportedOptionError
from filexchange.quantities import format_rate, format_seconds
from filexchange.sizes import format_size

SUFFIXES = (".png", ".svg", ".pdf")

_SIZE = (15.0, 5.6)
# Where more than the powers of ten are written at an axis.
_FEW_DECADES = 1.8
_Looks = dict[tuple[Any, str], Style]


def check_plot(path: PathLike) -> None:
    """Raise now what :func:`save_plot` would raise after a measurement.

    Raises
    ------
    UnsupportedOptionError
        If no picture can have this suffix.
    MissingDependencyError
        If matplotlib is not installed.
    """
    if os.path.splitext(os.fspath(path))[1].lower() not in SUFFIXES:
        raise UnsupportedOptionError(
            f"a plot cannot be written to {os.fspath(path)!r}: end its name in "
            f"{', '.join(SUFFIXES[:-1])} or {SUFFIXES[-1]}"
        )
    _matplotlib()


def save_plot(results: Results, path: PathLike) -> None:
    """Write the picture of :func:`plot` to a file; what is at `path` is replaced.

    Raises
    ------
    UnsupportedOptionError
        If no picture can have this suffix.
    MissingDependencyError
        If matplotlib is not installed.
    ArrayNotFoundError, ArrayAccessError, StorageFullError
        If the file cannot be written.
    """
    check_plot(path)
    suffix = os.path.splitext(os.fspath(path))[1].lower()
    with files.publish(os.fspath(path), overwrite=True) as aside, open(aside, "wb") as file:
        plot(results).savefig(file, format=suffix.removeprefix("."), dpi=150)


def plot(results: Results, group: Group | None = None) -> Any:
    """Return a ``matplotlib.figure.Figure``: sizes and throughput, write and read, size and time.

    Parameters
    ----------
    results : Results
    group : Group, optional
        What to show, the first of the largest array unless given. The first plot shows all sizes
        of its directory and state of the cache.

    Raises
    ------
    MissingDependencyError
        If matplotlib is not installed.

    Notes
    -----
    The figure is nobody else's: pyplot does not know it.
    """
    matplotlib = _matplotlib()
    figure = matplotlib.figure.Figure(figsize=_SIZE, layout="constrained")
    found = groups(results)
    if not found:
        figure.suptitle("nothing was measured")
        return figure
    if group is None:
        group = max(found, key=lambda each: results.input(each.input).nbytes)
    looks = styles(results.cases)
    axes = figure.subplots(1, 3)
    _sizes(axes[0], results, group, looks)
    _speeds(axes[1], results, group, looks)
    _disk(axes[2], results, group, looks)
    figure.suptitle(
        f"{title(group)} ({', '.join(map(storage, _places(results, group))) or 'no files'})\n"
        f"{processor(results)}",
        fontsize="medium",
    )
    handles: dict[str, Any] = {}
    for axis in axes:
        for handle, text in _legend(axis):
            handles.setdefault(text, handle)
    figure.legend(handles.values(), handles, loc="outside lower center", ncols=6, fontsize="small")
    return figure


def _matplotlib() -> ModuleType:
    try:
        import matplotlib.figure  # noqa: PLC0415 - optional, and slow to import
    except ImportError as error:
        raise MissingDependencyError(
            "a plot needs the package matplotlib: pip install filexchange[plot]"
        ) from error
    return matplotlib


def _places(results: Results, group: Group) -> list[Place]:
    return [place for place in results.places if place.directory == group.directory]


def _legend(axis: Any) -> list[tuple[Any, str]]:
    return list(zip(*axis.get_legend_handles_labels(), strict=True))


def _sizes(axis: Any, results: Results, group: Group, looks: _Looks) -> None:
    kinds = {each.name: each.kind for each in results.inputs}
    lines: dict[tuple[Any, str], list[tuple[float, float]]] = {}
    for each in groups(results):
        alike = each[1:] == group[1:] and kinds[each.input] == kinds[group.input]
        for result in members(results, each) if alike else ():
            spread = result.spread("round_trip") if result.is_measured else None
            if spread is not None:
                nbytes = results.input(each.input).nbytes
                key = (result.case.role, result.case.way)
                lines.setdefault(key, []).append((nbytes, nbytes / spread.median))
    for key, points in lines.items():
        _draw(axis, sorted(points), looks[key], key[1], linestyle="-")
    _finish(axis, "Size against throughput", ("size of the array", "throughput of the round trip"))
    _units(axis.xaxis, format_size)
    _units(axis.yaxis, format_rate)


def _speeds(axis: Any, results: Results, group: Group, looks: _Looks) -> None:
    nbytes = results.input(group.input).nbytes
    for result in _measured(results, group):
        write, read = result.spread("write"), result.spread("read")
        if write and read:
            key = (result.case.role, result.case.way)
            _draw(axis, [(nbytes / write.median, nbytes / read.median)], looks[key], key[1])
    _finish(axis, "Write against read", ("write", "read"))
    _units(axis.xaxis, format_rate)
    _units(axis.yaxis, format_rate)


def _disk(axis: Any, results: Results, group: Group, looks: _Looks) -> None:
    nbytes = results.input(group.input).nbytes or 1
    for result in _measured(results, group):
        spread = result.spread("round_trip")
        if spread and result.nbytes_on_disk is not None:
            key = (result.case.role, result.case.way)
            _draw(axis, [(spread.median, result.nbytes_on_disk / nbytes)], looks[key], key[1])
    best = [
        (spread.median, (result.nbytes_on_disk or 0) / nbytes)
        for result in front(results, group, "round_trip")
        if (spread := result.spread("round_trip")) is not None
    ]
    if best:
        axis.step(*zip(*best, strict=True), where="post", color="black", linewidth=1, zorder=1)
    _finish(
        axis, "Size on disk against time", ("round trip", "bytes on disk for each of the array")
    )
    axis.set_yscale("linear")
    axis.set_ylim(0, axis.get_ylim()[1] * 1.05)
    _units(axis.xaxis, format_seconds)


def _measured(results: Results, group: Group) -> list[CaseResult]:
    return [result for result in members(results, group) if result.is_measured]


def _draw(
    axis: Any, points: Sequence[tuple[float, float]], style: Style, name: str, linestyle: str = ""
) -> None:
    axis.plot(
        *zip(*points, strict=True),
        color=style.color,
        marker=MARKS[style.mark],
        markeredgecolor="black",
        markeredgewidth=0.5,
        linestyle=linestyle,
        label=name,
    )


def _finish(axis: Any, name: str, labels: tuple[str, str]) -> None:
    axis.set(title=name, xlabel=labels[0], ylabel=labels[1], xscale="log", yscale="log")
    axis.grid(visible=True, alpha=0.3)
    if not axis.lines:
        axis.text(0.5, 0.5, "nothing to show", ha="center", transform=axis.transAxes)


def _units(axis: Any, say: Callable[[float], str]) -> None:
    """Let a logarithmic axis have few numbers, with units."""
    low, high = axis.get_view_interval()
    subdivided = math.log10(high / low) < _FEW_DECADES
    axis.get_major_locator().set_params(subs=(1.0, 2.0, 5.0) if subdivided else (1.0,))
    axis.set_major_formatter(lambda value, _: re.sub(r"\.0+ ", " ", say(value)))
    axis.set_minor_formatter(lambda *_: "")
