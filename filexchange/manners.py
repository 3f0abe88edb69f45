"""`Manner`: how arrays are to be written, as the caller says it; what is left open is chosen."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from filexchange.aliases import ChunksLike, Indexable, PathLike
from filexchange.formats import Format, WriteOptions, format_of, get_format
from filexchange.options import absolute_path, write_options
from filexchange.tuning.limits import Asked, Words, possible_ways
from filexchange.tuning.recommending import chosen
from filexchange.tuning.subjects import Subject, Together
from filexchange.tuning.uses import Use, check_use

NPY = "npy"


class Settled(NamedTuple):
    """How an array is written; nothing is left open."""

    path: str
    format: Format
    options: WriteOptions

    @property
    def is_npy(self) -> bool:
        """Whether it is what segments of an exchange hold."""
        return self.format.name == NPY


@dataclass(frozen=True, slots=True)
class Manner:
    """The words of `save` for how arrays are written; see there. Any of them may be ``"auto"``.

    Raises
    ------
    UnsupportedOptionError
        If `for_` is no use.

    Examples
    --------
    >>> manner = Manner(compression="auto", for_="archive")
    >>> made = manner.at("a.h5", lambda: Subject((1000, 1000), np.dtype("f8")))
    >>> made.format.name, made.options.compression is None
    ('hdf5', False)
    """

    format: str | None = None
    compression: str | None = None
    chunks: ChunksLike = None
    shards: ChunksLike = None
    attrs: Mapping[str, Any] | None = None
    for_: Use = "exchange"
    explain: bool = False

    def __post_init__(self) -> None:
        check_use(self.for_)

    def check_anywhere(self) -> None:
        """Raise unless some format has all of this, whatever the path and the array are."""
        words = self._words()
        if words.are_auto:
            possible_ways(Asked.of(words, ""))
        else:
            self._checked("", words)

    def at(
        self,
        path: PathLike,
        subject: Callable[[], Subject | Together],
        *,
        key: str | None = None,
        by_region: bool = False,
    ) -> Settled:
        """Return how something is written to a path.

        Parameters
        ----------
        path : path-like
        subject : callable
            Returns what is written; called only if something is chosen.
        key : str, optional
            As for `save`.
        by_region : bool, optional
            Whether the array will be filled by region.

        Raises
        ------
        UnsupportedOptionError, UnknownFormatError
            If the format, or any format, cannot do what is asked.
        """
        target = absolute_path(path)
        return self._checked(target, self._chosen(target, subject, key=key, by_region=by_region))

    def in_exchange(self, directory: str, array: Indexable) -> Settled:
        """Return how an array is written to a file of an exchange, or for ``npy`` to a segment.

        The path is that of no file, but tells the directory.
        """
        path = os.path.join(directory, "array")
        words = self._chosen(path, lambda: Subject.of(array), by_segment=True)
        return self._checked(path, words)

    @property
    def is_plain_npy(self) -> bool:
        """Whether every array goes to a segment, in an exchange, without a question."""
        return (self.format, self.compression, self.chunks, self.shards) == (NPY, None, None, None)

    def _words(self) -> Words:
        return Words(self.format, self.compression, self.chunks, self.shards)

    def _chosen(self, path: str, subject: Callable[[], Subject | Together], **where: Any) -> Words:
        """Return the words with a choice in place of ``"auto"``."""
        words = self._words()
        if not words.are_auto:
            return words
        use: dict[str, Any] = {"for_": self.for_, "attrs": self.attrs, "explain": self.explain}
        return chosen(subject(), words, path, **use, **where)

    def _checked(self, path: str, words: Words) -> Settled:
        fmt = format_of(path) if words.format is None else get_format(words.format)
        options = write_options(fmt, words.chunks, words.shards, words.compression, self.attrs)
        return Settled(path, fmt, options)
