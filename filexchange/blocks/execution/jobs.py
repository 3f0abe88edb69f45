"""Operations that are remembered on disk, so that they go on where they ended.

A job is a directory: what is to be done, which blocks are done, and the outputs so far. It is there
until the operation is complete.
"""

import contextlib
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeVar, cast

from filexchange import capabilities, files
from filexchange.aliases import Shape
from filexchange.blocks.execution.checkpoints import Checkpoint
from filexchange.blocks.execution.journal import Journal
from filexchange.blocks.storage.drafts import forget
from filexchange.blocks.storage.targets import Layout, is_path
from filexchange.errors import ArrayNotFoundError, ResumeError, UnsupportedOptionError

T = TypeVar("T")

_SUFFIX = ".fxjob"
_RECIPE, _JOURNAL, _LOCK, _DRAFT = "recipe.json", "journal", "lock", "draft"

# What finished blocks are of no use without, however much the caller insists.
_ESSENTIAL = ("version", "operation", "outputs", "blocks")


def check_resume(resume: Any) -> None:
    """Raise `UnsupportedOptionError` unless it is a bool, None, ``"force"`` or a path."""
    if not (resume is None or isinstance(resume, bool | str | os.PathLike)):
        raise UnsupportedOptionError(
            f"resume={resume!r} is neither a bool nor 'force' nor the path of a directory"
        )


class Job:
    """What is remembered of one operation.

    Attributes
    ----------
    directory : str
    """

    def __init__(self, directory: str) -> None:
        self.directory = directory

    def draft(self, output: Layout) -> str | None:
        """Return where a new file is until it is complete: beside its path, to be renamed."""
        return _draft(output) if is_path(output.out) else None

    @property
    def is_step(self) -> bool:
        """Whether it belongs to another job, which goes on where it is complete and removes it."""
        above = os.path.dirname(self.directory)
        return all(os.path.exists(os.path.join(above, name)) for name in (_RECIPE, _LOCK))

    def path(self, name: str) -> str:
        """Return the path of a file that belongs to the job."""
        return os.path.join(self.directory, name)

    @contextlib.contextmanager
    def journal(self) -> Iterator[Journal]:
        """Yield the record of finished blocks."""
        with contextlib.closing(Journal(self.path(_JOURNAL))) as journal:
            yield journal

    def checkpoint(self, name: str) -> Checkpoint:
        """Return where a state is kept."""
        return Checkpoint(self.path(name))

    def remembered(self, name: str, make: Callable[[], T]) -> T:
        """Return what `make` returned when it was called first, in whatever process that was."""
        checkpoint = self.checkpoint(name)
        found = checkpoint.load()
        if found is None:
            found = (make(),)
            checkpoint.save(found)
        return cast("T", found[0])

    def recipe(self) -> dict[str, Any] | None:
        """Return what is to be done; None if nothing was begun."""
        path = self.path(_RECIPE)
        try:
            with files.naming_errors(path), open(path, encoding="utf-8") as file:
                found: dict[str, Any] = json.load(file)
            return {name: found[name] for name in (*_ESSENTIAL, *found)}
        except ArrayNotFoundError:
            return None
        except (ValueError, KeyError, TypeError) as error:
            raise ResumeError(
                f"{path!r} is damaged, or a file of others ({error!r}): remove {self.directory!r} "
                "to begin anew, or give another directory as resume="
            ) from error

    def write(self, recipe: Mapping[str, Any]) -> None:
        """Remember what is to be done."""
        path = self.path(_RECIPE)
        with files.publish(path, overwrite=True) as aside, open(aside, "x") as file:
            json.dump(recipe, file, indent=1)

    def check(self, recipe: Mapping[str, Any], *, is_forced: bool) -> None:
        """Raise `ResumeError` if something else was begun."""
        before = self.recipe()
        if before is None:
            return
        found = dict(_differences("", before, json.loads(json.dumps(recipe))))
        essential = [name for name in found if name.startswith(_ESSENTIAL)]
        if not found or (is_forced and not essential):
            return
        remedy = "" if essential else "pass resume='force' to keep the blocks that are done, or "
        raise ResumeError(
            f"{self.directory!r} was begun with something else: "
            + "; ".join(f"{name} was {old}, and is {new}" for name, (old, new) in found.items())
            + f". Nothing was changed: {remedy}remove that directory to begin anew"
        )


def _draft(output: Layout) -> str:
    return os.path.join(f"{output.path}{_SUFFIX}", _DRAFT)


def _differences(name: str, old: Any, new: Any) -> Iterator[tuple[str, tuple[Any, Any]]]:
    if isinstance(old, dict) and isinstance(new, dict):
        for key in [*old, *(key for key in new if key not in old)]:
            inner = f"{name}.{key}" if name else key
            yield from _differences(inner, old.get(key), new.get(key))
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for i, pair in enumerate(zip(old, new, strict=True)):
            yield from _differences(f"{name}[{i}]", *pair)
    elif old != new:
        yield name, (old, new)


def find(resume: Any, layouts: Sequence[Layout] = ()) -> Job | None:
    """Return the job that an operation with these outputs has or would have; None for no job.

    Raises
    ------
    UnsupportedOptionError
        If the outputs are not files, and no directory is given.
    """
    check_resume(resume)
    if resume is None or resume is False:
        return None
    if resume is not True and resume != "force":
        return Job(os.path.abspath(os.fsdecode(resume)))
    paths = [each.path for each in layouts if each.path is not None]
    if not paths:
        raise UnsupportedOptionError(
            f"resume={resume!r} needs an output with a path: give the directory in which to "
            "remember what is done, resume='some/path'"
        )
    return Job(paths[0] + _SUFFIX)


def kept_block(resume: Any, layouts: Sequence[Layout] = ()) -> Shape | None:
    """Return the shape of blocks that an operation was begun with; another budget keeps it."""
    job = find(resume, layouts)
    recipe = job.recipe() if job is not None else None
    shape = None if recipe is None else recipe["blocks"].get("shape")
    return None if shape is None else tuple(shape)


def begun_operation(resume: Any, layouts: Sequence[Layout] = ()) -> str | None:
    """Return the name of the operation that was begun, of those with several ways to the result."""
    job = find(resume, layouts)
    recipe = job.recipe() if job is not None else None
    return None if recipe is None else str(recipe["operation"])


@contextlib.contextmanager
def working(
    resume: Any,
    layouts: Sequence[Layout],
    recipe: Mapping[str, Any],
    *,
    overwrite: bool = False,
) -> Iterator[Job | None]:
    """Have a job for oneself; it is removed when the block succeeds.

    Raises
    ------
    ArrayExistsError
        If nothing was begun, and there are files at the paths that are not to be replaced.
    ResumeError
        If something else was begun there, another process is at it, or a directory was given that
        has files of others.
    """
    job = find(resume, layouts)
    if job is None:
        yield None
        return
    for each in layouts:
        if each.path is None:
            raise UnsupportedOptionError(
                f"what is written to {type(each.out).__name__} in memory is lost with its process: "
                "leave out resume=, or give a path as out="
            )
    if job.recipe() is None:
        _check_own(job, layouts)
        for each in layouts:
            each.check_place(overwrite=overwrite)
    job.check(recipe, is_forced=resume == "force")
    drafts = [_draft(each) for each in layouts if is_path(each.out)]
    # Those of a step are its job's.
    owned = [] if job.is_step else drafts
    directories = list(dict.fromkeys([job.directory, *map(os.path.dirname, owned)]))
    for directory in dict.fromkeys([job.directory, *map(os.path.dirname, drafts)]):
        with files.naming_errors(directory):
            os.makedirs(directory, exist_ok=True)
    with contextlib.ExitStack() as stack:
        for directory in directories:
            stack.enter_context(_alone(directory))
        job.check(recipe, is_forced=resume == "force")
        with contextlib.ExitStack() as unless_written:
            if job.recipe() is None:
                for directory in directories:
                    unless_written.callback(files.remove_at_once, directory)
                # Of a job in another directory, which is gone or was another operation.
                for draft in owned:
                    forget(draft)
            job.write(recipe)
            unless_written.pop_all()
        try:
            yield job
        except BaseException as error:
            error.add_note(f"what is done is kept in {job.directory!r}: resume= goes on from there")
            raise
        if not job.is_step:
            for directory in directories:
                files.remove_at_once(directory)


def _check_own(job: Job, layouts: Sequence[Layout]) -> None:
    """Raise `ResumeError` if something would be lost with a directory that is to be a job's."""
    inside = os.path.join(job.directory, "")
    for each in layouts:
        if each.path is not None and os.path.join(each.path, "").startswith(inside):
            raise ResumeError(
                f"{job.directory!r} is removed when {each.path!r}, which would be in it, is "
                "complete: give a directory apart from it as resume="
            )
    with files.naming_errors(job.directory), contextlib.suppress(FileNotFoundError):
        others = [name for name in os.listdir(job.directory) if not _is_own(name)]
        if others:
            raise ResumeError(
                f"{job.directory!r} is removed when the operation is complete, and has files of "
                f"others in it, as {min(others)!r}: give a new directory as resume="
            )


def _is_own(name: str) -> bool:
    return name.startswith((_LOCK, _DRAFT)) or name.endswith(files.PARTIAL_SUFFIX)


@contextlib.contextmanager
def _alone(directory: str) -> Iterator[None]:
    path = os.path.join(directory, _LOCK)
    with files.naming_errors(path):
        fd = os.open(path, os.O_RDWR | os.O_CREAT | capabilities.OPEN_FLAGS, 0o666)
    try:
        try:
            capabilities.lock_exclusively(fd)
        except BlockingIOError as error:
            raise ResumeError(
                f"another process, or a worker that it left, is at {directory!r}: wait for it, or "
                "end it"
            ) from error
        yield
    finally:
        os.close(fd)
