"""A function of blocks with all that is decided before it is called: what `map_blocks` runs."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from filexchange.aliases import Array, DType, Shape, Slices
from filexchange.blocks.execution.filling import fill
from filexchange.blocks.execution.jobs import kept_block
from filexchange.blocks.execution.options import Settings
from filexchange.blocks.execution.planning import Plan
from filexchange.blocks.maps.axes import Kept
from filexchange.blocks.maps.blocking import Blocking, Request
from filexchange.blocks.maps.calling import Call
from filexchange.blocks.maps.choosing import chosen_block_shape
from filexchange.blocks.maps.halos import overlapping_piece
from filexchange.blocks.maps.overlapping import Ends, Overlap, cut, read_size, widened
from filexchange.blocks.maps.places import block_place
from filexchange.blocks.storage.grid import Grid, region_shape
from filexchange.blocks.storage.sources import Piece, Source
from filexchange.blocks.storage.targets import Layout, check_distinct, layout
from filexchange.errors import BlockShapeError

# For each input and output block: itself, and one that NumPy needs on the way to a result.
_COPIES = 2


@dataclass(frozen=True, slots=True)
class _Task:
    """The inputs of one block, where they are from, the shape it becomes, and its place."""

    pieces: tuple[Piece, ...]
    region: Slices
    shape: Shape
    place: dict[str, Any]


@dataclass(frozen=True, slots=True)
class _Work:
    """What a worker does with a task; all that the result depends on beside the inputs."""

    call: Call
    dtypes: tuple[DType, ...]
    inputs: Grid
    kept: Kept
    overlap: Overlap
    trim: bool

    def __call__(self, task: _Task) -> list[Array]:
        inputs = [piece.read() for piece in task.pieces]
        found = self.call.blocks(inputs, task.place, len(self.dtypes))
        margins = self._margins(task.region)
        due = widened(task.shape, margins)
        for block in found:
            if block.shape != due:
                raise BlockShapeError(
                    f"{self.call.func!r} returned a block of shape {block.shape}, where one of "
                    f"shape {due} is due: it must keep the shape, or drop_axis=, new_axis= and "
                    "chunks= with block_shape= must say what it does"
                )
        part = cut(margins, due)
        return [
            block[part].astype(dtype, copy=False)
            for block, dtype in zip(found, self.dtypes, strict=True)
        ]

    def _margins(self, region: Slices) -> list[Ends]:
        """Return what is cut off along each axis of a block that the function returns."""
        found = self.overlap.margins(region, self.inputs.shape)
        return [found[axis] if self.trim and axis is not None else (0, 0) for axis in self.kept]


@dataclass(frozen=True, slots=True)
class Mapped:
    """All of one run.

    Attributes
    ----------
    work : callable
        What workers do.
    sources : tuple of Source
    blocking : Blocking
    layouts : tuple of Layout
    plan : Plan
    """

    work: _Work
    sources: tuple[Source, ...]
    blocking: Blocking
    layouts: tuple[Layout, ...]
    plan: Plan

    def run(self, settings: Settings, *, overwrite: bool) -> tuple[Any, ...]:
        """Fill the outputs and return what the caller gets for each."""
        return fill(
            self.work,
            self._task,
            self.sources,
            self.layouts,
            [self.blocking.outputs] * len(self.layouts),
            self.plan,
            settings,
            overwrite=overwrite,
        )

    def _task(self, number: int) -> _Task:
        inside, outside = self.blocking.position(number)
        region, whole = self.blocking.inputs.region(inside), self.blocking.inputs.shape
        pieces = [
            overlapping_piece(each, region, whole, self.work.overlap) for each in self.sources
        ]
        shape = region_shape(self.blocking.outputs.region(outside))
        place: dict[str, Any] = {}
        if self.work.call.wanted:
            place = block_place(self.blocking, number, self.sources, self.layouts[0].dtype)
        return _Task(tuple(pieces), region, shape, place)


def planned(
    operation: str,
    call: Call,
    sources: Sequence[Source],
    request: Request,
    overlap: Overlap,
    outputs: Sequence[tuple[Any, DType]],
    settings: Settings,
    *,
    trim: bool = True,
) -> Mapped:
    """Return the run of a function, once it is known that it is possible within the budget.

    Parameters
    ----------
    operation : str
    call : Call
    sources : sequence of Source
    request : Request
        What the caller says of the blocks.
    overlap : Overlap
    outputs : sequence of (output, dtype)
    settings : Settings
    trim : bool, optional

    Raises
    ------
    MemoryBudgetError, UnalignedWriteError, UnsupportedOptionError
        And what :func:`layout` raises.
    """
    shape = request.blocking().outputs.shape
    layouts = [layout(out, shape, dtype) for out, dtype in outputs]
    check_distinct(layouts)
    is_open = request.is_open
    request = request.begun(kept_block(settings.resume, layouts))
    left = max(1, settings.budget - sum(each.memory for each in layouts))
    share = left // (len(sources) + request.growth * len(layouts))
    blocking = request.blocking(chosen_block_shape(request, sources, layouts, overlap, share))
    step = blocking.outputs.step
    if not is_open:
        layouts = [dataclasses.replace(each, new_chunks=step) for each in layouts]
    for each in layouts:
        each.check_aligned(step)
    dtypes = tuple(each.dtype for each in layouts)
    work = _Work(call, dtypes, blocking.inputs, blocking.kept, overlap, trim)
    plan = _plan(operation, sources, blocking, overlap, layouts, settings.budget)
    return Mapped(work, tuple(sources), blocking, tuple(layouts), plan)


def _plan(
    operation: str,
    sources: Sequence[Source],
    blocking: Blocking,
    overlap: Overlap,
    layouts: Sequence[Layout],
    budget: int,
) -> Plan:
    grid = blocking.inputs
    inputs = [_input_sizes(source.shape, grid, overlap.depth) for source in sources]
    sizes = [source.dtype.itemsize for source in sources]
    # What is made has the overlap too, as a rule.
    depth = tuple(0 if axis is None else overlap.depth[axis] for axis in blocking.kept)
    made = read_size(blocking.outputs.largest, depth) * sum(each.dtype.itemsize for each in layouts)
    held = sum(size * block for size, (block, _) in zip(sizes, inputs, strict=True))
    return Plan(
        operation=operation,
        blocks=len(blocking.outputs),
        block_shape=grid.block,
        block_memory=_COPIES * (held + made),
        memory=budget,
        bytes_read=sum(size * whole for size, (_, whole) in zip(sizes, inputs, strict=True)),
        bytes_written=sum(each.nbytes for each in layouts),
        result_memory=sum(each.memory for each in layouts),
        temporary=sum(each.temporary for each in layouts),
    )


def _input_sizes(shape: Shape, grid: Grid, depth: Shape) -> tuple[int, int]:
    """Return how many elements of an input a block is made from, and all blocks are."""
    skipped = len(grid.shape) - len(shape)
    block = read = 1
    for axis, length in enumerate(shape, skipped):
        if length < grid.shape[axis]:
            continue
        block *= min(grid.block[axis], length) + 2 * depth[axis]
        read *= length + 2 * depth[axis] * max(0, grid.counts[axis] - 1)
    return block, read
