"""Dask arrays written to files in one graph, by whatever scheduler is current."""

import dataclasses
import math
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Any

from filexchange import files
from filexchange.aliases import Array, Shape, Slices
from filexchange.blocks.execution.options import Settings
from filexchange.blocks.execution.planning import Plan
from filexchange.blocks.execution.workspace import check_room, workspace
from filexchange.blocks.layouts.aligning import aligned_chunks, largest, number
from filexchange.blocks.layouts.gates import gate, through
from filexchange.blocks.layouts.rearranging import rearrange
from filexchange.blocks.layouts.rechunking import whole_units
from filexchange.blocks.storage.drafts import opened
from filexchange.blocks.storage.grid import region_shape
from filexchange.blocks.storage.sources import Source, as_source
from filexchange.blocks.storage.targets import Layout, Slot, is_path, layout, write_unit
from filexchange.dtypes import as_array
from filexchange.errors import BlockShapeError, UnsupportedOptionError
from filexchange.ref import ArrayRef

# Dask's chunks, those that are joined of them, and room for what a codec needs.
_COPIES = 3

# Joined blocks that have to fit at a time, so that one is computed while another is written.
_AT_A_TIME = 2


def store_graph(source: Source, target: Layout, settings: Settings, *, overwrite: bool) -> Any:
    """Write a Dask array, directly or through a temporary file.

    Parameters
    ----------
    source : Source
        Of a Dask array.
    target : Layout
    settings : Settings
    overwrite : bool

    Returns
    -------
    Plan or ArrayRef
    """
    for name in ("resume", "progress"):
        if getattr(settings, name):
            raise UnsupportedOptionError(
                f"{name}= is not for a Dask array, which Dask computes in one graph: use what its "
                "schedulers have, or rechunk(), which computes it block by block"
            )
    task = _Task(source, target, settings)
    chunks = task.direct_chunks
    if chunks is None:
        return task.in_two(overwrite=overwrite)
    plan = task.plan(chunks)
    return plan if settings.plan_only else task.directly(chunks, plan, overwrite=overwrite)


@dataclass(frozen=True, slots=True)
class _Task:
    """A Dask array and where it goes."""

    source: Source
    target: Layout
    settings: Settings

    @property
    def direct_chunks(self) -> tuple[Shape, ...] | None:
        """What tasks write, if they can write to the output itself within the budget."""
        if not _takes_writers(self.target):
            return None
        own = self.source.array.chunks
        aligned = aligned_chunks(own, self.target.chunks)
        memory = _AT_A_TIME * self._memory(aligned)
        return aligned if aligned == own or memory <= self.settings.budget else None

    def _memory(self, chunks: tuple[Shape, ...]) -> int:
        return _COPIES * math.prod(largest(chunks)) * self.source.dtype.itemsize

    def plan(self, chunks: tuple[Shape, ...]) -> Plan:
        """Return the plan of one graph."""
        return Plan(
            operation="store",
            blocks=number(chunks),
            block_shape=largest(chunks),
            block_memory=self._memory(chunks),
            memory=self.settings.budget,
            bytes_read=self.target.nbytes,
            bytes_written=self.target.nbytes,
            temporary=self.target.temporary,
        )

    def directly(self, chunks: tuple[Shape, ...], plan: Plan, *, overwrite: bool) -> Any:
        """Compute the graph, whose tasks write."""
        import dask.array

        with opened(self.target, None, overwrite=overwrite) as output:
            if output.target is not None and self.target.nbytes:
                ref = output.target.array
                barrier = files.partial_name(ref.path)
                written: Any = _Gated(ref, barrier)
                with gate(barrier):
                    dask.array.store(
                        self.source.array.rechunk(chunks),
                        written,
                        lock=False,
                        **_scheduling(self.settings.executor, plan.most),
                    )
        return output.result

    def in_two(self, *, overwrite: bool) -> Any:
        """Compute the graph into a temporary file, and rechunk that."""
        chunks = self.source.array.chunks
        first = self.plan(chunks)
        planning = dataclasses.replace(self.settings, plan_only=True)
        # Read before it is there, so that what does not fit is refused before it is computed.
        stored = dataclasses.replace(self.source, chunks=None)
        plan = _both(first, self._rechunked(stored, planning, overwrite=overwrite))
        if self.settings.plan_only:
            return plan
        with workspace(
            "store", (), [self.source], self.target, self.settings, overwrite=overwrite
        ) as space:

            def computed(path: str, settings: Settings) -> Any:
                between = layout(path, self.source.shape, self.source.dtype)
                check_room(path, between.nbytes)
                task = _Task(self.source, between, settings)
                return task.directly(chunks, first, overwrite=True)

            between = as_source(space.made("computed.npy", computed))
            return self._rechunked(between, self.settings, overwrite=overwrite)

    def _rechunked(self, source: Source, settings: Settings, *, overwrite: bool) -> Any:
        order = tuple(range(len(source.shape)))
        return rearrange(
            "store", source, order, self.target, whole_units, settings, overwrite=overwrite
        )


def _both(first: Plan, second: Plan) -> Plan:
    nbytes = first.bytes_written
    return dataclasses.replace(
        second,
        blocks=first.blocks + second.blocks,
        block_memory=max(first.block_memory, second.block_memory),
        bytes_read=nbytes + second.bytes_read,
        bytes_written=nbytes + second.bytes_written,
        temporary=nbytes + second.temporary,
    )


def _takes_writers(target: Layout) -> bool:
    """Return whether the tasks of a graph may write to the output, each on its own."""
    if isinstance(target.out, ArrayRef):
        return write_unit(target.out) is not None
    if not is_path(target.out):
        return False
    # What is staged only in order to be kept has one writer.
    return target.is_staged(kept=False) or not target.is_staged(kept=True)


def _scheduling(executor: Any, most: int) -> dict[str, Any]:
    """Return the keywords by which Dask is told who computes."""
    import dask

    if isinstance(executor, Executor) or hasattr(executor, "get_executor"):
        return {"scheduler": executor}
    asked = executor if isinstance(executor, int) else dask.config.get("num_workers", None)
    workers = min(asked or dask.system.CPU_COUNT, most)
    if executor is None:
        return {"num_workers": workers}
    scheduler = "threads" if isinstance(executor, int) else executor
    return {"scheduler": scheduler, "num_workers": workers}


@dataclass(frozen=True, slots=True)
class _Gated:
    """What tasks store to: a file, as long as the operation lasts."""

    ref: ArrayRef
    barrier: str

    def __setitem__(self, region: Slices, block: Any) -> None:
        found: Array = as_array(block)
        if found.shape != region_shape(region):
            raise BlockShapeError(
                f"Dask made a block of shape {found.shape} for one of shape "
                f"{region_shape(region)}: give the functions in its graph the right chunks"
            )
        with through(self.barrier):
            Slot(self.ref, region).write(found.astype(self.ref.dtype, copy=False))
