"""What is to be written, as far as a choice depends on it: one array, or several in one file."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from filexchange.aliases import Attrs, DType, Indexable, Shape
from filexchange.formats import Format
from filexchange.geometry import normalize_chunks
from filexchange.sizes import format_size
from filexchange.sources import as_source
from filexchange.tuning.probing import probe


class Subject(NamedTuple):
    """An array that is to be written, or one that is yet to be filled, without a source."""

    shape: Shape
    dtype: DType
    source: Indexable | None = None

    @classmethod
    def of(cls, source: Indexable) -> "Subject":
        """Return what there is to know of a source."""
        return cls(tuple(source.shape), source.dtype, source)

    @property
    def nbytes(self) -> int:
        """Bytes of the elements in memory."""
        return math.prod(self.shape) * self.dtype.itemsize

    @property
    def itemsize(self) -> int:
        """Bytes of an element."""
        return self.dtype.itemsize

    @property
    def chunks(self) -> Shape | None:
        """The chunks that it has where the caller leaves them open."""
        return normalize_chunks(None, self.shape, self.itemsize)

    @property
    def has_values(self) -> bool:
        """Whether there is something to take a sample of."""
        return self.source is not None

    @property
    def has_names(self) -> bool:
        """Whether its file is one of several arrays with names."""
        return False

    def fractions(self, names: Sequence[str]) -> Mapping[str, float]:
        """Return what codecs leave of a sample; see `probe`."""
        return {} if self.source is None else probe(self.source, names)

    def fits(self, fmt: Format, attrs: Attrs) -> bool:
        """Return whether a file of this format can hold it."""
        return fmt.holds(self.shape, self.dtype, attrs)

    def __str__(self) -> str:
        return f"{format_size(self.nbytes)} of {self.dtype}"


class Together(NamedTuple):
    """Several arrays with names, for one file: what counts is all of their bytes.

    They are as one array of these, and codecs shrink that as they shrink the samples of all of
    them, weighed by size.
    """

    arrays: Mapping[str, Any]
    subjects: tuple[Subject, ...]

    @classmethod
    def of(cls, arrays: Mapping[str, Any]) -> "Together":
        """Return what there is to know of arrays, of which not two need be open at a time."""
        return cls(arrays, tuple(map(_without_source, arrays.values())))

    @property
    def nbytes(self) -> int:
        """Bytes of the elements in memory."""
        return sum(each.nbytes for each in self.subjects)

    @property
    def itemsize(self) -> int:
        """Bytes of an element of the largest one."""
        return max(self.subjects, key=lambda each: each.nbytes).itemsize

    @property
    def chunks(self) -> None:
        """Each array has its own."""

    @property
    def has_values(self) -> bool:
        """Whether there is something to take a sample of."""
        return True

    @property
    def has_names(self) -> bool:
        """Whether its file is one of several arrays with names."""
        return True

    def fractions(self, names: Sequence[str]) -> Mapping[str, float]:
        """Return what codecs leave of the samples, weighed by the bytes of their arrays."""
        left = dict.fromkeys(names, 0.0)
        total = 0
        for name, subject in zip(self.arrays, self.subjects, strict=True):
            with as_source(self.arrays[name]) as source:
                found = probe(source, names)
            # One without elements says nothing; without a codec, no array does.
            if found:
                total += subject.nbytes
                for each, fraction in found.items():
                    left[each] += fraction * subject.nbytes
        return {each: nbytes / total for each, nbytes in left.items()} if total else {}

    def fits(self, fmt: Format, attrs: Attrs) -> bool:
        """Return whether a file of this format can hold all of them."""
        return all(each.fits(fmt, attrs) for each in self.subjects)

    def __str__(self) -> str:
        return f"{format_size(self.nbytes)} in {len(self.subjects)} arrays"


def _without_source(array: Any) -> Subject:
    with as_source(array) as source:
        return Subject(tuple(source.shape), source.dtype)
