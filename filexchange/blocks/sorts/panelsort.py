"""Lanes that fit the memory, sorted in one pass over blocks of whole ones."""

import math
from dataclasses import dataclass
from typing import Any

from filexchange.aliases import Array, Shape, Slices
from filexchange.blocks.execution.filling import fill
from filexchange.blocks.execution.jobs import kept_block
from filexchange.blocks.execution.options import Settings
from filexchange.blocks.execution.planning import Plan
from filexchange.blocks.sorts.sortkernels import Kernel
from filexchange.blocks.storage.grid import Grid
from filexchange.blocks.storage.sources import Piece, Source, owned
from filexchange.blocks.storage.targets import Layout
from filexchange.geometry import BLOCK_BYTES, block_shape

# Blocks that are under way at a time, as far as the budget goes.
_AT_A_TIME = 4


@dataclass(frozen=True, slots=True)
class PanelSort:
    """A sort of whole lanes.

    Attributes
    ----------
    source : Source
    kernel : Kernel
    axis : int or None
        None if all elements are one lane.
    block : tuple of int
        Shape of most blocks.
    cost : int
        Bytes of memory for each element of a block.
    """

    source: Source
    kernel: Kernel
    axis: int | None
    block: Shape
    cost: int

    @property
    def memory(self) -> int:
        """Bytes of memory for each block that is under way."""
        return math.prod(self.block) * self.cost

    def plan(self, target: Layout, budget: int) -> Plan:
        """Return the plan.

        Raises
        ------
        MemoryBudgetError
            If a block does not fit.
        """
        return Plan(
            operation=self.kernel.name,
            blocks=len(Grid(self.source.shape, self.block)),
            block_shape=self.block,
            block_memory=self.memory,
            memory=budget,
            bytes_read=math.prod(self.source.shape) * self.source.dtype.itemsize,
            bytes_written=target.nbytes,
            result_memory=target.memory,
            temporary=target.temporary,
        )

    def into(self, target: Layout, settings: Settings, *, overwrite: bool) -> Any:
        """Sort, and return what the caller of the operation gets."""
        grid = Grid(self.source.shape, self.block)
        whole: Slices = tuple(slice(0, length, 1) for length in target.shape)
        return fill(
            _SortPanel(self.kernel, self.axis),
            lambda number: self.source.piece(grid[number]),
            [self.source],
            [target],
            [[whole] * len(grid) if self.axis is None else grid],
            self.plan(target, settings.budget),
            settings,
            overwrite=overwrite,
        )[0]


def panel_sort(
    kernel: Kernel, source: Source, axis: int | None, target: Layout, settings: Settings
) -> PanelSort:
    """Return a sort in blocks of whole lanes and whole chunks of the output.

    The smallest block may need more than the budget leaves.
    """
    cost = source.element_memory + kernel.panel_scratch + target.element_memory
    begun = kept_block(settings.resume, [target])
    if begun is not None:
        return PanelSort(source, kernel, axis, begun, cost)
    if axis is None:
        block = tuple(max(1, length) for length in source.shape)
        return PanelSort(source, kernel, axis, block, cost)
    budget = settings.budget - target.memory
    most = min(BLOCK_BYTES * max(1, cost // source.dtype.itemsize), budget // _AT_A_TIME)

    def sized(units: Shape | None) -> PanelSort:
        unit = units or (1,) * len(source.shape)
        unit = (*unit[:axis], max(1, source.shape[axis]), *unit[axis + 1 :])
        return PanelSort(source, kernel, axis, block_shape(source.shape, cost, most, unit), cost)

    found = sized(target.chunks or source.chunks)
    # Chunks of the source may be read several times, those of the output are written once.
    return sized(target.chunks) if found.memory > budget else found


@dataclass(frozen=True, slots=True)
class _SortPanel:
    """What a worker does with a block."""

    kernel: Kernel
    axis: int | None

    def __call__(self, piece: Piece) -> list[Array]:
        return [self.kernel.panel(owned(piece), self.axis)]
