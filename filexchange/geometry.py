"""Integer geometry of chunks and blocks: tuples in, tuples out, no I/O."""

import itertools
import math
import operator
from collections.abc import Iterator
from typing import SupportsIndex

from filexchange.aliases import ChunksLike, Shape, Slices
from filexchange.errors import UnsupportedOptionError

#: Bytes that streaming copies hold at a time. Larger blocks read slower: they leave the CPU cache.
BLOCK_BYTES = 16 << 20

#: Bytes of a chunk when the caller leaves it to us: small enough to slice, large enough to stream.
CHUNK_BYTES = 4 << 20

_MAX_SLAB_BYTES = 256 << 20
_MAX_NDIM = 64
_MAX_BYTES = (1 << 63) - 1


def is_possible(shape: Shape, itemsize: int) -> bool:
    """Return whether NumPy can have an array of this shape, or an empty one with these lengths.

    Examples
    --------
    >>> is_possible((3, 0, 2), 8), is_possible((1 << 40, 1 << 40), 8), is_possible((1,) * 65, 8)
    (True, False, False)
    """
    if len(shape) > _MAX_NDIM or any(length < 0 for length in shape):
        return False
    return math.prod(length or 1 for length in shape) * itemsize <= _MAX_BYTES


def lengths_of(shape: int | Shape) -> Shape:
    """Return a shape as a tuple of ints, whatever integers it was given in.

    Examples
    --------
    >>> lengths_of(3), lengths_of([2, 3])
    ((3,), (2, 3))
    """
    if isinstance(shape, SupportsIndex):
        return (operator.index(shape),)
    return tuple(operator.index(n) for n in shape)


def normalize_chunks(chunks: ChunksLike, shape: Shape, itemsize: int) -> Shape:
    """Return a chunk shape with one positive length an axis.

    Parameters
    ----------
    chunks : int, tuple of int, "auto" or None
        An int stands for all axes; -1 in a tuple for the whole axis. ``"auto"`` and ``None``
        give chunks of about 4 MiB that are as long as possible in the last axes.
    shape : tuple of int
        Shape of the array.
    itemsize : int
        Bytes of an element.

    Raises
    ------
    UnsupportedOptionError
        If `chunks` is not of that form or does not fit `shape`.

    Examples
    --------
    >>> normalize_chunks((100, -1), (1000, 50), 8)
    (100, 50)
    >>> normalize_chunks("auto", (1000, 1000, 1000), 4)
    (1, 1000, 1000)
    """
    if chunks is None or chunks == "auto":
        return block_shape(shape, itemsize, CHUNK_BYTES)
    try:
        given = (
            (operator.index(chunks),) * len(shape)
            if not isinstance(chunks, tuple | list)
            else tuple(operator.index(n) for n in chunks)
        )
    except TypeError as error:
        raise UnsupportedOptionError(
            f"chunks={chunks!r} is not a chunk shape: give an int, a tuple of ints with -1 for a "
            "whole axis, or 'auto'"
        ) from error
    if len(given) != len(shape) or any(n < 1 and n != -1 for n in given):
        raise UnsupportedOptionError(
            f"chunks={chunks!r} does not fit an array of shape {shape}: give {len(shape)} "
            "positive lengths, or -1 for a whole axis"
        )
    return tuple(
        max(1, length if n == -1 else min(n, length))
        for n, length in zip(given, shape, strict=True)
    )


def block_shape(shape: Shape, itemsize: int, max_bytes: int, chunks: Shape | None = None) -> Shape:
    """Return the largest block of at most `max_bytes` whose grid follows C order.

    Blocks span whole trailing axes, so that a C-ordered walk over them visits the elements in
    C order. With `chunks` each length is a multiple of the chunk's, at the cost of exceeding
    `max_bytes` where a single chunk does; the walk then is in C order of chunks.

    Examples
    --------
    >>> block_shape((100, 200), itemsize=1, max_bytes=1000)
    (5, 200)
    >>> block_shape((100, 200), itemsize=1, max_bytes=1000, chunks=(10, 10))
    (10, 100)
    """
    unit = chunks or (1,) * len(shape)
    block = [max(1, min(n, length)) for n, length in zip(unit, shape, strict=True)]
    for axis in reversed(range(len(shape))):
        length = max(1, shape[axis])
        others = math.prod(block) // block[axis] * itemsize
        units = max(1, max_bytes // max(1, others) // max(1, unit[axis]))
        block[axis] = min(length, max(block[axis], units * unit[axis]))
        if block[axis] < length:
            break
    return tuple(block)


def slab_shape(shape: Shape, itemsize: int, chunks: Shape | None = None) -> Shape:
    """Return the shape of blocks for reading an array in C order, element after element.

    Of about 16 MiB; of up to 256 MiB where that saves reading every chunk of the source anew for
    each of its rows.

    Examples
    --------
    >>> slab_shape((1000, 1000, 1000), 4), slab_shape((1000, 1000, 1000), 4, chunks=(50, 50, 50))
    ((4, 1000, 1000), (50, 1000, 1000))
    """
    slab = block_shape(shape, itemsize, BLOCK_BYTES)
    if chunks is None:
        return slab
    for axis, (length, chunk) in enumerate(zip(shape, chunks, strict=True)):
        if chunk > 1:
            whole = (*slab[:axis], -(-slab[axis] // chunk) * chunk, *shape[axis + 1 :])
            if math.prod(whole) * itemsize <= _MAX_SLAB_BYTES:
                return (*whole[:axis], min(length, whole[axis]), *whole[axis + 1 :])
            break
    return slab


def iter_blocks(shape: Shape, block: Shape) -> Iterator[Slices]:
    """Yield the slices of a grid of blocks in C order; they index every element exactly once.

    Examples
    --------
    >>> list(iter_blocks((3,), (2,)))
    [(slice(0, 2, 1),), (slice(2, 3, 1),)]
    """
    if 0 in shape:
        return
    axes = [
        [slice(start, min(start + step, length), 1) for start in range(0, length, step)]
        for length, step in zip(shape, block, strict=True)
    ]
    yield from itertools.product(*axes)
