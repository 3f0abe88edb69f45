"""Blocks of the inputs of a function, and the part of the result that each becomes."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, SupportsIndex

from filexchange.aliases import Shape
from filexchange.blocks.maps.axes import Kept, Wanted, wanted_lengths
from filexchange.blocks.storage.grid import Grid, UnevenGrid
from filexchange.errors import UnsupportedOptionError


@dataclass(frozen=True, slots=True)
class Blocking:
    """A grid of blocks of the inputs, and those of the result, one for each.

    Attributes
    ----------
    inputs : Grid
        Of the inputs, broadcast. Blocks have all of an axis that is dropped.
    kept : tuple of int or None
        Axes of the result, as of :func:`kept_axes`.
    outputs : UnevenGrid
        Of the result. Along axes that are kept there are as many as blocks.
    """

    inputs: Grid
    kept: Kept
    outputs: UnevenGrid

    def position(self, number: int) -> tuple[Shape, Shape]:
        """Return where a block is: in the grid of the inputs, and in that of the result."""
        outside = self.outputs.position(number)
        inside = [0] * len(self.inputs.shape)
        for at, axis in zip(outside, self.kept, strict=True):
            if axis is not None:
                inside[axis] = at
        return tuple(inside), outside


@dataclass(frozen=True, slots=True)
class Request:
    """What the caller says of the blocks, before their shape is chosen.

    Attributes
    ----------
    shape : tuple of int
        Of the inputs, broadcast.
    kept : tuple of int or None
        Axes of the result.
    blocks : tuple of (int or "auto")
        Lengths of the blocks of the inputs.
    results : tuple of (int, tuple of int or "auto")
        Lengths of the blocks of the result, where the function makes others.
    """

    shape: Shape
    kept: Kept
    blocks: tuple[int | Literal["auto"], ...]
    results: tuple[Wanted, ...]

    @classmethod
    def of(cls, shape: Shape, kept: Kept, chunks: Any, block_shape: Any) -> "Request":
        """Return what `chunks` and `block_shape` of :func:`map_blocks` say.

        Raises
        ------
        UnsupportedOptionError
            If they contradict each other, or the shape.
        """
        every = isinstance(chunks, SupportsIndex)
        if every:
            chunks = tuple("auto" if axis is None else chunks for axis in kept)
        results = wanted_lengths("chunks", chunks, len(kept))
        if block_shape is None:
            given: list[Wanted] = ["auto"] * len(shape)
            for axis, wanted in zip(kept, results, strict=True):
                if axis is not None:
                    given[axis] = _even(wanted, axis, shape[axis])
            blocks = _whole(tuple(given), shape, kept)
            changed = tuple(
                "auto" if axis is not None else wanted
                for axis, wanted in zip(kept, results, strict=True)
            )
            return cls(shape, kept, blocks, changed)
        blocks = _whole(wanted_lengths("block_shape", block_shape, len(shape)), shape, kept)
        changed = tuple(
            "auto" if axis is not None and wanted == blocks[axis] else wanted
            for axis, wanted in zip(kept, results, strict=True)
        )
        for axis, wanted in zip(kept, changed, strict=True):
            if axis is not None and wanted != "auto" and blocks[axis] == "auto":
                raise UnsupportedOptionError(
                    f"chunks={chunks!r} give axis {axis} other blocks than block_shape="
                    f"{block_shape!r}, which leaves theirs open: give both lengths, or neither"
                )
        return cls(shape, kept, blocks, changed)

    @property
    def is_open(self) -> bool:
        """Whether blocks of any shape will do, which are blocks of the result as well."""
        is_same = self.kept == tuple(range(len(self.shape)))
        return is_same and {*self.blocks, *self.results} <= {"auto"}

    def begun(self, step: Shape | None) -> "Request":
        """Return the request for the blocks of earlier work, whose results had this step."""
        if step is None or len(step) != len(self.kept):
            return self
        blocks = list(self.blocks)
        for axis, wanted, length in zip(self.kept, self.results, step, strict=True):
            if axis is not None and wanted == blocks[axis] == "auto":
                blocks[axis] = length
        return replace(self, blocks=tuple(blocks))

    @property
    def growth(self) -> int:
        """How many elements a function makes of one, for other axes."""
        made, gone = 1, 1
        for axis, wanted in zip(self.kept, self.results, strict=True):
            if axis is None and wanted != "auto":
                made *= max(wanted) if isinstance(wanted, tuple) else wanted
        for axis, length in enumerate(self.shape):
            gone *= 1 if axis in self.kept else max(1, length)
        return max(1, -(-made // gone))

    def blocking(self, block: Shape | None = None) -> Blocking:
        """Return the blocks, of which this is the shape; by default as long as they may be."""
        if block is None:
            block = tuple(
                max(1, length) if not isinstance(wanted, int) else wanted
                for wanted, length in zip(self.blocks, self.shape, strict=True)
            )
        inputs = Grid(self.shape, block)
        axes = [
            self._axis(inputs, axis, wanted)
            for axis, wanted in zip(self.kept, self.results, strict=True)
        ]
        outputs = UnevenGrid(
            tuple(length for length, _ in axes), tuple(starts for _, starts in axes)
        )
        return Blocking(inputs, self.kept, outputs)

    def _axis(self, inputs: Grid, axis: int | None, wanted: Wanted) -> tuple[int, Sequence[int]]:
        """Return length and starts of the blocks along an axis of the result."""
        if wanted == "auto":
            length, step = (1, 1) if axis is None else (inputs.shape[axis], inputs.block[axis])
            return length, range(0, length, step)
        count = 1 if axis is None else inputs.counts[axis]
        if isinstance(wanted, tuple):
            if axis is not None and len(wanted) != count:
                raise UnsupportedOptionError(
                    f"chunks= has {len(wanted)} lengths for axis {axis}, which has {count} blocks "
                    f"of length {inputs.block[axis]}: give one for each block"
                )
            return sum(wanted), tuple(itertools.accumulate(wanted[:-1], initial=0))
        if wanted < 1:
            raise UnsupportedOptionError(
                "chunks= has -1 for an axis of other length than the inputs': give its length"
            )
        return wanted * count, range(0, wanted * count, wanted)


def _even(wanted: Wanted, axis: int, length: int) -> Wanted:
    """Return the length of blocks of the inputs that are those of the result."""
    if not isinstance(wanted, tuple):
        return wanted
    first, *others, last = (*wanted, 0) if len(wanted) == 1 else wanted
    if sum(wanted) != length or set(others) - {first} or last > first:
        raise UnsupportedOptionError(
            f"chunks= has blocks of {wanted} for axis {axis}, which has length {length}: they are "
            "those of the inputs too, of one length but the last, unless block_shape= says which "
            "blocks the function gets"
        )
    return first


def _whole(
    blocks: tuple[Wanted, ...], shape: Shape, kept: Kept
) -> tuple[int | Literal["auto"], ...]:
    """Return the lengths of blocks within the shape, with all of axes that are dropped."""
    found: list[int | Literal["auto"]] = []
    for axis, (wanted, length) in enumerate(zip(blocks, shape, strict=True)):
        if isinstance(wanted, tuple):
            raise UnsupportedOptionError(
                f"block_shape= has a tuple for axis {axis}: blocks of the inputs have one length"
            )
        if axis not in kept and isinstance(wanted, int) and -1 < wanted < length:
            raise UnsupportedOptionError(
                f"block_shape= has {wanted} for axis {axis}, which is dropped: the function gets "
                f"all {length} of it, so give -1"
            )
        if axis not in kept or wanted == -1:
            found.append(max(1, length))
        else:
            found.append("auto" if wanted == "auto" else min(wanted, max(1, length)))
    return tuple(found)
