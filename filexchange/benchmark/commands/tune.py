"""The command ``filexchange tune``: measure the file systems here, and remember it."""

import functools
import os
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import BarColumn, Progress, TaskID, TextColumn

from filexchange import capabilities
from filexchange.benchmark.profiling.tuning import tune as measure
from filexchange.sessions import base_directories
from filexchange.sizes import format_size
from filexchange.terminal import console
from filexchange.tuning.profiles import Profile, make_state_directory, store

# What the longest step that is under way then may take is not counted.
_TOTAL_SECONDS = 44.0


def tune(
    dir: Annotated[
        list[Path] | None,
        typer.Option(
            help="A directory whose file system to measure; may be given several times. By "
            "default all places where an exchange may be, and the current directory."
        ),
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing.")] = False,
) -> None:
    """Measure what formats cost here, so that "auto" chooses by it; in less than a minute."""
    make_state_directory()  # rather now than after a measurement that nobody could keep
    places = _one_a_file_system(
        [os.path.abspath(each) for each in dir]
        if dir
        else [each for each in (*base_directories(), os.getcwd()) if os.access(each, os.W_OK)]
    )
    progress = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:3.0f}%"),
        console=console(stderr=True),
        transient=True,
        disable=quiet or not console(stderr=True).is_terminal,
    )
    with progress:
        for place in places:
            task = progress.add_task(place, total=1.0)
            profile = measure(
                place,
                budget=_TOTAL_SECONDS / len(places),
                on_progress=functools.partial(_show, progress, task, place),
            )
            path = store(profile)
            progress.remove_task(task)
            if not quiet:
                _tell(profile, path)


def _show(progress: Progress, task: TaskID, place: str, share: float, what: str) -> None:
    progress.update(task, completed=share, description=f"{place}: {what}")


def _one_a_file_system(directories: list[str]) -> list[str]:
    """Return the first directory on each file system."""
    found: dict[capabilities.FileSystem, str] = {}
    for each in directories:
        found.setdefault(capabilities.file_system(each), each)
    return list(found.values())


def _tell(profile: Profile, path: str) -> None:
    system = profile.file_system
    out = console()
    out.print(
        f"{profile.directory} ({system.type} on {system.mount}): {len(profile.ways)} formats and "
        f"codecs, {len(profile.inputs)} arrays of up to {format_size(profile.sizes[-1])}, "
        f"{profile.elapsed:.0f} s",
        markup=False,
    )
    if profile.inline_below is not None:
        out.print(
            f"  segments are faster than messages from {format_size(profile.inline_below)} on",
            markup=False,
        )
    out.print(f"  remembered in {path}", style="dim", markup=False, soft_wrap=True)
