"""The choice: the way whose worst case is the least bad; a probe only where it matters."""

import functools
import math
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from filexchange.aliases import Array
from filexchange.tuning.model import Figures, at_slowest, expected, expected_of
from filexchange.tuning.probing import FULL, QUICK
from filexchange.tuning.profiles import Profile
from filexchange.tuning.uses import Use, costs
from filexchange.tuning.ways import Way

#: A way that is at most this much worse than the best is as good, if it is simpler.
AS_GOOD = 1.1

# Sizes between a power of two and the next one for which choices are remembered.
_STEPS = 8

Probe = Callable[[Sequence[str]], Mapping[str, float]]


class Choice(NamedTuple):
    """Ways in the order in which they are to be preferred, and what is expected of them.

    Attributes
    ----------
    order : tuple of Way
    figures : Figures
        Of these ways, in this order; over inputs, the mean.
    costs : ndarray
    fractions : mapping of str to float
        What the probe said; empty if it was not asked.
    """

    order: tuple[Way, ...]
    figures: Figures
    costs: Array
    fractions: Mapping[str, float]


def choose(
    profile: Profile,
    possible: Sequence[Way],
    use: Use,
    nbytes: int,
    itemsize: int,
    probe: Probe | None,
) -> Choice:
    """Return the possible ways, the best one first.

    Parameters
    ----------
    profile : Profile
    possible : sequence of Way
        Those in the profile are ranked.
    use : {"exchange", "archive", "slices"}
    nbytes, itemsize : int
        Of the array.
    probe : callable, optional
        Returns what codecs leave of the array; called only if the answer may change the choice.
    """
    rows = _rows(profile, possible)
    every = _of(expected(profile, nbytes), rows)
    figures = judged = every
    fractions: Mapping[str, float] = {}
    regret = _regret(costs(use, *judged))
    if probe is not None and regret.min() > AS_GOOD:
        fractions = probe(FULL if use == "archive" else QUICK)
        if fractions:
            figures = _of(expected_of(profile, nbytes, itemsize, fractions), rows)
            # An archive has a limit of time, which is to hold whatever the values are.
            judged = at_slowest(figures, every) if use == "archive" else figures
            regret = _regret(costs(use, *judged))
    order = _ranked(regret)
    return Choice(
        tuple(profile.ways[rows[number]] for number in order),
        _mean(figures, order),
        costs(use, *_mean(judged, order)),
        fractions,
    )


def _mean(figures: Figures, order: Sequence[int]) -> Figures:
    """Return the means over inputs, in some order of the ways."""
    seconds = np.exp(np.log(figures.seconds).mean(axis=1))
    return Figures(seconds[order], figures.nbytes.mean(axis=1)[order])


def settled(profile: Profile, possible: Sequence[Way], use: Use, nbytes: int) -> Way | None:
    """Return the way that is as good as the best whatever the values are, if there is one.

    It is remembered for sizes that are within a twentieth of each other, and takes microseconds.
    """
    return _settled(profile, tuple(possible), use, round(math.log2(max(1, nbytes)) * _STEPS))


@functools.lru_cache(maxsize=1024)
def _settled(profile: Profile, possible: tuple[Way, ...], use: Use, step: int) -> Way | None:
    rows = _rows(profile, possible)
    figures = _of(expected(profile, round(2 ** (step / _STEPS))), rows)
    regret = _regret(costs(use, *figures))
    return profile.ways[rows[_ranked(regret)[0]]] if regret.min() <= AS_GOOD else None


def _rows(profile: Profile, possible: Sequence[Way]) -> list[int]:
    return [number for number, way in enumerate(profile.ways) if way in possible]


def _of(figures: Figures, rows: Sequence[int]) -> Figures:
    return Figures(figures.seconds[rows], figures.nbytes[rows])


def _regret(cost: Array) -> Array:
    """Return how many times the best each way costs, at the input that is the worst for it."""
    worst: Array = (cost / cost.min(axis=0)).max(axis=1)
    return worst


def _ranked(regret: Array) -> list[int]:
    """Return the ways by regret, but first the simplest one that is as good as the best."""
    order = sorted(range(len(regret)), key=lambda number: regret[number])
    first = next(n for n in range(len(regret)) if regret[n] <= AS_GOOD * regret.min())
    return [first, *(number for number in order if number != first)]
