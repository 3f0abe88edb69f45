"""The command line: ``filexchange bench``, ``info``, ``convert``, ``ls`` and ``clean``."""

import contextlib
import errno
import json
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

import filexchange
from filexchange import arrays, files, housekeeping
from filexchange.aliases import ChunksLike
from filexchange.benchmark import DEFAULT_CASES, Case, Results, iter_results, synthetic_array
from filexchange.benchmark.report import facts, failures, recommendation, table
from filexchange.conversion import convert as convert_array
from filexchange.errors import (
    ArrayAccessError,
    FileExchangeError,
    UnknownFormatError,
    UnsupportedOptionError,
)
from filexchange.formats import get_format
from filexchange.options import resolve_target
from filexchange.ref import ArrayRef
from filexchange.sizes import format_size, parse_size
from filexchange.terminal import console as _console

# What the library's messages advise, as it is said here.
_SPELLINGS = {"overwrite=True": "--overwrite", "with key=": "with PATH:KEY"}

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Exchange NumPy arrays between processes through files.",
)


def main() -> None:
    """Run the command line; errors of ours are one line on stderr and exit code 1."""
    try:
        app()
    except FileExchangeError as error:
        _fail(error)


def _fail(error: FileExchangeError) -> NoReturn:
    message = str(error)
    for spelling, spelled in _SPELLINGS.items():
        message = message.replace(spelling, spelled)
    Console(stderr=True, soft_wrap=True, highlight=False, emoji=False).print(
        f"filexchange: {message}", style="red", markup=False
    )
    sys.exit(1)


def _version(value: bool) -> None:
    if value:
        typer.echo(f"filexchange {filexchange.__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    pass


def split_key(text: str) -> tuple[str, str | None]:
    """Return path and key of ``PATH`` or ``PATH:KEY``; a path that exists has no key.

    Examples
    --------
    >>> split_key("a.h5:entry/data"), split_key("a.npy")
    (('a.h5', 'entry/data'), ('a.npy', None))
    """
    path, colon, key = text.rpartition(":")
    if os.path.lexists(text) or not colon or not path or (len(path) == 1 and os.name == "nt"):
        return text, None
    return path, key


@contextlib.contextmanager
def naming_split(text: str) -> Iterator[None]:
    """Say of what has no known suffix how `text` was taken, which may be a name with a colon."""
    try:
        yield
    except UnknownFormatError as error:
        path, key = split_key(text)
        if key is None:
            raise
        raise UnknownFormatError(
            f"{error}; {text!r} was split at its last colon into the path {path!r} and the key "
            f"{key!r}"
        ) from error


def open_all(text: str) -> dict[str, ArrayRef | FileExchangeError]:
    """Return the array that ``PATH:KEY`` names, or all arrays in ``PATH``, by name.

    In place of one of several that cannot be read stands the reason.
    """
    path, key = split_key(text)
    with naming_split(text):
        names = arrays.keys(path) if key is None and os.path.lexists(path) else []
        if len(names) > 1:
            return {f"{text}:{name}": _open_or_reason(path, name) for name in names}
        return {text: arrays.open_array(path, key=key)}


def _open_or_reason(path: str, key: str) -> ArrayRef | FileExchangeError:
    try:
        return arrays.open_array(path, key=key)
    except FileExchangeError as error:
        return error


def _print_reasons(found: dict[str, ArrayRef | FileExchangeError]) -> None:
    console = _console(stderr=True)
    for name, ref in found.items():
        if isinstance(ref, FileExchangeError):
            console.print(f"{name} is left out: {ref}", style="red", markup=False)


@app.command()
def bench(
    file: Annotated[
        list[str] | None,
        typer.Argument(help="Array files to use, PATH or PATH:KEY; synthetic data by default."),
    ] = None,
    size: Annotated[str, typer.Option(help="Size of the synthetic array.")] = "16MB",
    dtype: Annotated[str, typer.Option(help="Its dtype.")] = "float32",
    formats: Annotated[
        str, typer.Option(help="Formats, with codec after a colon: npy,zarr:zstd:5.")
    ] = ",".join(map(str, DEFAULT_CASES)),
    dir: Annotated[
        Path | None, typer.Option(help="Where to write; by default where an exchange would.")
    ] = None,
    repeat: Annotated[int, typer.Option(min=1, help="Rounds to measure.")] = 5,
    json_out: Annotated[
        str | None,
        typer.Option("--json", metavar="OUT", help="Write all samples as JSON; '-' is stdout."),
    ] = None,
) -> None:
    """Measure which format is fastest for your arrays, between two real processes."""
    cases = [Case.parse(name) for name in formats.split(",")]
    found: dict[str, ArrayRef | FileExchangeError] = {}
    for text in file or []:
        found.update(open_all(text))
    _print_reasons(found)
    sources: dict[str, Any] = {
        name: ref for name, ref in found.items() if isinstance(ref, ArrayRef)
    }
    if found and not sources:
        raise typer.Exit(1)
    if not sources:
        sources["synthetic"] = synthetic_array(parse_size(size), dtype)
    if json_out not in {None, "-"}:
        _check_writable(str(json_out))
    console = _console(stderr=json_out == "-")
    results = _run(sources, cases, dir, repeat, console)
    console.print(table(results))
    console.print()
    console.print(recommendation(results), style="bold", markup=False)
    for line in failures(results):
        console.print(f"failed: {line}", style="red", markup=False)
    if json_out == "-":
        typer.echo(json.dumps(results.to_json(), indent=1))
    elif json_out is not None:
        with files.naming_errors(json_out):
            Path(json_out).write_text(json.dumps(results.to_json(), indent=1), encoding="utf-8")
    if not results.measured:
        raise typer.Exit(1)


def _check_writable(path: str) -> None:
    """Raise `ArrayAccessError` now rather than after a measurement that nobody could keep."""
    directory = os.path.dirname(os.path.abspath(path))
    if os.path.isdir(path) or not os.access(directory, os.W_OK):
        raise ArrayAccessError(
            errno.EACCES, "cannot be written: name a file in a directory that you can write", path
        )


def _run(
    sources: dict[str, Any], cases: list[Case], dir: Path | None, repeat: int, output: Console
) -> Results:
    """Print what is measured, and return the results; after Ctrl-C, those there are."""
    console = _console(stderr=True)
    steps = iter_results(sources, cases, directory=dir, repeat=repeat)
    latest = next(steps)
    total = (repeat + 1) * len(cases)
    try:
        for line in facts(latest):
            output.print(line, style="dim", markup=False)
        output.print()
        output.file.flush()
        with _progress(console) as progress:
            task = progress.add_task("starting two processes", total=total)
            for done, results in enumerate(steps, 1):
                latest = results
                name = cases[done % len(cases)]
                progress.update(task, completed=done, description=f"measuring {name}")
    except KeyboardInterrupt:
        console.print("interrupted: this is what was measured until then", style="yellow")
    finally:
        steps.close()
    return latest


def _progress(console: Console) -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:3.0f}%"),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )


@app.command()
def info(
    path: Annotated[str, typer.Argument(metavar="PATH[:KEY]", help="An array file.")],
) -> None:
    """Show what an array file holds."""
    found = open_all(path)
    first, *others = found.values()
    if isinstance(first, ArrayRef) and not others:
        _console().print(_details(first))
    else:
        _console().print(_listing(path, found))


def _details(ref: ArrayRef) -> Table:
    made = Table(show_header=False, show_edge=False, pad_edge=False)
    made.add_column(style="bold", no_wrap=True)
    made.add_column(overflow="fold")
    on_disk = _on_disk(ref)
    rows = {
        "path": ref.path,
        "key": ref.key,
        "format": ref.format,
        "shape": str(ref.shape),
        "dtype": str(ref.dtype),
        "order": ref.order,
        "in memory": f"{format_size(ref.nbytes)} ({ref.nbytes:,} bytes)",
        "on disk": f"{format_size(on_disk)} ({on_disk:,} bytes)",
        "ratio": f"{on_disk / ref.nbytes:.3f}" if ref.nbytes else None,
        "chunks": str(ref.chunks) if ref.chunks else None,
        "shards": str(ref.shards) if ref.shards else None,
        "compression": ref.compression or "none",
        "mapped": "no" if ref.offset is None else f"yes, from byte {ref.offset}",
        "attrs": json.dumps(dict(ref.attrs), ensure_ascii=False) if ref.attrs else None,
    }
    for name, value in rows.items():
        if value is not None:
            made.add_row(name, value, style=None)
    return made


def _listing(path: str, found: dict[str, ArrayRef | FileExchangeError]) -> Table:
    made = Table(title=os.path.abspath(path), title_justify="left", show_edge=False, pad_edge=False)
    made.add_column("key")
    for title in ("shape", "dtype", "in memory", "on disk", "chunks", "compression"):
        made.add_column(title, justify="right")
    for name, ref in found.items():
        if isinstance(ref, FileExchangeError):
            made.add_row(name.removeprefix(f"{path}:"), Text(f"not readable: {ref}", style="red"))
            continue
        made.add_row(
            ref.key,
            str(ref.shape),
            str(ref.dtype),
            format_size(ref.nbytes),
            format_size(_on_disk(ref)),
            str(ref.chunks or "-"),
            ref.compression or "none",
        )
    return made


def _on_disk(ref: ArrayRef) -> int:
    return get_format(ref.format).stored_nbytes(ref.path, ref.stored)


@app.command()
def convert(
    source: Annotated[str, typer.Argument(metavar="SRC[:KEY]")],
    target: Annotated[str, typer.Argument(metavar="DST[:KEY]")],
    chunks: Annotated[
        str | None, typer.Option(help="Chunk shape such as 100,100, -1 for a whole axis, or auto.")
    ] = None,
    shards: Annotated[str | None, typer.Option(help="Shard shape (zarr).")] = None,
    compression: Annotated[str | None, typer.Option(help="Codec, such as zstd or gzip:6.")] = None,
    format: Annotated[str | None, typer.Option(help="Format, if the suffix does not tell.")] = None,
    overwrite: Annotated[bool, typer.Option(help="Replace what is there.")] = False,
    verify: Annotated[bool, typer.Option(help="Compare the copy with its source.")] = False,
) -> None:
    """Copy an array to another format, block by block."""
    path, key = split_key(source)
    target_path, target_key = split_key(target)
    console = _console(stderr=True)
    start = time.perf_counter()
    with naming_split(source):
        resolve_target(path, None)
    with naming_split(target):
        resolve_target(target_path, format)
    with _progress(console) as progress:
        task = progress.add_task("converting and verifying" if verify else "converting", total=None)
        ref = convert_array(
            path,
            target_path,
            key=key,
            target_key=target_key,
            chunks=_lengths("chunks", chunks),
            shards=_lengths("shards", shards),
            compression=compression,
            format=format,
            overwrite=overwrite,
            verify=verify,
            progress=lambda done, total: progress.update(task, completed=done, total=total),
        )
    seconds = time.perf_counter() - start
    on_disk = _on_disk(ref)
    ratio = f" ({on_disk / ref.nbytes:.2f} of the array)" if ref.nbytes else ""
    _console().print(
        f"{target}: {ref.shape} {ref.dtype}, {format_size(on_disk)} on disk{ratio}, "
        f"{seconds:.2f} s, {format_size(ref.nbytes / seconds)}/s{', verified' if verify else ''}",
        markup=False,
    )


def _lengths(name: str, text: str | None) -> ChunksLike:
    if text is None:
        return None
    if text == "auto":
        return "auto"
    try:
        lengths = tuple(int(part) for part in text.split(",") if part.strip())
    except ValueError as error:
        raise UnsupportedOptionError(
            f"--{name} {text!r} is not a shape: write it like 100,100, or auto"
        ) from error
    return lengths[0] if len(lengths) == 1 else lengths


app.command()(housekeeping.ls)
app.command()(housekeeping.clean)
