"""What the formats whose arrays grow have in common."""

import math
from collections.abc import Iterator

import numpy as np

from filexchange.aliases import Array, Shape
from filexchange.errors import ArrayMismatchError, UnsupportedOptionError
from filexchange.formats.base import WriteOptions
from filexchange.geometry import iter_blocks

#: Stands for the length of an axis that has no end where chunks are chosen.
ENDLESS = 1 << 62

_MAX_UNIT_BYTES = 256 << 20


def check_chunked_growth(options: WriteOptions) -> None:
    """Raise `UnsupportedOptionError` if chunks or shards are to span an axis that has no end."""
    for name, given in (("chunks", options.chunks), ("shards", options.shards)):
        first = given[0] if isinstance(given, tuple | list) and given else given
        if first == -1:
            raise UnsupportedOptionError(
                f"{name}={given!r} would span the whole first axis, which grows without end: give "
                "a number of items, or 'auto'"
            )


def check_unit(unit: Shape, itemsize: int) -> None:
    """Raise `UnsupportedOptionError` if what is written at once is too much to wait in memory."""
    nbytes = math.prod(unit) * itemsize
    if nbytes >= _MAX_UNIT_BYTES:
        raise UnsupportedOptionError(
            f"chunks or shards of shape {unit} have {nbytes} bytes, which wait in memory until "
            f"they are full: choose smaller ones, of less than {_MAX_UNIT_BYTES} bytes"
        )


def check_items(shape: Shape, path: str) -> None:
    """Raise `UnsupportedOptionError` unless an array consists of items that have elements."""
    if not shape or 0 in shape[1:]:
        raise UnsupportedOptionError(
            f"{path!r} has shape {shape}: only arrays with a first axis, and with elements "
            "in each item, can grow"
        )


def is_beginning(shape: Shape, found: Shape) -> bool:
    """Return whether an array of shape `found` can be what one of `shape` has grown to.

    Examples
    --------
    >>> is_beginning((2, 3), (5, 3)), is_beginning((5, 3), (2, 3)), is_beginning((2, 3), (5, 4))
    (True, False, False)
    """
    return len(shape) == len(found) > 0 and shape[0] <= found[0] and shape[1:] == found[1:]


def replaced_error(path: str) -> ArrayMismatchError:
    """Return the error for an array whose name is another's by now."""
    return ArrayMismatchError(
        f"{path!r} was replaced or removed while it was written: what was appended is in the file "
        "that is gone; begin a new one, and let only one program write to a name"
    )


def iter_chunks(items: Array, chunks: Shape) -> Iterator[tuple[Shape, Array]]:
    """Yield each chunk of a block of items: its place in the grid, and its elements in C order.

    What a chunk has beyond the items is zeros.

    Examples
    --------
    >>> for place, chunk in iter_chunks(np.array([[1, 2, 3]]), (1, 2)):
    ...     place, chunk
    ((0, 0), array([[1, 2]]))
    ((0, 1), array([[3, 0]]))
    """
    for region in iter_blocks(items.shape, chunks):
        place = tuple(part.start // chunk for part, chunk in zip(region, chunks, strict=True))
        block = items[region]
        if block.shape == chunks:
            yield place, np.ascontiguousarray(block)
        else:
            padded = np.zeros(chunks, items.dtype)
            padded[tuple(map(slice, block.shape))] = block
            yield place, padded
