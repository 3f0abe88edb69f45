"""Blocks that are read with a part of their neighbors, straight from where these are."""

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

import numpy as np

from filexchange.aliases import Array, Shape, Slices
from filexchange.blocks.maps.overlapping import Boundary, Ends, Overlap
from filexchange.blocks.storage.broadcasting import own_part
from filexchange.blocks.storage.sources import Piece, Source

# As `numpy.pad` calls them. What is beyond a periodic edge is read from the other one.
_PADS: Mapping[str, Literal["symmetric", "edge"]] = MappingProxyType(
    {"reflect": "symmetric", "nearest": "edge"}
)


def overlapping_piece(source: Source, region: Slices, shape: Shape, overlap: Overlap) -> Piece:
    """Return the block of a source for a region of the inputs, with what is around it.

    Parameters
    ----------
    source : Source
    region : tuple of slice
        Of the inputs, broadcast.
    shape : tuple of int
        Theirs.
    overlap : Overlap
    """
    skipped = len(shape) - len(source.shape)
    # Along an axis that is broadcast there is no more than one element for all blocks.
    lines = [
        _Line.of(part, length, 0 if length < whole else depth, edge)
        for part, length, whole, depth, edge in zip(
            own_part(region, source.shape),
            source.shape,
            shape[skipped:],
            overlap.depth[skipped:],
            overlap.boundary[skipped:],
            strict=True,
        )
    ]
    parts = tuple(
        (tuple(to for to, _ in pair), source.piece(tuple(read for _, read in pair)))
        for pair in itertools.product(*(line.reads for line in lines))
    )
    pads = tuple((line.pad, line.edge) for line in lines)
    if len(parts) == 1 and not any(sum(pad) for pad, _ in pads):
        return parts[0][1]
    return _HaloPiece(parts, pads)


@dataclass(frozen=True, slots=True)
class _Line:
    """What a block has along one axis: parts that are read, and what is made up around them.

    Attributes
    ----------
    reads : tuple of (slice, slice)
        Parts of the block, and those of the array.
    pad : (int, int)
        Elements before and behind that are not read.
    edge : str or number
    """

    reads: tuple[tuple[slice, slice], ...]
    pad: Ends
    edge: Boundary

    @classmethod
    def of(cls, part: slice, length: int, depth: int, edge: Boundary) -> "_Line":
        start, stop = max(0, part.start - depth), min(length, part.stop + depth)
        before, behind = depth - (part.start - start), depth - (stop - part.stop)
        found = [(start, stop)]
        if edge == "none":
            before = behind = 0
        elif edge == "periodic":
            found = [(length - before, length), *found, (0, behind)]
            before = behind = 0
        found = [ends for ends in found if ends[0] < ends[1]] or found[:1]
        places = itertools.accumulate((b - a for a, b in found), initial=0)
        reads = tuple(
            (slice(at, at + b - a), slice(a, b, 1))
            for at, (a, b) in zip(places, found, strict=False)
        )
        return cls(reads, (before, behind), edge)


@dataclass(frozen=True, slots=True)
class _HaloPiece:
    """A block of several parts, and of what is beyond the edges."""

    parts: tuple[tuple[Slices, Piece], ...]
    pads: tuple[tuple[Ends, Boundary], ...]

    def read(self) -> Array:
        """Return the block."""
        block = self._together()
        for axis, (pad, edge) in enumerate(self.pads):
            if any(pad):
                widths = [pad if i == axis else (0, 0) for i in range(block.ndim)]
                if isinstance(edge, str):
                    block = np.pad(block, widths, mode=_PADS[edge])
                else:
                    block = np.pad(block, widths, constant_values=edge)
        return block

    def _together(self) -> Array:
        (place, piece), *others = self.parts
        block = piece.read()
        if not others:
            return block
        whole = np.empty(tuple(part.stop for part in self.parts[-1][0]), block.dtype)
        whole[place] = block
        for place, piece in others:
            whole[place] = piece.read()
        return whole
