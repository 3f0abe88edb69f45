"""Where the smallest and largest elements are, in one pass."""

import operator
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple, Unpack

import numpy as np

from filexchange.aliases import Array, Shape
from filexchange.blocks.reductions.merging import Reducer
from filexchange.blocks.reductions.reducing import ReductionOptions, reduced
from filexchange.blocks.storage.sources import as_source
from filexchange.errors import OnlyMissingError

# An index, and whether the element is NaN.
_ELEMENT_BYTES = 9


class Extremes(NamedTuple):
    """The first of the extreme elements of each lane.

    Attributes
    ----------
    values : ndarray
    indexes : intp ndarray
        Along the axis, or in the flattened array.
    missing : bool ndarray or bool
        Whether there is only NaN, where that matters.
    """

    values: Any
    indexes: Any
    missing: Any = False


@dataclass(frozen=True, slots=True)
class Extreme:
    """The search for one extreme, by NumPy's `argmin` or `argmax`.

    Attributes
    ----------
    func : callable
    shape : tuple of int
        Of the whole array, if it is searched as a flat one.
    substitute : float or None
        What stands for NaN; None if NaN is extreme itself.
    """

    func: Callable[..., Any]
    shape: Shape | None
    substitute: float | None = None

    def reducer(self) -> Reducer:
        """Return the functions that make the search."""
        return Reducer(self.chunk, self.merge, self.finish, _ELEMENT_BYTES, _ELEMENT_BYTES)

    def chunk(self, block: Array, axes: tuple[int, ...], start: Shape) -> Extremes:
        """Return what a block has."""
        missing: Any = False
        axis = None if self.shape is not None else axes[0]
        if self.substitute is not None and block.dtype.kind in "fc":
            nan = np.isnan(block)
            missing = np.all(nan, axis=axis)
            block = np.where(nan, block.dtype.type(self.substitute), block)
        found = self.func(block, axis=axis)
        if self.shape is not None:
            inside = np.unravel_index(found, block.shape) if block.ndim else ()
            place = tuple(first + at for first, at in zip(start, inside, strict=True))
            index = np.ravel_multi_index(place, self.shape) if place else found
            return Extremes(block[inside], np.intp(index), missing)
        picked = np.take_along_axis(block, np.expand_dims(found, axes[0]), axes[0])
        return Extremes(picked.squeeze(axes[0]), found + start[axes[0]], missing)

    def merge(self, first: Extremes, second: Extremes) -> Extremes:
        """Return the better ones of two."""
        # Of equal elements the first is wanted, and blocks are not in the order of flat indexes.
        swapped = second.indexes < first.indexes
        values = _sorted(swapped, first.values, second.values)
        indexes = _sorted(swapped, first.indexes, second.indexes)
        best = self.func(values, axis=0)[np.newaxis]
        return Extremes(
            np.take_along_axis(values, best, 0)[0],
            np.take_along_axis(indexes, best, 0)[0],
            np.logical_and(first.missing, second.missing),
        )

    def finish(self, found: Extremes) -> Any:
        """Return the indexes; `OnlyMissingError` where there are none."""
        if np.any(found.missing):
            raise OnlyMissingError(
                "All-NaN slice encountered: what has no element but NaN has no place of the "
                "smallest or largest; fill these lanes, or use argmin and argmax"
            )
        return found.indexes


def _sorted(swapped: Any, first: Any, second: Any) -> Array:
    return np.stack([np.where(swapped, second, first), np.where(swapped, first, second)])


def _place(
    name: str,
    a: Any,
    axis: int | None,
    keepdims: bool,
    func: Callable[..., Any],
    substitute: float | None,
    options: ReductionOptions,
) -> Any:
    source = as_source(a)
    axis = None if axis is None else operator.index(axis)
    extreme = Extreme(func, source.shape if axis is None else None, substitute)
    return reduced(name, source, extreme.reducer(), axis, keepdims, **options)


def argmin(
    a: Any, axis: int | None = None, *, keepdims: bool = False, **options: Unpack[ReductionOptions]
) -> Any:
    """Return where the smallest element is, the first of equal ones; NumPy's `argmin`.

    Parameters
    ----------
    a : ArrayRef, path, ndarray or lazy array
    axis : int or None, optional
        None for the index in the flattened array.
    keepdims : bool, optional
        Leave the axis with length 1.
    **options
        As of :func:`reduction`.

    Returns
    -------
    intp or ndarray of it
        Of the first NaN, where there is one.

    Raises
    ------
    ValueError
        NumPy's, if there are no elements.
    MemoryBudgetError
        If one block needs more than `memory`; nothing was read.

    Notes
    -----
    One pass. NumPy's own `argmin` decides, within a block and between two of them.

    Examples
    --------
    >>> from filexchange import blocks
    >>> int(blocks.argmin(np.array([[3, 1], [1, 2]])))
    1
    """
    return _place("argmin", a, axis, keepdims, np.argmin, None, options)


def argmax(
    a: Any, axis: int | None = None, *, keepdims: bool = False, **options: Unpack[ReductionOptions]
) -> Any:
    """Return where the largest element is, as :func:`argmin`.

    Examples
    --------
    >>> from filexchange import blocks
    >>> blocks.argmax(np.array([[3, 1], [1, 2]]), axis=0)
    array([0, 1])
    """
    return _place("argmax", a, axis, keepdims, np.argmax, None, options)


def nanargmin(
    a: Any, axis: int | None = None, *, keepdims: bool = False, **options: Unpack[ReductionOptions]
) -> Any:
    """Return where the smallest element is that is not NaN; NumPy's `nanargmin`.

    Raises
    ------
    OnlyMissingError
        Where there is only NaN; a ValueError.

    Notes
    -----
    As in NumPy, NaN stands for infinity: where all others are infinite its place may be returned.

    Examples
    --------
    >>> from filexchange import blocks
    >>> int(blocks.nanargmin(np.array([np.nan, 3, 1])))
    2
    """
    return _place("nanargmin", a, axis, keepdims, np.argmin, np.inf, options)


def nanargmax(
    a: Any, axis: int | None = None, *, keepdims: bool = False, **options: Unpack[ReductionOptions]
) -> Any:
    """Return where the largest element is that is not NaN, as :func:`nanargmin`.

    Examples
    --------
    >>> from filexchange import blocks
    >>> int(blocks.nanargmax(np.array([np.nan, 3, 1])))
    1
    """
    return _place("nanargmax", a, axis, keepdims, np.argmax, -np.inf, options)
