"""The files that a benchmark can be written to, and read from."""

import contextlib
import errno
import json
import os
from typing import NamedTuple

from filexchange import files
from filexchange.benchmark.results import Results
from filexchange.errors import ArrayAccessError, BadArrayFileError


class Outputs(NamedTuple):
    """Where to write which kind of file; None for those that are not wanted."""

    json: str | None = None
    csv: str | None = None
    html: str | None = None
    plot: str | None = None

    def check(self) -> None:
        """Raise now, rather than after a measurement that nobody could keep.

        Raises
        ------
        ArrayAccessError
            If a file cannot be written.
        UnsupportedOptionError, MissingDependencyError
            If no picture can be drawn.
        """
        for path in filter(None, self):
            directory = os.path.dirname(os.path.abspath(path))
            if os.path.isdir(path) or not os.access(directory, os.W_OK):
                raise ArrayAccessError(
                    errno.EACCES,
                    "cannot be written: name a file in a directory that you can write",
                    path,
                )
        if self.plot is not None:
            from filexchange.benchmark.reporting.plotting import check_plot  # noqa: PLC0415 - rarely needed

            check_plot(self.plot)

    def write(self, results: Results) -> None:
        """Write them all, each complete or not at all; if one fails, the others nevertheless."""
        with contextlib.ExitStack() as stack:
            for path, write in zip(
                self, (_write_json, _write_csv, _write_html, _draw), strict=True
            ):
                if path is not None:
                    stack.callback(write, results, path)


def _write_json(results: Results, path: str) -> None:
    _write(path, json.dumps(results.to_json(), indent=1))


def _write_csv(results: Results, path: str) -> None:
    from filexchange.benchmark.reporting.export import write_csv  # noqa: PLC0415 - rarely needed

    write_csv(results, path)


def _write_html(results: Results, path: str) -> None:
    from filexchange.benchmark.reporting.html import page  # noqa: PLC0415 - rarely needed

    _write(path, page(results))


def _draw(results: Results, path: str) -> None:
    from filexchange.benchmark.reporting.plotting import save_plot  # noqa: PLC0415 - rarely needed

    save_plot(results, path)


def read(path: str) -> Results:
    """Return the results that ``filexchange bench --json`` wrote.

    Raises
    ------
    ArrayNotFoundError, ArrayAccessError
        If the file cannot be read.
    BadArrayFileError
        If it is something else.
    """
    with files.naming_errors(path), open(path, "rb") as file:
        content = file.read()
    try:
        return Results.from_json(json.loads(content))
    except BadArrayFileError as error:
        raise BadArrayFileError(f"{path}: {error}") from error
    except (ValueError, RecursionError) as error:
        raise BadArrayFileError(
            f"{path} is not the JSON of a benchmark ({error}): write it with "
            "`filexchange bench --json FILE`"
        ) from error


def _write(path: str, text: str) -> None:
    with files.publish(path, overwrite=True) as aside, open(aside, "wb") as file:
        file.write(text.encode("utf-8", "replace"))
