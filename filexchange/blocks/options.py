"""What every operation takes beside its arrays."""

from dataclasses import dataclass, field
from typing import Any, TypedDict

from filexchange.blocks.budget import memory_budget
from filexchange.blocks.running import check_executor


class Options(TypedDict, total=False):
    """Keywords of all operations; their meaning is told in :func:`map_blocks`."""

    memory: int | str | None
    executor: Any
    plan_only: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The options of one call, checked.

    Attributes
    ----------
    memory, executor, plan_only
        As the caller gave them.
    budget : int
        Bytes of memory that the operation may add.
    """

    memory: int | str | None = None
    executor: Any = None
    plan_only: bool = False
    budget: int = field(init=False)

    def __post_init__(self) -> None:
        check_executor(self.executor)
        object.__setattr__(self, "budget", memory_budget(self.memory))
