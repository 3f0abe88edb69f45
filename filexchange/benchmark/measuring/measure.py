"""The run: every case in turn, round after round, until the figures are steady."""

import contextlib
import datetime as dt
import os
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from filexchange.aliases import PathLike
from filexchange.benchmark.machine import Machine, file_system
from filexchange.benchmark.measuring import trees
from filexchange.benchmark.measuring.inputs import sources_of
from filexchange.benchmark.measuring.jobs import Job, Outcome
from filexchange.benchmark.measuring.plan import Entry, default_directories, default_ways, entries
from filexchange.benchmark.measuring.processes import Answer, Crew
from filexchange.benchmark.measuring.schedule import (
    LOOP,
    PART_LOOP,
    Budget,
    is_steady,
    loop_seconds,
    turns,
)
from filexchange.benchmark.measuring.scratch import scratch
from filexchange.benchmark.measuring.timing import parse_seconds, steady
from filexchange.benchmark.measuring.transports import DEFAULT_TRANSPORTS
from filexchange.benchmark.measuring.ways import Recipe
from filexchange.benchmark.results import (
    ACCESSES,
    Access,
    Cache,
    CaseResult,
    Place,
    Results,
)
from filexchange.errors import UnsupportedOptionError

#: Seconds that a run takes where the caller does not say.
DEFAULT_BUDGET = 50.0
DEFAULT_ACCESSES: tuple[Access, ...] = tuple(name for name in ACCESSES if name != "shared")

# The first visit shows what there is, and how much memory it takes; its times count for little.
_FIRST_SECONDS = 0.002
# A process that takes longer hangs: nothing writes and reads a hundred times slower than disks.
_PATIENCE_SECONDS = 20.0
_SLOWEST_RATE = 2e6
# Ending the processes and removing the files takes some of the budget.
_ENDING_SECONDS = 1.0


def run(
    inputs: Any = None,
    ways: Iterable[str | Recipe] | None = None,
    *,
    transports: Iterable[str] | None = None,
    directories: Iterable[PathLike] | None = None,
    caches: Iterable[Cache] = ("warm",),
    accesses: Iterable[Access] | None = None,
    readers: int = 1,
    budget: float | str = DEFAULT_BUDGET,
    repeat: int = 0,
    limit: float | None = None,
    on_progress: Callable[[Results], None] | None = None,
) -> Results:
    """Exchange arrays between processes in every way there is, and time it.

    Parameters
    ----------
    inputs : optional
        What is exchanged: a mapping from names, or a list, of paths (``PATH`` or ``PATH:KEY``),
        references, arrays, and sources that :func:`synthetic` makes. By default smooth fields of
        three sizes.
    ways : iterable of str or Recipe, optional
        Formats with their options, as in ``"npy"``, ``"zarr:zstd:5"``, ``"zarr:sharded"``,
        ``"hdf5:chunked"``: see :meth:`Recipe.of`.
    transports : iterable of str, optional
        Other ways from process to process: ``queue`` (this package's), ``pickle`` (the standard
        queue), ``shared_memory``, ``np.save``, ``joblib``, ``ray``. With neither `ways` nor
        `transports`, all formats, laid out and compressed in the usual ways, and the first four of
        these; with one of them nothing of the other.
    directories : iterable of path-like, optional
        Where files go. By default where an exchange would put them and, where that is another
        file system, the directory for temporary files.
    caches : iterable of {"warm", "fsync", "cold"}, optional
    accesses : iterable of str, optional
        What is timed: names of :data:`ACCESSES`. By default all, ``shared`` only with `readers`.
    readers : int, optional
        Consumers that read at the same time for ``shared``.
    budget : float or str, optional
        Seconds, or ``"60s"`` and the like, after which it ends. It ends earlier when all figures
        are steady.
    repeat : int, optional
        At least so many samples of every case, whatever the budget says.
    limit : float, optional
        Seconds after which a single measurement is given up; by default what only a process that
        hangs needs.
    on_progress : callable, optional
        Called with what there is so far, after each measurement.

    Returns
    -------
    Results
        A case that failed, or whose process was killed or given up, has its error there, and the
        others go on. ``KeyboardInterrupt`` ends the run early, with what was measured until then.

    Raises
    ------
    UnsupportedOptionError
        If there is nothing to measure, or a name means nothing.
    ArrayNotFoundError, ArrayAccessError
        If a directory or a file is not there or not accessible.

    Notes
    -----
    The processes are started by spawn, so a script that calls this keeps the call below
    ``if __name__ == "__main__":``. Their start, and all imports, are done before anything is
    timed. Every array that arrives is compared with its checksum. All files are removed, whatever
    happens.

    Each sample is what an operation takes in a loop: quick ones are repeated for 8 to 200
    milliseconds, as the budget has room, of which the later half counts. The first visit of a case
    does not count, unless there is no time for a second one. It is then that memory is watched.

    Examples
    --------
    >>> from filexchange.benchmark import run
    >>> results = run({"x": np.zeros((100, 100))}, ["npy", "raw"], budget=0, repeat=2)
    >>> [(r.case.way, len(r.seconds["read"])) for r in results.measured if r.case.role == "format"]
    ... # doctest: +ELLIPSIS
    [('npy', 2), ...('raw', 2)...]
    """
    steps = iter_results(
        inputs,
        ways,
        transports=transports,
        directories=directories,
        caches=caches,
        accesses=accesses,
        readers=readers,
        budget=budget,
        repeat=repeat,
        limit=limit,
    )
    results = next(steps)
    with contextlib.closing(steps), contextlib.suppress(KeyboardInterrupt):
        for latest in steps:
            results = latest
            if on_progress is not None:
                on_progress(latest)
    return results


def iter_results(
    inputs: Any = None,
    ways: Iterable[str | Recipe] | None = None,
    *,
    transports: Iterable[str] | None = None,
    directories: Iterable[PathLike] | None = None,
    caches: Iterable[Cache] = ("warm",),
    accesses: Iterable[Access] | None = None,
    readers: int = 1,
    budget: float | str = DEFAULT_BUDGET,
    repeat: int = 0,
    limit: float | None = None,
) -> Generator[Results]:
    """Yield what there is so far: before the first measurement, and after each of them.

    Closing the generator, or an exception in it such as ``KeyboardInterrupt``, ends the processes
    and removes the files. Parameters are those of :func:`run`.
    """
    time = Budget(parse_seconds(budget) if isinstance(budget, str) else budget)
    if ways is None and transports is None:
        ways, transports = default_ways(), DEFAULT_TRANSPORTS
    chosen = [os.path.abspath(each) for each in directories or default_directories()]
    with contextlib.ExitStack() as stack:
        scratches = {directory: stack.enter_context(scratch(directory)) for directory in chosen}
        # Not in the same directory, which is emptied when a process was killed.
        sources = sources_of(inputs, os.path.dirname(scratches[chosen[0]]))
        plan = entries(sources, ways or (), transports or (), chosen, list(caches))
        timed = _checked_accesses(accesses, readers)
        if repeat < 0 or readers < 1:
            raise UnsupportedOptionError(f"repeat={repeat} or readers={readers} is too few")
        results = Results(
            machine=Machine.here(),
            inputs=tuple(source.facts for source in sources),
            places=tuple(Place(each, *file_system(each)) for each in chosen),
            cases=tuple(CaseResult(entry.case, error=entry.error) for entry in plan),
            started=dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        )
        results = _refuse_cold(results, scratches)
        yield results
        endpoints = {
            (entry.case.way, entry.case.directory): scratches.get(entry.case.directory, "")
            for entry in plan
            if entry.case.role == "transport"
        }
        crew = stack.enter_context(
            Crew({source.name: source for source in sources}, endpoints, readers)
        )
        run = _Run(plan, scratches, timed, crew, time, repeat, limit)
        yield from run.steps(results)


def _checked_accesses(accesses: Iterable[Any] | None, readers: int) -> frozenset[Access]:
    if accesses is None:
        return frozenset(ACCESSES if readers > 1 else DEFAULT_ACCESSES)
    chosen = frozenset(accesses)
    if not chosen or not chosen.issubset(ACCESSES):
        raise UnsupportedOptionError(
            f"accesses {sorted(chosen)} are not all of those that can be timed: "
            f"{', '.join(ACCESSES)}"
        )
    return chosen


def _refuse_cold(results: Results, scratches: dict[str, str]) -> Results:
    """Let cases with a cold cache fail in directories where there is none.

    Raises
    ------
    UnsupportedOptionError
        If no other case is left.
    """
    cold = {result.case.directory for result in results.cases if result.case.cache == "cold"}
    refused = {
        directory: trees.no_cold_error(directory)
        for directory in sorted(cold)
        if not trees.can_evict(scratches[directory])
    }
    cases = tuple(
        replace(result, error=str(refused[result.case.directory]))
        if result.case.cache == "cold" and result.case.directory in refused
        else result
        for result in results.cases
    )
    if refused and all(result.error for result in cases if result.case.directory):
        raise next(iter(refused.values()))
    return replace(results, cases=cases)


class _Run:
    def __init__(
        self,
        plan: Sequence[Entry],
        scratches: dict[str, str],
        accesses: frozenset[Access],
        crew: Crew,
        budget: Budget,
        repeat: int,
        limit: float | None,
    ) -> None:
        self._plan = plan
        self._scratches = scratches
        self._accesses = accesses
        self._crew = crew
        self._budget = budget
        self._repeat = repeat
        self._limit = limit
        share = budget.seconds / max(1, len(plan) * len(accesses))
        self._loops = loop_seconds(share, LOOP), loop_seconds(share, PART_LOOP)

    def steps(self, results: Results) -> Iterator[Results]:
        positions = [i for i, result in enumerate(results.cases) if result.error is None]
        schedule = turns(positions, self._budget, self._repeat)
        for turn in schedule:
            entry = self._plan[turn.position]
            job = self._job(entry, watches_memory=turn.visits == 0)
            answer = self._crew.measure(job, self._time_limit(entry))
            turn.took(answer.elapsed)
            result = _extended(results.cases[turn.position], answer, is_second=turn.visits == 2)  # noqa: PLR2004 - as it says
            turn.is_done = result.error is not None or (
                turn.visits > 1 and is_steady(result.seconds, self._repeat)
            )
            cases = list(results.cases)
            cases[turn.position] = result
            results = replace(results, cases=tuple(cases), elapsed=self._budget.elapsed)
            yield results
        yield replace(results, complete=all(map(self._is_complete, results.cases)))

    def _job(self, entry: Entry, *, watches_memory: bool) -> Job:
        case = entry.case
        plugin = None if entry.way is None else entry.way.plugin
        scratch = self._scratches.get(case.directory, "")
        loops = (_FIRST_SECONDS, _FIRST_SECONDS) if watches_memory else self._loops
        return Job(case, scratch, entry.way, plugin, self._accesses, *loops, watches_memory)

    def _time_limit(self, entry: Entry) -> float:
        if self._limit is not None:
            return self._limit
        patience = _PATIENCE_SECONDS + entry.nbytes / _SLOWEST_RATE
        if self._repeat:
            return patience
        return max(_ENDING_SECONDS, min(patience, self._budget.left))

    def _is_complete(self, result: CaseResult) -> bool:
        least = min(map(len, result.seconds.values()), default=0)
        return result.error is not None or least >= max(1, self._repeat)


def _extended(result: CaseResult, answer: Answer, *, is_second: bool) -> CaseResult:
    """Return a result with one more sample; the second takes the place of the first."""
    outcome = answer.outcome
    before = {} if is_second else result.seconds
    names = [name for name in ACCESSES if outcome.seconds.get(name) or name in before]
    return replace(
        result,
        seconds={name: (*before.get(name, ()), *_sample(outcome, name)) for name in names},
        nbytes_on_disk=outcome.nbytes_on_disk or result.nbytes_on_disk,
        peak_memory=result.peak_memory if answer.peak_memory is None else answer.peak_memory,
        error=outcome.error,
    )


def _sample(outcome: Outcome, name: str) -> tuple[float, ...]:
    samples = outcome.seconds.get(name)
    return (steady(samples),) if samples else ()
