"""What is known of a directory: the figures to choose by, and where they are from."""

from collections.abc import Sequence
from typing import NamedTuple

from filexchange.tuning.profiles import Profile, ordinary, profile_of
from filexchange.tuning.recycling import with_segments
from filexchange.tuning.ways import Way


class Known(NamedTuple):
    """What is known of a directory.

    Attributes
    ----------
    directory : str
    profile : Profile or None
        Of its file system, if there is one.
    figures : Profile
        Those to choose by, of an ordinary machine where there is no profile.
    remarks : tuple of str
        What has to be said of the figures.
    """

    directory: str
    profile: Profile | None
    figures: Profile
    remarks: tuple[str, ...] = ()

    @classmethod
    def of(cls, directory: str) -> "Known":
        """Return what is known of new files."""
        profile = profile_of(directory)
        return cls(directory, profile, profile or ordinary())

    @classmethod
    def of_exchange(cls, directory: str) -> "Known":
        """Return what is known where ``npy`` is written to segments."""
        known = cls.of(directory)
        remark = "npy is a segment of the exchange, which is there already"
        return known._replace(figures=with_segments(known.figures), remarks=(remark,))

    def among(self, possible: Sequence[Way]) -> list[Way]:
        """Return the ways that were measured."""
        return [way for way in possible if way in self.figures.ways]
