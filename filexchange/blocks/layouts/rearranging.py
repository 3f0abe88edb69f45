"""Arrays written with other chunks or another order of axes, in one pass or two."""

import dataclasses
import functools
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_tuple

from filexchange.aliases import Array, Shape, Slices
from filexchange.blocks.execution.filling import fill
from filexchange.blocks.execution.options import Settings
from filexchange.blocks.execution.planning import Plan
from filexchange.blocks.execution.workspace import Workspace, check_room, workspace
from filexchange.blocks.layouts.routes import Lie, Route, route
from filexchange.blocks.storage.grid import Grid
from filexchange.blocks.storage.sources import Piece, Source, as_source
from filexchange.blocks.storage.targets import Layout, layout
from filexchange.blocks.storage.tiling import Tiles
from filexchange.errors import UnsupportedOptionError
from filexchange.ref import ArrayRef

#: The block as it was read, as it is written, and room for what a codec needs, as a rule.
COPIES = 3

# Larger blocks make longer runs, with less and less to gain.
_MOST_BYTES = 64 << 20

# Blocks that are under way at a time, as far as the budget goes.
_AT_A_TIME = 2


def rearrange(
    operation: str,
    source: Source,
    order: tuple[int, ...],
    target: Layout,
    candidates: Callable[[Lie, Lie, int], list[Shape]],
    settings: Settings,
    *,
    overwrite: bool,
) -> Any:
    """Write an array with its axes in another order and in other chunks.

    Parameters
    ----------
    operation : str
    source : Source
    order : tuple of int
        Which axis of the source each axis of the target is.
    target : Layout
    candidates : callable
        ``candidates(read, written, most)`` returns blocks of the target, of at most so many
        elements if it can be, among which the best is taken if one pass does.
    settings : Settings
    overwrite : bool

    Returns
    -------
    Plan, ArrayRef, ndarray or other array
    """
    for part in source.parts:
        check_apart(part, target)
    itemsize = max(1, source.dtype.itemsize)
    share = max(0, settings.budget - target.memory) // _AT_A_TIME
    most = max(1, min(_MOST_BYTES, share // COPIES) // itemsize)
    larger = max(most, _costs(source, order, target).most(share) // itemsize)
    read = Lie(source.shape, source.chunks, source.run_shape)
    written = Lie(target.shape, target.chunks, None if target.chunks else target.shape)
    blocks = [candidates(read, written, each) for each in (most, larger)]
    found = route(read, written, order, blocks, source.dtype.itemsize, most)
    plan = _plan(operation, source, order, target, found, settings)
    if settings.plan_only:
        return plan
    with workspace(operation, order, source.parts, target, settings, overwrite=overwrite) as space:
        # Of the process that began, whose memory may have been another.
        found = space.remembered("route", lambda: found)
        task = _Task(operation, source, order, target, found, settings, space)
        return task.in_one_pass(overwrite) if found.tiles is None else task.in_two(overwrite)


@dataclass(frozen=True, slots=True)
class _Costs:
    """What memory a block takes: so many copies of it, and a chunk."""

    copies: int
    chunk: int

    def memory(self, nbytes: int) -> int:
        return self.copies * nbytes + self.chunk

    def most(self, memory: int) -> int:
        """Return the bytes of a block for which so much memory does."""
        return max(0, memory - self.chunk) // self.copies


def _costs(source: Source, order: tuple[int, ...], target: Layout) -> _Costs:
    """Return what a block of one pass takes."""
    array = source.array
    is_turned = order != tuple(range(len(order)))
    is_turned |= isinstance(array, ArrayRef) and array.order == "F"
    if is_turned or source.run_shape is None or not target.writes_plainly:
        return _Costs(COPIES, 0)
    # What is not contiguous in the block is read or written by way of a copy of its own.
    chunks = math.prod(source.chunks or (0,)) + math.prod(target.chunks or (0,))
    return _Costs(1, chunks * source.dtype.itemsize)


def _plan(
    operation: str,
    source: Source,
    order: tuple[int, ...],
    target: Layout,
    found: Route,
    settings: Settings,
) -> Plan:
    itemsize = source.dtype.itemsize
    temporary = 0 if found.tiles is None else found.tiles.elements * itemsize
    number = len(Grid(target.shape, found.block))
    if found.first is None:
        memory = _costs(source, order, target).memory(math.prod(found.block) * itemsize)
    else:
        memory = COPIES * max(map(math.prod, (found.first, found.block))) * itemsize
        number += len(Grid(source.shape, found.first))
    return Plan(
        operation=operation,
        blocks=number,
        block_shape=found.block,
        block_memory=memory,
        memory=settings.budget,
        bytes_read=found.touched * itemsize + temporary,
        bytes_written=target.nbytes + temporary,
        result_memory=target.memory,
        temporary=temporary + target.temporary,
    )


@dataclass(frozen=True, slots=True)
class _Task:
    """One array that is rearranged."""

    operation: str
    source: Source
    order: tuple[int, ...]
    target: Layout
    route: Route
    settings: Settings
    space: Workspace

    def plan(self, grid: Grid, step: str = "") -> Plan:
        """Return the plan of one pass."""
        plan = _plan(
            self.operation, self.source, self.order, self.target, self.route, self.settings
        )
        return dataclasses.replace(plan, operation=plan.operation + step, blocks=len(grid))

    def in_one_pass(self, overwrite: bool) -> Any:
        """Read blocks of the output from the input, and write them."""
        grid = Grid(self.target.shape, self.route.block)

        def piece(number: int) -> Piece:
            return self.source.piece(_turned(grid[number], self.order))

        return fill(
            _Turned(self.order),
            piece,
            self.source.parts,
            [self.target],
            [grid],
            self.plan(grid),
            self.space.settings_of("only"),
            overwrite=overwrite,
        )[0]

    def in_two(self, overwrite: bool) -> Any:
        """Write tiles, and read blocks of the output from these."""
        tiles, first = self.route.tiles, self.route.first
        if tiles is None or first is None:
            raise UnsupportedOptionError("this route has one pass")
        between: ArrayRef = self.space.made(
            "tiles.npy", functools.partial(self._first, tiles, Grid(self.source.shape, first))
        )
        stored = as_source(between)
        grid = Grid(self.target.shape, self.route.block)

        def task(number: int) -> tuple[Piece, Slices]:
            region = _turned(grid[number], self.order)
            return stored.piece(tiles.region(region)), region

        return fill(
            _Untiled(tiles, self.order),
            task,
            self.source.parts,
            [self.target],
            [grid],
            self.plan(grid, ", pass 2 of 2"),
            self.space.settings_of("second"),
            overwrite=overwrite,
        )[0]

    def _first(self, tiles: Tiles, grid: Grid, path: str, settings: Settings) -> Any:
        between = layout(path, tiles.stored_shape, self.source.dtype)
        check_room(path, between.nbytes)
        return fill(
            _Tiled(tiles),
            lambda number: self.source.piece(grid[number]),
            self.source.parts,
            [between],
            [[tiles.region(region) for region in grid]],
            self.plan(grid, ", pass 1 of 2"),
            settings,
            overwrite=True,
        )[0]


def _turned(region: Slices, order: tuple[int, ...]) -> Slices:
    """Return a region of the output as one of the input."""
    return tuple(region[order.index(axis)] for axis in range(len(order)))


@dataclass(frozen=True, slots=True)
class _Turned:
    """What a worker does with a block where one pass does."""

    order: tuple[int, ...]

    def __call__(self, piece: Piece) -> list[Array]:
        return [np.transpose(piece.read(), self.order)]


@dataclass(frozen=True, slots=True)
class _Tiled:
    """What a worker does in the first of two passes."""

    tiles: Tiles

    def __call__(self, piece: Piece) -> list[Array]:
        return [self.tiles.tiled(piece.read())]


@dataclass(frozen=True, slots=True)
class _Untiled:
    """What a worker does in the second."""

    tiles: Tiles
    order: tuple[int, ...]

    def __call__(self, task: tuple[Piece, Slices]) -> list[Array]:
        piece, region = task
        return [np.transpose(self.tiles.untiled(piece.read(), region), self.order)]


def check_apart(source: Source, target: Layout) -> None:
    """Raise if blocks would be written over others that are still to be read."""
    read, written = source.array, target.out
    is_one_file = isinstance(read, ArrayRef) and isinstance(written, ArrayRef)
    is_one_memory = isinstance(read, np.ndarray) and isinstance(written, np.ndarray)
    if (is_one_file and read.path == written.path and read.key == written.key) or (
        is_one_memory and np.may_share_memory(read, written)
    ):
        raise UnsupportedOptionError(
            "out is the array that is read, which cannot be rearranged in its place: give another"
        )


def permutation(axes: Any, ndim: int) -> tuple[int, ...]:
    """Return the axes of an array in the order that is asked for, in reverse by default."""
    if axes is None:
        return tuple(reversed(range(ndim)))
    order: tuple[int, ...] = normalize_axis_tuple(axes, ndim)
    if len(order) != ndim:
        raise UnsupportedOptionError(
            f"axes={axes!r} is not a permutation of the {ndim} axes of the array: name each once"
        )
    return order
