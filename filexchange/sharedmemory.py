"""Arrays in blocks of ``multiprocessing.shared_memory``, which are files where they have names."""

import os
from typing import Any

import numpy as np

from filexchange import capabilities
from filexchange.aliases import Shape
from filexchange.dtypes import check_dtype
from filexchange.errors import UnsupportedOptionError
from filexchange.formats import StoredArray
from filexchange.geometry import is_possible, lengths_of


def stored_in(shm: Any, shape: int | Shape, dtype: Any, offset: int) -> tuple[str, StoredArray]:
    """Return the path of a block, and what an array is in it.

    Raises
    ------
    UnsupportedOptionError
        If there is no such path, or no room in the block for such an array.
    """
    directory = capabilities.shared_memory_dir()
    if directory is None:
        raise UnsupportedOptionError(
            "shared memory has no path on this system: use Exchange.put or fx.save instead"
        )
    stored = StoredArray(None, lengths_of(shape), np.dtype(dtype), offset=offset)
    check_dtype(stored.dtype)
    if not is_possible(stored.shape, stored.dtype.itemsize):
        raise UnsupportedOptionError(
            f"no array of {stored.dtype} has shape {shape}: at most 64 axes, none of negative "
            "length"
        )
    if offset < 0 or offset + stored.nbytes > shm.size:
        raise UnsupportedOptionError(
            f"an array of {stored.nbytes} bytes from byte {offset} does not fit a block of "
            f"{shm.size} bytes"
        )
    return os.path.join(directory, shm.name.lstrip("/")), stored
