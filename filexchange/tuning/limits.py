"""What limits the choice of a way: the words of the caller, the suffix of the path, a key."""

import os
from typing import NamedTuple

from filexchange.aliases import ChunksLike
from filexchange.errors import MissingDependencyError, UnsupportedOptionError
from filexchange.formats import (
    Compression,
    Format,
    available_formats,
    format_by_suffix,
    format_of,
    get_format,
)
from filexchange.options import AUTO
from filexchange.tuning.ways import WAYS, Way


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


class Asked(NamedTuple):
    """What limits the choice: words, the only possible format, names, a path filled by region."""

    words: Words
    fixed: Format | None
    is_named: bool
    filled: str | None

    @classmethod
    def of(
        cls,
        words: Words,
        path: str,
        key: str | None = None,
        *,
        by_region: bool = False,
        has_names: bool = False,
    ) -> "Asked":
        """Return what is asked of an array, or of several with names, at an absolute path."""
        fixed = _fixed_format(words, path, key)
        return cls(words, fixed, has_names or key is not None, path if by_region else None)

    @property
    def is_any(self) -> bool:
        """Whether every format has what is asked."""
        words = self.words
        others = (self.filled, words.chunks, words.shards, _codec(words))
        return not self.is_named and all(each is None for each in others)

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
            (not self.is_named or fmt.supports_keys)
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


def possible_ways(asked: Asked) -> list[Way]:
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
            f"no format has all that is asked of it ({_said(words)}, and the path, keys and "
            "filling by region): leave some of it out"
        )
    return ways


def _said(words: Words) -> str:
    return ", ".join(f"{name}={value!r}" for name, value in words._asdict().items() if value)


def in_words(way: Way, words: Words) -> Words:
    """Return what a way means in the words of `save`; those of the caller stay."""
    return Words(
        way.format,
        way.compression if _codec(words) is None else words.compression,
        words.chunks,
        "auto" if way.is_sharded and words.shards is None else words.shards,
    )
