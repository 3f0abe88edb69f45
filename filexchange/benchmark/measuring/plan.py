"""The cases of a run: inputs by ways by directories by states of the page cache."""

import os
import tempfile
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from filexchange.benchmark.measuring import floors
from filexchange.benchmark.measuring.inputs import Source
from filexchange.benchmark.measuring.transports import check_transport, needs_directory
from filexchange.benchmark.measuring.ways import DEFAULT_WAYS, Recipe
from filexchange.benchmark.results import CACHES, Case
from filexchange.errors import MissingDependencyError, UnsupportedOptionError
from filexchange.formats import available_formats
from filexchange.sessions import base_directory


class Entry(NamedTuple):
    """A case, and what it takes to measure it.

    Attributes
    ----------
    case : Case
    nbytes : int
        Of its input.
    way : Recipe or None
        Of a format.
    error : str or None
        Why it cannot be measured.
    """

    case: Case
    nbytes: int
    way: Recipe | None = None
    error: str | None = None


def default_directories() -> list[str]:
    """Return where an exchange would write, and the directory for temporary files on its disk."""
    exchanged = os.path.abspath(base_directory())
    temporary = tempfile.gettempdir()
    same = os.path.isdir(exchanged) and os.stat(exchanged).st_dev == os.stat(temporary).st_dev
    return [exchanged] if same else [exchanged, temporary]


def default_ways() -> list[str]:
    """Return the names of what is measured where the caller names nothing, plug-ins as well."""
    known = {name.partition(":")[0] for name in DEFAULT_WAYS}
    return [*DEFAULT_WAYS, *(name for name in available_formats() if name not in known)]


def entries(
    sources: Sequence[Source],
    ways: Iterable[str | Recipe],
    transports: Iterable[str],
    directories: Sequence[str],
    caches: Sequence[Any],
) -> list[Entry]:
    """Return all cases, small inputs first, with the floors before what they are the floor of.

    Transports, and memory, know no page cache but a warm one.

    Raises
    ------
    UnknownFormatError, UnsupportedOptionError
        If a name means nothing.
    """
    for cache in caches:
        if cache not in CACHES:
            raise UnsupportedOptionError(
                f"cache {cache!r} is none of the states that can be measured: {', '.join(CACHES)}"
            )
    parsed = [_parsed(way) for way in ways]
    names = [check_transport(name) for name in transports]
    if not sources or not directories or not caches or not (parsed or names):
        raise UnsupportedOptionError(
            f"{len(sources)} inputs, {len(parsed)} formats, {len(names)} transports, "
            f"{len(directories)} directories and {len(caches)} states of the cache: there is "
            "nothing to measure; give at least one of each"
        )
    places = [(directory, cache) for directory in directories for cache in caches]
    found: list[Entry] = []
    for source in sorted(sources, key=lambda each: each.facts.nbytes):
        name, nbytes = source.name, source.facts.nbytes
        found.append(Entry(Case(name, floors.MEMCPY, "", role="floor"), nbytes))
        found += [Entry(Case(name, floors.DD, *place, role="floor"), nbytes) for place in places]
        found += [
            Entry(Case(name, way_name, *place), nbytes, way, error)
            for way_name, way, error in parsed
            for place in places
        ]
        found += [
            Entry(Case(name, transport, directory, role="transport"), nbytes)
            for transport in names
            for directory in (directories if needs_directory(transport) else [""])
        ]
    return list({entry.case: entry for entry in found}.values())


def _parsed(way: str | Recipe) -> tuple[str, Recipe | None, str | None]:
    if isinstance(way, Recipe):
        return way.name, way, None
    try:
        found = Recipe.of(way)
    except MissingDependencyError as error:
        return way.strip(), None, f"{type(error).__name__}: {error}"
    return found.name, found, None
