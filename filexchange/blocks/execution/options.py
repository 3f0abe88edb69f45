"""What every operation takes beside its arrays."""

from dataclasses import dataclass, field
from typing import Any, TypedDict

from filexchange.aliases import Attrs, ChunksLike, DType, Shape
from filexchange.blocks.execution.budget import memory_budget
from filexchange.blocks.execution.jobs import check_resume
from filexchange.blocks.execution.progress import check_progress
from filexchange.blocks.execution.workers import check_executor
from filexchange.blocks.storage.targets import Layout, layout
from filexchange.tuning.uses import Use


class Options(TypedDict, total=False):
    """Keywords of all operations; their meaning is told in :func:`map_blocks`."""

    memory: int | str | None
    executor: Any
    resume: Any
    progress: Any
    plan_only: bool


class FileOptions(Options, total=False):
    """Keywords of operations that make a file; of those for it, the meaning is told in `save`."""

    chunks: ChunksLike
    shards: ChunksLike
    compression: str | None
    attrs: Attrs | None
    for_: Use


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The options of one call, checked.

    Attributes
    ----------
    memory, executor, resume, progress, plan_only
        As the caller gave them.
    budget : int
        Bytes of memory that the operation may add.
    """

    memory: int | str | None = None
    executor: Any = None
    resume: Any = False
    progress: Any = False
    plan_only: bool = False
    budget: int = field(init=False)

    def __post_init__(self) -> None:
        check_executor(self.executor)
        check_resume(self.resume)
        check_progress(self.progress)
        object.__setattr__(self, "budget", memory_budget(self.memory))


def new_file(out: Any, shape: Shape, dtype: DType, options: FileOptions) -> tuple[Layout, Settings]:
    """Return the output and the settings that a caller asks for."""
    names = FileOptions.__annotations__.keys() - Options.__annotations__.keys()
    of_file: dict[str, Any] = {name: value for name, value in options.items() if name in names}
    others: dict[str, Any] = {name: value for name, value in options.items() if name not in names}
    return layout(out, shape, dtype, **of_file), Settings(**others)
