"""Temporary files of an operation that takes several steps, beside its output."""

import contextlib
import dataclasses
import errno
import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from filexchange import capabilities, files
from filexchange.blocks.execution.jobs import Job, working
from filexchange.blocks.execution.options import Settings
from filexchange.blocks.execution.recipes import recipe
from filexchange.blocks.storage.sources import Source
from filexchange.blocks.storage.targets import Layout
from filexchange.errors import StorageFullError

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Workspace:
    """A directory for the time of an operation, made when it is needed.

    Attributes
    ----------
    directory : str
        That of the job, where there is one.
    """

    directory: str
    job: Job | None
    settings: Settings

    def remembered(self, name: str, make: Callable[[], T]) -> T:
        """Return what `make` returns, or returned in the process that began."""
        return make() if self.job is None else self.job.remembered(name, make)

    def settings_of(self, step: str) -> Settings:
        """Return the settings of one step, which is resumed for itself."""
        if self.job is None:
            return self.settings
        return dataclasses.replace(self.settings, resume=self.job.path(f"{step}.fxjob"))

    def made(self, name: str, make: Callable[[str, Settings], Any]) -> Any:
        """Return ``make(path, settings)`` of a step that makes a file of this name.

        If it was complete before its process ended, what it returned then.
        """
        path = os.path.join(self.directory, name)
        with files.naming_errors(self.directory):
            os.makedirs(self.directory, exist_ok=True)
        return self.remembered(f"{name}.made", lambda: make(path, self.settings_of(name)))


@contextlib.contextmanager
def workspace(
    operation: str,
    function: Any,
    inputs: Sequence[Source],
    output: Layout,
    settings: Settings,
    *,
    overwrite: bool = False,
) -> Iterator[Workspace]:
    """Yield a directory beside the output, or in that for temporary files if it has no path.

    Parameters
    ----------
    operation : str
    function
        All that the result depends on beside the inputs.
    inputs : sequence of Source
    output : Layout
    settings : Settings
    overwrite : bool, optional
    """
    told = recipe(operation, function, inputs, [output], ()) if settings.resume else {}
    with working(settings.resume, [output], told, overwrite=overwrite) as job:
        if job is not None:
            yield Workspace(job.directory, job, settings)
            return
        output.check_place(overwrite=overwrite)
        beside = output.path or os.path.join(tempfile.gettempdir(), operation)
        directory = files.partial_name(beside)
        try:
            yield Workspace(directory, None, settings)
        finally:
            files.remove(directory)


def check_room(path: str, nbytes: int) -> None:
    """Raise `StorageFullError` if there is no room for what is written beside a path."""
    free = capabilities.free_bytes(os.path.dirname(path))
    if free < nbytes:
        raise StorageFullError(
            errno.ENOSPC,
            f"temporary and new files need {nbytes} bytes, and {free} are free: give more memory=, "
            "with which one pass may do, or make room",
            path,
        )
