"""What is exchanged: files of any format, image stacks, arrays in memory, synthetic data."""

import dataclasses
import math
import os
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np

from filexchange import arrays
from filexchange.aliases import Array
from filexchange.benchmark.measuring import images
from filexchange.benchmark.measuring.synthetic import made, synthetic_layout
from filexchange.benchmark.results import Input
from filexchange.dtypes import as_array
from filexchange.errors import FileExchangeError, UnknownFormatError, UnsupportedOptionError
from filexchange.naming import open_all
from filexchange.ref import ArrayRef
from filexchange.sizes import format_size

#: Sizes of the synthetic arrays that are measured by default.
DEFAULT_SIZES = (100_000, 1_000_000, 16_000_000)
DEFAULT_KINDS = ("field",)

FILE = "file"

# Names in a message.
_LISTED = 3


class Source(NamedTuple):
    """An array that the producer loads, when it needs it.

    Attributes
    ----------
    facts : Input
    ref : ArrayRef or None
        Where it is.
    images : tuple of str
        Files of an image stack.
    """

    facts: Input
    ref: ArrayRef | None = None
    images: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """Unique in a run."""
        return self.facts.name

    def load(self) -> Array:
        """Return the array, in memory of its own."""
        if self.ref is not None:
            return self.ref.load()
        if self.images:
            return images.read(self.images)
        return made(self.facts.kind, self.facts.shape, np.dtype(self.facts.dtype))


def synthetic(kind: str = "field", nbytes: int = 16_000_000, dtype: Any = None) -> Source:
    """Return a source of synthetic data: see `filexchange.benchmark.measuring.synthetic`.

    Examples
    --------
    >>> synthetic("labels", 1_000_000).facts
    Input(name='labels 1.00 MB', kind='labels', shape=(500, 500), dtype='int32', nbytes=1000000)
    """
    shape, found = synthetic_layout(nbytes, dtype, kind)
    size = math.prod(shape) * found.itemsize
    name = f"{kind} {format_size(nbytes)}" + ("" if dtype is None else f" {found}")
    return Source(Input(name, kind, shape, str(found), size))


def default_sources() -> list[Source]:
    """Return what is measured where the caller names nothing."""
    return [synthetic(kind, nbytes) for kind in DEFAULT_KINDS for nbytes in DEFAULT_SIZES]


def from_ref(name: str, ref: ArrayRef) -> Source:
    """Return a stored array as a source."""
    return Source(Input(name, FILE, ref.shape, str(ref.dtype), ref.nbytes), ref=ref)


def from_path(text: str) -> dict[str, Source | FileExchangeError]:
    """Return the arrays that ``PATH`` or ``PATH:KEY`` names, or an image stack, by name.

    In place of one of several arrays that cannot be read stands the reason.

    Raises
    ------
    UnknownFormatError
        If it is a directory that is no array and has no images.
    """
    found = images.find(text)
    if found:
        stack = images.read(found)
        facts = Input(text, "images", stack.shape, str(stack.dtype), stack.nbytes)
        return {text: Source(facts, images=found)}
    if os.path.isdir(text) and not images.is_array(text):
        raise _nothing_in(text)
    return {
        name: from_ref(name, ref) if isinstance(ref, ArrayRef) else ref
        for name, ref in open_all(text).items()
    }


def _nothing_in(directory: str) -> UnknownFormatError:
    """Return the error for a directory that is no array and has no images."""
    names = sorted(name for name in os.listdir(directory) if not name.startswith("."))
    listed = ", ".join(map(repr, names[:_LISTED]))
    if len(names) > _LISTED:
        listed += f" and {len(names) - _LISTED} more"
    arrays_there = [os.path.join(directory, name) for name in names if images.is_array(name)]
    array = arrays_there[0] if arrays_there else "FILE.npy"
    return UnknownFormatError(
        f"the directory {directory!r} has {listed or 'nothing'}, but no images to measure as one "
        f"array ({', '.join(images.SUFFIXES)}): name a directory that has, or array files, as in "
        f"`filexchange bench {array}`"
    )


def sources_of(inputs: Any, directory: str) -> tuple[Source, ...]:
    """Return what is measured, from what a caller of :func:`run` gave.

    Parameters
    ----------
    inputs : None, mapping of str to object, or iterable of object
        Objects are paths, references, arrays or sources. Arrays in memory go to files in
        `directory`, from which the producer loads them.

    Raises
    ------
    UnsupportedOptionError
        If there is none, or two have one name.
    """
    found = default_sources() if inputs is None else list(_each_source(inputs, directory))
    names = [source.name for source in found]
    if not found or len(set(names)) < len(names):
        raise UnsupportedOptionError(
            f"inputs {names} are none, or two of a name: give arrays with names of their own"
        )
    return tuple(found)


def _each_source(inputs: Any, directory: str) -> Iterable[Source]:
    if isinstance(inputs, Mapping):
        for name, value in inputs.items():
            for source in _sources(value, name, directory):
                yield _renamed(source, name)
        return
    several = isinstance(inputs, list | tuple | set | frozenset)
    for number, value in enumerate(inputs if several else [inputs]):
        yield from _sources(value, f"array {number}", directory)


def _sources(value: Any, name: str, directory: str) -> list[Source]:
    """Return the sources that an object stands for; `name` is for one that has no name."""
    if isinstance(value, Source):
        return [value]
    if isinstance(value, ArrayRef):
        return [from_ref(value.path if value.key is None else f"{value.path}:{value.key}", value)]
    if isinstance(value, str | os.PathLike):
        found = []
        for source in from_path(os.fspath(value)).values():
            if isinstance(source, FileExchangeError):
                raise source
            found.append(source)
        return found
    path = os.path.join(directory, f"{os.urandom(8).hex()}.npy")
    ref = arrays.save(path, as_array(value))
    return [Source(Input(name, "array", ref.shape, str(ref.dtype), ref.nbytes), ref=ref)]


def _renamed(source: Source, name: str) -> Source:
    return source._replace(facts=dataclasses.replace(source.facts, name=name))
