"""What is done with blocks when an array is sorted, and when its order is looked for."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Protocol

import numpy as np

from filexchange.aliases import Array, DType
from filexchange.blocks.kernels.internalsort import (
    has_keys,
    merge_in_place,
    sort_in_place,
    stable_order,
)

_INDEX = np.dtype(np.int64)

# What `stable_order` holds at most, its result included.
_ORDER_BYTES = 60


class Kernel(Protocol):
    """An operation that sorts."""

    name: ClassVar[str]

    @property
    def result(self) -> DType:
        """Of the result."""

    @property
    def runs(self) -> tuple[DType, ...]:
        """Of what is kept of each element in a run, its key first."""

    @property
    def run_scratch(self) -> int:
        """Bytes for each element, beside what is read, while a run is made."""

    @property
    def merge_scratch(self) -> int:
        """The same while a range is merged."""

    @property
    def panel_scratch(self) -> int:
        """The same while a block of whole lanes is sorted."""

    def run(self, block: Array, start: int) -> list[Array]:
        """Return a run of a 1-d block, which is overwritten; it begins so far in its lane."""

    def merged(self, parts: Sequence[Array]) -> Array:
        """Return a range of the result; the parts are runs, one after another, overwritten."""

    def panel(self, block: Array, axis: int | None) -> Array:
        """Return the result for a block of whole lanes, which is overwritten."""


@dataclass(frozen=True, slots=True)
class Sorting:
    """`sort`: a run has the elements, in the machine's own order of bytes."""

    dtype: DType
    is_stable: bool
    name: ClassVar[str] = "sort"

    @property
    def result(self) -> DType:
        """The dtype of the elements."""
        return self.dtype

    @property
    def runs(self) -> tuple[DType, ...]:
        """The elements alone."""
        return (self.dtype.newbyteorder("="),)

    @property
    def _is_in_place(self) -> bool:
        return has_keys(self.dtype) and not self.is_stable and self.dtype.itemsize > 1

    @property
    def run_scratch(self) -> int:
        """A copy in the other order of bytes, or what NumPy needs to be stable."""
        is_enough = self._is_in_place and self.dtype.isnative
        return 0 if is_enough else self.dtype.itemsize

    @property
    def merge_scratch(self) -> int:
        """As of a run."""
        return self.run_scratch

    @property
    def panel_scratch(self) -> int:
        """As of a run."""
        return self.run_scratch

    def run(self, block: Array, start: int) -> list[Array]:
        """Sort in place."""
        if self.is_stable:
            block.sort(kind="stable")
        else:
            sort_in_place(block)
        return [block]

    def merged(self, parts: Sequence[Array]) -> Array:
        """Merge in place."""
        (block,) = parts
        if self.is_stable:
            block.sort(kind="stable")
        else:
            merge_in_place(block)
        return block.astype(self.dtype, copy=False)

    def panel(self, block: Array, axis: int | None) -> Array:
        """Sort in place."""
        flat = block.reshape(-1) if axis is None else block
        flat.sort(axis=-1 if axis is None else axis, kind="stable" if self.is_stable else None)
        return flat


@dataclass(frozen=True, slots=True)
class Ordering:
    """`argsort`: a run has elements and their places in the lane."""

    dtype: DType
    name: ClassVar[str] = "argsort"
    result: ClassVar[DType] = _INDEX

    @property
    def runs(self) -> tuple[DType, ...]:
        """Keys and places."""
        return (self.dtype.newbyteorder("="), _INDEX)

    @property
    def run_scratch(self) -> int:
        """The keys in order, and their places."""
        return self.dtype.itemsize + _INDEX.itemsize + _ORDER_BYTES

    @property
    def merge_scratch(self) -> int:
        """The places as they were, and in order."""
        return 2 * _INDEX.itemsize + _ORDER_BYTES

    @property
    def panel_scratch(self) -> int:
        """The places, and what NumPy needs to be stable."""
        return 2 * _INDEX.itemsize

    def run(self, block: Array, start: int) -> list[Array]:
        """Take keys and places in the order of the keys."""
        order = stable_order(block)
        keys = block[order]
        order = order.astype(_INDEX, copy=False)
        order += start
        return [keys, order]

    def merged(self, parts: Sequence[Array]) -> Array:
        """Take the places in the order of the keys."""
        keys, places = parts
        return places[stable_order(keys)]

    def panel(self, block: Array, axis: int | None) -> Array:
        """Return the places."""
        return np.argsort(block, axis=axis, kind="stable").astype(_INDEX, copy=False)
