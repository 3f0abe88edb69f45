"""Quantiles along axes: of blocks that have the whole of these axes."""

import operator
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Unpack

import numpy as np

from filexchange.aliases import Array, ChunksLike, Shape
from filexchange.blocks.execution.options import Options
from filexchange.blocks.execution.planning import Plan
from filexchange.blocks.reductions.merging import Reducer
from filexchange.blocks.reductions.reducing import reduced
from filexchange.blocks.storage.sources import Source

# What NumPy has beside a block and a copy: where NaN is, and two neighbors of a quantile.
_ELEMENT_BYTES = 9


@dataclass(frozen=True, slots=True)
class Quantiles:
    """Quantiles of a panel, along the last axis of the result."""

    func: Callable[..., Any]
    q: Any
    method: str

    def __call__(self, block: Array, axes: tuple[int, ...], start: Shape) -> Array:
        """Return the quantiles of a panel."""
        with np.errstate(invalid="ignore", over="ignore"):
            # In one row, because numpy.nanquantile mixes up several axes of q with several of axis.
            q = np.ravel(self.q) if np.ndim(self.q) else self.q
            found = np.asarray(self.func(block, q, axis=axes, method=self.method))
        if not np.ndim(self.q):
            return found
        return np.moveaxis(found, 0, -1).reshape(found.shape[1:] + np.shape(self.q))


def quantiles_along(
    name: str,
    source: Source,
    q: Any,
    axes: tuple[int, ...],
    keepdims: bool,
    chunk: Callable[..., Any],
    *,
    chunks: ChunksLike = "auto",
    **options: Unpack[Options],
) -> Any:
    """Return what `chunk` makes of panels along `axes`: `Quantiles`, or medians."""
    ndim = np.ndim(q)
    reducer = Reducer(
        chunk,
        operator.add,  # never called: a panel has no neighbor along the reduced axes
        element_bytes=_ELEMENT_BYTES,
        result_bytes=8 * np.size(q) if ndim else 0,
    )
    found = reduced(name, source, reducer, axes, False, whole=axes, chunks=chunks, **options)
    if isinstance(found, Plan):
        return found
    found = np.moveaxis(found, range(-ndim, 0), range(ndim)) if ndim else found
    return np.expand_dims(found, tuple(ndim + i for i in axes)) if keepdims else found
