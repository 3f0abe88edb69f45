"""What one pass tells about all elements of an array."""

import math
from dataclasses import dataclass, fields
from typing import Any, NamedTuple, Unpack

import numpy as np

from filexchange.aliases import Array
from filexchange.blocks.execution.planning import Plan
from filexchange.blocks.kernels.moments import Moments, merge, nan_moments
from filexchange.blocks.kernels.moments import moments as moments_of_block
from filexchange.blocks.reductions.arithmetic import Axis
from filexchange.blocks.reductions.merging import Along, Reducer
from filexchange.blocks.reductions.missing import greatest, least
from filexchange.blocks.reductions.reducing import ReductionOptions, reduced
from filexchange.blocks.storage.sources import as_source
from filexchange.errors import UnsupportedArrayError

# Of what is told of a lane, before and after it is put together.
_RECORD_BYTES = 96


@dataclass(frozen=True, slots=True)
class Description:
    """The elements of an array in a few numbers, those that are NaN left out.

    Attributes
    ----------
    count : int or int64 ndarray
        Of elements that are not NaN.
    missing : int or int64 ndarray
        Of those that are.
    min, max : scalar or ndarray
        In the dtype of the array; NaN of nothing.
    mean, std : float or float64 ndarray
        As of `numpy.mean` and `numpy.std` of float64; NaN of nothing.

    Examples
    --------
    >>> print(Description(3, 1, 1.0, 4.0, 2.5, 1.25))
    count    3
    missing  1
    min      1.0
    max      4.0
    mean     2.5
    std      1.25
    """

    count: Any
    missing: Any
    min: Any
    max: Any
    mean: Any
    std: Any

    def __str__(self) -> str:
        return "\n".join(f"{each.name:<9}{getattr(self, each.name)}" for each in fields(self))


class _Part(NamedTuple):
    size: int
    low: Any
    high: Any
    moments: Moments


def _of_block(block: Array, axis: tuple[int, ...]) -> _Part:
    found = moments_of_block(block, axis)
    size = math.prod(block.shape[each] for each in axis)
    if size == 0:
        nothing = np.full(np.shape(found.count), np.nan)[()]
        return _Part(0, nothing, nothing, found)
    if np.isnan(found.total).any():
        return _Part(size, least(block, axis), greatest(block, axis), nan_moments(block, axis))
    # Without NaN three times as fast.
    return _Part(size, np.min(block, axis), np.max(block, axis), found)


def _merged(first: _Part, second: _Part) -> _Part:
    return _Part(
        first.size + second.size,
        np.fmin(first.low, second.low),
        np.fmax(first.high, second.high),
        merge(first.moments, second.moments),
    )


def _described(found: _Part) -> Array:
    count = np.asarray(found.moments.count)
    columns = {
        "count": count,
        "missing": found.size - count,
        "min": np.asarray(found.low),
        "max": np.asarray(found.high),
        "mean": np.asarray(found.moments.mean, np.float64),
        "std": np.sqrt(found.moments.variance(), dtype=np.float64),
    }
    return _recorded(columns)


def _recorded(columns: dict[str, Array]) -> Array:
    """Return one record for each lane, so that those of several parts can be put together."""
    dtype = [(name, column.dtype) for name, column in columns.items()]
    records = np.empty(columns["count"].shape, dtype)
    for name, column in columns.items():
        records[name] = column
    return records


def describe(
    a: Any, axis: Axis = None, *, keepdims: bool = False, **options: Unpack[ReductionOptions]
) -> Any:
    """Return count, NaN count, minimum, maximum, mean and standard deviation, in one pass.

    Parameters
    ----------
    a : ArrayRef, path, ndarray or lazy array
        Of real numbers.
    axis : int, tuple of int or None, optional
        All axes by default.
    keepdims : bool, optional
        Leave the axes with length 1.
    **options
        As of :func:`reduction`.

    Returns
    -------
    Description
        Of the elements that are not NaN; of arrays where some axes stay.

    Raises
    ------
    UnsupportedArrayError
        If the elements are not real numbers.
    MemoryBudgetError
        If one block needs more than `memory`; nothing was read.

    Examples
    --------
    >>> from filexchange import blocks
    >>> print(blocks.describe(np.array([1, np.nan, 3])))
    count    2
    missing  1
    min      1.0
    max      3.0
    mean     2.0
    std      1.0
    """
    source = as_source(a)
    if source.dtype.kind not in "biuf":
        raise UnsupportedArrayError(
            f"elements of dtype {source.dtype} have no mean, minimum and maximum: give booleans, "
            "integers or floats"
        )
    reducer = Reducer(Along(_of_block), _merged, _described, result_bytes=_RECORD_BYTES)
    found = reduced("describe", source, reducer, axis, keepdims, **options)
    if isinstance(found, Plan):
        return found
    return Description(*(found[each.name] for each in fields(Description)))


def _records(found: Moments) -> Array:
    return _recorded({name: np.asarray(each) for name, each in found._asdict().items()})


def moments(
    a: Any, axis: Axis = None, *, keepdims: bool = False, **options: Unpack[ReductionOptions]
) -> Any:
    """Return count, sum and squared deviations along axes: mean and variance in one pass.

    Parameters
    ----------
    a : ArrayRef, path, ndarray or lazy array
        Of numbers.
    axis : int, tuple of int or None, optional
        All axes by default.
    keepdims : bool, optional
        Leave the axes with length 1.
    **options
        As of :func:`reduction`.

    Returns
    -------
    Moments
        A named tuple `count`, `total` and `m2`, with `mean` and `variance(ddof=0)`.

    Examples
    --------
    >>> from filexchange import blocks
    >>> found = blocks.moments(np.array([[1.0, 2.0], [3.0, 6.0]]), axis=0)
    >>> found.mean, found.variance(ddof=1)
    (array([2., 4.]), array([2., 8.]))
    """
    reducer = Reducer(Along(moments_of_block), merge, _records)
    found = reduced("moments", a, reducer, axis, keepdims, **options)
    if isinstance(found, Plan):
        return found
    return Moments(*(found[name] for name in Moments._fields))
