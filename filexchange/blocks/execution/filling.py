"""Outputs filled block by block with what workers make."""

import contextlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from filexchange.aliases import Array, Slices
from filexchange.blocks.execution import jobs
from filexchange.blocks.execution.journal import Journal, checksum, checksum_of_all
from filexchange.blocks.execution.options import Settings
from filexchange.blocks.execution.planning import Plan
from filexchange.blocks.execution.progress import reported
from filexchange.blocks.execution.recipes import recipe
from filexchange.blocks.execution.running import run
from filexchange.blocks.execution.workers import check_can_be_sent
from filexchange.blocks.storage.drafts import Output, opened
from filexchange.blocks.storage.sources import Source
from filexchange.blocks.storage.targets import Layout, Slot, Target


@dataclass(frozen=True, slots=True)
class _Task:
    """One block: what it is made from and where it goes."""

    payload: Any
    slots: tuple[Slot | None, ...]


@dataclass(frozen=True, slots=True)
class _Work:
    """What a worker does with a task.

    It returns the blocks that it does not write itself, and of the others their checksums where
    these are asked for.
    """

    function: Callable[[Any], Sequence[Array]]
    is_checked: bool

    def __call__(self, task: _Task) -> list[Array | int]:
        done: list[Array | int] = []
        for block, slot in zip(self.function(task.payload), task.slots, strict=True):
            if slot is None:
                done.append(block)
            else:
                slot.write(block)
                done.append(checksum(block) if self.is_checked else 0)
        return done


def fill(
    function: Callable[[Any], Sequence[Array]],
    payload: Callable[[int], Any],
    inputs: Sequence[Source],
    layouts: Sequence[Layout],
    regions: Sequence[Sequence[Slices]],
    plan: Plan,
    settings: Settings,
    *,
    overwrite: bool = False,
) -> tuple[Any, ...]:
    """Fill outputs region by region.

    Parameters
    ----------
    function : callable
        ``function(payload(i))`` returns, for each output, the block of its region ``i``, of its
        shape and the output's dtype. Sent to the workers with each task.
    payload : callable
        What a worker gets for a block by its number: small, and asked when there is room.
    inputs : sequence of Source
        All that the blocks are made from: work that is resumed is on the same.
    layouts : sequence of Layout
    regions : sequence of sequence of tuple of slice
        For each output as many parts, of which no two share a write unit.
    plan : Plan
    settings : Settings
    overwrite : bool, optional

    Returns
    -------
    tuple
        For each output the reference or array that the caller of the operation gets.

    Raises
    ------
    ResumeError
        If something else was begun where this should be resumed.
    Exception
        Of the function. No file appears then, and no worker writes any more.
    """
    check_can_be_sent(function, settings.executor)
    told = recipe(plan.operation, function, inputs, layouts, regions[0]) if settings.resume else {}
    with (
        jobs.working(settings.resume, layouts, told, overwrite=overwrite) as job,
        contextlib.ExitStack() as stack,
    ):
        kept = [None if job is None else job.draft(each) for each in layouts]
        outputs = [
            stack.enter_context(opened(each, place, overwrite=overwrite))
            for each, place in zip(layouts, kept, strict=True)
        ]
        targets = [output.target for output in outputs if output.target is not None]
        # Publishing begins when all are complete.
        if len(targets) == len(outputs):
            journal = None if job is None else stack.enter_context(job.journal())
            _Filling(targets, regions, plan, settings, journal).fill(function, payload)
    return _results(outputs)


def _results(outputs: Iterable[Output]) -> tuple[Any, ...]:
    return tuple(output.result for output in outputs)


@dataclass(frozen=True, slots=True)
class _Filling:
    """Targets that are open, and where is written down which of their blocks are done."""

    targets: Sequence[Target]
    regions: Sequence[Sequence[Slices]]
    plan: Plan
    settings: Settings
    journal: Journal | None

    def fill(
        self, function: Callable[[Any], Sequence[Array]], payload: Callable[[int], Any]
    ) -> None:
        done = self._verified()
        numbers = [i for i in range(self._count) if i not in done]
        tasks = (_Task(payload(i), self._slots(i)) for i in numbers)
        work = _Work(function, self.journal is not None)
        made = self._run(work, tasks)
        with contextlib.closing(
            reported(made, self.settings.progress, self.plan, len(done))
        ) as results:
            for number, found in zip(numbers, results, strict=True):
                sums = [
                    self._put(target, region, each)
                    for (target, region), each in zip(self._places(number), found, strict=True)
                ]
                if self.journal is not None:
                    self.journal.add(number, checksum_of_all(sums))

    def _run(self, work: Callable[[Any], Any], tasks: Iterable[Any]) -> Any:
        settings = self.settings
        return run(work, tasks, settings.executor, self.plan.most, settings.budget)

    def _slots(self, number: int) -> tuple[Slot | None, ...]:
        return tuple(target.slot(region) for target, region in self._places(number))

    def _places(self, number: int) -> Iterator[tuple[Target, Slices]]:
        """Yield where a block goes in each target."""
        for target, regions in zip(self.targets, self.regions, strict=True):
            yield target, regions[number]

    @property
    def _count(self) -> int:
        return len(self.regions[0])

    def _put(self, target: Target, region: Slices, found: Array | int) -> int:
        """Write a block that a worker gave back, and return the checksum of any."""
        if isinstance(found, int):
            return found
        target.put(region, found)
        return 0 if self.journal is None else checksum(found)

    def _verified(self) -> frozenset[int]:
        """Return which blocks are done: written down, and in the outputs as they were."""
        journal = self.journal
        if journal is None or not journal.done:
            return frozenset()
        numbers = [number for number in journal.done if number < self._count]
        sums = self._run(_sums, map(self._slots, numbers))
        with contextlib.closing(sums) as found:
            kept = {
                number
                for number, slots_sums in zip(numbers, found, strict=True)
                if self._sum(number, slots_sums) == journal.done[number]
            }
        if len(kept) < len(journal.done):
            journal.keep(kept)
        return frozenset(kept)

    def _sum(self, number: int, sums: Sequence[int | None]) -> int:
        """Return the checksum of a block, with what workers cannot read."""
        return checksum_of_all(
            checksum(target.read(region)) if each is None else each
            for (target, region), each in zip(self._places(number), sums, strict=True)
        )


def _sums(slots: Sequence[Slot | None]) -> list[int | None]:
    """Return the checksums of what is in slots."""
    return [None if slot is None else checksum(slot.read()) for slot in slots]
