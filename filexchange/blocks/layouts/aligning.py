"""Chunks of unequal lengths, joined until they are whole units: pure geometry."""

import itertools
import math

from filexchange.aliases import Shape


def aligned_chunks(chunks: tuple[Shape, ...], unit: Shape | None) -> tuple[Shape, ...]:
    """Return the shortest chunks that consist of whole ones and of whole units.

    Parameters
    ----------
    chunks : tuple of tuple of int
        Lengths along each axis, as Dask has them.
    unit : tuple of int or None
        None where any length does.

    Examples
    --------
    >>> aligned_chunks(((3, 3, 3, 3, 2),), (4,))
    ((12, 2),)
    """
    if unit is None:
        return chunks
    return tuple(_aligned(lengths, step) for lengths, step in zip(chunks, unit, strict=True))


def _aligned(lengths: Shape, step: int) -> Shape:
    whole = sum(lengths)
    stops = [n for n in itertools.accumulate(lengths) if n % step == 0 or n == whole]
    return tuple(stop - start for start, stop in itertools.pairwise((0, *stops)))


def largest(chunks: tuple[Shape, ...]) -> Shape:
    """Return the largest length along each axis.

    Examples
    --------
    >>> largest(((12, 2), (5, 5)))
    (12, 5)
    """
    return tuple(max(lengths, default=0) for lengths in chunks)


def number(chunks: tuple[Shape, ...]) -> int:
    """Return how many chunks there are."""
    return math.prod(map(len, chunks))
