"""Elements written one after the other, as ``npy``, ``raw`` and ``npz`` do."""

import math
from collections.abc import Callable

import numpy as np

from filexchange import files
from filexchange.aliases import Indexable, Order, Shape
from filexchange.geometry import iter_blocks, slab_shape


def memory_order(source: Indexable) -> Order:
    """Return the order in which :func:`write_elements` writes `source`."""
    if isinstance(source, np.ndarray) and source.flags.fnc:
        return "F"
    return "C"


def nbytes_of(source: Indexable) -> int:
    """Return the bytes of all elements."""
    return math.prod(source.shape) * source.dtype.itemsize


def source_chunks(source: Indexable) -> Shape | None:
    """Return the chunk shape of a lazy array, where it has one like h5py's and zarr's."""
    chunks = getattr(source, "chunks", None)
    return chunks if isinstance(chunks, tuple) and all(type(n) is int for n in chunks) else None


def write_elements(write: Callable[[memoryview], object], source: Indexable) -> None:
    """Pass the elements of `source` to `write` in its memory order."""
    if isinstance(source, np.ndarray) and source.flags.f_contiguous:
        write(files.as_bytes(source))
    else:
        write_rows(write, source)


def write_rows(write: Callable[[memoryview], object], source: Indexable) -> None:
    """Pass the elements of `source` to `write` in C order.

    A contiguous ndarray is passed as it is; anything else in blocks, so that neither a strided
    view nor a lazy array is ever whole in memory.
    """
    if isinstance(source, np.ndarray) and source.flags.c_contiguous:
        write(files.as_bytes(source))
        return
    slab = slab_shape(source.shape, source.dtype.itemsize, source_chunks(source))
    for region in iter_blocks(source.shape, slab):
        part = np.ascontiguousarray(np.asarray(source[region]), dtype=source.dtype)
        write(files.as_bytes(part))
