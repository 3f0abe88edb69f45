"""Parts of sentences about who wins where."""

from collections.abc import Mapping, Sequence

from filexchange.benchmark.reporting.ranking import Group, Standing, groups
from filexchange.benchmark.results import CaseResult, Results
from filexchange.quantities import format_seconds, format_times, three_digits
from filexchange.sizes import format_size

_NAMED = 3


def label(results: Results, group: Group) -> str:
    """Return what tells a group from the others of a run; empty if it is the only one."""
    columns = zip(group, *groups(results), strict=True)
    return ", ".join(part for part, *others in columns if part and len(set(others)) > 1)


def names(found: Standing | None) -> str:
    """Return winners; those after the first tie with it."""
    return "-" if found is None else " = ".join(found.ways)


def value(found: Standing) -> str:
    """Return the median of the best, with its unit."""
    return (format_size if found.question.access is None else format_seconds)(found.value)


def margin(found: Standing) -> str:
    """Return who is clearly behind the winners, and by how much."""
    if found.behind is None or found.margin is None:
        return "-"
    return f"{format_times(found.margin)} {found.behind.case.way}"


def choice(results: Results, choices: Mapping[str, Sequence[Group]]) -> str:
    """Return the first choice, and the others with what each is for."""
    (first, _), *rest = choices.items()
    where = (f"{way} for {some([label(results, each) for each in of])}" for way, of in rest)
    return "; ".join([first, *where])


def some(of: Sequence[str]) -> str:
    """Return some names, and how many there are beside."""
    more = [f"{len(of) - _NAMED} more"] if len(of) > _NAMED else []
    *most, last = [*of[:_NAMED], *more]
    return f"{', '.join(most)} and {last}" if most else last


def others(found: Standing, taken: CaseResult) -> str:
    """Compare with who ties, and with who is behind."""
    ties = [each.case.way for each in found.winners if each is not taken]
    said = []
    if ties:
        said.append(f"{some(ties)} {'is' if len(ties) == 1 else 'are'} as fast within the noise")
    if found.behind is not None and found.margin is not None:
        said.append(f"the next is {found.behind.case.way}, {three_digits(found.margin)} times that")
    return "; ".join(said)


def sentence(*clauses: str) -> str:
    """Return a sentence of the clauses that are not empty."""
    said = "; ".join(filter(None, clauses))
    return f"{said[:1].upper()}{said[1:]}."
