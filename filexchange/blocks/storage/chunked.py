"""Regions of arrays in chunks, a few chunks at a time.

A library that is asked for many chunks at once has all of them in memory beside the region, as they
are in the file and as they are decoded.
"""

from collections.abc import Iterator

import numpy as np

from filexchange.aliases import Array, Shape, Slices
from filexchange.blocks.storage.grid import region_shape
from filexchange.geometry import block_shape, iter_blocks
from filexchange.ref import ArrayRef

# Bytes of chunks at a time: enough to hide what a call costs.
_BYTES = 16 << 20


def read_chunks(ref: ArrayRef, region: Slices) -> Array:
    """Return a region as an array of one's own."""
    block = np.empty(region_shape(region), ref.dtype)
    with ref.opened("r") as array:
        for part, within in parts(region, _step(ref)):
            block[within] = array[(*part, ...)]
    return block


def write_chunks(ref: ArrayRef, region: Slices, block: Array) -> None:
    """Write a block to its region."""
    with ref.opened("r+") as array:
        for part, within in parts(region, _step(ref)):
            array[(*part, ...)] = block[within]


def _step(ref: ArrayRef) -> Shape:
    return block_shape(ref.shape, ref.itemsize, _BYTES, ref.shards or ref.chunks)


def parts(region: Slices, step: Shape) -> Iterator[tuple[Slices, Slices]]:
    """Yield the parts of a region between multiples of a step: in the array, and in the region.

    Examples
    --------
    >>> for part, within in parts((slice(3, 8),), (4,)):
    ...     print(part, within)
    (slice(3, 4, 1),) (slice(0, 1, 1),)
    (slice(4, 8, 1),) (slice(1, 5, 1),)
    """
    starts = tuple(p.start // n * n for p, n in zip(region, step, strict=True))
    whole = tuple(p.stop - start for p, start in zip(region, starts, strict=True))
    for tile in iter_blocks(whole, step):
        part: Slices = tuple(
            slice(max(p.start, start + t.start), start + t.stop, 1)
            for p, start, t in zip(region, starts, tile, strict=True)
        )
        yield (
            part,
            tuple(
                slice(inner.start - p.start, inner.stop - p.start, 1)
                for inner, p in zip(part, region, strict=True)
            ),
        )
