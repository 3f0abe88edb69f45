"""What a worker does with a block of a product of matrices."""

import contextlib
from dataclasses import dataclass
from typing import Any

import numpy as np

from filexchange.aliases import Array, DType, Shape
from filexchange.blocks.products.shapes import STRIP
from filexchange.blocks.storage.sources import Piece

# What NumPy multiplies by BLAS.
_BLAS = "fdFD"


@dataclass(frozen=True, slots=True)
class Factors:
    """What a block is made from.

    Attributes
    ----------
    left, right : tuple of Piece
        Parts of rows and columns.
    full, shape : tuple of int
        Of the block, with all axes and in the result.
    turn : context manager
        Held to multiply: a lock, where BLAS has all cores.
    """

    left: tuple[Piece, ...]
    right: tuple[Piece, ...]
    full: Shape
    shape: Shape
    turn: contextlib.AbstractContextManager[Any]


@dataclass(frozen=True, slots=True)
class Multiply:
    """What a worker does with a task.

    Attributes
    ----------
    dtype, result : dtype
        In which it computes, and of the result.
    depth : int
        Length of the parts of the inner axis, on which the last bits depend.
    """

    dtype: DType
    result: DType
    depth: int = 0

    @property
    def uses_blas(self) -> bool:
        """Whether it is BLAS that multiplies."""
        return self.dtype.char in _BLAS

    def __call__(self, task: Factors) -> list[Array]:
        """Return the block."""
        total: Array | None = None
        for left, right in zip(task.left, task.right, strict=True):
            rows, columns = (np.asarray(each.read(), self.dtype) for each in (left, right))
            rows = rows if rows.ndim > 1 else rows[np.newaxis]
            columns = columns if columns.ndim > 1 else columns[:, np.newaxis]
            with task.turn:
                total = _added(total, rows, columns)
        if total is None:
            total = np.zeros(task.full, self.dtype)
        return [total.reshape(task.shape).astype(self.result, copy=False)]


def _added(total: Array | None, rows: Array, columns: Array) -> Array:
    """Return the total with a product, which is added to it if it is there."""
    if total is None:
        made: Array = np.matmul(rows, columns)
        return made
    for start in range(0, rows.shape[-2], STRIP):
        strip = np.s_[..., start : start + STRIP, :]
        total[strip] += np.matmul(rows[strip], columns)
    return total
