"""Why a way was chosen, in words."""

from collections.abc import Sequence

from filexchange.quantities import format_seconds
from filexchange.sizes import format_size
from filexchange.tuning.choosing import Choice
from filexchange.tuning.profiles import Profile
from filexchange.tuning.recommendation import Expected
from filexchange.tuning.subjects import Subject, Together
from filexchange.tuning.uses import COSTS, Use


def reasons_of(
    subject: Subject | Together,
    choice: Choice,
    best: Expected,
    others: Sequence[Expected],
    use: Use,
    directory: str,
    profile: Profile | None,
) -> tuple[str, ...]:
    """Return what was compared, what a sample said, and where the figures are from."""
    reasons = [f"{subject}; what counts is {COSTS[use]}"]
    said = f"{best.way} is expected to take {_said(best.cost, use)}"
    if others:
        said += f", the next best, {others[0].way}, {_said(others[0].cost, use)}"
    reasons.append(said)
    if choice.fractions:
        left = min(choice.fractions.values())
        name = min(choice.fractions, key=lambda each: choice.fractions[each])
        reasons.append(f"a codec ({name}) leaves {left:.2g} of a sample")
    elif not subject.has_values:
        reasons.append("there is no sample yet, so the choice suits any values")
    else:
        reasons.append("no sample was taken: the choice is the same for any values")
    if profile is None:
        reasons.append(
            f"there is no profile for {directory}, and these are the figures of an ordinary "
            "machine: run `filexchange tune`"
        )
    else:
        reasons.append(
            f"measured on {profile.file_system.mount} ({profile.file_system.type}) at "
            f"{profile.made}"
        )
    return tuple(reasons)


def _said(cost: float, use: Use) -> str:
    return format_size(cost) if use == "archive" else format_seconds(cost)
