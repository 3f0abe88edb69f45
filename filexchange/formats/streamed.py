"""Arrays that can only be read from their beginning on, as compressed streams can."""

import math
from collections.abc import Callable
from typing import Protocol

import numpy as np

from filexchange import files
from filexchange.aliases import Array, DType, Order, Shape, Slices
from filexchange.geometry import block_shape, iter_blocks

_BLOCK_BYTES = 1 << 20

# Elements in Fortran order are spread over the whole stream for almost every region, so that each
# would inflate all of it. Up to this size they are kept instead.
_KEPT_BYTES = 256 << 20


class Stream(Protocol):
    """Bytes by position, cheap to read forward."""

    def fill(self, buffer: memoryview, offset: int, /) -> None:
        """Fill `buffer` from `offset`."""


class StreamedArray:
    """A lazy array over a stream of its elements.

    Regions are read by tuples of slices with positive steps and take no memory beyond themselves.
    A walk in the order of the elements is one pass over the stream; a step back begins anew.

    Parameters
    ----------
    stream : Stream
    shape, dtype, order
        Of the array.
    offset : int
        Byte of the stream where the elements begin.
    close : callable
        Lets go of the stream.
    """

    def __init__(
        self,
        stream: Stream,
        *,
        shape: Shape,
        dtype: DType,
        order: Order,
        offset: int,
        close: Callable[[], None],
    ) -> None:
        self.shape = shape
        self.dtype = dtype
        self._stream = stream
        self._order = order
        self._offset = offset
        self._close = close
        self._kept: Array | None = None

    def close(self) -> None:
        """Let go of the stream; may be called twice."""
        self._kept = None
        self._close()

    def __del__(self) -> None:
        # A handle that the user let go of must not leave its file open.
        self.close()

    def __getitem__(self, key: Slices) -> Array:
        """Return the elements that slices, one an axis, select."""
        if self._order == "C":
            return self._read(self.shape, key)
        # In the order of the stream, the axes are reversed.
        shape, key = self.shape[::-1], key[::-1]
        if math.prod(shape) * self.dtype.itemsize > _KEPT_BYTES:
            return self._read(shape, key).T
        if self._kept is None:
            self._kept = self._read(shape, (slice(None),) * len(shape))
        return self._kept[key].T.copy(order="K")

    def _read(self, shape: Shape, key: Slices) -> Array:
        """Return a region of the stream as an array of `shape` in C order."""
        ranges = [range(n)[part] for n, part in zip(shape, key, strict=True)]
        region = np.empty([len(part) for part in ranges], self.dtype)
        if region.size:
            self._fill(region, shape or (1,), ranges or [range(1)])
        return region

    def _fill(self, region: Array, shape: Shape, ranges: list[range]) -> None:
        # Behind axes that keep one position, the first range bounds a part without gaps: nothing
        # in front of it or behind it is read.
        axis = next((i for i, part in enumerate(ranges[:-1]) if len(part) > 1), len(shape) - 1)
        first = _ravel([part.start for part in ranges[: axis + 1]], shape)
        bounds = (ranges[axis][-1] + 1 - ranges[axis].start, *shape[axis + 1 :])
        wanted = [range(0, bounds[0], ranges[axis].step), *ranges[axis + 1 :]]
        target = region.reshape([len(part) for part in wanted])
        for block in iter_blocks(bounds, block_shape(bounds, self.dtype.itemsize, _BLOCK_BYTES)):
            found = [_overlap(part, within) for part, within in zip(wanted, block, strict=True)]
            if all(part.start < part.stop for part, _ in found):
                start = first + _ravel([part.start for part in block], bounds)
                elements = np.empty([part.stop - part.start for part in block], self.dtype)
                position = self._offset + start * self.dtype.itemsize
                self._stream.fill(files.as_bytes(elements), position)
                target[tuple(part for part, _ in found)] = elements[
                    tuple(part for _, part in found)
                ]


def _ravel(position: list[int], shape: Shape) -> int:
    """Return how many elements precede a position, of which trailing axes may be left out."""
    return sum(n * math.prod(shape[axis + 1 :]) for axis, n in enumerate(position))


def _overlap(wanted: range, block: slice) -> tuple[slice, slice]:
    """Return which of the wanted positions are in a block, and where in the block they are.

    Examples
    --------
    >>> _overlap(range(1, 10, 3), slice(3, 9))
    (slice(1, 3, None), slice(1, 7, 3))
    >>> _overlap(range(0, 2, 1), slice(0, 5))
    (slice(0, 2, None), slice(0, 2, 1))
    """
    first, last = (
        min(max(0, -((wanted.start - edge) // wanted.step)), len(wanted))
        for edge in (block.start, block.stop)
    )
    begin = wanted.start + first * wanted.step - block.start
    end = begin + (last - first) * wanted.step
    return slice(first, last), slice(begin, end, wanted.step)
