"""Histograms in two dimensions, of pairs of elements."""

import math
from dataclasses import dataclass
from typing import Any, Unpack

import numpy as np

from filexchange.aliases import Array, Shape
from filexchange.blocks.reductions.binning import BIN_BYTES, check_bins, check_room
from filexchange.blocks.reductions.extent import extent
from filexchange.blocks.reductions.merging import Reducer
from filexchange.blocks.reductions.reducing import ReductionOptions, reduced
from filexchange.blocks.storage.sources import as_source
from filexchange.blocks.storage.zipping import zipped

# NumPy's coordinates and bins of a pair, in both dimensions and together.
_ELEMENT_BYTES = 64


@dataclass(frozen=True, slots=True)
class _Histogram2d:
    edges: tuple[Array, Array]

    def __call__(self, block: Any, axes: tuple[int, ...], start: Shape) -> Array:
        x, y, *weights = (np.ravel(part) for part in block)
        found = np.histogram2d(x, y, list(self.edges), weights=weights[0] if weights else None)
        counts: Array = found[0]
        return counts


def histogram2d(
    x: Any,
    y: Any,
    bins: Any = 10,
    range: Any = None,
    *,
    density: bool = False,
    weights: Any = None,
    **options: Unpack[ReductionOptions],
) -> Any:
    """Count pairs of elements in a grid of bins; NumPy's `histogram2d`.

    Parameters
    ----------
    x, y : ArrayRef, path, ndarray or lazy array
        Of one shape, which may have several axes.
    bins : int, array_like or pair of these, optional
        As of :func:`histogram`, without rules, for both axes or for each.
    range : pair of (float, float), optional
        Limits for `x` and for `y`; a pair may be None.
    density, weights
        As of :func:`histogram`.
    **options
        As of :func:`reduction`.

    Returns
    -------
    counts : ndarray
        Of float64, with the bins of `x` along its first axis.
    x_edges, y_edges : ndarray

    Raises
    ------
    ArrayMismatchError
        If shapes differ.
    ValueError
        NumPy's, of bins and ranges that are none, and of limits that are not finite.
    MemoryBudgetError
        If one block or the bins need more than `memory`; nothing was read.

    Examples
    --------
    >>> from filexchange import blocks
    >>> x, y = np.array([0.0, 1.0, 1.0]), np.array([0.0, 0.0, 2.0])
    >>> counts, x_edges, y_edges = blocks.histogram2d(x, y, bins=2)
    >>> counts
    array([[1., 0.],
           [1., 1.]])
    """
    sources = (as_source(x), as_source(y))
    weighted = {} if weights is None else {"weights": weights}
    both = zipped(x=sources[0], y=sources[1], **weighted)
    dtype = np.result_type(*(each.dtype for each in sources))
    pair = _each_axis(bins)
    limits = (None, None) if range is None else range
    numbers = [check_bins(each, dtype, None, is_weighted=True) or 1 for each in pair]
    # NumPy has a bin more at each end.
    nbytes = BIN_BYTES * math.prod(number + 2 for number in numbers)
    check_room("histogram2d", nbytes // BIN_BYTES, options.get("memory"))
    is_searched = not options.get("plan_only") and math.prod(both.shape) > 0
    edges = []
    for source, each, ends, name in zip(sources, pair, limits, "xy", strict=True):
        found = ends
        if found is None and np.ndim(each) == 0 and is_searched:
            found = extent(source, options, name)
        edges.append(_edges(each, found, dtype, is_found=ends is None))
    reducer = Reducer(
        _Histogram2d((edges[0], edges[1])),
        np.add,
        element_bytes=_ELEMENT_BYTES,
        result_bytes=nbytes,
    )
    counts = reduced("histogram2d", both, reducer, None, False, **options)
    if options.get("plan_only"):
        return counts
    if density:
        counts = counts / np.diff(edges[0])[:, np.newaxis] / np.diff(edges[1]) / counts.sum()
    return counts, *edges


def _each_axis(bins: Any) -> tuple[Any, Any]:
    """Return the bins of both axes; as in NumPy two of anything are one for each."""
    if isinstance(bins, list | tuple | np.ndarray) and len(bins) == 2:  # noqa: PLR2004 - x and y
        return bins[0], bins[1]
    return bins, bins


def _edges(bins: Any, ends: Any, dtype: Any, *, is_found: bool) -> Array:
    """Return the edges that `numpy.histogramdd` makes along an axis."""
    sample = np.array([] if ends is None or not is_found else ends, dtype)
    limits = None if ends is None or is_found else [ends]
    return np.histogramdd(sample.reshape(-1, 1), [bins], limits)[1][0]
