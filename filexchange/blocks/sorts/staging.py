"""Lanes larger than the memory that do not lie along the last axis, or share chunks of the output.

They are brought to the last axis of a temporary file, sorted there, and brought back.
"""

import dataclasses
import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from filexchange.blocks.execution.budget import check_fits
from filexchange.blocks.execution.options import Options, Settings
from filexchange.blocks.execution.planning import Plan
from filexchange.blocks.execution.workspace import Workspace
from filexchange.blocks.layouts.rearranging import COPIES
from filexchange.blocks.layouts.transposing import moveaxis
from filexchange.blocks.sorts.externalsort import ExternalSort, external_sort
from filexchange.blocks.sorts.sortkernels import Kernel
from filexchange.blocks.storage.sources import Source, as_source
from filexchange.blocks.storage.targets import Layout, layout


@dataclass(frozen=True, slots=True)
class StagedSort:
    """An external sort between two changes of axes.

    Attributes
    ----------
    source : Source
    axis : int
    inner : ExternalSort
        Of the array with that axis at its end, which is not there yet.
    back : int
        Bytes of memory that a chunk of the output takes when the axis is brought back.
    """

    source: Source
    axis: int
    inner: ExternalSort
    back: int

    @property
    def memory(self) -> int:
        """Bytes of memory for the largest block that is under way."""
        return max(self.inner.memory, self.back)

    @property
    def _is_last(self) -> bool:
        """Whether the axis is at its place, and only the result has to be staged."""
        return self.axis == len(self.source.shape) - 1

    def plan(self, target: Layout, budget: int) -> Plan:
        """Return the plan of all steps.

        Raises
        ------
        MemoryBudgetError
            If one of them does not fit.
        """
        check_fits(self.inner.kernel.name, self.memory, target.memory, budget)
        options: Options = {"memory": budget, "plan_only": True}
        inner = self.inner.plan(self._sorted("sorted.npy"), budget)
        done = np.broadcast_to(np.zeros((), target.dtype), self.inner.source.shape)
        steps: list[Plan] = [inner, moveaxis(done, -1, self.axis, out=target.out, **options)]
        moved = 0
        if not self._is_last:
            steps += [moveaxis(self.source.array, self.axis, -1, out="moved.npy", **options)]
            moved = steps[-1].bytes_written
        return dataclasses.replace(
            inner,
            blocks=sum(step.blocks for step in steps),
            block_memory=max(step.block_memory + step.result_memory for step in steps)
            - target.memory,
            bytes_read=sum(step.bytes_read for step in steps),
            bytes_written=sum(step.bytes_written for step in steps),
            result_memory=target.memory,
            temporary=moved + inner.temporary + target.nbytes + target.temporary,
        )

    def into(self, target: Layout, space: Workspace, *, overwrite: bool = False) -> Any:
        """Sort, and return what the caller of the operation gets."""
        source = self.source if self._is_last else as_source(space.made("moved.npy", self._moved))
        inner = dataclasses.replace(self.inner, source=source)

        def made(path: str, settings: Settings) -> Any:
            return inner.into(self._sorted(path), dataclasses.replace(space, settings=settings))

        done = space.made("sorted.npy", made)
        settings = _options(space.settings_of("moved-back"))
        return moveaxis(done, -1, self.axis, out=target.out, overwrite=overwrite, **settings)

    def _sorted(self, path: str) -> Layout:
        return layout(path, self.inner.source.shape, self.inner.kernel.result)

    def _moved(self, path: str, settings: Settings) -> Any:
        return moveaxis(self.source.array, self.axis, -1, out=path, **_options(settings))


def _options(settings: Settings) -> Options:
    return {
        "memory": settings.budget,
        "executor": settings.executor,
        "resume": settings.resume,
        "progress": settings.progress,
    }


def staged_sort(
    kernel: Kernel, source: Source, axis: int, target: Layout, budget: int
) -> StagedSort:
    """Return a sort along any axis, into chunks of any shape."""
    order = [*range(axis), *range(axis + 1, len(source.shape)), axis]
    shape = tuple(source.shape[i] for i in order)
    # Not there yet; it will be a flat file.
    moved = Source(shape, source.dtype, None, np.empty(0, source.dtype))
    between = layout("sorted.npy", shape, kernel.result)
    chunk = math.prod(map(min, target.chunks or (1,), target.shape))
    inner = external_sort(kernel, moved, False, between, budget)
    return StagedSort(source, axis, inner, COPIES * chunk * target.dtype.itemsize)
