"""Arrays that follow each other along an axis, read as one."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np

from filexchange.aliases import Array, DType, Shape, Slices
from filexchange.blocks.storage.grid import region_shape
from filexchange.blocks.storage.sources import Piece, Source


@dataclass(frozen=True, slots=True)
class JoinedPiece:
    """A region of which each array has a part; it can be pickled.

    Attributes
    ----------
    shape, dtype
        Of the block.
    parts : tuple of (index, Piece)
        Where in the block a part goes, and the part.
    """

    shape: Shape
    dtype: DType
    parts: tuple[tuple[tuple[int | slice, ...], Piece], ...]

    def read(self) -> Array:
        """Read the parts into a block of their own."""
        block = np.empty(self.shape, self.dtype)
        for index, piece in self.parts:
            block[(*index, ...)] = piece.read()
        return block


@dataclass(frozen=True, slots=True)
class Joined(Source):
    """Arrays along an axis, which is theirs or a new one.

    Attributes
    ----------
    joined : tuple of Source
    axis : int
    stops : tuple of int
        Where along the axis each of them ends.
    """

    joined: tuple[Source, ...]
    axis: int
    stops: tuple[int, ...]

    @classmethod
    def of(
        cls,
        parts: tuple[Source, ...],
        shape: Shape,
        dtype: DType,
        axis: int,
        stops: tuple[int, ...],
    ) -> Self:
        """Return what arrays of these parts make."""
        return cls(shape, dtype, _longest_chunks(parts, shape, axis), None, parts, axis, stops)

    @property
    def parts(self) -> tuple[Source, ...]:
        """The arrays that it is made of."""
        return self.joined

    def piece(self, region: Slices) -> Piece:
        """Return a block that is still to be read, by who works on it."""
        wanted, before = region[self.axis], region[: self.axis]
        parts = []
        for part, start, stop in zip(self.joined, (0, *self.stops), self.stops, strict=False):
            first, last = max(start, wanted.start), min(stop, wanted.stop)
            if first < last:
                whole = (slice(None),) * self.axis
                if len(part.shape) < len(self.shape):
                    index: tuple[int | slice, ...] = (*whole, first - wanted.start)
                    own: Slices = (*before, *region[self.axis + 1 :])
                else:
                    index = (*whole, slice(first - wanted.start, last - wanted.start))
                    along = slice(first - start, last - start, 1)
                    own = (*before, along, *region[self.axis + 1 :])
                parts.append((index, part.piece(own)))
        return JoinedPiece(region_shape(region), self.dtype, tuple(parts))


def _longest_chunks(parts: Sequence[Source], shape: Shape, axis: int) -> Shape | None:
    """Return the longest chunks along each axis, as if they were those of all arrays."""
    chunks = [part.chunks for part in parts if part.chunks is not None]
    if not chunks:
        return None
    if len(chunks[0]) < len(shape):
        chunks = [(*each[:axis], 1, *each[axis:]) for each in chunks]
    return tuple(map(max, zip(*chunks, strict=True)))
