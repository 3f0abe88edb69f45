"""The command line: ``filexchange bench``, ``tune``, ``info``, ``convert``, ``ls``, ``clean``."""

import json
import os
import sys
import time
from typing import Annotated, NoReturn

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

import filexchange
from filexchange import housekeeping
from filexchange.aliases import ChunksLike
from filexchange.benchmark.commands import bench as benchmark_commands
from filexchange.benchmark.commands import reports as reporting_commands
from filexchange.benchmark.commands.grouping import with_default
from filexchange.benchmark.commands.tune import tune
from filexchange.conversion import convert as convert_array
from filexchange.errors import (
    FileExchangeError,
    UnsupportedOptionError,
)
from filexchange.formats import get_format
from filexchange.naming import naming_split, open_all, split_key
from filexchange.options import AUTO, resolve_target
from filexchange.ref import ArrayRef
from filexchange.sizes import format_size
from filexchange.terminal import console as _console
from filexchange.tuning.uses import check_use

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
    compression: Annotated[
        str | None, typer.Option(help="Codec, such as zstd or gzip:6, or auto.")
    ] = None,
    format: Annotated[
        str | None, typer.Option(help="Format, if the suffix does not tell; or auto.")
    ] = None,
    use: Annotated[
        str, typer.Option("--for", help="What auto chooses for: exchange, slices or archive.")
    ] = "exchange",
    explain: Annotated[bool, typer.Option(help="Print why auto chose what it did.")] = False,
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
    if format != AUTO:  # what is chosen needs no suffix
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
            for_=check_use(use),
            explain=explain,
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


benches = typer.Typer(cls=with_default("run"), add_completion=False)
benches.command("run")(benchmark_commands.bench)
benches.command()(reporting_commands.show)
benches.command()(reporting_commands.compare)
app.add_typer(benches, name="bench", help="Measure which format is fastest for your arrays.")
app.command()(tune)
app.command()(housekeeping.ls)
app.command()(housekeeping.clean)
