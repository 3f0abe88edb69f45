"""What a consumer reads of an array, and how its bytes are known to be the right ones."""

import zlib
from typing import Any, NamedTuple

import numpy as np

from filexchange import arrays, files
from filexchange.aliases import Array, Shape
from filexchange.benchmark.results import Access
from filexchange.formats import get_format
from filexchange.geometry import block_shape, iter_blocks, normalize_chunks
from filexchange.ref import ArrayRef

_SHARE = 100
_MOST_ROWS = 100
# Copies for the checksum are no part of what a way needs.
_COPIED_BYTES = 1 << 18
_SEED = 0

#: The accesses of a consumer alone, to a file that is there.
READS: tuple[Access, ...] = ("read", "slice", "strided", "rows", "chunk")


class Selection(NamedTuple):
    """Part of an array: a basic index, or a list of rows."""

    index: Any = ...
    rows: tuple[int, ...] = ()

    def of(self, array: Array) -> Array:
        """Return this part of an array in memory."""
        return np.asarray(array[list(self.rows)] if self.rows else array[self.index])

    def read(self, ref: ArrayRef) -> Array:
        """Return this part of an array in a file, in the way that suits the format."""
        if not self.rows or ref.offset is not None:
            return self.of(ref[...]) if self.rows else np.asarray(ref[self.index])
        with ref.opened() as array:
            return np.stack([array[row] for row in self.rows], dtype=ref.dtype)


def selection(access: Access, shape: Shape, chunks: Shape | None, itemsize: int) -> Selection:
    """Return what an access reads of an array; `chunks` are None where there are none.

    Examples
    --------
    >>> selection("slice", (1000, 5), None, 8).index, selection("strided", (1000,), None, 8).index
    (slice(495, 505, None), slice(49, None, 100))
    >>> len(selection("rows", (1000, 5), None, 8).rows)
    10
    """
    if access in {"read", "shared", "round_trip"} or not shape or not shape[0]:
        return Selection()
    if access == "chunk":
        lengths = normalize_chunks(chunks, shape, itemsize)
        return Selection(tuple(map(_middle_chunk, shape, lengths)))
    count = max(1, shape[0] // _SHARE)
    if access == "slice":
        start = (shape[0] - count) // 2
        return Selection(slice(start, start + count))
    if access == "strided":
        return Selection(slice(min(_SHARE - 1, shape[0]) // 2, None, _SHARE))
    random = np.random.default_rng(_SEED)
    rows = random.choice(shape[0], min(count, _MOST_ROWS), replace=False)
    return Selection(rows=tuple(sorted(rows.tolist())))


def _middle_chunk(length: int, chunk: int) -> slice:
    start = length // 2 // chunk * chunk
    return slice(start, min(length, start + chunk))


def reopened(ref: ArrayRef) -> ArrayRef:
    """Return a reference to a file as one gets it from the file alone, if that tells enough."""
    if not get_format(ref.format).is_self_describing:
        return ref
    return arrays.open_array(ref.path, format=ref.format)


def touch(array: Array) -> int:
    """Read every byte of an array and return their sum in words of eight."""
    if not array.flags.forc:
        array = np.ascontiguousarray(array)
    data = np.frombuffer(files.as_bytes(array), np.uint8)
    whole = len(data) // 8 * 8
    return int(np.add.reduce(data[:whole].view("u8"))) + int(np.add.reduce(data[whole:]))


def checksum(array: Array) -> int:
    """Return the CRC of the values in C order, whatever their order and that of their bytes."""
    # Pickling, for one, makes an array of foreign byte order one of the machine's.
    native = array.dtype.newbyteorder("=")
    if array.flags.c_contiguous and array.dtype == native:
        return zlib.crc32(files.as_bytes(array))
    value = 0
    for part in iter_blocks(array.shape, block_shape(array.shape, array.itemsize, _COPIED_BYTES)):
        copied = np.ascontiguousarray(array[part], dtype=native)
        value = zlib.crc32(files.as_bytes(copied), value)
    return value
