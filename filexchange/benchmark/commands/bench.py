"""The command ``filexchange bench``."""

import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, cast

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from filexchange.benchmark.measuring.inputs import DEFAULT_SIZES, Source, from_path, synthetic
from filexchange.benchmark.measuring.measure import DEFAULT_BUDGET, iter_results
from filexchange.benchmark.measuring.synthetic import KINDS
from filexchange.benchmark.measuring.timing import parse_seconds
from filexchange.benchmark.measuring.transports import TRANSPORTS
from filexchange.benchmark.reporting.facts import facts, failures
from filexchange.benchmark.reporting.outputs import Outputs
from filexchange.benchmark.reporting.tables import full_report, report
from filexchange.benchmark.reporting.wording import recommendation
from filexchange.benchmark.results import ACCESSES, CACHES, Access, Cache, Results
from filexchange.errors import FileExchangeError
from filexchange.sizes import parse_size
from filexchange.terminal import console

#: Exit codes beside 0. The last one is that of what the user ended.
NOTHING_MEASURED, SOME_FAILED, INTERRUPTED = 1, 3, 130

_STDOUT = "-"


def _option(help: str, *names: str, metavar: str | None = None, **limits: int) -> Any:
    return typer.Option(*names, help=help, metavar=metavar, **limits)


def _several(help: str) -> Any:
    return _option(f"{help}; several with commas.", metavar="NAME,...")


_Files = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="PATH[:KEY]",
        help="Array files, image files or directories of images; synthetic data by default.",
    ),
]
_Kinds = Annotated[list[str] | None, _several(f"Kinds of synthetic data: {', '.join(KINDS)}")]
_Sizes = Annotated[
    list[str] | None,
    _option("Sizes of the synthetic arrays, as in 100k,16MB.", metavar="SIZE,..."),
]
_Dtype = Annotated[str | None, _option("Their dtype, if not as usual.")]
_Formats = Annotated[
    list[str] | None,
    _several("Formats with layout and codec, as in npy,zarr:sharded:zstd:5,hdf5:chunked"),
]
_Transports = Annotated[
    list[str] | None, _several(f"Other ways between processes: {', '.join(TRANSPORTS)}")
]
_Directories = Annotated[
    list[Path] | None,
    _option(
        "Where to write, given once or more; by default where an exchange would, and the "
        "temporary directory if that is on another file system."
    ),
]
_Caches = Annotated[list[str] | None, _several(f"State of the page cache: {', '.join(CACHES)}")]
_Accesses = Annotated[list[str] | None, _several(f"What is timed: {', '.join(ACCESSES)}")]
_Readers = Annotated[int | None, _option("Processes that read at the same time.", min=1)]
_Budget = Annotated[
    str, _option("Time to spend, as in 90s or 5m; less if figures are steady before.")
]
_Repeat = Annotated[int, _option("Samples of each case at least, whatever the budget.", min=0)]
_Json = Annotated[str | None, _option("Write all samples; - is stdout.", "--json", metavar="OUT")]
_Csv = Annotated[str | None, _option("Write a row for each measurement.", "--csv", metavar="OUT")]
_Html = Annotated[str | None, _option("Write a page to look at.", "--html", metavar="OUT")]
_Plot = Annotated[str | None, _option("Draw it: a .png or .svg file.", "--plot", metavar="OUT")]
_All = Annotated[bool, _option("Print a table for each array.", "--all")]
_Quiet = Annotated[bool, _option("Print errors only.", "--quiet", "-q")]


def bench(
    file: _Files = None,
    kind: _Kinds = None,
    size: _Sizes = None,
    dtype: _Dtype = None,
    formats: _Formats = None,
    transports: _Transports = None,
    dir: _Directories = None,
    cache: _Caches = None,
    access: _Accesses = None,
    readers: _Readers = None,
    budget: _Budget = f"{DEFAULT_BUDGET:.0f}s",
    repeat: _Repeat = 0,
    json_out: _Json = None,
    csv_out: _Csv = None,
    html_out: _Html = None,
    plot_out: _Plot = None,
    all: _All = False,
    quiet: _Quiet = False,
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
