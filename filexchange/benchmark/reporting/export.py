"""Results for other programs: CSV and pandas, one row for each case and access."""

import csv
import importlib
import os
from typing import Any, NamedTuple

from filexchange import files
from filexchange.aliases import PathLike
from filexchange.benchmark.results import CaseResult, Results
from filexchange.errors import MissingDependencyError


class Row(NamedTuple):
    """A case and an access; of a case that failed there is one, without an access.

    Attributes
    ----------
    input, kind, dtype, shape, nbytes
        The array; the shape as ``"1000x1000"``.
    way, role, directory, file_system, cache, access
        What was done.
    samples : int
        How often.
    median, low, high : float or None
        Seconds.
    nbytes_on_disk, peak_memory : int or None
    error : str or None
    """

    input: str
    kind: str
    dtype: str
    shape: str
    nbytes: int
    way: str
    role: str
    directory: str
    file_system: str | None
    cache: str
    access: str | None
    samples: int
    median: float | None
    low: float | None
    high: float | None
    nbytes_on_disk: int | None
    peak_memory: int | None
    error: str | None


def rows(results: Results) -> list[Row]:
    """Return one row for each case and access."""
    return [row for result in results.cases for row in _rows_of(results, result)]


def write_csv(results: Results, path: PathLike) -> None:
    """Write one row for each case and access, with a line of names above.

    What is at `path` is replaced when all is written.

    Raises
    ------
    ArrayNotFoundError, ArrayAccessError, StorageFullError
        If the file cannot be written.
    """
    with (
        files.publish(os.fspath(path), overwrite=True) as aside,
        open(aside, "w", encoding="utf-8", errors="replace", newline="") as file,
    ):
        writer = csv.writer(file)
        writer.writerow(Row._fields)
        writer.writerows(rows(results))


def to_pandas(results: Results) -> Any:
    """Return a ``pandas.DataFrame`` with one row for each case and access.

    Raises
    ------
    MissingDependencyError
        If pandas is not installed.
    """
    try:
        pandas = importlib.import_module("pandas")
    except ImportError as error:
        raise MissingDependencyError(
            "Results.to_pandas() needs the package pandas: pip install pandas"
        ) from error
    return pandas.DataFrame(rows(results), columns=list(Row._fields))


def _rows_of(results: Results, result: CaseResult) -> list[Row]:
    case, array = result.case, results.input(result.case.input)
    systems = {place.directory: place.file_system for place in results.places}
    bare = Row(
        input=array.name,
        kind=array.kind,
        dtype=array.dtype,
        shape="x".join(map(str, array.shape)),
        nbytes=array.nbytes,
        way=case.way,
        role=case.role,
        directory=case.directory,
        file_system=systems.get(case.directory),
        cache=case.cache,
        access=None,
        samples=0,
        median=None,
        low=None,
        high=None,
        nbytes_on_disk=result.nbytes_on_disk,
        peak_memory=result.peak_memory,
        error=result.error,
    )
    measured = [
        bare._replace(access=access, samples=len(samples), **spread._asdict())
        for access, samples in result.seconds.items()
        if (spread := result.spread(access)) is not None
    ]
    return measured or [bare]
