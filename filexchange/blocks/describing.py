"""What one pass tells about all elements of an array."""

from dataclasses import dataclass, fields
from typing import Any, NamedTuple, Unpack

import numpy as np

from filexchange.aliases import Array
from filexchange.blocks.merging import Reducer, Whole
from filexchange.blocks.missing import greatest, least
from filexchange.blocks.moments import Moments, merge, nan_moments
from filexchange.blocks.reducing import ReductionOptions, reduced
from filexchange.blocks.sources import as_source
from filexchange.errors import UnsupportedArrayError


@dataclass(frozen=True, slots=True)
class Description:
    """The elements of an array in a few numbers, those that are NaN left out.

    Attributes
    ----------
    count : int
        Of elements that are not NaN.
    missing : int
        Of those that are.
    min, max : scalar
        In the dtype of the array; NaN of nothing.
    mean, std : float
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

    count: int
    missing: int
    min: Any
    max: Any
    mean: float
    std: float

    def __str__(self) -> str:
        return "\n".join(f"{each.name:<9}{getattr(self, each.name)}" for each in fields(self))


class _Part(NamedTuple):
    size: int
    low: Any
    high: Any
    moments: Moments


def _of_block(block: Array) -> _Part:
    if block.size == 0:
        return _Part(0, np.nan, np.nan, nan_moments(block))
    return _Part(block.size, least(block, None), greatest(block, None), nan_moments(block))


def _merged(first: _Part, second: _Part) -> _Part:
    return _Part(
        first.size + second.size,
        np.fmin(first.low, second.low),
        np.fmax(first.high, second.high),
        merge(first.moments, second.moments),
    )


def _described(found: _Part) -> Description:
    count = int(found.moments.count)
    mean, std = found.moments.mean, np.sqrt(found.moments.variance())
    return Description(count, found.size - count, found.low, found.high, float(mean), float(std))


def describe(a: Any, **options: Unpack[ReductionOptions]) -> Any:
    """Return count, NaN count, minimum, maximum, mean and standard deviation, in one pass.

    Parameters
    ----------
    a : ArrayRef, path, ndarray or lazy array
        Of real numbers.
    **options
        As of :func:`reduction`.

    Returns
    -------
    Description
        Of the elements that are not NaN.

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
    reducer = Reducer(Whole(_of_block), _merged, _described)
    return reduced("describe", source, reducer, None, False, **options)
