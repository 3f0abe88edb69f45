"""`recommend`, and the words of `save` where the caller says ``"auto"``."""

import os
import sys
from collections.abc import Sequence
from typing import Any

from filexchange.aliases import Attrs, PathLike
from filexchange.errors import MissingDependencyError
from filexchange.formats import get_format
from filexchange.options import AUTO
from filexchange.sources import as_source
from filexchange.tuning.choosing import Choice, choose, settled
from filexchange.tuning.known import Known
from filexchange.tuning.limits import Asked, Words, in_words, possible_ways
from filexchange.tuning.reasons import reasons_of
from filexchange.tuning.recommendation import Expected, Recommendation
from filexchange.tuning.subjects import Subject, Together
from filexchange.tuning.uses import Use, check_use
from filexchange.tuning.ways import WAYS, Way


def recommend(
    array: Any, *, for_: Use = "exchange", directory: PathLike | None = None
) -> Recommendation:
    """Return how an array is best written, and why.

    Parameters
    ----------
    array : array_like or lazy array
        As for `save`; a sample of less than 1 MiB is read, and that only where it matters.
    for_ : {"exchange", "archive", "slices"}, optional
        ``"exchange"``: the least time to write it once and read it once, all of it, in another
        process. ``"slices"``: the least time to write it once and read 100 parts of it, each a
        hundredth of the rows (contiguous, evenly spaced or at random) or a chunk. ``"archive"``:
        the fewest bytes on disk, of ways that write and read it in 20 times what the fastest one
        takes, or 50 ms; bytes of a way that takes n times as long count n times.
    directory : path-like, optional
        Where it will be written; the current directory by default.

    Returns
    -------
    Recommendation

    Notes
    -----
    What ways cost is known from the profile of the directory's file system, which ``filexchange
    tune`` makes. Without one, the figures of an ordinary machine stand in. Times are those with a
    warm page cache.

    A profile is read once in a process. Any number of threads may ask.

    Examples
    --------
    >>> chosen = fx.recommend(np.random.default_rng(0).random((1000, 1000)))
    >>> chosen.format, chosen.compression
    ('npy', None)
    >>> counts = np.random.default_rng(0).poisson(3, (1000, 1000))
    >>> fx.recommend(counts, for_="archive").compression is None
    False
    """
    with as_source(array) as source:
        subject = Subject(tuple(source.shape), source.dtype, source)
        where = os.getcwd() if directory is None else os.fspath(directory)
        return _decide(subject, Known.of(where), WAYS, Words(AUTO), check_use(for_), {})


def chosen(
    subject: Subject | Together,
    words: Words,
    path: str,
    *,
    for_: Use,
    key: str | None = None,
    attrs: Attrs | None = None,
    explain: bool = False,
    by_region: bool = False,
    by_segment: bool = False,
) -> Words:
    """Return the words of the caller with a choice in place of ``"auto"``.

    Parameters
    ----------
    subject : Subject or Together
    words : Words
        Those that are not ``"auto"`` limit the choice, and so does the suffix of `path`.
    path : str
        Where the array goes, absolute.
    for_ : {"exchange", "archive", "slices"}
    key, attrs
        As for `save`.
    explain : bool, optional
        Print the reasons.
    by_region : bool, optional
        Whether the array will be filled by region.
    by_segment : bool, optional
        Whether ``npy`` is written to a segment of an exchange, and not to a new file.

    Raises
    ------
    UnsupportedOptionError
        If no format has all of what is asked.
    """
    use = check_use(for_)
    asked = Asked.of(words, path, key, by_region=by_region, has_names=subject.has_names)
    possible = possible_ways(asked)
    directory = os.path.dirname(path)
    known = Known.of_exchange(directory) if by_segment else Known.of(directory)
    if not explain:
        # What is certain without a look at the values need not be explained.
        ranked = known.among(possible)
        way = settled(known.figures, ranked, use, subject.nbytes) if ranked else None
        if way is not None and _holds(way, subject, attrs or {}):
            return in_words(way, words)
    found = _decide(subject, known, possible, words, use, attrs or {})
    if explain:
        sys.stdout.write(f"{found}\n")
    return Words(found.format, found.compression, found.chunks, found.shards)


def _decide(
    subject: Subject | Together,
    known: Known,
    possible: Sequence[Way],
    words: Words,
    use: Use,
    attrs: Attrs,
) -> Recommendation:
    ranked = known.among(possible)
    if not ranked:
        way = next((way for way in possible if _holds(way, subject, attrs)), possible[0])
        return _made(way, subject, words, use, (f"only {way} has all that is asked for",))
    choice = choose(
        known.figures,
        ranked,
        use,
        subject.nbytes,
        subject.itemsize,
        subject.fractions if subject.has_values else None,
    )
    # What none can hold, the best one refuses with its own words.
    held = (number for number, way in enumerate(choice.order) if _holds(way, subject, attrs))
    best = next(held, 0)
    made = [_expected(choice, number) for number in range(len(choice.order))]
    others = tuple(each for number, each in enumerate(made) if number != best)
    reasons = reasons_of(subject, choice, made[best], others, use, known.directory, known.profile)
    reasons += known.remarks
    return _made(choice.order[best], subject, words, use, reasons, made[best], others)


def _holds(way: Way, subject: Subject | Together, attrs: Attrs) -> bool:
    try:
        return subject.fits(get_format(way.format), attrs)
    except MissingDependencyError:
        return False


def _expected(choice: Choice, number: int) -> Expected:
    write, read, *parts = choice.figures.seconds[number].tolist()
    return Expected(
        str(choice.order[number]),
        write,
        read,
        sum(parts) / len(parts),
        int(choice.figures.nbytes[number]),
        float(choice.costs[number]),
    )


def _made(
    way: Way,
    subject: Subject | Together,
    words: Words,
    use: Use,
    reasons: tuple[str, ...],
    expected: Expected | None = None,
    alternatives: tuple[Expected, ...] = (),
) -> Recommendation:
    made = in_words(way, words)
    is_cut = way.is_chunked and made.chunks is None and made.shards is None
    return Recommendation(
        format=way.format,
        compression=made.compression,
        chunks=subject.chunks if is_cut else made.chunks,
        shards=made.shards,
        for_=use,
        reasons=reasons,
        expected=expected,
        alternatives=alternatives,
    )
