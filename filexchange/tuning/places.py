"""Where an exchange is fastest, and what travels inside its messages, as profiles know it."""

from collections.abc import Sequence

from filexchange.aliases import PathLike
from filexchange.tuning.profiles import Profile, profile_of

# A place that is faster by less than this is no reason to go there.
_FASTER = 0.9
_LARGE = 1 << 20


def fastest_directory(places: Sequence[str]) -> str:
    """Return the place where arrays go from process to process fastest.

    Parameters
    ----------
    places : sequence of str
        The first one is to be preferred, and taken if its profile is not known.
    """
    profiles = {place: profile for place in places if (profile := profile_of(place)) is not None}
    best = places[0]
    if best not in profiles:
        return best
    for place, profile in profiles.items():
        if _slowness(profile, profiles[best]) < _FASTER:
            best = place
    return best


def _slowness(first: Profile, second: Profile) -> float:
    """Return how many times longer segments take by one profile, at the size it is worst for."""
    sizes = first.segments.keys() & second.segments.keys()
    return max((first.segments[n] / second.segments[n] for n in sizes if n >= _LARGE), default=1.0)


def tuned_inline_below(directory: PathLike) -> int | None:
    """Return from how many bytes on arrays are faster by segment; None without a profile."""
    profile = profile_of(directory)
    return None if profile is None else profile.inline_below
