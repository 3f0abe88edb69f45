"""The commands ``filexchange ls`` and ``filexchange clean``: what exchanges have on disk."""

import itertools
import os
from collections.abc import Iterable
from typing import Annotated

import typer
from rich.table import Table

from filexchange.sizes import format_size
from filexchange.sweeping import SessionFacts, sessions, sweep_pools, sweep_sessions
from filexchange.terminal import console

_Directories = Annotated[
    list[str] | None,
    typer.Argument(help="Where exchanges were made; by default all places where one may be."),
]


def ls(directory: _Directories = None) -> None:
    """Show the exchanges of this user, living and dead."""
    found = list(sessions(_absolute(directory)))
    if not found:
        console().print("no exchanges")
        return
    for parent, group in itertools.groupby(found, lambda each: os.path.dirname(each.path)):
        console().print(parent, style="bold", markup=False, soft_wrap=True)
        console().print(_listing(group))
    console().print(
        f"{format_size(sum(each.nbytes for each in found))} in all; what is dead goes with "
        "filexchange clean, or when the next exchange is made",
        style="dim",
    )


def _listing(found: Iterable[SessionFacts]) -> Table:
    table = Table(show_edge=False, pad_edge=False)
    table.add_column("exchange")
    table.add_column("state")
    for title in ("writers", "segments", "being read", "under way", "held", "on disk"):
        table.add_column(title, justify="right")
    for each in found:
        name = os.path.basename(each.path)
        table.add_row(name, _state(each), *map(str, _numbers(each)), format_size(each.nbytes))
    return table


def _state(facts: SessionFacts) -> str:
    if not facts.is_alive:
        return "[red]dead[/red]"
    if facts.dead_pools:
        return f"[yellow]alive, {facts.dead_pools} dead writers[/yellow]"
    return "[green]alive[/green]"


def _numbers(facts: SessionFacts) -> tuple[int, ...]:
    return facts.pools, facts.segments, facts.leases, facts.claims, facts.held


def clean(
    directory: _Directories = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Tell what would be removed, and remove nothing.")
    ] = False,
) -> None:
    """Remove what processes that died have left; nothing that is in use."""
    bases = _absolute(directory)
    found = list(sessions(bases))
    dead = [each for each in found if not each.is_alive]
    writers = sum(each.dead_pools for each in found if each.is_alive)
    if not dead and not writers:
        console().print("there is nothing to remove")
        return
    before = sum(each.nbytes for each in found)
    if not dry_run:
        sweep_sessions(bases)
        for each in found:
            sweep_pools(each.path)
    for each in dead:
        console().print(f"{'would remove' if dry_run else 'removed'} {each.path}", markup=False)
    freed = (
        sum(each.nbytes for each in dead)
        if dry_run
        else before - sum(each.nbytes for each in sessions(bases))
    )
    console().print(
        f"{len(dead)} dead exchanges and {writers} dead writers in living ones"
        f"{' would go' if dry_run else ' removed'}: {format_size(max(0, freed))}"
    )


def _absolute(directories: list[str] | None) -> list[str] | None:
    return [os.path.abspath(each) for each in directories] if directories else None
