"""The limits of an array, which other passes begin with."""

import os
from typing import Any, NamedTuple, cast

import numpy as np

from filexchange.aliases import Array
from filexchange.blocks.reductions.merging import Reducer, Whole
from filexchange.blocks.reductions.reducing import ReductionOptions, reduced
from filexchange.blocks.storage.sources import Source


class _Limits(NamedTuple):
    low: Any
    high: Any


def _of_block(block: Array) -> _Limits:
    return _Limits(np.min(block), np.max(block))


def _merged(first: _Limits, second: _Limits) -> _Limits:
    return _Limits(np.minimum(first.low, second.low), np.maximum(first.high, second.high))


def extent(source: Source, options: ReductionOptions, name: str) -> tuple[Any, Any]:
    """Return the smallest and the largest element, in one pass; NaN if there is one.

    A job to resume has a directory of this name beside it for this pass.
    """
    inner = dict(options)
    resume = options.get("resume")
    if isinstance(resume, str | os.PathLike) and resume != "force":
        inner["resume"] = f"{os.fspath(resume)}.{name}"
    reducer = Reducer(Whole(_of_block), _merged)
    low, high = reduced("extent", source, reducer, None, False, **cast("ReductionOptions", inner))
    if source.dtype.kind == "b":
        return np.uint8(low), np.uint8(high)
    return low, high
