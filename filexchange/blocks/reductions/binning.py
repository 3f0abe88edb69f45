"""The edges of bins, as NumPy chooses them, from what few passes tell about an array."""

import operator
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np

from filexchange.aliases import DType
from filexchange.blocks.execution.budget import check_fits, memory_budget
from filexchange.errors import UnsupportedOptionError

#: Of a count, and of an edge.
BIN_BYTES = 8

# Widths of bins, from the number of elements and what they span.
_WIDTHS: Mapping[str, Callable[[int, Any], Any]] = MappingProxyType(
    {
        "sqrt": lambda n, span: span / np.sqrt(n),
        "sturges": lambda n, span: span / (np.log2(n) + 1.0),
        "rice": lambda n, span: span / (2.0 * n ** (1.0 / 3)),
    }
)

#: The rules that need no more than the number of elements and their limits.
RULES = tuple(_WIDTHS)


def binned(dtype: DType) -> DType:
    """Return the dtype that elements are binned as: that of bytes for booleans.

    Examples
    --------
    >>> binned(np.dtype(bool)), binned(np.dtype("f4"))
    (dtype('uint8'), dtype('float32'))
    """
    return np.dtype("u1") if dtype.kind == "b" else dtype


def check_bins(bins: Any, dtype: DType, range: Any, *, is_weighted: bool = False) -> int | None:
    """Return the number of bins, None if a rule chooses it.

    Raises
    ------
    UnsupportedOptionError
        If it is a rule that is not known, or one together with a range or weights.
    TypeError, ValueError
        NumPy's, for other bins that are none.

    Examples
    --------
    >>> check_bins(10, np.dtype("f4"), None), check_bins([1, 2], np.dtype("f4"), None)
    (10, 1)
    """
    if isinstance(bins, str):
        if bins not in RULES or range is not None or is_weighted:
            raise UnsupportedOptionError(
                f"bins={bins!r} is no rule that works block by block: give a number, edges, or "
                f"without range= and weights= one of {', '.join(RULES)}"
            )
        return None
    if np.ndim(bins) == 0:
        # Of any number of bins NumPy would make the edges.
        np.histogram_bin_edges(np.empty(0, dtype), min(1, operator.index(bins)), range)
        return operator.index(bins)
    return len(np.histogram_bin_edges(np.empty(0, dtype), bins)) - 1


def rule_bins(rule: str, size: int, low: Any, high: Any) -> int:
    """Return the number of bins that a rule of NumPy's gives for so many elements.

    Examples
    --------
    >>> rule_bins("sqrt", 100, 0.0, 1.0) == len(np.histogram_bin_edges(np.arange(100), "sqrt")) - 1
    True
    """
    if size == 0:
        return 1
    is_float = np.asarray(low).dtype.kind == "f"
    span = high - low if is_float else int(high) - int(low)
    width = _WIDTHS[rule](size, span)
    if not width:
        return 1
    return int(np.ceil(span / (width if is_float else max(width, 1))))


def check_room(operation: str, bins: int, memory: int | str | None) -> None:
    """Refuse more bins than the budget has room for, before NumPy makes their edges."""
    check_fits(operation, 0, 2 * BIN_BYTES * bins, memory_budget(memory))
