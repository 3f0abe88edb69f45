"""What is appended to an array: items of its shape and dtype, made so piece by piece."""

import contextlib
import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from filexchange.aliases import Array, DType, Shape
from filexchange.errors import ItemShapeError, UnsupportedArrayError
from filexchange.geometry import BLOCK_BYTES
from filexchange.sources import as_source

# Kinds of dtypes.
_NUMBERS, _INEXACT = "biufc", "fc"


class Items:
    """The items of a batch, as an array of `dtype` stores them.

    An ndarray that is dense and of this dtype is taken as it is; anything else is read, cast or
    copied when it is asked for.
    """

    def __init__(self, source: Any, dtype: DType) -> None:
        self._source = source
        self._dtype = dtype
        self._is_dense = (
            isinstance(source, np.ndarray) and source.dtype == dtype and source.flags.c_contiguous
        )
        self._nbytes = math.prod(source.shape[1:]) * dtype.itemsize

    def __len__(self) -> int:
        return int(self._source.shape[0])

    def __getitem__(self, part: slice) -> Array:
        return np.ascontiguousarray(self._source[part], dtype=self._dtype)

    def pieces(self, start: int, stop: int, unit: int) -> Iterator[tuple[int, int]]:
        """Yield the bounds of pieces, of whole units, that bounded memory can hold."""
        step = (
            stop - start if self._is_dense else max(1, BLOCK_BYTES // self._nbytes // unit) * unit
        )
        for begin in range(start, stop, max(1, step)):
            yield begin, min(begin + step, stop)


@contextlib.contextmanager
def opened_items(batch: Any, item_shape: Shape, dtype: DType) -> Iterator[Items]:
    """Yield a batch, or one item, as items of an array.

    Raises
    ------
    ItemShapeError
        If it has not the shape of one or several items.
    UnsupportedArrayError
        If its elements cannot be cast without losing what they mean.
    """
    with as_source(batch) as source:
        items = np.asarray(source[...])[np.newaxis] if source.shape == item_shape else source
        if not items.shape or items.shape[1:] != item_shape:
            raise ItemShapeError(
                f"a batch of shape {source.shape} does not fit an array with items of shape "
                f"{item_shape}: pass items of that shape, one or several along a first axis"
            )
        if not _fits(items, dtype, is_typed=hasattr(batch, "dtype")):
            raise UnsupportedArrayError(
                f"a batch of {items.dtype} cannot be appended to an array of {dtype}, which does "
                "not have all of its values (see numpy.can_cast): convert the batch with astype if "
                "that is what you mean"
            )
        yield Items(items, dtype)


def _fits(items: Any, dtype: DType, *, is_typed: bool) -> bool:
    """Return whether items become elements of a dtype without losing what they mean.

    Python's own numbers have no dtype of their own: as in NumPy, integers have to fit, and floats
    become those of the dtype.

    Examples
    --------
    >>> [_fits(np.array(n), np.dtype("u1"), is_typed=False) for n in (255, 256, -1, 1.5)]
    [True, False, False, False]
    >>> [_fits(np.array(0.1), np.dtype("f4"), is_typed=typed) for typed in (False, True)]
    [True, False]
    """
    if items.dtype == dtype or np.can_cast(items.dtype, dtype, "safe"):
        return True
    if is_typed or not {items.dtype.kind, dtype.kind} <= set(_NUMBERS):
        return False
    if items.dtype.kind in _INEXACT:
        return not items.size or np.can_cast(items.dtype, dtype, "same_kind")
    with np.errstate(invalid="ignore", over="ignore"):
        return np.array_equal(items.astype(dtype), items)
