"""What a format is: the one abstract class that all on-disk formats share."""

import contextlib
import math
import os
import re
import shutil
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, ClassVar, NamedTuple

import numpy as np

from filexchange import capabilities, files
from filexchange.aliases import Array, Attrs, ChunksLike, DType, Indexable, Mode, Order, Shape
from filexchange.errors import (
    ArrayKeyError,
    BadArrayFileError,
    MemoryLimitError,
    UnsupportedOptionError,
)
from filexchange.formats.chunkfiles import ChunkFiles

_COMPRESSION = re.compile(r"(?P<name>[a-z][a-z0-9-]*)(?::(?P<level>\d{1,2}))?")

# Smaller chunks are read whatever the array is; what grows may begin with a part of one.
_CHECKED_CHUNK_BYTES = 256 << 20
_MAX_CHUNK_RATIO = 16


def _no_attrs() -> Attrs:
    return MappingProxyType({})


@dataclass(frozen=True, slots=True)
class StoredArray:
    """One whole array in a file, as the file describes it.

    Attributes
    ----------
    key : str or None
        Its name in a container; None where a file is one array.
    shape : tuple of int
    dtype : numpy.dtype
        The logical dtype. A handle may give another one of the same size that holds its bytes.
    order : {"C", "F"}
        Memory order of the elements; ``"C"`` for chunked layouts.
    offset : int or None
        Byte of the file at which the elements begin, where they lie there as in memory.
    strides : tuple of int or None
        Bytes between elements along each axis, where they are not dense in `order`.
    chunks, shards : tuple of int or None
        Shape of the unit that is read at least, and of the file that holds several of them.
    compression : str or None
        Name of the codec, with its level where the file tells it.
    attrs : mapping
        The user's metadata, JSON.
    """

    key: str | None
    shape: Shape
    dtype: DType
    order: Order = "C"
    offset: int | None = None
    strides: tuple[int, ...] | None = None
    chunks: Shape | None = None
    shards: Shape | None = None
    compression: str | None = None
    attrs: Attrs = field(default_factory=_no_attrs, hash=False)

    @property
    def nbytes(self) -> int:
        """Bytes of the elements in memory."""
        return math.prod(self.shape) * self.dtype.itemsize


class Compression(NamedTuple):
    """A codec and its level; None for the codec's default.

    Examples
    --------
    >>> Compression.parse("zstd:5")
    Compression(name='zstd', level=5)
    """

    name: str
    level: int | None = None

    @classmethod
    def parse(cls, text: Any) -> "Compression":
        """Return what ``"name"`` or ``"name:level"`` says."""
        match = _COMPRESSION.fullmatch(text) if isinstance(text, str) else None
        if match is None:
            raise UnsupportedOptionError(
                f"compression={text!r} is not a codec: expected 'name' or 'name:level', "
                "such as 'zstd' or 'gzip:6'"
            )
        level = match["level"]
        return cls(match["name"], None if level is None else int(level))

    def __str__(self) -> str:
        return self.name if self.level is None else f"{self.name}:{self.level}"


@dataclass(frozen=True, slots=True)
class WriteOptions:
    """How an array is laid out in a file; checked against the format's capabilities before use."""

    chunks: ChunksLike = None
    shards: ChunksLike = None
    compression: Compression | None = None
    attrs: Attrs = field(default_factory=_no_attrs, hash=False)


class Growing(ABC):
    """A stored array that its only holder makes longer, along its first axis.

    Items are written behind those that readers see, and shown afterwards. At every moment the
    file is one that readers can open, and what they see is complete.

    Attributes
    ----------
    path : str
    stored : StoredArray
        The array as it was when it was opened.
    unit : int
        Items that are to be written together: each call of :meth:`write` begins at a multiple of
        this, and only the last unit of the array may be incomplete.
    length : int
        Items that readers see.
    """

    def __init__(self, path: str, stored: StoredArray, unit: int = 1) -> None:
        self.path = path
        self.stored = stored
        self.unit = unit
        self.length = stored.shape[0]

    @property
    def shown(self) -> StoredArray:
        """The array as readers see it."""
        return replace(self.stored, shape=(self.length, *self.stored.shape[1:]))

    @abstractmethod
    def write(self, start: int, items: Array) -> None:
        """Write items to position `start` and on, where readers do not see any.

        Parameters
        ----------
        start : int
        items : ndarray
            In C order, of the array's dtype.
        """

    def take_back(self, length: int) -> None:  # noqa: B027 - it may stay where nobody sees it
        """Forget what was written behind the first `length` items, and is not shown."""

    @abstractmethod
    def show(self, length: int) -> None:
        """Let readers see the first `length` items, which are written, and keep it as `length`.

        Raises
        ------
        ArrayMismatchError
            If the name has been given to another array meanwhile.
        """

    @abstractmethod
    def sync(self) -> None:
        """Have on the disk what was written and shown, so that it survives a power cut."""

    @abstractmethod
    def close(self) -> None:
        """Let go of the array, and of what was written and not shown; may be called twice."""


class Format(ABC):
    """An on-disk format.

    Subclasses have no state: one instance serves all threads and processes. The class attributes
    tell what the format can do; callers ask them and never the class.

    Attributes
    ----------
    name : str
        The name in references and of ``format=``.
    suffixes : tuple of str
        File name endings that choose this format, the longest ones first.
    magic : bytes
        What every file of the format begins with, for files without a known suffix.
    compressions : mapping of str to range or None
        Codecs it can write and their levels, None for codecs without.
    supports_mmap : bool
        Whether some of its arrays can be mapped: `StoredArray.offset` tells which.
    supports_chunks, supports_shards : bool
        Whether the options of that name mean something.
    supports_keys : bool
        Whether a file holds several arrays by name.
    supports_regions : bool
        Whether an array can be created first and filled by region.
    supports_writers : bool
        Whether several processes can fill one array, each its own units: see :meth:`write_unit`.
    supports_chunk_files : bool
        Whether new arrays with neither shards nor compression have :meth:`chunk_files`.
    supports_growth : bool
        Whether an array can become longer along its first axis while others read it.
    is_self_describing : bool
        Whether the file alone tells shape and dtype.
    """

    name: ClassVar[str]
    suffixes: ClassVar[tuple[str, ...]]
    magic: ClassVar[bytes] = b""
    compressions: ClassVar[Mapping[str, range | None]] = MappingProxyType({})
    supports_mmap: ClassVar[bool] = False
    supports_chunks: ClassVar[bool] = False
    supports_shards: ClassVar[bool] = False
    supports_keys: ClassVar[bool] = False
    supports_regions: ClassVar[bool] = True
    supports_writers: ClassVar[bool] = False
    supports_chunk_files: ClassVar[bool] = False
    supports_growth: ClassVar[bool] = False
    is_self_describing: ClassVar[bool] = True

    @abstractmethod
    def write(
        self, path: str, key: str | None, source: Indexable, options: WriteOptions
    ) -> StoredArray:
        """Write an array to a name that nobody else sees yet.

        Parameters
        ----------
        path : str
            Where to write. Nothing is there, or for containers what they hold so far.
        key : str or None
            Name in the container; None for the format's default name.
        source : array or lazy array
            An ndarray is written at once, anything else block by block in bounded memory.
            Its dtype has passed :func:`filexchange.dtypes.check_dtype`.
        options : WriteOptions
            Only what the format's capabilities allow.
        """

    @abstractmethod
    def create(
        self, path: str, key: str | None, shape: Shape, dtype: DType, options: WriteOptions
    ) -> StoredArray:
        """Write an array of zeros that :meth:`open` with mode ``"r+"`` can fill.

        Called only if `supports_regions`.
        """

    @abstractmethod
    def describe(self, path: str, key: str | None) -> StoredArray:
        """Return what the file says of the array `key`, without reading its elements.

        Raises
        ------
        BadArrayFileError, ArrayNotFoundError, ArrayKeyError
        """

    @abstractmethod
    def open(self, path: str, stored: StoredArray, mode: Mode) -> Any:
        """Return the format's native array, to be given back to :meth:`close`.

        It has ``shape`` and ``dtype`` and takes tuples of slices with positive steps; for mode
        ``"r+"`` also in assignments. Where `StoredArray.offset` is not None it is an ndarray
        over the file's pages.

        Raises
        ------
        ArrayMismatchError
            If the file no longer holds the array that `stored` describes.
        """

    def hold(self, path: str, stored: StoredArray, mode: Mode) -> Any:
        """Return what `OpenArray` indexes and gives back to :meth:`close`.

        The native array, unless the format has a safer way to fill it.
        """
        return self.open(path, stored, mode)

    def close(self, handle: Any) -> None:  # noqa: B027 - most handles live as long as their arrays
        """Let go of what :meth:`open` returned."""

    def naming_errors(self, path: str) -> contextlib.AbstractContextManager[None]:
        """Turn errors of the format's library within the block into ours about `path`.

        Around every access to a handle; by default for errors of the operating system.
        """
        return files.naming_errors(path)

    def create_growing(
        self, path: str, key: str | None, item_shape: Shape, dtype: DType, options: WriteOptions
    ) -> StoredArray:
        """Write an array of no items that :meth:`grow` can make longer.

        Called only if `supports_growth`, with a name that nobody else sees yet.
        """
        return self.create(path, key, (0, *item_shape), dtype, options)

    def grow(self, path: str, key: str | None) -> Growing:
        """Open an array that others may read meanwhile, to add items; one holder at a time.

        Called only if `supports_growth`. What a holder that was killed has left is put in order.

        Raises
        ------
        ArrayBusyError
            If somebody else holds it; at once.
        UnsupportedOptionError
            If this array cannot grow; the message tells the remedy.
        """
        raise UnsupportedOptionError(f"arrays of format {self.name!r} cannot grow")

    def load(self, path: str, stored: StoredArray) -> Array:
        """Return the whole array in memory of its own."""
        handle = self.open(path, stored, "r")
        try:
            return np.array(handle[(slice(None),) * len(stored.shape)])
        finally:
            self.close(handle)

    def holds(self, shape: Shape, dtype: DType, attrs: Attrs) -> bool:
        """Return whether a file can hold an array of this shape and dtype, with these attrs.

        For those who choose a format; :meth:`write` raises what there is to say.
        """
        return True

    def recognizes(self, path: str) -> bool:
        """Return whether what is at `path` begins like a file of this format."""
        if not self.magic or not os.path.isfile(path):
            return False
        with files.opened(path) as fd:
            return os.read(fd, len(self.magic)) == self.magic

    def keys(self, path: str) -> list[str]:
        """Return the names of the arrays in a container, sorted; none where a file is one array."""
        return []

    def is_filled_by_region(self, path: str) -> bool:
        """Return whether :meth:`create` makes something at this path that can be filled."""
        return self.supports_regions

    def write_unit(self, path: str, stored: StoredArray) -> Shape | None:
        """Return the shape of what must have one writer at a time; None if all of the array must.

        Writers of different units of an array that was created may work at the same time, in any
        processes.
        """
        return None

    def chunk_files(self, path: str, stored: StoredArray) -> ChunkFiles | None:
        """Return where the chunks lie, if they are files in which elements lie as in memory.

        Raises
        ------
        ArrayMismatchError
            If the file no longer holds the array that `stored` describes.
        """
        return None

    def stored_nbytes(self, path: str, stored: StoredArray) -> int:
        """Return the bytes the array takes on disk."""
        with files.naming_errors(path):
            return os.stat(path).st_size

    def discard(self, path: str, key: str) -> None:
        """Remove the array `key` from a container that nobody else sees yet."""
        raise UnsupportedOptionError(f"format {self.name!r} holds one array a file, none by key")

    def check_place(self, path: str, *, overwrite: bool) -> None:
        """Raise unless a file of this format may come to be at `path`."""
        if not overwrite:
            files.check_absent(path)

    @contextlib.contextmanager
    def publishing(self, path: str, key: str | None, *, overwrite: bool) -> Iterator[str]:
        """Yield the path to :meth:`write` to; what is there becomes `path` when the block ends.

        Of those who change a container, each has it alone and finds what the one before it made.
        """
        with (
            files.alone(path) if self.supports_keys else contextlib.nullcontext(),
            self.replacing(path, key, overwrite=overwrite) as aside,
        ):
            yield aside

    @contextlib.contextmanager
    def replacing(self, path: str, key: str | None, *, overwrite: bool) -> Iterator[str]:
        """Do what :meth:`publishing` does, while nobody else does it to the same container.

        With a `key`, a container keeps its other arrays: it is copied aside, changed and put in
        place as a whole, so that it never is half written.
        """
        if key is None or not os.path.lexists(path):
            with files.publish(path, overwrite=overwrite) as aside:
                yield aside
            return
        if key in self.keys(path) and not overwrite:
            raise files.exists_error(f"{path}:{key}")
        with files.publish(path, overwrite=True) as aside:
            shutil.copyfile(path, aside)
            if key in self.keys(aside):
                self.discard(aside, key)
            yield aside


def check_chunks(stored: StoredArray, path: str) -> None:
    """Raise unless a chunk, which is whole in memory when it is read, is of a plausible size.

    Raises
    ------
    BadArrayFileError
        If it is far larger than the array, so that a small file could ask for any memory.
    MemoryLimitError
        If this machine does not have the memory.
    """
    nbytes = math.prod(stored.chunks or ()) * stored.dtype.itemsize
    if stored.chunks is None or nbytes < _CHECKED_CHUNK_BYTES or not stored.nbytes:
        return
    remedy = "rewrite it with smaller chunks, with the program that wrote it"
    if nbytes > _MAX_CHUNK_RATIO * stored.nbytes:
        raise BadArrayFileError(
            f"{path!r} has chunks of {nbytes} bytes for an array of {stored.nbytes}: {remedy}"
        )
    available = capabilities.available_memory()
    if nbytes > available:
        raise MemoryLimitError(
            f"a chunk of {path!r} needs {nbytes / 1e9:.1f} GB of memory and {available / 1e9:.1f} "
            f"GB are available: {remedy}"
        )


def choose_key(path: str, key: str | None, keys: list[str]) -> str:
    """Return `key` if it is one of `keys`, or the only one there is if `key` is None.

    Raises
    ------
    ArrayKeyError
    """
    if key is None and len(keys) == 1:
        return keys[0]
    if key in keys:
        return str(key)
    listed = ", ".join(map(repr, keys[:10])) + (", ..." if len(keys) > 10 else "")  # noqa: PLR2004 - enough to show
    if not keys:
        raise ArrayKeyError(f"{path!r} holds no arrays")
    if key is None:
        raise ArrayKeyError(f"{path!r} holds {len(keys)} arrays; choose one with key=: {listed}")
    raise ArrayKeyError(f"{path!r} holds no array {key!r}; it has {listed}")
