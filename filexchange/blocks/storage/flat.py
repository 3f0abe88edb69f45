"""Regions of arrays that lie in a file as in memory, by read and write calls.

Not through mappings: within a memory limit the pages of a mapping are lost and read again, one
fault after the other.
"""

import math
from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from filexchange import capabilities, files
from filexchange.aliases import Array, DType, Mode, Shape, Slices
from filexchange.blocks.storage.grid import region_shape
from filexchange.errors import BadArrayFileError
from filexchange.geometry import iter_blocks
from filexchange.ref import ArrayRef

#: Bytes of a run that is worth a request to the disk of its own.
LONG_RUN = 1 << 20

# Elements of a tile across and along the memory that it is read from.
_TILE = (64, 2048)


def runs(shape: Shape, region: Slices) -> tuple[Iterator[int], int]:
    """Return where each contiguous run of a region begins in a C-ordered array, and its length.

    Counted in elements, in the order of the region's own elements.

    Examples
    --------
    >>> starts, length = runs((4, 10), (slice(1, 3, 1), slice(2, 7, 1)))
    >>> list(starts), length
    ([12, 22], 5)
    >>> starts, length = runs((4, 10), (slice(1, 3, 1), slice(0, 10, 1)))
    >>> list(starts), length
    ([10], 20)
    """
    lengths = region_shape(region)
    axis, length = len(shape), 1
    while axis:
        axis -= 1
        length *= lengths[axis]
        if lengths[axis] < shape[axis]:
            break
    strides = [math.prod(shape[i + 1 :]) for i in range(len(shape))]
    first = sum(part.start * step for part, step in zip(region, strides, strict=True))
    steps = [
        range(0, count * step, step)
        for count, step in zip(lengths[:axis], strides[:axis], strict=True)
    ]
    return _sums(first, steps), length


def _sums(first: int, steps: list[range]) -> Iterator[int]:
    if len(steps) == 1:  # most often, and a fifth of the time that short runs take
        yield from range(first, first + steps[0].stop, steps[0].step)
        return
    for index in iter_blocks(tuple(map(len, steps)), (1,) * len(steps)):
        yield first + sum(step[part.start] for step, part in zip(steps, index, strict=True))


def read_region(path: str, offset: int, shape: Shape, dtype: DType, region: Slices) -> Array:
    """Return a region as an array of one's own.

    Raises
    ------
    BadArrayFileError
        If the file ends before the region does.
    """
    block = np.empty(region_shape(region), dtype)
    if block.size:
        starts, length = runs(shape, region)
        with files.opened(path) as fd:
            spans = ((start, start + length) for start in starts)
            read_spans_into(block, fd, path, offset, spans)
    return block


def read_spans(path: str, offset: int, dtype: DType, spans: Sequence[tuple[int, int]]) -> Array:
    """Return the elements from each start to its stop, one span after another.

    The disk is asked for all of them before the first one is read.

    Raises
    ------
    BadArrayFileError
        If the file ends before a span does.
    """
    block = np.empty(sum(stop - start for start, stop in spans), dtype)
    with files.opened(path) as fd:
        for start, stop in spans:
            nbytes = (stop - start) * dtype.itemsize
            capabilities.start_reading(fd, offset + start * dtype.itemsize, nbytes)
        read_spans_into(block, fd, path, offset, spans)
    return block


def read_spans_into(
    block: Array, fd: int, path: str, offset: int, spans: Iterable[tuple[int, int]]
) -> None:
    """Fill a C-contiguous block with elements from each start to its stop, as :func:`read_spans`.

    The file of this path is open.
    """
    data, itemsize = files.as_bytes(block), block.dtype.itemsize
    done = 0
    with files.naming_errors(path):
        for start, stop in spans:
            nbytes = (stop - start) * itemsize
            part = data[done : done + nbytes]
            if capabilities.read_at(fd, part, offset + start * itemsize) < nbytes:
                raise BadArrayFileError(f"{path!r} was truncated while it was read")
            done += nbytes


def lies_flat(ref: ArrayRef) -> bool:
    """Return whether a reference is to all of an array that lies in its file as in memory."""
    stored = ref.stored
    return stored.offset is not None and stored.strides is None and ref.region is None


def check_unchanged(ref: ArrayRef, mode: Mode) -> None:
    """Raise unless the file is still what the reference says, as indexing the reference does.

    Raises
    ------
    ArrayMismatchError, ArrayNotFoundError, BadArrayFileError
        If it holds another array by now, is gone, or is damaged.
    """
    ref.opened(mode).close()


def dense(block: Array) -> Array:
    """Return the block in C order.

    A copy across the order of memory goes by tiles, whose rows stay in the cache until the next
    column is read from them; NumPy's own takes four times as long.
    """
    if block.flags.c_contiguous:
        return block
    inner = min(range(block.ndim), key=lambda axis: abs(block.strides[axis]))
    if inner == block.ndim - 1:
        return np.ascontiguousarray(block)
    copied = np.empty(block.shape, block.dtype)
    lengths = [
        _TILE[0] if axis == block.ndim - 1 else _TILE[1] if axis == inner else max(1, length)
        for axis, length in enumerate(block.shape)
    ]
    for tile in iter_blocks(block.shape, tuple(lengths)):
        copied[tile] = block[tile]
    return copied


def write_region(path: str, offset: int, shape: Shape, region: Slices, block: Array) -> None:
    """Write a C-contiguous block to its region; the disk begins at once with a single run."""
    if not block.size:
        return
    data = files.as_bytes(block)
    starts, length = runs(shape, region)
    nbytes = length * block.dtype.itemsize
    with files.opened(path, writable=True) as fd, files.naming_errors(path):
        for i, start in enumerate(starts):
            at = offset + start * block.dtype.itemsize
            capabilities.write_at(fd, data[i * nbytes : (i + 1) * nbytes], at)
            if nbytes == len(data) or nbytes >= LONG_RUN:
                # Dirty pages that pile up stall every writer. Short runs are left to the kernel,
                # which writes them together with their neighbors of later blocks.
                capabilities.start_writeback(fd, at, nbytes)
