"""Outputs filled block by block with what workers make."""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from filexchange.aliases import Array, Slices
from filexchange.blocks.drafts import opened
from filexchange.blocks.options import Settings
from filexchange.blocks.planning import Plan
from filexchange.blocks.progress import reported
from filexchange.blocks.running import run
from filexchange.blocks.targets import Layout, Slot, Target


@dataclass(frozen=True, slots=True)
class _Task:
    """One block: what it is made from and where it goes."""

    payload: Any
    slots: tuple[Slot | None, ...]


@dataclass(frozen=True, slots=True)
class _Work:
    """What a worker does with a task; it returns the blocks that it does not write itself."""

    function: Callable[[Any], Sequence[Array]]

    def __call__(self, task: _Task) -> list[Array | None]:
        left: list[Array | None] = []
        for block, slot in zip(self.function(task.payload), task.slots, strict=True):
            if slot is not None:
                slot.write(block)
            left.append(block if slot is None else None)
        return left


def fill(
    function: Callable[[Any], Sequence[Array]],
    payload: Callable[[int], Any],
    layouts: Sequence[Layout],
    regions: Sequence[Slices],
    plan: Plan,
    settings: Settings,
    *,
    overwrite: bool = False,
) -> tuple[Any, ...]:
    """Fill outputs region by region.

    Parameters
    ----------
    function : callable
        ``function(payload(i))`` returns, for each output, the block of ``regions[i]``, of its shape
        and the output's dtype. Sent to the workers with each task.
    payload : callable
        What a worker gets for a block by its number: small, and asked when there is room.
    layouts : sequence of Layout
    regions : sequence of tuple of slice
        Parts of all outputs, of which no two share a write unit.
    plan : Plan
    settings : Settings
    overwrite : bool, optional

    Returns
    -------
    tuple
        For each output the reference or array that the caller of the operation gets.

    Raises
    ------
    Exception
        Of the function. No file appears then, and no worker writes any more.
    """
    with contextlib.ExitStack() as stack:
        outputs = [stack.enter_context(opened(each, None, overwrite=overwrite)) for each in layouts]
        targets = [output.target for output in outputs]
        tasks = _tasks(payload, targets, regions)
        made = run(_Work(function), tasks, settings.executor, plan.most, settings.budget)
        with contextlib.closing(reported(made, settings.progress, plan)) as results:
            for region, left in zip(regions, results, strict=True):
                for target, block in zip(targets, left, strict=True):
                    if block is not None:
                        target.put(region, block)
    return tuple(output.result for output in outputs)


def _tasks(
    payload: Callable[[int], Any], targets: Sequence[Target], regions: Sequence[Slices]
) -> Iterator[_Task]:
    for i, region in enumerate(regions):
        yield _Task(payload(i), tuple(target.slot(region) for target in targets))
