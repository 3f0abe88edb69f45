"""Which way is best for what, and whether another run would say so too.

Cases are compared within a :class:`Group`: one input in one directory with one state of the page
cache. Each :class:`Question` has a :class:`Standing` there: the winner, all that tie with it, and
the next one behind.
"""

import statistics
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from filexchange.benchmark.reporting.questions import QUESTIONS, Question
from filexchange.benchmark.results import Access, Cache, Case, CaseResult, Input, Results, Role


class Group(NamedTuple):
    """What is compared with each other: one input, one directory, one state of the page cache."""

    input: str
    directory: str
    cache: Cache


class Standing(NamedTuple):
    """The answer to a question in a group.

    Attributes
    ----------
    question : Question
    winners : tuple of CaseResult
        The best, and those that are as good within the noise. In the order of the cases, which is
        the same in every run.
    value : float
        Median of the best: seconds, or bytes.
    behind : CaseResult or None
        The best of those that are clearly behind.
    margin : float or None
        How many times the best it has.
    """

    question: Question
    winners: tuple[CaseResult, ...]
    value: float
    behind: CaseResult | None
    margin: float | None

    def value_of(self, winner: CaseResult) -> float:
        """Return the median of one of the winners."""
        return statistics.median(self.question.samples(winner))

    @property
    def ways(self) -> tuple[str, ...]:
        """The winners' names."""
        return tuple(result.case.way for result in self.winners)


def groups(results: Results) -> tuple[Group, ...]:
    """Return the groups that there are results of, in the order of the inputs and places."""
    inputs = {each.name: position for position, each in enumerate(results.inputs)}
    places = {each.directory: position for position, each in enumerate(results.places)}
    found = dict.fromkeys(
        Group(result.case.input, result.case.directory, result.case.cache)
        for result in results.cases
        if result.case.role != "floor"
    )
    with_files = {group.input for group in found if group.directory}
    # What needs no directory is compared with what is in each of them.
    kept = [group for group in found if group.directory or group.input not in with_files]
    return tuple(sorted(kept, key=lambda group: (inputs[group[0]], places.get(group[1], 0))))


def members(results: Results, group: Group, role: Role | None = None) -> tuple[CaseResult, ...]:
    """Return the cases of a group, failed ones as well; those that need no directory are in all."""
    return tuple(
        result
        for result in results.cases
        if _belongs(result.case, group) and role in {None, result.case.role}
    )


def _belongs(case: Case, group: Group) -> bool:
    if case.input != group.input or case.directory not in {group.directory, ""}:
        return False
    # Memory has no page cache.
    return case.cache == group.cache or (case.role == "floor" and not case.directory)


def standing(results: Results, group: Group, question: Question) -> Standing | None:
    """Return who wins, None if nobody was measured."""
    in_order = [
        result
        for result in members(results, group, question.role)
        if result.is_measured and question.samples(result)
    ]
    if not in_order:
        return None
    field = sorted(in_order, key=lambda result: statistics.median(question.samples(result)))
    best = question.samples(field[0])
    behind = [each for each in field if question.is_clear(best, question.samples(each))]
    value = statistics.median(best)
    following = behind[0] if behind else None
    return Standing(
        question=question,
        winners=tuple(result for result in in_order if result not in behind),
        value=value,
        behind=following,
        margin=statistics.median(question.samples(following)) / value if following else None,
    )


def standings(results: Results, group: Group) -> Mapping[Question, Standing]:
    """Return the answers to all questions that have one."""
    return {
        question: found
        for question in QUESTIONS
        if (found := standing(results, group, question)) is not None
    }


def by_size(results: Results) -> tuple[Input, ...]:
    """Return the inputs, small ones first."""
    return tuple(sorted(results.inputs, key=lambda each: each.nbytes))


def largest(results: Results, of: Sequence[Group]) -> list[Group]:
    """Return the groups of the largest array, in their order."""
    most = max((results.input(group.input).nbytes for group in of), default=0)
    return [group for group in of if results.input(group.input).nbytes == most]


def front(results: Results, group: Group, access: Access) -> tuple[CaseResult, ...]:
    """Return the Pareto front of a group's formats: no other is both faster and smaller.

    They are in the order of their time, and so the smaller the later.
    """
    field = [
        (spread.median, result.nbytes_on_disk, result)
        for result in members(results, group, "format")
        if result.is_measured
        and result.nbytes_on_disk is not None
        and (spread := result.spread(access)) is not None
    ]
    found: list[CaseResult] = []
    smallest = float("inf")
    for _, nbytes, result in sorted(field, key=lambda point: point[:2]):
        if nbytes < smallest:
            found.append(result)
            smallest = nbytes
    return tuple(found)


def disagreements(runs: Iterable[Results]) -> tuple[tuple[Group, Question], ...]:
    """Return the questions that no way wins, or ties for, in every one of several runs.

    Examples
    --------
    >>> disagreements([])
    ()
    """
    common: dict[tuple[Group, Question], set[str]] = {}
    for run in runs:
        for group in groups(run):
            for question, found in standings(run, group).items():
                ways = common.setdefault((group, question), set(found.ways))
                ways.intersection_update(found.ways)
    return tuple(key for key, ways in common.items() if not ways)
