"""Lanes that are larger than the memory, sorted in two passes over runs."""

import dataclasses
import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from filexchange.aliases import Array, DType, Shape, Slices
from filexchange.blocks.execution.filling import fill
from filexchange.blocks.execution.options import Settings
from filexchange.blocks.execution.planning import Plan
from filexchange.blocks.execution.workspace import Workspace, check_room
from filexchange.blocks.kernels.sortedruns import sample
from filexchange.blocks.sorts.cutting import Cutting, read_parts
from filexchange.blocks.sorts.runs import Costs, Runs, arranged
from filexchange.blocks.sorts.sortkernels import Kernel
from filexchange.blocks.storage.grid import Grid
from filexchange.blocks.storage.sources import Piece, Source, owned
from filexchange.blocks.storage.targets import Layout, layout
from filexchange.ref import ArrayRef


@dataclass(frozen=True, slots=True)
class ExternalSort:
    """An external sort that fits its budget.

    Attributes
    ----------
    source : Source
        Which has elements.
    kernel : Kernel
    runs : Runs
    costs : Costs
    """

    source: Source
    kernel: Kernel
    runs: Runs
    costs: Costs

    @property
    def memory(self) -> int:
        """Bytes of memory for each block that is under way."""
        return max(self.runs.memory(self.costs))

    def plan(self, target: Layout, budget: int) -> Plan:
        """Return the plan of both passes.

        Raises
        ------
        MemoryBudgetError
            If it does not fit.
        """
        size, runs = math.prod(self.source.shape), self.runs
        kept = size * sum(dtype.itemsize for dtype in self.kernel.runs)
        return Plan(
            operation=self.kernel.name,
            blocks=len(runs.grid) + runs.lanes * runs.ranges,
            block_shape=runs.grid.block,
            block_memory=self.memory,
            memory=budget,
            bytes_read=size * self.source.dtype.itemsize + kept,
            bytes_written=kept + target.nbytes,
            result_memory=target.memory,
            temporary=kept + target.temporary,
        )

    def into(self, target: Layout, space: Workspace, *, overwrite: bool = False) -> Any:
        """Sort, and return what the caller of the operation gets.

        Parameters
        ----------
        target : Layout
            Of the shape of the source, or flat if all of that is one lane.
        space : Workspace
            For the runs.
        overwrite : bool, optional

        Raises
        ------
        StorageFullError
            If there is no room for runs and result.
        """
        # Another budget goes on with the runs that were begun.
        runs = space.remembered("arrangement", lambda: self.runs)
        begun = dataclasses.replace(self, runs=runs)
        plan = begun.plan(target, space.settings.budget)
        if space.job is None:  # what was begun has its room already
            is_new = target.is_new and target.chunks is None
            check_room(space.directory, plan.temporary + (target.nbytes if is_new else 0))
        refs = space.made("runs", functools.partial(_made_runs, begun, plan))
        settings = space.settings_of("merge")
        return _merged(begun, refs, target, plan, settings, overwrite=overwrite)


def _made_runs(
    sort: ExternalSort, plan: Plan, path: str, settings: Settings
) -> tuple[ArrayRef, ...]:
    """Pass 1: write sorted runs, one after another, and their samples."""
    source, kernel, runs = sort.source, sort.kernel, sort.runs
    size = math.prod(source.shape)
    made: list[tuple[DType, Shape, list[Slices]]] = [
        (dtype, (size,), runs.regions()) for dtype in kernel.runs
    ]
    made.append((kernel.runs[0], runs.samples, runs.sample_regions()))
    memory, _ = runs.memory(sort.costs)

    def piece(number: int) -> tuple[Piece, int]:
        start, _ = runs.span(number)
        return source.piece(runs.grid[number]), start % runs.lane

    refs: tuple[ArrayRef, ...] = fill(
        _MakeRun(kernel, runs.step),
        piece,
        [source],
        [layout(f"{path}.{i}.npy", shape, dtype) for i, (dtype, shape, _) in enumerate(made)],
        [regions for _, _, regions in made],
        _pass(dataclasses.replace(plan, result_memory=0), 1, len(runs.grid), memory),
        settings,
    )
    return refs


def _merged(
    sort: ExternalSort,
    refs: Sequence[ArrayRef],
    target: Layout,
    plan: Plan,
    settings: Settings,
    *,
    overwrite: bool,
) -> Any:
    """Pass 2: merge ranges of the result, each from a part of every run."""
    runs, ndim = sort.runs, len(target.shape)
    *parts, samples = refs
    regions = Grid(target.shape, (*(1,) * (ndim - 1), runs.width))
    _, memory = runs.memory(sort.costs)
    return fill(
        _Merge(sort.kernel, tuple(parts), ndim),
        Cutting(runs, parts[0], samples),
        [Source(ref.shape, ref.dtype, None, ref) for ref in refs],
        [target],
        [regions],
        _pass(plan, 2, len(regions), memory),
        settings,
        overwrite=overwrite,
    )[0]


def _pass(plan: Plan, number: int, blocks: int, memory: int) -> Plan:
    name = f"{plan.operation}, pass {number} of 2"
    return dataclasses.replace(plan, operation=name, blocks=blocks, block_memory=memory)


def external_sort(
    kernel: Kernel, source: Source, is_one_lane: bool, target: Layout, budget: int
) -> ExternalSort:
    """Return an external sort of all elements, or along the last axis.

    The one that needs the least memory, if none fits what the budget leaves for blocks.
    """
    runs = sum(dtype.itemsize for dtype in kernel.runs)
    costs = Costs(
        run=source.element_memory + kernel.run_scratch,
        merge=runs + kernel.merge_scratch + target.element_memory,
        element=kernel.runs[0].itemsize,
    )
    lane = math.prod(source.shape) if is_one_lane else source.shape[-1]
    unit = 1 if target.chunks is None else target.chunks[-1]
    read = source.chunks[-1] if source.chunks else 1
    return ExternalSort(
        source, kernel, arranged(source.shape, lane, unit, read, costs, budget), costs
    )


@dataclass(frozen=True, slots=True)
class _MakeRun:
    """What a worker does with a block in the first pass."""

    kernel: Kernel
    step: int

    def __call__(self, task: tuple[Piece, int]) -> list[Array]:
        piece, start = task
        block = owned(piece).reshape(-1)
        parts = self.kernel.run(block.astype(self.kernel.runs[0], copy=False), start)
        return [*parts, sample(parts[0], self.step)[None]]


@dataclass(frozen=True, slots=True)
class _Merge:
    """What a worker does with the parts of a range in the second pass."""

    kernel: Kernel
    refs: tuple[ArrayRef, ...]
    ndim: int

    def __call__(self, spans: Sequence[tuple[int, int]]) -> list[Array]:
        block = self.kernel.merged([read_parts(ref, spans) for ref in self.refs])
        return [block.reshape((1,) * (self.ndim - 1) + (-1,))]
