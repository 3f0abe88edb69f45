"""What formats write: an ndarray, or a lazy array that is read block by block."""

import contextlib
from typing import Any

import numpy as np

from filexchange.aliases import DType
from filexchange.dtypes import as_array, check_dtype
from filexchange.errors import UnsupportedArrayError
from filexchange.formats import source_chunks
from filexchange.geometry import lengths_of
from filexchange.ref import ArrayRef


def as_source(array: Any) -> contextlib.AbstractContextManager[Any]:
    """Return what formats write: an ndarray, or a lazy array that is read block by block."""
    if isinstance(array, ArrayRef):
        check_dtype(array.dtype)
        return array.opened("r")
    lazy = all(hasattr(array, name) for name in ("shape", "dtype", "chunks", "__getitem__"))
    if lazy and not isinstance(array, np.ndarray | np.generic):
        return contextlib.nullcontext(_Lazy(array))
    return contextlib.nullcontext(as_array(array))


class _Lazy:
    """A lazy array of another library, with lengths that are Python's own integers."""

    def __init__(self, array: Any) -> None:
        self.dtype: DType = np.dtype(array.dtype)
        check_dtype(self.dtype)
        try:
            self.shape = lengths_of(array.shape)
        except TypeError as error:
            raise UnsupportedArrayError(
                f"shape {array.shape} of a {type(array).__name__} is not made of integers: save an "
                "array whose lengths are known (of Dask, after compute_chunk_sizes())"
            ) from error
        self.chunks = source_chunks(array)
        self._array = array

    def __getitem__(self, key: Any) -> Any:
        return self._array[key]
