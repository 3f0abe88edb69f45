"""A function of blocks that have all of an axis."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from filexchange.aliases import Array, Shape
from filexchange.errors import BlockShapeError
from filexchange.geometry import block_shape, iter_blocks

# What a function gets at a time, or one lane: `numpy.fft` takes several times as much for itself.
_CALL_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Along:
    """A function along one axis, which stays with whatever length.

    Attributes
    ----------
    func : callable
        As of :func:`apply_over_axes`.
    axis : int
    """

    func: Callable[[Array, int], Any]
    axis: int

    def __call__(self, block: Array) -> Array:
        """Return what the function makes of a block.

        Raises
        ------
        BlockShapeError
            If it changes another axis.
        """
        made: Array | None = None
        for region in iter_blocks(block.shape, self._at_a_time(block)):
            part = self._made(block[region])
            due = list(block[region].shape)
            due[self.axis] = part.shape[self.axis] if part.ndim == block.ndim else -1
            if part.shape != tuple(due):
                raise BlockShapeError(
                    f"{self.func!r} returned a block of shape {part.shape} for one of shape "
                    f"{block[region].shape} and axis {self.axis}: only that axis may get another "
                    "length, or go"
                )
            if made is None:
                shape = [*block.shape]
                shape[self.axis] = due[self.axis]
                made = np.empty(shape, part.dtype)
            place = list(region)
            place[self.axis] = slice(None)
            made[tuple(place)] = part
        # What it makes of nothing is its own affair.
        return self._made(block) if made is None else made

    def _at_a_time(self, block: Array) -> Shape:
        """Return the shape of parts that have all of the axis; what functions need is little so."""
        unit = tuple(n if axis == self.axis else 1 for axis, n in enumerate(block.shape))
        return block_shape(block.shape, block.itemsize, _CALL_BYTES, unit)

    def _made(self, block: Array) -> Array:
        found = np.asarray(self.func(block, self.axis))
        return np.expand_dims(found, self.axis) if found.ndim == block.ndim - 1 else found
