"""What was measured where, in words."""

from filexchange.benchmark.reporting.ranking import Group
from filexchange.benchmark.results import Place, Results
from filexchange.sizes import format_size

#: What an access is called where people read it.
TITLES: dict[str, str] = {
    "write": "write",
    "read": "read",
    "slice": "1% slice",
    "strided": "1% strided",
    "rows": "1% random rows",
    "chunk": "one chunk",
    "shared": "all readers",
    "round_trip": "round trip",
}


def facts(results: Results) -> list[str]:
    """Return the lines that say what was measured where."""
    machine = results.machine
    versions = ", ".join(f"{name} {number}" for name, number in machine.packages.items())
    return [
        *(
            f"{each.name}: {each.dtype} {each.shape}, {format_size(each.nbytes)}"
            for each in results.inputs
        ),
        *(f"{place.directory}: {storage(place)}" for place in results.places),
        processor(results),
        f"Python {machine.python}, {versions}",
    ]


def processor(results: Results) -> str:
    """Return what the machine is."""
    machine = results.machine
    memory = format_size(machine.memory)
    return f"{machine.processor}, {machine.cpu_count} CPUs, {memory}, {machine.system}"


def storage(place: Place) -> str:
    """Return what a directory is on."""
    known = place.device not in {"", place.file_system}
    return f"{place.file_system} on {place.device}" if known else place.file_system


def failures(results: Results) -> list[str]:
    """Return a line for each way that failed, and each reason."""
    found: dict[tuple[str, str], list[str]] = {}
    for result in results.cases:
        if result.error is not None:
            where = title(Group(result.case.input, result.case.directory, result.case.cache))
            found.setdefault((result.case.way, result.error), []).append(where)
    return [
        f"{way} ({first}{f', and {len(others)} more' if others else ''}): {error}"
        for (way, error), (first, *others) in found.items()
    ]


def title(group: Group) -> str:
    """Return what a table of a group is headed with."""
    return ", ".join(part for part in group if part)
