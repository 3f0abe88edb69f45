"""What is appended to an array: items of its shape and dtype, made so piece by piece."""

import contextlib
import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from filexchange import arrays
from filexchange.aliases import Array, DType, Shape
from filexchange.errors import ItemShapeError, UnsupportedArrayError
from filexchange.geometry import BLOCK_BYTES

# Kinds of dtypes whose casts within the kind cut elements off.
_CUT_OFF = "SUV"
_NUMBERS = "biufc"


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
    with arrays.as_source(batch) as source:
        items = np.asarray(source[...])[np.newaxis] if source.shape == item_shape else source
        if not items.shape or items.shape[1:] != item_shape:
            raise ItemShapeError(
                f"a batch of shape {source.shape} does not fit an array with items of shape "
                f"{item_shape}: pass items of that shape, one or several along a first axis"
            )
        if not _can_cast(items.dtype, dtype) and (
            hasattr(batch, "dtype") or not _is_exact(items, dtype)
        ):
            raise UnsupportedArrayError(
                f"a batch of {items.dtype} cannot be appended to an array of {dtype}: only casts "
                "of the same kind are made (see numpy.can_cast), so convert the batch with astype "
                "if that is what you mean"
            )
        yield Items(items, dtype)


def _can_cast(found: DType, dtype: DType) -> bool:
    return found == dtype or np.can_cast(
        found, dtype, "safe" if dtype.kind in _CUT_OFF else "same_kind"
    )


def _is_exact(numbers: Array, dtype: DType) -> bool:
    """Return whether numbers without a dtype of their own, Python's, have the same value in one.

    Examples
    --------
    >>> [_is_exact(np.array(n), np.dtype("u1")) for n in (255, 256, -1, 1.0, 1.5)]
    [True, False, False, True, False]
    """
    if not numbers.size:
        return True
    if numbers.dtype.kind not in _NUMBERS or dtype.kind not in _NUMBERS:
        return False
    with np.errstate(invalid="ignore", over="ignore"):
        return np.array_equal(numbers.astype(dtype), numbers)
