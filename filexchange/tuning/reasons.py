"""Why a way was chosen, in words."""

import operator
from collections.abc import Mapping, Sequence

from filexchange.quantities import format_seconds
from filexchange.sizes import format_size
from filexchange.tuning.choosing import AS_GOOD, Choice
from filexchange.tuning.profiles import Profile
from filexchange.tuning.recommendation import Expected
from filexchange.tuning.subjects import Subject, Together
from filexchange.tuning.uses import ARCHIVE_SECONDS, ARCHIVE_TIMES, SLICE_READS, Use

# What no codec makes smaller than this, in proportion, is said to be hardly smaller.
_HARDLY = 0.98

_WANTED: Mapping[Use, str] = {
    "exchange": "the less time to write it once and read it once in another process, the better",
    "archive": (
        f"the fewer bytes on disk the better; beyond {ARCHIVE_TIMES} times what the fastest format "
        f"takes to write and read, or {ARCHIVE_SECONDS * 1e3:.0f} ms, they count for more"
    ),
    "slices": (
        f"the less time to write it once and read {SLICE_READS} parts of it, a hundredth of the "
        "rows or a chunk each, the better"
    ),
}


def reasons_of(
    subject: Subject | Together,
    choice: Choice,
    best: Expected,
    others: Sequence[Expected],
    use: Use,
    directory: str,
    profile: Profile | None,
) -> tuple[str, ...]:
    """Return what is wanted, what is expected, what a sample said, and where figures are from."""
    return (
        f"{subject}; {_WANTED[use]}",
        _in_bytes(best, others) if use == "archive" else _in_time(best, others),
        _of_sample(subject, choice),
        _of_origin(directory, profile),
    )


def _in_time(best: Expected, others: Sequence[Expected]) -> str:
    said = f"{best.way} is expected to take {format_seconds(best.cost)} for that"
    if not others:
        return said
    other = others[0]
    seconds = format_seconds(other.cost)
    if other.cost < best.cost:
        return f"{said}; {other.way} with {seconds} {_why_not(other, best)}"
    return f"{said}; the next best is {other.way} with {seconds}"


def _in_bytes(best: Expected, others: Sequence[Expected]) -> str:
    said = f"{best.way} is expected to need {format_size(best.nbytes_on_disk)}"
    if not others:
        return said
    other = others[0]
    size = format_size(other.nbytes_on_disk)
    if other.cost < best.cost:
        return f"{said}; {other.way} with {size} {_why_not(other, best)}"
    if other.nbytes_on_disk < best.nbytes_on_disk:
        seconds = format_seconds(other.write_s + other.read_s)
        return f"{said}; {other.way} would need {size}, but {seconds} to write and read it"
    return f"{said}; the next best is {other.way} with {size}"


def _why_not(other: Expected, best: Expected) -> str:
    """Say why what is expected to cost less, over all inputs, is not the best."""
    if other.cost * AS_GOOD >= best.cost:
        return "is hardly better"
    return "depends more on the values"


def _of_sample(subject: Subject | Together, choice: Choice) -> str:
    if choice.fractions:
        name, left = min(choice.fractions.items(), key=operator.itemgetter(1))
        if left > _HARDLY:
            return "a sample of the array hardly gets smaller when it is compressed"
        return f"a sample of the array shrinks to {100 * left:.2g}% when {name} compresses it"
    if not subject.has_values:
        return "the values are not there yet: this choice suits any values"
    return "the values were not looked at: this choice is the same for any values"


def _of_origin(directory: str, profile: Profile | None) -> str:
    if profile is None:
        return (
            f"nothing was measured where {directory} is, so the times are those of an ordinary "
            "machine: run `filexchange tune` to have your own"
        )
    system = profile.file_system
    return f"the times are those measured on {system.mount} ({system.type}) at {profile.made}"
