"""How often each of the small integers occurs."""

import math
from dataclasses import dataclass
from typing import Any, Unpack

import numpy as np

from filexchange.aliases import Array, Shape
from filexchange.blocks.reductions.binning import binned
from filexchange.blocks.reductions.extent import extent
from filexchange.blocks.reductions.merging import Reducer
from filexchange.blocks.reductions.reducing import ReductionOptions, reduced
from filexchange.blocks.storage.sources import as_source
from filexchange.blocks.storage.zipping import zipped

# Up to 16 bits a count for each value that the dtype has is cheaper than a pass for the largest.
_SMALL = 2

_COUNT_BYTES = 8


@dataclass(frozen=True, slots=True)
class _Count:
    minlength: int

    def __call__(self, block: Any, axes: tuple[int, ...], start: Shape) -> Array:
        values, weights = block if isinstance(block, tuple) else (block, None)
        return np.bincount(values, weights, self.minlength)


def _merged(first: Array, second: Array) -> Array:
    longer, shorter = (first, second) if len(first) >= len(second) else (second, first)
    # Padded, and not added in place: partial results may be on their way to a checkpoint.
    padded = np.zeros(len(longer), longer.dtype)
    padded[: len(shorter)] = shorter
    return longer + padded


def bincount(
    x: Any, weights: Any = None, minlength: int = 0, **options: Unpack[ReductionOptions]
) -> Any:
    """Count how often each integer occurs; NumPy's `bincount`.

    Parameters
    ----------
    x : ArrayRef, path, ndarray or lazy array
        With one axis, of integers that are not negative.
    weights : ArrayRef, path, ndarray or lazy array, optional
        As long as `x`: what each element counts.
    minlength : int, optional
        Of the result.
    **options
        As of :func:`reduction`.

    Returns
    -------
    ndarray
        One longer than the largest element, at least; of intp, or float64 if there are weights.

    Raises
    ------
    TypeError, ValueError
        NumPy's: if `x` has not one axis, or its elements are no integers or negative.
    ArrayMismatchError
        If `weights` has another shape.
    MemoryBudgetError
        If one block or the result needs more than `memory`.

    Notes
    -----
    Integers of more than 16 bits are read twice: first for the largest, which tells how much memory
    the counts take. With ``plan_only=True`` the plan is that of the second pass with `minlength`.
    Counts are those of NumPy; sums of weights may differ in their last bits.

    Examples
    --------
    >>> from filexchange import blocks
    >>> blocks.bincount(np.array([0, 2, 2, 3]))
    array([1, 0, 2, 1])
    """
    source = as_source(x)
    both = source if weights is None else zipped(x=source, weights=weights)
    # What NumPy says of other arrays comes from itself.
    weightless = None if weights is None else np.empty(0, both.parts[1].dtype)
    np.bincount(np.empty((0,) * len(source.shape), source.dtype), weightless, min(minlength, 1))
    longest = minlength
    if source.dtype.itemsize <= _SMALL:
        longest = max(longest, int(np.iinfo(binned(source.dtype)).max) + 1)
    elif not options.get("plan_only") and math.prod(source.shape) > 0:
        low, high = extent(source, options, "limits")
        np.bincount(np.array([min(low, 0)], source.dtype))
        longest = max(longest, int(high) + 1)
    reducer = Reducer(
        _Count(minlength),
        _merged,
        element_bytes=_COUNT_BYTES * (1 if weights is None else 2),
        result_bytes=_COUNT_BYTES * longest,
    )
    return reduced("bincount", both, reducer, None, False, **options)
