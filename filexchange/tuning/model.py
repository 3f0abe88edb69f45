"""What a profile says of arrays that were not measured.

Seconds and bytes lie on lines between the sizes that were measured, on logarithmic axes, and go on
in proportion beyond the largest. Between inputs they are means, in which those weigh most that a
probe finds most alike. What the probe itself has seen of a codec counts as an input that is near.
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from filexchange.aliases import Array
from filexchange.tuning.probing import family, tried
from filexchange.tuning.profiles import Profile

# So little is left of what codecs shrink best; less makes no difference to anything.
_SMALLEST_FRACTION = 1e-4
_NEAR = 0.003
_ITEMSIZE_WEIGHT = 0.01
# The likeness of what the probe has seen itself. It is small pieces of the array, where the codec
# gets large ones: closer than any array that is other, but not as close as one that is the same.
_SEEN = 100.0


class Figures(NamedTuple):
    """What is to be expected of each way: for each input of the profile, or for one array.

    Attributes
    ----------
    seconds : ndarray
        Of ways, inputs (one, where the array was probed) and accesses.
    nbytes : ndarray
        On disk, of ways and inputs.
    """

    seconds: Array
    nbytes: Array


def expected(profile: Profile, nbytes: int) -> Figures:
    """Return the figures of an array of `nbytes` if it were like each of the inputs."""
    size = max(1, nbytes)
    sizes = np.log(profile.sizes)
    at = np.clip(np.log(size), sizes[0], sizes[-1])
    after = int(np.clip(np.searchsorted(sizes, at), 1, max(1, len(sizes) - 1)))
    if len(sizes) == 1:
        low = high = 0
        share = 0.0
    else:
        low, high = after - 1, after
        share = (at - sizes[low]) / (sizes[high] - sizes[low])
    seconds = np.exp(
        (1 - share) * np.log(profile.seconds[:, :, low])
        + share * np.log(profile.seconds[:, :, high])
    ) * max(1.0, size / profile.sizes[-1])
    fractions = np.maximum(profile.nbytes / np.array(profile.sizes), _SMALLEST_FRACTION)
    fraction = np.exp(
        (1 - share) * np.log(fractions[:, :, low]) + share * np.log(fractions[:, :, high])
    )
    return Figures(seconds, profile.overhead[:, None] + size * fraction)


def expected_of(
    profile: Profile, nbytes: int, itemsize: int, fractions: Mapping[str, float]
) -> Figures:
    """Return the figures of an array of which a probe has left `fractions`."""
    every = expected(profile, nbytes)
    likeness = _likeness(profile, itemsize, fractions)
    weights = likeness / likeness.sum()
    seconds = np.exp((np.log(every.seconds) * weights[:, None]).sum(axis=1, keepdims=True))
    payload = np.log(np.maximum(every.nbytes - profile.overhead[:, None], 1e-9))
    payload += _corrections(profile, fractions)
    total = (payload * likeness).sum(axis=1)
    for number, way in enumerate(profile.ways):
        left = fractions.get(tried(way) or "")
        if left is not None:
            seen = np.log(max(nbytes * left, 1e-9))
            total[number] = (total[number] + seen * _SEEN) / (1 + _SEEN / likeness.sum())
    stored = np.exp(total / likeness.sum())[:, None]
    return Figures(seconds, profile.overhead[:, None] + stored)


def at_slowest(figures: Figures, every: Figures) -> Figures:
    """Return figures of one array, but the seconds of whatever input takes the longest.

    How long a codec takes can differ by three times between arrays that shrink alike.
    """
    return Figures(every.seconds.max(axis=1, keepdims=True), figures.nbytes)


def _likeness(profile: Profile, itemsize: int, fractions: Mapping[str, float]) -> Array:
    """Return how much like each input an array is: 333 at most, 12 with a third more left of it."""
    distances = np.array(
        [
            np.mean([_log_ratio(fractions, each.fractions, name) ** 2 for name in fractions])
            + _ITEMSIZE_WEIGHT * np.log2(itemsize / each.itemsize) ** 2
            for each in profile.inputs
        ]
    )
    likeness: Array = 1 / (distances + _NEAR)
    return likeness


def _corrections(profile: Profile, fractions: Mapping[str, float]) -> Array:
    """Return the logarithms of what is left of the array for what is left of each input."""
    made = np.zeros((len(profile.ways), len(profile.inputs)))
    for number, way in enumerate(profile.ways):
        name = family(way)
        if name is not None and name in fractions:
            made[number] = [_log_ratio(fractions, each.fractions, name) for each in profile.inputs]
    return made


def _log_ratio(first: Mapping[str, float], second: Mapping[str, float], name: str) -> float:
    low = _SMALLEST_FRACTION
    return float(np.log(max(first.get(name, 1.0), low) / max(second.get(name, 1.0), low)))
