"""Exact quantiles over many blocks: NumPy's definitions on the elements that `selection` finds."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

import numpy as np

from filexchange.aliases import Array, DType
from filexchange.blocks.kernels.selection import Found, Search, Survey
from filexchange.errors import UnsupportedArrayError, UnsupportedOptionError

# Of the definitions of Hyndman and Fan, "Sample Quantiles in Statistical Packages", 1996, that
# interpolate: alpha and beta.
_PLOTTING: Mapping[str, tuple[float, float]] = MappingProxyType(
    {
        "interpolated_inverted_cdf": (0, 1),
        "hazen": (0.5, 0.5),
        "weibull": (0, 0),
        "median_unbiased": (1 / 3.0, 1 / 3.0),
        "normal_unbiased": (3 / 8.0, 3 / 8.0),
    }
)

# Of the definitions that take one element: its rank among n.
_DISCRETE: Mapping[str, Callable[[int, Array], Any]] = MappingProxyType(
    {
        "lower": lambda n, q: np.floor((n - 1) * q),
        "higher": lambda n, q: np.ceil((n - 1) * q),
        "nearest": lambda n, q: np.around((n - 1) * q),
        "inverted_cdf": lambda n, q: np.ceil(n * q - 1),
        "closest_observation": lambda n, q: _even(n * q - 1 - 0.5),
    }
)

#: Names of the definitions that :func:`quantile_search` knows; those of `numpy.quantile`.
METHODS = ("linear", "midpoint", "averaged_inverted_cdf", *_PLOTTING, *_DISCRETE)


@dataclass(frozen=True, slots=True, eq=False)
class QuantileSearch:
    """The search for quantiles: call it with each block, until it is done, as a `Search`.

    Attributes
    ----------
    search : Search
        For the element before each quantile, then the one behind.
    weights : ndarray or float or None
        How far each quantile is from one to the other; None if it is the first.
    shape : tuple of int
        Of the result.
    """

    search: Search
    weights: Any
    shape: tuple[int, ...]

    @property
    def is_done(self) -> bool:
        """Whether no pass is needed any more."""
        return self.search.is_done

    def __call__(self, block: Array) -> Found:
        """Return what a block adds, as of `Search`."""
        return self.search(block)

    def narrowed(self, found: Found) -> "QuantileSearch":
        """Return the search after a pass, as of `Search`."""
        return replace(self, search=self.search.narrowed(found))

    def values(self) -> Any:
        """Return the quantiles in the shape of `q`, once the search is done."""
        neighbors = 1 if self.weights is None else 2
        elements = self.search.values().reshape(neighbors, *self.shape)
        if self.weights is None:
            return elements[0][()]
        with np.errstate(invalid="ignore", over="ignore"):
            return _between(elements[0], elements[1], self.weights)[()]


def quantile_search(
    survey: Survey, q: Any, method: str = "linear", **options: int
) -> QuantileSearch:
    """Begin the search for quantiles; they are NaN or NaT if there is one of these.

    Parameters
    ----------
    survey : Survey
        Of all blocks.
    q : float or array_like
        Between 0 and 1.
    method : str
        One of `METHODS`, with NumPy's meaning.
    **options
        As of `Survey.search`.

    Raises
    ------
    UnsupportedOptionError
        If `q` or `method` is not as said.
    UnsupportedArrayError
        If there is nothing between two elements: they are booleans.
    RegionError
        If there are no elements.

    Notes
    -----
    The result is that of `numpy.quantile` to the last bit, except for the sign of zero.

    Examples
    --------
    >>> from filexchange.blocks.kernels.selection import survey
    >>> block = np.array([3, 1, 2, 10])
    >>> quantile_search(survey(block), [0.5, 0.9], max_bytes=0).is_done
    False
    >>> quantile_search(survey(block.astype("u1")), [0.5, 0.9]).values()
    array([2.5, 7.9])
    """
    if survey.missing == 0:
        return _search(survey, survey.count, q, method, options)
    begun = _search(survey, survey.count + survey.missing, q, method, options)
    last = survey.count + survey.missing - 1
    return replace(begun, search=survey.search([last] * len(begun.search.ranks), **options))


def nan_quantile_search(
    survey: Survey, q: Any, method: str = "linear", **options: int
) -> QuantileSearch:
    """Begin the search for quantiles of what is not NaN or NaT, as :func:`quantile_search`.

    Of nothing else than these, they are what `numpy.nanquantile` gives: NaN.

    Examples
    --------
    >>> from filexchange.blocks.kernels.selection import survey
    >>> block = np.array([3, np.nan, 1, 2, 10], "f2")
    >>> nan_quantile_search(survey(block), 0.5).values()
    np.float16(2.5)
    >>> quantile_search(survey(block), 0.5).values()
    np.float16(nan)
    """
    return _search(survey, survey.count or survey.missing, q, method, options)


def check_quantiles(q: Any, method: str, dtype: DType) -> None:
    """Raise an error if there are no such quantiles; see :func:`quantile_search`."""
    asked = np.asarray(q)
    if asked.dtype.kind not in "biuf" or not ((asked >= 0) & (asked <= 1)).all():
        raise UnsupportedOptionError(f"q={q!r} is not a quantile: give numbers between 0 and 1")
    if method not in METHODS:
        raise UnsupportedOptionError(
            f"method={method!r} is not a definition of quantiles: give one of {', '.join(METHODS)}"
        )
    if dtype.kind == "b" and method not in _DISCRETE:
        raise UnsupportedArrayError(
            f"method={method!r} interpolates, and nothing is between False and True: view the "
            f"array as uint8, or use one of the methods {', '.join(_DISCRETE)}"
        )


def _search(
    survey: Survey, count: int, q: Any, method: str, options: dict[str, int]
) -> QuantileSearch:
    check_quantiles(q, method, survey.dtype)
    asked = np.asarray(q)
    # As NumPy: with a plain number the result has the precision of the elements.
    is_plain = type(q) in {int, float}
    if method in _DISCRETE:
        ranks = np.asarray(_DISCRETE[method](count, asked)).astype(np.intp)
        ranks = np.clip(ranks, 0, count - 1)
        return QuantileSearch(survey.search(ranks.ravel().tolist(), **options), None, asked.shape)
    position = np.asarray(_position(count, asked, method))
    before = np.floor(position)
    weights = _weights(position - before, method).astype(position.dtype)
    ranks = np.clip(np.stack([before, before + 1]).astype(np.intp), 0, count - 1)
    if method == "linear" and position.dtype.kind != "f":  # q is 0 or 1: the elements themselves
        search = survey.search(ranks[0].ravel().tolist(), **options)
        return QuantileSearch(search, None, asked.shape)
    search = survey.search(ranks.ravel().tolist(), **options)
    return QuantileSearch(search, float(weights) if is_plain else weights, asked.shape)


def _position(n: int, q: Array, method: str) -> Any:
    """Return the ranks of quantiles among `n` elements, with what is between two ranks.

    In the order of operations that NumPy has, so that rounding is the same.
    """
    if method == "linear":
        return (n - 1) * q
    if method == "midpoint":
        return 0.5 * (np.floor((n - 1) * q) + np.ceil((n - 1) * q))
    if method == "averaged_inverted_cdf":
        return n * q - 1
    alpha, beta = _PLOTTING[method]
    return n * q + (alpha + q * (1 - alpha - beta)) - 1


def _weights(fraction: Array, method: str) -> Array:
    """Return how far quantiles are between two elements, from the fraction of their rank."""
    if method == "midpoint":
        return np.where(fraction == 0, 0.0, 0.5)
    if method == "averaged_inverted_cdf":
        return np.where(fraction == 0, 0.5, 1.0)
    return fraction


def _even(position: Any) -> Any:
    """Return the next rank, or of two equally near ones that which is even, counted from 1."""
    before = np.floor(position)
    return np.where((position == before) & (before % 2 == 1), before, before + 1)


def _between(first: Array, second: Array, weights: Any) -> Any:
    """Interpolate as NumPy does, from the nearer side: the result is monotonous."""
    difference = second - first
    forward = first + difference * weights
    backward = second - difference * (1 - weights)
    return np.where(np.asarray(weights) >= 0.5, backward, forward)  # noqa: PLR2004 - the middle
