"""Arrays copied block by block into chunked formats, as ``hdf5`` and ``zarr`` do."""

from typing import Any

import numpy as np

from filexchange.aliases import DType, Indexable, Shape
from filexchange.formats.flat import source_chunks
from filexchange.geometry import BLOCK_BYTES, block_shape, iter_blocks, slab_shape


def copy_blocks(source: Indexable, target: Any, dtype: DType, chunks: Shape | None) -> None:
    """Assign `source` to `target`, an array of the same shape, in bounded memory.

    Parameters
    ----------
    source : array or lazy array
    target : h5py.Dataset, zarr.Array or ndarray
        Takes tuples of slices in assignments.
    dtype : numpy.dtype
        Of the elements; where `target.dtype` is another one, it holds the same bytes.
    chunks : tuple of int or None
        The target's chunks: blocks consist of whole ones, so that none is written twice. None
        where it has none: blocks then consist of whole chunks of the source.

    Examples
    --------
    >>> target = np.empty((2, 3), "V2")
    >>> copy_blocks(np.ones((2, 3), "<i2"), target, np.dtype("<i2"), (1, 3))
    >>> target.view("<i2")
    array([[1, 1, 1],
           [1, 1, 1]], dtype=int16)
    """
    block = (
        slab_shape(source.shape, dtype.itemsize, source_chunks(source))
        if chunks is None
        else block_shape(source.shape, dtype.itemsize, BLOCK_BYTES, chunks)
    )
    for region in iter_blocks(source.shape, block):
        part = np.asarray(source[region], dtype=dtype, order="C")
        # A view even of an equal dtype: h5py marks datetimes in the dtype's metadata.
        target[region] = part.view(target.dtype)
