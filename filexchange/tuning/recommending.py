"""`recommend`, and the words of `save` where the caller says ``"auto"``."""

import os
import sys
from collections.abc import Sequence
from typing import Any, NamedTuple

from filexchange.aliases import Attrs, ChunksLike, DType, Indexable, PathLike, Shape
from filexchange.errors import MissingDependencyError, UnsupportedOptionError
from filexchange.formats import (
    Compression,
    Format,
    available_formats,
    format_by_suffix,
    format_of,
    get_format,
)
from filexchange.geometry import normalize_chunks
from filexchange.sizes import format_size
from filexchange.sources import as_source
from filexchange.tuning.choosing import Choice, choose, settled
from filexchange.tuning.probing import probe
from filexchange.tuning.profiles import Profile, ordinary, profile_of
from filexchange.tuning.recommendation import Expected, Recommendation, format_seconds
from filexchange.tuning.uses import COSTS, Use, check_use
from filexchange.tuning.ways import WAYS, Way

AUTO = "auto"


class Subject(NamedTuple):
    """An array that is to be written, or one that is yet to be filled, without a source."""

    shape: Shape
    dtype: DType
    source: Indexable | None = None

    @property
    def nbytes(self) -> int:
        """Bytes of the elements in memory."""
        nbytes = self.dtype.itemsize
        for length in self.shape:
            nbytes *= length
        return nbytes


class Words(NamedTuple):
    """What the caller says of the format and the layout; see `save`."""

    format: str | None = None
    compression: str | None = None
    chunks: ChunksLike = None
    shards: ChunksLike = None

    @property
    def are_auto(self) -> bool:
        """Whether something is left to us."""
        return AUTO in {self.format, self.compression}


def recommend(
    array: Any, *, for_: Use = "exchange", directory: PathLike | None = None
) -> Recommendation:
    """Return how an array is best written, and why.

    Parameters
    ----------
    array : array_like or lazy array
        As for `save`; a sample of at most 384 KiB is read, and that only where it matters.
    for_ : {"exchange", "archive", "slices"}, optional
        ``"exchange"``: the least time to write it once and read it once, all of it, in another
        process. ``"slices"``: the least time to write it once and read 100 parts of it, each a
        hundredth of the rows (contiguous, evenly spaced or at random) or a chunk. ``"archive"``:
        the fewest bytes on disk, of ways that write and read it in 20 times what the fastest one
        takes, or 50 ms; bytes of a way that takes longer count for more, by the square of how much
        longer.
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
        return _decide(subject, where, WAYS, Words(AUTO), check_use(for_), {})


def chosen(
    subject: Subject,
    words: Words,
    path: str,
    *,
    for_: Use,
    key: str | None = None,
    attrs: Attrs | None = None,
    explain: bool = False,
    by_region: bool = False,
) -> Words:
    """Return the words of the caller with a choice in place of ``"auto"``.

    Parameters
    ----------
    subject : Subject
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

    Raises
    ------
    UnsupportedOptionError
        If no format has all of what is asked.
    """
    use = check_use(for_)
    directory = os.path.dirname(path)
    asked = _Asked(words, _fixed_format(words, path, key), key, path if by_region else None)
    possible = _possible(asked)
    if not explain:
        # What is certain without a look at the values need not be explained.
        figures = profile_of(directory) or ordinary()
        known = [way for way in possible if way in figures.ways]
        way = settled(figures, known, use, subject.nbytes) if known else None
        if way is not None and _holds(way, subject, attrs or {}):
            return _words(way, words)
    found = _decide(subject, directory, possible, words, use, attrs or {})
    if explain:
        sys.stdout.write(f"{found}\n")
    return Words(found.format, found.compression, found.chunks, found.shards)


class _Asked(NamedTuple):
    """What limits the choice: words, the only possible format, a key, a path filled by region."""

    words: Words
    fixed: Format | None
    key: str | None
    filled: str | None

    @property
    def is_any(self) -> bool:
        """Whether every format has what is asked."""
        words = self.words
        others = (self.key, self.filled, words.chunks, words.shards, _codec(words))
        return all(each is None for each in others)

    def allows(self, name: str) -> bool:
        """Return whether a format has what is asked; one that is not installed has nothing."""
        if self.fixed is not None and name != self.fixed.name:
            return False
        # Not asked in vain: formats import what they need.
        if self.is_any:
            return True
        words = self.words
        try:
            fmt = get_format(name)
        except MissingDependencyError:
            return False
        return (
            (self.key is None or fmt.supports_keys)
            and (words.chunks is None or fmt.supports_chunks)
            and (words.shards is None or fmt.supports_shards)
            and (self.filled is None or fmt.is_filled_by_region(self.filled))
            and (_codec(words) is None or _codec(words) in fmt.compressions)
        )


def _fixed_format(words: Words, path: str, key: str | None) -> Format | None:
    """Return the only format that is possible, as its name, the path or what is there tells."""
    if words.format not in {None, AUTO}:
        return get_format(str(words.format))
    by_suffix = format_by_suffix(path)
    is_added = key is not None and os.path.lexists(path)
    if by_suffix is None and (words.format is None or is_added):
        return format_of(path)
    return by_suffix


def _codec(words: Words) -> str | None:
    """Return the name of the codec that the caller insists on."""
    if words.compression in {None, AUTO}:
        return None
    return Compression.parse(words.compression).name


def _possible(asked: _Asked) -> list[Way]:
    """Return the ways to choose among; those that were never measured only where there is no other.

    Raises
    ------
    UnsupportedOptionError
        If there is none.
    """
    words = asked.words
    codec = _codec(words)
    ways = [
        way
        for way in WAYS
        if (codec is None or (way.compression or "").partition(":")[0] == codec)
        and asked.allows(way.format)
    ]
    if not ways:
        compression = None if codec is None else words.compression
        ways = [
            Way(name, compression)
            for name in available_formats()
            if asked.allows(name) and (asked.fixed is not None or name != "raw")
        ]
    if not ways:
        raise UnsupportedOptionError(
            f"no format has all that is asked of it ({_asked(words)}, and the path, the key and "
            "filling by region): leave some of it out"
        )
    return ways


def _asked(words: Words) -> str:
    return ", ".join(f"{name}={value!r}" for name, value in words._asdict().items() if value)


def _decide(
    subject: Subject,
    directory: str,
    possible: Sequence[Way],
    words: Words,
    use: Use,
    attrs: Attrs,
) -> Recommendation:
    profile = profile_of(directory)
    source = subject.source
    figures = profile or ordinary()
    known = [way for way in possible if way in figures.ways]
    if not known:
        way = next((way for way in possible if _holds(way, subject, attrs)), possible[0])
        return _made(way, subject, words, use, (f"no other way than {way} has what is asked",))
    choice = choose(
        figures,
        known,
        use,
        subject.nbytes,
        subject.dtype.itemsize,
        None if source is None else lambda names: probe(source, names),
    )
    # What none can hold, the best one refuses with its own words.
    held = (number for number, way in enumerate(choice.order) if _holds(way, subject, attrs))
    best = next(held, 0)
    made = [_expected(choice, number) for number in range(len(choice.order))]
    others = tuple(each for number, each in enumerate(made) if number != best)
    reasons = _reasons(subject, choice, made[best], others, use, directory, profile)
    return _made(choice.order[best], subject, words, use, reasons, made[best], others)


def _holds(way: Way, subject: Subject, attrs: Attrs) -> bool:
    try:
        return get_format(way.format).holds(subject.shape, subject.dtype, attrs)
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
    subject: Subject,
    words: Words,
    use: Use,
    reasons: tuple[str, ...],
    expected: Expected | None = None,
    alternatives: tuple[Expected, ...] = (),
) -> Recommendation:
    made = _words(way, words)
    is_cut = way.is_chunked and made.chunks is None and made.shards is None
    return Recommendation(
        format=way.format,
        compression=made.compression,
        chunks=normalize_chunks(None, subject.shape, subject.dtype.itemsize)
        if is_cut
        else made.chunks,
        shards=made.shards,
        for_=use,
        reasons=reasons,
        expected=expected,
        alternatives=alternatives,
    )


def _words(way: Way, words: Words) -> Words:
    """Return what a way means in the words of `save`; those of the caller stay."""
    return Words(
        way.format,
        way.compression if _codec(words) is None else words.compression,
        words.chunks,
        "auto" if way.sharded and words.shards is None else words.shards,
    )


def _reasons(
    subject: Subject,
    choice: Choice,
    best: Expected,
    others: Sequence[Expected],
    use: Use,
    directory: str,
    profile: Profile | None,
) -> tuple[str, ...]:
    reasons = [f"{format_size(subject.nbytes)} of {subject.dtype}; what counts is {COSTS[use]}"]
    said = f"{best.way} is expected to take {_said(best.cost, use)}"
    if others:
        said += f", the next best, {others[0].way}, {_said(others[0].cost, use)}"
    reasons.append(said)
    if choice.fractions:
        left = min(choice.fractions.values())
        name = min(choice.fractions, key=lambda each: choice.fractions[each])
        reasons.append(f"a codec ({name}) leaves {left:.2g} of a sample")
    elif subject.source is None:
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
