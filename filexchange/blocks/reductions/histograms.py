"""Histograms; without given limits one pass more finds these."""

import math
from dataclasses import dataclass
from typing import Any, Unpack

import numpy as np

from filexchange.aliases import Array, Shape
from filexchange.blocks.reductions.binning import (
    BIN_BYTES,
    binned,
    check_bins,
    check_room,
    rule_bins,
)
from filexchange.blocks.reductions.extent import extent
from filexchange.blocks.reductions.merging import Reducer
from filexchange.blocks.reductions.reducing import ReductionOptions, reduced
from filexchange.blocks.storage.sources import as_source
from filexchange.blocks.storage.zipping import zipped

# NumPy works on parts of 64 Ki elements, and on a copy of the weights.
_ELEMENT_BYTES = 8


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
    check_room("histogram", number or 1, options.get("memory"))
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
        result_bytes=BIN_BYTES * len(edges),
    )
    counts = reduced("histogram", both, reducer, None, False, **options)
    if options.get("plan_only"):
        return counts
    return (counts / np.diff(edges) / counts.sum() if density else counts), edges
