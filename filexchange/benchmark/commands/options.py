"""What the user may say to `filexchange bench` and its commands."""

from pathlib import Path
from typing import Annotated, Any

import typer

from filexchange.benchmark.measuring.synthetic import KINDS
from filexchange.benchmark.measuring.transports import TRANSPORTS
from filexchange.benchmark.results import ACCESSES, CACHES


def _option(help: str, *names: str, metavar: str | None = None, min: int | None = None) -> Any:
    return typer.Option(*names, help=help, metavar=metavar, min=min)


def _several(help: str) -> Any:
    return _option(f"{help}; several with commas.", metavar="NAME,...")


Files = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="PATH[:KEY]",
        help="Array files, image files or directories of images; synthetic data by default.",
    ),
]
Kinds = Annotated[list[str] | None, _several(f"Kinds of synthetic data: {', '.join(KINDS)}")]
Sizes = Annotated[
    list[str] | None,
    _option("Sizes of the synthetic arrays, as in 100k,16MB.", metavar="SIZE,..."),
]
Dtype = Annotated[str | None, _option("Their dtype, if not as usual.")]
Formats = Annotated[
    list[str] | None,
    _several("Formats with layout and codec, as in npy,zarr:sharded:zstd:5,hdf5:chunked"),
]
Transports = Annotated[
    list[str] | None, _several(f"Other ways between processes: {', '.join(TRANSPORTS)}")
]
Directories = Annotated[
    list[Path] | None,
    _option(
        "Where to write, given once or more; by default where an exchange would, and the "
        "temporary directory if that is on another file system."
    ),
]
Caches = Annotated[list[str] | None, _several(f"State of the page cache: {', '.join(CACHES)}")]
Accesses = Annotated[list[str] | None, _several(f"What is timed: {', '.join(ACCESSES)}")]
Readers = Annotated[int | None, _option("Processes that read at the same time.", min=1)]
Budget = Annotated[
    str, _option("Time to spend, as in 90s or 5m; less if figures are steady before.")
]
Repeat = Annotated[int, _option("Samples of each case at least, whatever the budget.", min=0)]
Json = Annotated[str | None, _option("Write all samples; - is stdout.", "--json", metavar="OUT")]
Csv = Annotated[str | None, _option("Write a row for each measurement.", "--csv", metavar="OUT")]
Html = Annotated[str | None, _option("Write a page to look at.", "--html", metavar="OUT")]
Plot = Annotated[str | None, _option("Draw it: a .png or .svg file.", "--plot", metavar="OUT")]
All = Annotated[bool, _option("Print a table for each array.", "--all")]
Quiet = Annotated[bool, _option("Print errors only.", "--quiet", "-q")]
