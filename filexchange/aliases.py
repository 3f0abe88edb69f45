"""Names for the types that appear in many signatures."""

import os
from collections.abc import Mapping
from typing import Any, Literal, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

Array: TypeAlias = NDArray[Any]
DType: TypeAlias = np.dtype[Any]
Shape: TypeAlias = tuple[int, ...]
Slices: TypeAlias = tuple[slice, ...]
PathLike: TypeAlias = str | os.PathLike[str]
Order: TypeAlias = Literal["C", "F"]
Mode: TypeAlias = Literal["r", "r+", "c"]
ChunksLike: TypeAlias = int | tuple[int, ...] | Literal["auto"] | None
Attrs: TypeAlias = Mapping[str, Any]


class Indexable(Protocol):
    """Anything that has a shape, a dtype and gives an ndarray for a tuple of slices.

    ``numpy.ndarray``, ``h5py.Dataset``, ``zarr.Array`` and ``ArrayRef`` are such objects.
    """

    @property
    def shape(self) -> Shape:
        """Length of each axis."""

    @property
    def dtype(self) -> DType:
        """Type of the elements."""

    def __getitem__(self, key: Any, /) -> Any: ...
