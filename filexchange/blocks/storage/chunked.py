"""Regions of arrays in chunks, a few chunks at a time.

A library that is asked for many chunks at once has all of them in memory beside the region, as they
are in the file and as they are decoded.
"""

import numpy as np

from filexchange.aliases import Array, Shape, Slices
from filexchange.blocks.storage import chunkfiles
from filexchange.blocks.storage.grid import parts, region_shape
from filexchange.formats import ChunkFiles, get_format
from filexchange.geometry import block_shape
from filexchange.ref import ArrayRef

# Bytes of chunks at a time: enough to hide what a call costs.
_BYTES = 16 << 20


def read_chunks(ref: ArrayRef, region: Slices) -> Array:
    """Return a region as an array of one's own."""
    found = chunk_files(ref)
    if found is not None:
        return chunkfiles.read_region(found, region)
    block = np.empty(region_shape(region), ref.dtype)
    with ref.opened("r") as array:
        for part, within in parts(region, _step(ref)):
            block[within] = array[(*part, ...)]
    return block


def write_chunks(ref: ArrayRef, region: Slices, block: Array) -> None:
    """Write a block to its region, which consists of whole chunks."""
    found = chunk_files(ref)
    if found is not None:
        chunkfiles.write_region(found, region, block)
        return
    with ref.opened("r+") as array:
        for part, within in parts(region, _step(ref)):
            array[(*part, ...)] = block[within]


def chunk_files(ref: ArrayRef) -> ChunkFiles | None:
    """Return where the chunks of all of an array lie, if they are plain files."""
    return None if ref.region else get_format(ref.format).chunk_files(ref.path, ref.stored)


def _step(ref: ArrayRef) -> Shape:
    return block_shape(ref.shape, ref.itemsize, _BYTES, ref.shards or ref.chunks)
