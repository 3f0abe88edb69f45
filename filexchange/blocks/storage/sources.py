"""What blocks are read from: files of any format, arrays in memory, lazy arrays of others.

A source stays with whoever asked for the operation. What travels to a worker is a piece of it:
a path and a region where there is a file, else the block itself.
"""

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from filexchange.aliases import Array, DType, Shape, Slices
from filexchange.arrays import open_array
from filexchange.blocks.storage.chunked import chunk_files, read_chunks
from filexchange.blocks.storage.flat import check_unchanged, lies_flat, read_region
from filexchange.dtypes import as_array, check_dtype
from filexchange.errors import UnsupportedArrayError
from filexchange.formats import source_chunks
from filexchange.geometry import lengths_of
from filexchange.ref import ArrayRef

# Python's own numbers have no dtype of their own in NumPy, and must not get one on the way.
_NUMBERS = (bool, int, float, complex)


class Piece(Protocol):
    """One block that is still to be read; it can be pickled."""

    def read(self) -> Array:
        """Return the block."""


@dataclass(frozen=True, slots=True)
class HeldPiece:
    """A block that is in memory already, or a number."""

    block: Any

    def read(self) -> Any:
        """Return the block."""
        return self.block


@dataclass(frozen=True, slots=True)
class LazyPiece:
    """A region of another library's array, which crosses processes as the block that it is."""

    array: Any
    region: Slices

    def read(self) -> Array:
        """Let the other library read the block; of an ndarray it is a view to be read only."""
        block = np.asarray(self.array[self.region])
        if not block.flags.owndata:
            block.flags.writeable = False
        return block

    def __reduce__(self) -> tuple[Any, ...]:
        return HeldPiece, (self.read(),)


@dataclass(frozen=True, slots=True)
class FilePiece:
    """A region of an array in a file."""

    ref: ArrayRef
    region: Slices

    def read(self) -> Array:
        """Read the block into memory of its own."""
        ref, stored = self.ref, self.ref.stored
        if stored.offset is not None and lies_flat(ref):
            check_unchanged(ref, "r")
            if stored.order == "C":
                return read_region(ref.path, stored.offset, ref.shape, ref.dtype, self.region)
            turned = self.region[::-1]
            return read_region(ref.path, stored.offset, ref.shape[::-1], ref.dtype, turned).T
        if ref.chunks is not None:
            return read_chunks(ref, self.region)
        block: Array = np.asarray(ref[(*self.region, ...)])
        return block if block.flags.owndata else block.copy()


@dataclass(frozen=True, slots=True)
class Source:
    """An array that is read block by block.

    Attributes
    ----------
    shape, dtype
        Of the array.
    chunks : tuple of int or None
        What is read at least.
    """

    shape: Shape
    dtype: DType
    chunks: Shape | None
    array: Any

    @property
    def parts(self) -> tuple["Source", ...]:
        """The arrays that it is made of: itself."""
        return (self,)

    @property
    def nothing(self) -> Any:
        """The block of an array that has no elements."""
        return np.empty(self.shape, self.dtype)

    @property
    def sample(self) -> Any:
        """What a function gets to tell its dtype: a block of ones with one element, or a number."""
        if isinstance(self.array, _NUMBERS):
            return self.array
        return np.ones((1,) * len(self.shape), self.dtype)

    @property
    def element_memory(self) -> int:
        """Bytes of memory for each element while :func:`owned` reads: itself, and for a codec."""
        array = self.array
        if isinstance(array, ArrayRef):
            is_plain = lies_flat(array) and array.stored.order == "C"
        else:
            is_plain = isinstance(array, np.ndarray) and array.flags.c_contiguous
        return self.dtype.itemsize * (1 if is_plain else 2)

    @property
    def run_shape(self) -> Shape | None:
        """Shape of the parts in which elements lie in C order and are read in part.

        None if chunks are read as a whole.
        """
        if self.chunks is None:
            return self.shape
        array = self.array
        is_plain = isinstance(array, ArrayRef) and chunk_files(array) is not None
        return self.chunks if is_plain else None

    def piece(self, region: Slices) -> Piece:
        """Return a block that is still to be read, by who works on it."""
        if isinstance(self.array, ArrayRef):
            return FilePiece(self.array, region)
        if isinstance(self.array, _NUMBERS):
            return HeldPiece(self.array)
        return LazyPiece(self.array, region)


def owned(piece: Piece) -> Array:
    """Read a block to be overwritten."""
    block = piece.read()
    # What others give may be their own memory.
    return block if isinstance(piece, FilePiece) else np.array(block)


def as_source(array: Any) -> Source:
    """Return the source for a reference, a path, an ndarray or another library's lazy array.

    Handles of other libraries cross no process: their blocks are read here and sent.

    Raises
    ------
    UnsupportedArrayError
        If its shape is not known, or its dtype is none that files can have.

    Examples
    --------
    >>> as_source(np.zeros((2, 3))).piece((slice(0, 1, 1), slice(0, 3, 1))).read()
    array([[0., 0., 0.]])
    """
    if isinstance(array, Source):
        return array
    if isinstance(array, str) or hasattr(array, "__fspath__"):
        array = open_array(array)
    if isinstance(array, _NUMBERS):
        return Source((), np.asarray(array).dtype, None, array)
    if isinstance(array, ArrayRef):
        return Source(array.shape, array.dtype, array.shards or array.chunks, array)
    if all(hasattr(array, name) for name in ("shape", "dtype", "__getitem__")) and not isinstance(
        array, np.ndarray | np.generic
    ):
        return _lazy(array)
    held = as_array(array)
    check_dtype(held.dtype)
    return Source(held.shape, held.dtype, None, held)


def _lazy(array: Any) -> Source:
    dtype = np.dtype(array.dtype)
    check_dtype(dtype)
    try:
        shape = lengths_of(array.shape)
    except TypeError as error:
        raise UnsupportedArrayError(
            f"shape {array.shape} of a {type(array).__name__} is not made of integers: give an "
            "array whose lengths are known (of Dask, after compute_chunk_sizes())"
        ) from error
    return Source(shape, dtype, source_chunks(array), array)
