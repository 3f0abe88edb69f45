"""The run: every case in turn, round after round, so that drift of the machine hits all alike."""

import contextlib
import os
import tempfile
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from filexchange import arrays, files
from filexchange.aliases import PathLike
from filexchange.benchmark.cases import DEFAULT_CASES, Case
from filexchange.benchmark.processes import ProcessPair
from filexchange.benchmark.results import ArrayFacts, CaseResult, Machine, Results, Sample
from filexchange.errors import UnsupportedOptionError
from filexchange.ref import ArrayRef
from filexchange.sessions import base_directory

DEFAULT_REPEAT = 5


def run(
    sources: Mapping[str, Any],
    cases: Sequence[Case] = DEFAULT_CASES,
    *,
    directory: PathLike | None = None,
    repeat: int = DEFAULT_REPEAT,
    on_progress: Callable[[int, int], None] | None = None,
) -> Results:
    """Exchange arrays between two processes, once for each case and round, and time it.

    Parameters
    ----------
    sources : mapping of str to array_like or ArrayRef
        The arrays of one message. Each becomes a file of its own; times and sizes are of all.
    cases : sequence of Case, optional
        Formats and codecs, :data:`DEFAULT_CASES` unless given.
    directory : path-like, optional
        Where the files go; by default where an exchange would put them.
    repeat : int, optional
        How many times each case is measured, after one round that is not counted.
    on_progress : callable, optional
        Called with the measurements done and to do, after each of them.

    Returns
    -------
    Results
        A case that failed has its error there, and the others go on.

    Raises
    ------
    UnsupportedOptionError
        If there is nothing to measure.
    ArrayNotFoundError, ArrayAccessError
        If the directory is not there or not writable.

    Notes
    -----
    The producer and the consumer are processes started by spawn, so a script that calls this
    keeps the call below ``if __name__ == "__main__":``. The files were just written when they are
    read: the page cache is warm. All are removed, whatever happens.

    Examples
    --------
    >>> from filexchange.benchmark import Case, run, synthetic_array
    >>> results = run({"field": synthetic_array(10_000)}, [Case("npy"), Case("raw")], repeat=2)
    >>> [(str(r.case), len(r.samples), r.error) for r in results.cases]
    [('npy', 2, None), ('raw', 2, None)]
    """
    steps = iter_results(sources, cases, directory=directory, repeat=repeat)
    results = next(steps)
    for done, latest in enumerate(steps, 1):
        results = latest
        if on_progress is not None:
            on_progress(done, (repeat + 1) * len(cases))
    return results


def iter_results(
    sources: Mapping[str, Any],
    cases: Sequence[Case] = DEFAULT_CASES,
    *,
    directory: PathLike | None = None,
    repeat: int = DEFAULT_REPEAT,
) -> Generator[Results]:
    """Yield what there is so far: before the first measurement, and after each of them.

    Closing the generator, or an exception in it such as ``KeyboardInterrupt``, ends the processes
    and removes the files. Parameters are those of :func:`run`.
    """
    if not sources or not cases or repeat < 1:
        raise UnsupportedOptionError(
            f"{len(sources)} arrays, {len(cases)} formats and repeat={repeat}: there is nothing to "
            "measure; give at least one of each"
        )
    base = os.path.abspath(base_directory() if directory is None else directory)
    with _scratch(base) as scratch:
        refs = {name: _as_ref(source, scratch) for name, source in sources.items()}
        results = Results(
            machine=Machine.here(base),
            arrays=tuple(
                ArrayFacts(name, ref.shape, str(ref.dtype), ref.nbytes)
                for name, ref in refs.items()
            ),
            repeat=repeat,
            memcpy_s=(),
            cases=tuple(map(CaseResult, cases)),
        )
        yield results
        yield from _measure(results, refs, scratch)


def _measure(results: Results, refs: Mapping[str, ArrayRef], scratch: str) -> Iterator[Results]:
    with ProcessPair(scratch, refs) as pair:
        for number in range(results.repeat + 1):
            warm = number > 0  # the first round imports, allocates and fills caches
            memcpy_s = pair.time_memcpy()
            if warm:
                results = replace(results, memcpy_s=(*results.memcpy_s, memcpy_s))
            for position, result in enumerate(results.cases):
                if result.error is None:
                    result = _extended(result, pair.measure(result.case), keep=warm)  # noqa: PLW2901 - the next state of the same thing
                    before, after = results.cases[:position], results.cases[position + 1 :]
                    results = replace(results, cases=(*before, result, *after))
                yield results


def _extended(result: CaseResult, outcome: Sample | str, *, keep: bool) -> CaseResult:
    if isinstance(outcome, str):
        return replace(result, error=outcome)
    samples = (*result.samples, outcome) if keep else result.samples
    if not outcome.verified:
        return replace(
            result, samples=samples, error="the bytes that arrived are not those that were sent"
        )
    return replace(result, samples=samples)


@contextlib.contextmanager
def _scratch(base: str) -> Iterator[str]:
    with files.naming_errors(base):
        path = tempfile.mkdtemp(prefix="filexchange-bench-", dir=base)
    try:
        yield path
    finally:
        files.remove(path)


def _as_ref(source: Any, scratch: str) -> ArrayRef:
    """Return a reference to `source` that the producer can load its arrays from."""
    if isinstance(source, ArrayRef):
        return source
    return arrays.save(os.path.join(scratch, os.urandom(8).hex() + ".npy"), source)
