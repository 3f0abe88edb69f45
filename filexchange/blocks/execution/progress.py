"""Telling how far an operation has come."""

import contextlib
from collections.abc import Callable, Generator, Iterator
from typing import Any, TypeVar

from filexchange.blocks.execution.planning import Plan
from filexchange.errors import UnsupportedOptionError

T = TypeVar("T")


def check_progress(progress: Any) -> None:
    """Raise `UnsupportedOptionError` unless it is a bool, None or a function."""
    if not (progress is None or isinstance(progress, bool) or callable(progress)):
        raise UnsupportedOptionError(
            f"progress={progress!r} is neither a bool nor a function of two numbers: blocks that "
            "are done, and blocks in all"
        )


def reported(
    results: Generator[T, None, None], progress: Any, plan: Plan, done: int = 0
) -> Generator[T, None, None]:
    """Yield the results, and tell of each when the caller comes for the next one.

    Parameters
    ----------
    results : generator
        Closed at the end.
    progress : bool, callable or None
        A bar in the terminal, or ``progress(done, total)``.
    plan : Plan
    done : int, optional
        Blocks that were done before.
    """
    with contextlib.closing(results), _teller(progress, plan) as tell:
        tell(done, plan.blocks)
        for number, result in enumerate(results, done + 1):
            yield result
            tell(number, plan.blocks)


@contextlib.contextmanager
def _teller(progress: Any, plan: Plan) -> Iterator[Callable[[int, int], Any]]:
    if not progress:
        yield _silent
    elif callable(progress):
        yield progress
    else:
        with _bar(plan) as tell:
            yield tell


def _silent(done: int, total: int) -> None:
    pass


@contextlib.contextmanager
def _bar(plan: Plan) -> Iterator[Callable[[int, int], Any]]:
    # Rich takes as long to import as NumPy.
    from rich.progress import (  # noqa: PLC0415
        BarColumn,
        Progress,
        TaskProgressColumn,
        TextColumn,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )

    from filexchange import terminal  # noqa: PLC0415

    console = terminal.console(stderr=True)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    size = max(plan.bytes_read, plan.bytes_written, 1)
    with Progress(*columns, console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task(plan.operation, total=size)

        def tell(done: int, total: int) -> None:
            bar.update(task, completed=size * done / max(1, total))

        yield tell
