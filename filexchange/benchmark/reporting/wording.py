"""What to take, in words, with the reasons."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from filexchange.benchmark.reporting.covering import cover
from filexchange.benchmark.reporting.phrases import choice, others, sentence, some
from filexchange.benchmark.reporting.questions import (
    ROUND_TRIP,
    SLICE,
    SMALLEST,
    TRANSPORT,
    Question,
)
from filexchange.benchmark.reporting.ranking import (
    Group,
    Standing,
    front,
    groups,
    largest,
    members,
    standing,
)
from filexchange.benchmark.results import CaseResult, Results
from filexchange.quantities import format_rate, format_seconds, three_digits

# Saving less than a tenth is no reason to compress.
_WORTH_SAVING = 0.9


class Advice(NamedTuple):
    """What to take for one purpose.

    Attributes
    ----------
    purpose : str
        Such as ``"to exchange"``.
    choice : str
        What to take, and where it is something else.
    reason : str
        A sentence with the figures, of the largest array that the choice is for.
    """

    purpose: str
    choice: str
    reason: str

    def __str__(self) -> str:
        said = ": ".join(part for part in (self.purpose, self.choice) if part)
        return f"{said}. {self.reason}".strip()


def recommendation(results: Results) -> tuple[Advice, ...]:
    """Return what to take for each purpose that was measured.

    A tie is decided by the order of the cases, which is the same in every run.
    """
    if not results.measured:
        return (Advice("", "nothing was measured", "Every case failed, or none was begun."),)
    found = (
        _fastest(results, ROUND_TRIP, "to exchange"),
        _fastest(results, TRANSPORT, "from process to process"),
        _fastest(results, SLICE, "to read parts"),
        _smallest(results),
        _directory(results),
    )
    return tuple(advice for advice in found if advice is not None)


def _fastest(results: Results, question: Question, purpose: str) -> Advice | None:
    found = _standings(results, question)
    if not found:
        return None
    choices = cover({group: each.ways for group, each in found.items()}, _ways(results))
    group = largest(results, next(iter(choices.values())))[0]
    taken = _winner(found[group], choices)
    seconds, nbytes = found[group].value_of(taken), results.input(group.input).nbytes
    if question is SLICE:
        figure = f"{format_seconds(seconds)} for a hundredth of {group.input}"
    else:
        figure = f"{format_seconds(seconds)} for {group.input} ({format_rate(nbytes / seconds)})"
    reason = sentence(
        figure,
        _memcpy(results, group) if question is ROUND_TRIP else "",
        others(found[group], taken),
    )
    return Advice(purpose, choice(results, choices), reason)


def _smallest(results: Results) -> Advice | None:
    """Advise on compression, which depends on the data and hardly on the directory."""
    everywhere = _standings(results, SMALLEST)
    found = {group.input: (group, everywhere[group]) for group in reversed(everywhere)}
    if not found:
        return None
    saving = {
        group: each.ways
        for group, each in found.values()
        if each.value <= _WORTH_SAVING * results.input(group.input).nbytes
    }
    if not saving:
        return Advice("to save space", "do not compress", "No format saves more than a tenth.")
    choices = cover(saving, _ways(results))
    group = largest(results, next(iter(choices.values())))[0]
    taken = _winner(found[group.input][1], choices)
    reason = sentence(
        f"{_share(results, taken)} of the bytes of {group.input}{_cost(results, group, taken)}",
        _compromise(results, group),
    )
    kept = [group.input for group, _ in found.values() if group not in saving]
    rest = f"; for {some(kept)} do not compress" if kept else ""
    return Advice("to save space", choice(results, choices) + rest, reason)


def _directory(results: Results) -> Advice | None:
    """Advise on the directory: the one where the best format of each is fastest."""
    contests: dict[Group, dict[str, CaseResult]] = {}
    for group, found in _standings(results, ROUND_TRIP).items():
        contests.setdefault(group._replace(directory=""), {})[group.directory] = found.winners[0]
    winners = {group: _fastest_of(best) for group, best in contests.items() if len(best) > 1}
    if not winners:
        return None
    names = {each.directory: f"{each.directory} ({each.file_system})" for each in results.places}
    choices = cover(winners, list(names))
    place, served = next(iter(choices.items()))
    group = largest(results, served)[0]
    there = contests[group].pop(place)
    reason = sentence(
        f"{format_seconds(_seconds(there))} for {group.input} there, with {there.case.way}",
        *(
            f"{format_seconds(_seconds(each))} in {directory}, with {each.case.way}"
            + (", which is a tie" if directory in winners[group] else "")
            for directory, each in contests[group].items()
        ),
    )
    named = {names[directory]: of for directory, of in choices.items()}
    return Advice("where", choice(results, named), reason)


def _fastest_of(best: Mapping[str, CaseResult]) -> list[str]:
    samples = {name: ROUND_TRIP.samples(result) for name, result in best.items()}
    first = min(best, key=lambda name: _seconds(best[name]))
    return [name for name in best if not ROUND_TRIP.is_clear(samples[first], samples[name])]


def _standings(results: Results, question: Question) -> dict[Group, Standing]:
    return {
        group: found
        for group in groups(results)
        if (found := standing(results, group, question)) is not None
    }


def _ways(results: Results) -> list[str]:
    return list(dict.fromkeys(result.case.way for result in results.cases))


def _winner(found: Standing, choices: Mapping[str, Sequence[Group]]) -> CaseResult:
    """Return the measurements of the first choice among the winners."""
    return found.winners[found.ways.index(next(iter(choices)))]


def _seconds(result: CaseResult) -> float:
    found = result.spread("round_trip")
    return float("nan") if found is None else found.median


def _memcpy(results: Results, group: Group) -> str:
    """Say what the machine needs to copy as much in memory."""
    floors = [
        (spread.median, result.case.way)
        for result in members(results, group, "floor")
        if result.is_measured and not result.case.directory
        for access in result.seconds
        if (spread := result.spread(access)) is not None
    ]
    return f"{min(floors)[1]} alone takes {format_seconds(min(floors)[0])}" if floors else ""


def _share(results: Results, result: CaseResult) -> str:
    return three_digits((result.nbytes_on_disk or 0) / results.input(result.case.input).nbytes)


def _cost(results: Results, group: Group, smallest: CaseResult) -> str:
    fastest = standing(results, group, ROUND_TRIP)
    if fastest is None or smallest.spread("round_trip") is None:
        return ""
    if smallest in fastest.winners:
        return ", and nothing is faster"
    times = three_digits(_seconds(smallest) / fastest.value)
    return f" at {times} times the time of {fastest.winners[0].case.way}"


def _compromise(results: Results, group: Group) -> str:
    """Name what lies on the Pareto front between the fastest and the smallest."""
    fastest, *between = front(results, group, "round_trip") or (None,)
    if fastest is None or len(between) < 2:  # noqa: PLR2004 - one between, and the smallest
        return ""
    middle = min(between[:-1], key=lambda each: _seconds(each) * (each.nbytes_on_disk or 0))
    times = three_digits(_seconds(middle) / _seconds(fastest))
    return (
        f"between the two is {middle.case.way}: {_share(results, middle)} of the bytes, "
        f"{times} times the time"
    )
