"""What blocks are written to: files of any format that is filled by region, arrays in memory."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from filexchange.aliases import Array, Attrs, ChunksLike, DType, Shape, Slices
from filexchange.arrays import new_layout
from filexchange.blocks.storage.chunked import chunk_files, write_chunks
from filexchange.blocks.storage.flat import check_unchanged, dense, lies_flat, write_region
from filexchange.blocks.storage.sources import FilePiece
from filexchange.errors import UnalignedWriteError, UnsupportedArrayError, UnsupportedOptionError
from filexchange.formats import Format, StoredArray, WriteOptions, get_format, source_chunks
from filexchange.geometry import normalize_chunks
from filexchange.manners import Manner
from filexchange.options import AUTO, resolve_target, write_options
from filexchange.ref import ArrayRef
from filexchange.tuning.subjects import Subject
from filexchange.tuning.uses import Use


@dataclass(frozen=True, slots=True)
class Slot:
    """A region of a file that one block goes to; it can be pickled."""

    ref: ArrayRef
    region: Slices

    def read(self) -> Array:
        """Return what is there."""
        return FilePiece(self.ref, self.region).read()

    def write(self, block: Array) -> None:
        """Write the block, which has the region's shape, and the array's dtype."""
        ref, stored = self.ref, self.ref.stored
        if stored.offset is not None and lies_flat(ref) and stored.order == "C":
            check_unchanged(ref, "r+")
            write_region(ref.path, stored.offset, ref.shape, self.region, dense(block))
        elif ref.chunks is not None:
            write_chunks(ref, self.region, block)
        else:
            ref[(*self.region, ...)] = block


@dataclass(frozen=True, slots=True)
class Target:
    """An array that is written block by block.

    Attributes
    ----------
    array : ArrayRef, ndarray or other array
        Takes regions in assignments.
    unit : tuple of int or None
        What must have one writer at a time; None where all of the array must.
    """

    array: Any
    unit: Shape | None

    def slot(self, region: Slices) -> Slot | None:
        """Return where a worker writes a block; None if it gives the block back for :meth:`put`."""
        return None if self.unit is None else Slot(self.array, region)

    def read(self, region: Slices) -> Array:
        """Return what is in a region."""
        return np.asarray(self.array[(*region, ...)])

    def put(self, region: Slices, block: Array) -> None:
        """Write a block that a worker gave back."""
        self.array[(*region, ...)] = block


@dataclass(frozen=True, slots=True)
class Layout:
    """An output that is still to be made.

    Attributes
    ----------
    out : path, ArrayRef, ndarray, other array, or None
        Where to; None for a new ndarray.
    shape, dtype
        Of the array that blocks are put in.
    new_chunks : tuple of int
        Chunks of a new file whose format has some.
    new_shards : tuple of int or None
    compression : str or None
    attrs : mapping or None
        As of `save`, for a new file.
    """

    out: Any
    shape: Shape
    dtype: DType
    new_chunks: Shape
    new_shards: Shape | None = None
    compression: str | None = None
    attrs: Attrs | None = None

    @property
    def chunks(self) -> Shape | None:
        """What blocks should be whole multiples of; None where it does not matter."""
        if isinstance(self.out, ArrayRef):
            return self.out.shards or self.out.chunks
        if is_path(self.out):
            path, fmt = resolve_target(self.out, None)
            is_chunked = fmt.supports_chunks and fmt.is_filled_by_region(path)
            return (self.new_shards or self.new_chunks) if is_chunked else None
        return None if self.out is None else source_chunks(self.out)

    @property
    def is_new(self) -> bool:
        """Whether a file is made."""
        return is_path(self.out)

    @property
    def nbytes(self) -> int:
        """Bytes of the elements."""
        return math.prod(self.shape) * self.dtype.itemsize

    @property
    def memory(self) -> int:
        """Bytes of memory that it takes: those of an array that is made in memory."""
        return self.nbytes if self.out is None else 0

    @property
    def element_memory(self) -> int:
        """Bytes of memory for each element of a block that is written, beside itself."""
        return 0 if self.chunks is None else self.dtype.itemsize

    @property
    def writes_plainly(self) -> bool:
        """Whether blocks of the dtype are written as they are, at most a chunk at a time copied."""
        if self.chunks is None:
            return True
        if isinstance(self.out, ArrayRef):
            return chunk_files(self.out) is not None
        if not is_path(self.out):
            return False
        fmt = resolve_target(self.out, None)[1]
        return fmt.supports_chunk_files and self.compression is None and self.new_shards is None

    @property
    def path(self) -> str | None:
        """Absolute path of the file, if it is one of ours."""
        if isinstance(self.out, ArrayRef):
            return self.out.path
        return resolve_target(self.out, None)[0] if is_path(self.out) else None

    @property
    def temporary(self) -> int:
        """Bytes on disk that a file takes beside itself while it is made."""
        return self.nbytes if self.is_staged(kept=False) else 0

    def is_staged(self, *, kept: bool) -> bool:
        """Return whether a file is filled as an npy file first and then converted.

        That is so where it cannot be filled by region, and where it has to be `kept` after a crash
        and takes one writer, who may leave it damaged.
        """
        if not is_path(self.out):
            return False
        path, fmt = resolve_target(self.out, None)
        return not fmt.is_filled_by_region(path) or (kept and not fmt.supports_writers)

    def check_place(self, *, overwrite: bool) -> None:
        """Raise if there is something at the path of a new file that it must not replace."""
        if is_path(self.out):
            path, fmt = resolve_target(self.out, None)
            fmt.check_place(path, overwrite=overwrite)

    def options(self, fmt: Format) -> WriteOptions:
        """Return how a new file is written, in its format or for a time in another one."""
        chunks = self.new_chunks if fmt.supports_chunks else None
        if not is_path(self.out) or fmt is not resolve_target(self.out, None)[1]:
            return write_options(fmt, chunks, None, None, None)
        return write_options(fmt, chunks, self.new_shards, self.compression, self.attrs)

    def check(self) -> None:
        """Raise unless what there is already can take these blocks, or what is not can be made."""
        if self.out is None or is_path(self.out):
            new_layout(self.shape, self.dtype)
            if self.out is not None:
                self.options(resolve_target(self.out, None)[1])
            return
        if any(not hasattr(self.out, name) for name in ("shape", "dtype", "__setitem__")):
            raise UnsupportedOptionError(
                f"out={self.out!r} is neither a path nor an array that takes assignments"
            )
        if tuple(self.out.shape) != self.shape or np.dtype(self.out.dtype) != self.dtype:
            raise UnsupportedArrayError(
                f"out has shape {tuple(self.out.shape)} and dtype {self.out.dtype}, but the "
                f"result has shape {self.shape} and dtype {self.dtype}: pass one like that, or "
                "dtype= for another type"
            )
        if isinstance(self.out, ArrayRef) and self.out.mode != "r+":
            raise UnsupportedOptionError(
                "out is a reference for reading: get a writable one with open_array(path, "
                "mode='r+') or create_array"
            )

    def check_aligned(self, block: Shape) -> None:
        """Raise `UnalignedWriteError` if blocks of this shape would share a chunk of the output."""
        chunks = self.chunks
        if chunks is None:
            return
        for step, chunk, length in zip(block, chunks, self.shape, strict=True):
            if step % chunk and step < length:
                raise UnalignedWriteError(
                    f"blocks of shape {block} do not consist of whole chunks of the output, which "
                    f"have shape {chunks}: pass chunks= with multiples of these, or an output with "
                    "other chunks"
                )


def is_path(out: Any) -> bool:
    """Return whether an output is a file that is still to be made."""
    return isinstance(out, str) or hasattr(out, "__fspath__")


def write_unit(ref: ArrayRef) -> Shape | None:
    """Return what must have one writer at a time in a file; None if all of it must."""
    if ref.region is not None and ref.stored.offset is None:
        return None
    stored: StoredArray = ref.stored
    return get_format(ref.format).write_unit(ref.path, stored)


def check_distinct(layouts: Sequence[Layout]) -> None:
    """Raise `UnsupportedOptionError` if two outputs are in one file: each waits for it alone."""
    paths = [each.path for each in layouts if each.path is not None]
    for path in paths:
        if paths.count(path) > 1:
            raise UnsupportedOptionError(f"two outputs are {path!r}: give each a file of its own")


def layout(
    out: Any,
    shape: Shape,
    dtype: DType,
    chunks: ChunksLike = "auto",
    *,
    shards: ChunksLike = None,
    compression: str | None = None,
    attrs: Attrs | None = None,
    for_: Use = "exchange",
) -> Layout:
    """Return an output, once it is known that it can take such an array."""
    if compression == AUTO and is_path(out):
        manner = Manner(compression=AUTO, for_=for_)
        codec = manner.at(out, lambda: Subject(shape, dtype)).options.compression
        compression = None if codec is None else str(codec)
    inner = normalize_chunks(chunks, shape, dtype.itemsize)
    outer = None if shards is None else normalize_chunks(shards, shape, dtype.itemsize)
    found = Layout(out, shape, dtype, inner, outer, compression, attrs)
    found.check()
    return found
