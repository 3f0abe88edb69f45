"""What every operation takes beside its arrays."""

from dataclasses import dataclass, field
from typing import Any, TypedDict

from filexchange.blocks.budget import memory_budget
from filexchange.blocks.jobs import check_resume
from filexchange.blocks.progress import check_progress
from filexchange.blocks.workers import check_executor


class Options(TypedDict, total=False):
    """Keywords of all operations; their meaning is told in :func:`map_blocks`."""

    memory: int | str | None
    executor: Any
    resume: Any
    progress: Any
    plan_only: bool


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
