"""Histograms in one or two dimensions; without given limits one pass more finds these."""

import math
from dataclasses import dataclass
from typing import Any, Unpack

import numpy as np

from filexchange.aliases import Array, Shape
from filexchange.blocks.binning import binned, check_bins, rule_bins
from filexchange.blocks.budget import check_fits, memory_budget
from filexchange.blocks.extent import extent
from filexchange.blocks.merging import Reducer
from filexchange.blocks.reducing import ReductionOptions, reduced
from filexchange.blocks.sources import as_source
from filexchange.blocks.zipping import zipped

_BIN_BYTES = 8

# NumPy takes as much for a block's elements, and works on parts of 64 Ki elements in one dimension.
_ELEMENT_BYTES, _ELEMENT_BYTES_2D = 8, 64


@dataclass(frozen=True, slots=True)
class _Histogram:
    """Counts of a block, and of its weights if there are two."""

    bins: Any
    range: Any

    def __call__(self, block: Any, axes: tuple[int, ...], start: Shape) -> Array:
        values, weights = block if isinstance(block, tuple) else (block, None)
        values = values.view(binned(values.dtype))
        counts: Array = np.histogram(values, self.bins, self.range, weights=weights)[0]
        return counts


@dataclass(frozen=True, slots=True)
class _Histogram2d:
    edges: tuple[Array, Array]

    def __call__(self, block: Any, axes: tuple[int, ...], start: Shape) -> Array:
        x, y, *weights = (np.ravel(part) for part in block)
        found = np.histogram2d(x, y, list(self.edges), weights=weights[0] if weights else None)
        counts: Array = found[0]
        return counts


def histogram(
    a: Any,
    bins: Any = 10,
    range: Any = None,
    *,
    density: bool = False,
    weights: Any = None,
    **options: Unpack[ReductionOptions],
) -> Any:
    """Count the elements in bins; NumPy's `histogram`.

    Parameters
    ----------
    a : ArrayRef, path, ndarray or lazy array
    bins : int, array_like or str, optional
        How many bins of equal width, or the edges of bins, or a rule: one of ``"sqrt"``,
        ``"sturges"`` and ``"rice"``.
    range : tuple of float, optional
        The limits of the bins; the smallest and largest element by default, for which the array is
        read once more.
    density : bool, optional
        Divide so that the integral is 1.
    weights : ArrayRef, path, ndarray or lazy array, optional
        Of the shape of `a`: what each element counts.
    **options
        As of :func:`reduction`.

    Returns
    -------
    counts : ndarray
    edges : ndarray
        One more than there are counts.

    Raises
    ------
    UnsupportedOptionError
        If `bins` is a rule that is not known, or comes with `range` or `weights`.
    ValueError
        NumPy's, of other bins and ranges that are none, and of limits that are not finite.
    ArrayMismatchError
        If `weights` has another shape.
    MemoryBudgetError
        If one block or the bins need more than `memory`; nothing was read.

    Notes
    -----
    Counts and edges are those of NumPy; booleans are taken as bytes. Sums of weights may differ in
    their last bits. With ``plan_only=True`` the plan is that of the pass that counts.

    Examples
    --------
    >>> from filexchange import blocks
    >>> counts, edges = blocks.histogram(np.array([1.0, 2.0, 2.5, 5.0]), bins=4)
    >>> counts, edges
    (array([1, 2, 0, 1]), array([1., 2., 3., 4., 5.]))
    """
    source = as_source(a)
    both = source if weights is None else zipped(a=source, weights=weights)
    dtype = binned(source.dtype)
    number = check_bins(bins, dtype, range, is_weighted=weights is not None)
    _check_room("histogram", number or 1, options)
    is_searched = not options.get("plan_only") and math.prod(source.shape) > 0
    edges: Any = bins
    if np.ndim(bins) == 0:
        if range is None:
            range = extent(source, options, "limits") if is_searched else (0, 1)
        ends = np.array(range, dtype) if is_searched else np.empty(0, dtype)
        np.histogram_bin_edges(ends, 1, range)
        bins = rule_bins(bins, math.prod(source.shape), *range) if number is None else number
        if number is None and not is_searched:
            bins = 1
        edges = np.histogram_bin_edges(ends, bins, range)
    edges = np.asarray(edges)
    reducer = Reducer(
        _Histogram(bins, range if isinstance(bins, int) else None),
        np.add,
        element_bytes=_ELEMENT_BYTES,
        result_bytes=_BIN_BYTES * len(edges),
    )
    counts = reduced("histogram", both, reducer, None, False, **options)
    if options.get("plan_only"):
        return counts
    return (counts / np.diff(edges) / counts.sum() if density else counts), edges


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
    nbytes = _BIN_BYTES * math.prod(number + 2 for number in numbers)
    _check_room("histogram2d", nbytes // _BIN_BYTES, options)
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
        element_bytes=_ELEMENT_BYTES_2D,
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


def _check_room(operation: str, bins: int, options: ReductionOptions) -> None:
    """Refuse more bins than the budget has room for, before NumPy makes their edges."""
    check_fits(operation, 0, 2 * _BIN_BYTES * bins, memory_budget(options.get("memory")))
