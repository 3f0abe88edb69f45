"""NumPy basic indexing as a value: normalised, composable, without touching data.

A `Region` lists what happens to each axis of an array: an integer takes one position and drops
the axis, a `Span` keeps it, a `NewAxis` adds one. Regions of regions compose to regions of the
array, so that a part of a part is still one small tuple.
"""

import operator
from collections.abc import Iterable
from dataclasses import dataclass
from reprlib import repr as short
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from filexchange.aliases import Array, Shape, Slices
from filexchange.errors import InvalidRefError, RegionError


class Span(NamedTuple):
    """`length` positions of an axis from `start` in steps of `step`, which may be negative."""

    start: int
    step: int
    length: int


class NewAxis(NamedTuple):
    """An axis that the array does not have; `length` is 1, or 0 after an empty slice of it."""

    length: int


Item: TypeAlias = int | Span | NewAxis


@dataclass(frozen=True, slots=True)
class Region:
    """What an index selects of an array of known shape.

    Examples
    --------
    >>> region = Region.whole((10, 20))[2:8, ::-1]
    >>> region.shape
    (6, 20)
    >>> region[1, :3].items
    (3, Span(start=19, step=-1, length=3))
    """

    items: tuple[Item, ...]

    @classmethod
    def whole(cls, shape: Shape) -> "Region":
        """Return the region that is all of an array of this shape."""
        return cls(tuple(Span(0, 1, length) for length in shape))

    @property
    def shape(self) -> Shape:
        """Shape of what is selected."""
        return tuple(item[-1] for item in self.items if isinstance(item, tuple))

    def __getitem__(self, key: Any) -> "Region":
        """Return the region that `key` selects of this region."""
        keys = iter(_expand(key, len(self.shape)))
        items: list[Item] = []
        for item in self.items:
            if isinstance(item, int):
                items.append(item)
                continue
            part = next(keys)
            while part is None:
                items.append(NewAxis(1))
                part = next(keys)
            items.extend(_narrow(item, part, key))
        items.extend(NewAxis(1) for _ in keys)
        return Region(tuple(items))

    def index(self) -> tuple[Any, ...]:
        """Return the region as an index for an ndarray of the array's whole shape.

        The region must not be empty: no index makes a new axis of length zero.
        """
        return tuple(
            item if isinstance(item, int) else _as_slice(item) if isinstance(item, Span) else None
            for item in self.items
        )

    def slices(self) -> Slices:
        """Return slices with positive steps, one an axis of the array, that cover the region.

        Read these, then pass the block to :meth:`arrange`.
        """
        return tuple(
            slice(item, item + 1, 1) if isinstance(item, int) else _as_slice(_forward(item))
            for item in self.items
            if not isinstance(item, NewAxis)
        )

    def arrange(self, block: Array) -> Array:
        """Return the view of a block read by :meth:`slices` that has the region's shape.

        The region must not be empty: an empty one needs no block.
        """
        return self._arranged(block, dropped=0, added=None)

    def disarrange(self, value: Array) -> Array:
        """Return the view of a value of the region's shape that fits :meth:`slices`."""
        return self._arranged(value, dropped=None, added=0)

    def _arranged(self, array: Array, *, dropped: int | None, added: int | None) -> Array:
        """Return `array` with spans in their direction, and these indices at the other items."""
        index = tuple(
            dropped
            if isinstance(item, int)
            else added
            if isinstance(item, NewAxis)
            else slice(None, None, -1 if item.step < 0 else 1)
            for item in self.items
        )
        arranged: Array = array[(*index, ...)]
        return arranged

    def to_json(self) -> list[Any]:
        """Return integers, ``[start, step, length]`` and, for new axes, ``[length]``."""
        return [item if isinstance(item, int) else list(item) for item in self.items]

    @classmethod
    def from_json(cls, items: Any, shape: Shape) -> "Region":
        """Return the region of an array of `shape` that :meth:`to_json` described.

        Raises
        ------
        InvalidRefError
            If it is malformed or reaches outside the array.
        """
        if not isinstance(items, list):
            raise InvalidRefError(f"region {short(items)} is not a list")
        region = cls(tuple(_item_from_json(item) for item in items))
        axes = [item for item in region.items if not isinstance(item, NewAxis)]
        if len(axes) != len(shape) or not all(map(_inside, axes, shape)):
            raise InvalidRefError(
                f"region {short(items)} reaches outside an array of shape {shape}"
            )
        return region


def _item_from_json(item: Any) -> Item:
    if type(item) is int:
        return item
    if isinstance(item, list) and all(type(n) is int for n in item):
        if len(item) == len(Span._fields):
            return Span(*item)
        if item in ([0], [1]):
            return NewAxis(*item)
    raise InvalidRefError(
        f"{short(item)} is not part of a region: expected an integer, [start, step, length] or [1]"
    )


def _inside(item: int | Span, axis: int) -> bool:
    """Return whether all positions of `item` are on an axis of this length."""
    if isinstance(item, int):
        return 0 <= item < axis
    if item.length <= 0:
        return item.length == 0 and item.step != 0
    last = item.start + (item.length - 1) * item.step
    return item.step != 0 and 0 <= item.start < axis and 0 <= last < axis


def _expand(key: Any, ndim: int) -> list[Any]:
    """Return `key` as a list with one entry an axis (None for new ones), without ellipsis."""
    keys = key if isinstance(key, tuple) else (key,)
    axes = sum(part is not None and part is not Ellipsis for part in keys)
    ellipses = sum(part is Ellipsis for part in keys)
    if ellipses > 1:
        raise RegionError("an index can only have a single ellipsis ('...')")
    if axes > ndim:
        raise RegionError(f"too many indices: the array has {ndim} axes, but {axes} were indexed")
    missing = [slice(None)] * (ndim - axes)
    if not ellipses:
        return [*keys, *missing]
    position = next(i for i, part in enumerate(keys) if part is Ellipsis)
    return [*keys[:position], *missing, *keys[position + 1 :]]


def _narrow(item: Span | NewAxis, part: Any, key: Any) -> Iterable[Item]:
    count = item[-1]
    if isinstance(part, slice):
        try:
            start, stop, step = part.indices(count)
        except (TypeError, ValueError) as error:
            raise RegionError(f"{part!r} is not a slice of integers: {error}") from error
        length = len(range(start, stop, step))
        if isinstance(item, NewAxis):
            return (NewAxis(length),)
        if length == 0:
            return (Span(0, 1, 0),)
        # An axis of length one has no direction; one spelling keeps equal regions equal.
        return (
            Span(item.start + start * item.step, item.step * step if length > 1 else 1, length),
        )
    position = _as_integer(part, key)
    if not -count <= position < count:
        raise RegionError(f"index {position} is out of bounds for an axis of length {count}")
    position %= count
    return () if isinstance(item, NewAxis) else (item.start + position * item.step,)


def _as_integer(part: Any, key: Any) -> int:
    if not isinstance(part, bool | np.bool_ | list) and getattr(part, "ndim", 0) == 0:
        try:
            return operator.index(part)
        except TypeError:
            pass
    raise RegionError(
        f"{key!r} is not NumPy basic indexing (integers, slices, '...' and newaxis): read a region "
        "first and index the result, or use the file's own array, ref.open()"
    )


def _forward(span: Span) -> Span:
    if span.step > 0:
        return span
    return Span(span.start + (span.length - 1) * span.step, -span.step, span.length)


def _as_slice(span: Span) -> slice:
    if span.length == 0:
        return slice(0, 0, 1)
    stop = span.start + (span.length - 1) * span.step + (1 if span.step > 0 else -1)
    return slice(span.start, stop if stop >= 0 else None, span.step)
