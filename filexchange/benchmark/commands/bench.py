"""The command ``filexchange bench``."""

import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, cast

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from filexchange.benchmark.commands import options
from filexchange.benchmark.measuring.inputs import DEFAULT_SIZES, Source, from_path, synthetic
from filexchange.benchmark.measuring.measure import DEFAULT_BUDGET, iter_results
from filexchange.benchmark.measuring.timing import parse_seconds
from filexchange.benchmark.reporting.facts import facts, failures
from filexchange.benchmark.reporting.outputs import Outputs
from filexchange.benchmark.reporting.tables import full_report, report
from filexchange.benchmark.reporting.wording import recommendation
from filexchange.benchmark.results import Access, Cache, Results
from filexchange.errors import FileExchangeError
from filexchange.sizes import parse_size
from filexchange.terminal import console

#: Exit codes beside 0. The last one is that of what the user ended.
NOTHING_MEASURED, SOME_FAILED, INTERRUPTED = 1, 3, 130

_STDOUT = "-"


def bench(
    file: options.Files = None,
    kind: options.Kinds = None,
    size: options.Sizes = None,
    dtype: options.Dtype = None,
    formats: options.Formats = None,
    transports: options.Transports = None,
    dir: options.Directories = None,
    cache: options.Caches = None,
    access: options.Accesses = None,
    readers: options.Readers = None,
    budget: options.Budget = f"{DEFAULT_BUDGET:.0f}s",
    repeat: options.Repeat = 0,
    json_out: options.Json = None,
    csv_out: options.Csv = None,
    html_out: options.Html = None,
    plot_out: options.Plot = None,
    all: options.All = False,
    quiet: options.Quiet = False,
) -> None:
    """Measure which format is fastest for your arrays, between real processes.

    Ctrl-C shows what was measured until then. Exit code 1: nothing was measured; 3: something
    failed; 130: interrupted. `filexchange bench show` and `bench compare` read what --json wrote.
    """
    outputs = Outputs(None if json_out == _STDOUT else json_out, csv_out, html_out, plot_out)
    outputs.check()
    accesses = _split(access)
    seconds = parse_seconds(budget)
    steps = iter_results(
        _sources(file, _split(kind), _split(size), dtype),
        _split(formats) or None,
        transports=_split(transports) or None,
        directories=dir or None,
        caches=cast("list[Cache]", _split(cache)) or ["warm"],
        accesses=cast("list[Access]", accesses) or None,
        readers=readers or (2 if "shared" in accesses else 1),
        budget=seconds,
        repeat=repeat,
    )
    shown = console(stderr=json_out == _STDOUT)
    results, was_interrupted = _run(steps, seconds, shown, quiet=quiet)
    if not quiet:
        _show(results, shown, all=all)
    _show_failures(results, console(stderr=True) if quiet else shown)
    if json_out == _STDOUT:
        typer.echo(json.dumps(results.to_json(), indent=1))
    outputs.write(results)
    if code := _exit_code(results, was_interrupted=was_interrupted):
        raise typer.Exit(code)


def _split(given: Iterable[str] | None) -> list[str]:
    return [part.strip() for text in given or () for part in text.split(",") if part.strip()]


def _sources(
    paths: Sequence[str] | None, kinds: Sequence[str], sizes: Sequence[str], dtype: str | None
) -> list[Source] | None:
    """Return what is measured, and print why arrays are left out; None for the default."""
    found: dict[str, Source | FileExchangeError] = {}
    for text in paths or []:
        found.update(from_path(text))
    for name, source in found.items():
        if isinstance(source, FileExchangeError):
            console(stderr=True).print(f"{name} is left out: {source}", style="red", markup=False)
    sources = [source for source in found.values() if isinstance(source, Source)]
    if found and not sources:
        raise typer.Exit(NOTHING_MEASURED)
    if kinds or sizes or dtype is not None:
        nbytes = [parse_size(size) for size in sizes] or DEFAULT_SIZES
        sources += [synthetic(kind, n, dtype) for kind in kinds or ["field"] for n in nbytes]
    return sources or None


def _run(steps: Any, budget: float, shown: Console, *, quiet: bool) -> tuple[Results, bool]:
    """Print what is measured; return the results, and whether Ctrl-C ended it."""
    results = next(steps)
    try:
        if not quiet:
            for line in facts(results):
                shown.print(line, style="dim", markup=False)
            shown.print(
                f"{len(results.cases)} cases in at most {budget:.0f} s; Ctrl-C shows what there is",
                style="dim",
            )
            shown.print()
            shown.file.flush()
        with _progress(budget, quiet=quiet) as update:
            for latest in steps:
                results = latest
                update(results)
    except KeyboardInterrupt:
        console(stderr=True).print(
            "interrupted: this is what was measured until then", style="yellow"
        )
        return results, True
    finally:
        steps.close()
    return results, False


@contextmanager
def _progress(budget: float, *, quiet: bool) -> Iterator[Any]:
    shown = console(stderr=True)
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:3.0f}%"),
        TimeRemainingColumn(),
        console=shown,
        transient=True,
        disable=quiet or not shown.is_terminal,
    ) as progress:
        task = progress.add_task("starting processes", total=budget or None)

        def update(results: Results) -> None:
            done = sum(map(bool, (result.seconds or result.error for result in results.cases)))
            text = f"measured {done} of {len(results.cases)} cases"
            progress.update(task, completed=min(results.elapsed, budget), description=text)

        yield update


def _show(results: Results, shown: Console, *, all: bool) -> None:
    for part in full_report(results) if all else report(results):
        shown.print(part)
        shown.print()
    for advice in recommendation(results):
        shown.print(str(advice), style="bold", markup=False)


def _show_failures(results: Results, shown: Console) -> None:
    for line in failures(results):
        shown.print(f"failed: {line}", style="red", markup=False)


def _exit_code(results: Results, *, was_interrupted: bool) -> int:
    if not results.measured:
        return NOTHING_MEASURED
    if was_interrupted:
        return INTERRUPTED
    return SOME_FAILED if any(result.error for result in results.cases) else 0
