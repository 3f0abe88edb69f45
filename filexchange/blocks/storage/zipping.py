"""Several arrays of one shape, which are read block by block together."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from filexchange.aliases import Slices
from filexchange.blocks.storage.sources import Piece, Source, as_source
from filexchange.errors import ArrayMismatchError


@dataclass(frozen=True, slots=True)
class ZippedPiece:
    """The same region of several arrays."""

    pieces: tuple[Piece, ...]

    def read(self) -> Any:
        """Return the blocks."""
        return tuple(piece.read() for piece in self.pieces)


@dataclass(frozen=True, slots=True)
class Zipped(Source):
    """Arrays of one shape, whose blocks are tuples; `array` is the tuple of their sources."""

    @property
    def parts(self) -> tuple[Source, ...]:
        """The sources."""
        return tuple(self.array)

    @property
    def nothing(self) -> Any:
        """Blocks without elements."""
        return tuple(each.nothing for each in self.array)

    def piece(self, region: Slices) -> Piece:
        """Return blocks that are still to be read."""
        return ZippedPiece(tuple(each.piece(region) for each in self.array))


def zipped(**arrays: Any) -> Zipped:
    """Return one source for several arrays, which are named for errors.

    Raises
    ------
    ArrayMismatchError
        If their shapes differ.

    Examples
    --------
    >>> both = zipped(x=np.arange(3), y=np.ones(3))
    >>> both.piece((slice(0, 2, 1),)).read()
    (array([0, 1]), array([1., 1.]))
    """
    sources = {name: as_source(array) for name, array in arrays.items()}
    first, *others = sources.values()
    if any(each.shape != first.shape for each in others):
        shapes = ", ".join(f"{name} of {each.shape}" for name, each in sources.items())
        raise ArrayMismatchError(
            f"{shapes} have no elements that belong together: give arrays of one shape"
        )
    # As wide as a block of all of them.
    dtype = np.dtype([(name, each.dtype) for name, each in sources.items()])
    chunks = next((each.chunks for each in sources.values() if each.chunks is not None), None)
    return Zipped(first.shape, dtype, chunks, tuple(sources.values()))
