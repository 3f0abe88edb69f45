"""Two runs side by side: two machines, or before and after a change."""

import math
import statistics
from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

from filexchange.benchmark.reporting.questions import is_clearly_less
from filexchange.benchmark.results import Case, CaseResult, Results

Verdict = Literal["faster", "same", "slower"]


class Change(NamedTuple):
    """One access of one case in two runs.

    Attributes
    ----------
    case : Case
        As it is in the first run.
    access : str
    before, after : float
        Medians in seconds.
    verdict : {"faster", "same", "slower"}
        ``same`` if the difference could be noise.
    """

    case: Case
    access: str
    before: float
    after: float
    verdict: Verdict

    @property
    def ratio(self) -> float:
        """How many times the time before it takes after."""
        return self.after / self.before if self.before else math.inf


class Difference(NamedTuple):
    """A fact that is not the same in both runs; None where it has no value."""

    name: str
    before: str | None
    after: str | None


class Comparison(NamedTuple):
    """What two runs have in common, and what not.

    Attributes
    ----------
    changes : tuple of Change
        Of everything that both measured.
    broken : tuple of CaseResult
        Cases of the second run that failed, and did not in the first.
    only_before, only_after : tuple of Case
        Cases that one run does not have, or has of another array.
    differences : tuple of Difference
        Of the machines, software, directories and arrays.
    """

    changes: tuple[Change, ...]
    broken: tuple[CaseResult, ...]
    only_before: tuple[Case, ...]
    only_after: tuple[Case, ...]
    differences: tuple[Difference, ...]

    def of(self, verdict: Verdict) -> tuple[Change, ...]:
        """Return the changes with a verdict, the largest first."""
        found = (change for change in self.changes if change.verdict == verdict)
        return tuple(sorted(found, key=lambda change: change.ratio, reverse=verdict != "faster"))

    def slower_than(self, limit: float) -> tuple[Change, ...]:
        """Return what takes more than `limit` times the time before, noise and floors left out."""
        return tuple(
            change
            for change in self.of("slower")
            if change.ratio > limit and change.case.role != "floor"
        )


def compare(before: Results, after: Results) -> Comparison:
    """Compare two runs case by case.

    Parameters
    ----------
    before, after : Results
        Of two machines, or of one before and after a change.

    Notes
    -----
    Cases are the same if their arrays, ways, caches and directories are. Directories that only one
    run has are taken in pairs, in their order, so that machines with other paths can be compared;
    they are among the differences.

    A change counts by the rule of `ranking.is_clearly_less`. The two
    runs were at different times, and no rounds went through both: on a machine with other work to
    do, what is called slower may be the machine.
    """
    renamed = _directories(before, after)
    old = _comparable(before, after, before.cases)
    new = _comparable(before, after, after.cases)
    pairs = [
        (result, new[twin])
        for case, result in old.items()
        if (twin := case._replace(directory=renamed.get(case.directory, case.directory))) in new
    ]
    twins = {result.case for _, result in pairs}
    known = {result.case for result, _ in pairs}
    return Comparison(
        changes=tuple(change for pair in pairs for change in _changes(*pair)),
        broken=tuple(
            result for earlier, result in pairs if result.error is not None and earlier.is_measured
        ),
        only_before=tuple(each.case for each in before.cases if each.case not in known),
        only_after=tuple(each.case for each in after.cases if each.case not in twins),
        differences=tuple(_differences(before, after, renamed)),
    )


def overall(changes: Sequence[Change]) -> dict[str, tuple[float, dict[Verdict, int]]]:
    """Return the geometric mean of the ratios of each access, and how many have which verdict."""
    by_access: dict[str, list[Change]] = {}
    for change in changes:
        by_access.setdefault(change.access, []).append(change)
    return {
        access: (
            statistics.geometric_mean(change.ratio for change in found),
            {
                verdict: sum(change.verdict == verdict for change in found)
                for verdict in ("faster", "same", "slower")
            },
        )
        for access, found in by_access.items()
    }


def _directories(before: Results, after: Results) -> dict[str, str]:
    """Return what a directory of the first run is called in the second, if that has another."""
    old, new = ([place.directory for place in each.places] for each in (before, after))
    rest = [[name for name in old if name not in new], [name for name in new if name not in old]]
    return dict(zip(*rest, strict=False))


def _comparable(
    before: Results, after: Results, cases: Sequence[CaseResult]
) -> dict[Case, CaseResult]:
    """Return the cases whose arrays are in both runs, with equal shape and dtype."""
    common = set(before.inputs) & set(after.inputs)
    names = {each.name for each in common}
    return {result.case: result for result in cases if result.case.input in names}


def _changes(before: CaseResult, after: CaseResult) -> list[Change]:
    if not (before.is_measured and after.is_measured):
        return []
    changes = []
    for access, old in before.seconds.items():
        new = after.seconds.get(access)
        if old and new:
            verdict: Verdict = "same"
            if is_clearly_less(old, new):
                verdict = "slower"
            elif is_clearly_less(new, old):
                verdict = "faster"
            medians = statistics.median(old), statistics.median(new)
            changes.append(Change(before.case, access, *medians, verdict))
    return changes


def _differences(before: Results, after: Results, renamed: Mapping[str, str]) -> list[Difference]:
    old, new = (_facts(each) for each in (before, after))
    found = [
        Difference(name, old.get(name), new.get(name))
        for name in dict.fromkeys([*old, *new])
        if old.get(name) != new.get(name)
    ]
    return [*found, *(Difference("directory", *pair) for pair in renamed.items())]


def _facts(results: Results) -> dict[str, str]:
    machine = results.machine
    systems = {place.directory: place.file_system for place in results.places}
    return {
        "system": machine.system,
        "processor": machine.processor,
        "CPUs": str(machine.cpu_count),
        "memory": str(machine.memory),
        "Python": machine.python,
        **machine.packages,
        **{f"array {each.name}": f"{each.dtype} {each.shape}" for each in results.inputs},
        **{f"file system of {name}": system for name, system in systems.items()},
    }
