"""Arrays written piece by piece, of a length that nobody knows, readable all the while."""

import contextlib
import os
import threading
import time
import warnings
from collections.abc import Iterator, Mapping
from types import TracebackType
from typing import Any, Literal, Self

import numpy as np

from filexchange import arrays, files
from filexchange.aliases import Array, ChunksLike, DType, PathLike, Shape
from filexchange.blocks.items import opened_items
from filexchange.blocks.units import Units
from filexchange.errors import (
    ArrayBusyError,
    ArrayKeyError,
    ArrayMismatchError,
    ArrayNotFoundError,
    StorageFullError,
    UnsupportedArrayError,
    UnsupportedOptionError,
    WriterClosedError,
)
from filexchange.formats import Format, Growing, WriteOptions
from filexchange.geometry import lengths_of
from filexchange.options import checked_key, resolve_target, unsupported, write_options
from filexchange.patience import Patience
from filexchange.ref import ArrayRef

_FIRST_PAUSE, _LONGEST_PAUSE = 1e-3, 5e-2


class Writer:
    """An array that is being written, item after item; made by :func:`writer`.

    Close it, or use it in a ``with`` statement.

    Notes
    -----
    Threads may share it: each :meth:`append` is a whole. Processes may not: a forked child's copy
    raises. While it is open no other writer, of this process or another, can have the array; that
    ends with the process, and with those that were forked from it meanwhile.
    """

    def __init__(self, format: Format, growing: Growing, *, durable: bool) -> None:
        self._format = format
        self._growing = growing
        self._lock = threading.Lock()
        self._pid = os.getpid()
        try:
            self._units = Units(growing, _begun_unit(format, growing), durable=durable)
        except BaseException:
            growing.close()
            raise
        self._is_closed = False

    @property
    def path(self) -> str:
        """Absolute path of the file or directory."""
        return self._growing.path

    @property
    def item_shape(self) -> Shape:
        """Shape of an item."""
        return self._growing.stored.shape[1:]

    @property
    def dtype(self) -> DType:
        """Type of the elements."""
        return self._growing.stored.dtype

    @property
    def shape(self) -> Shape:
        """Shape of the array, with all that was appended."""
        return (len(self), *self.item_shape)

    @property
    def ref(self) -> ArrayRef:
        """A reference to what readers see now; it stays valid when the array becomes longer."""
        return ArrayRef(self.path, self._format.name, self._growing.shown)

    @property
    def closed(self) -> bool:
        """Whether the writer has been closed."""
        return self._is_closed

    def __len__(self) -> int:
        return self._units.length

    def append(self, batch: Any) -> None:
        """Add items behind those that are there, all or none.

        Readers see them after :meth:`flush` at the latest; in ``npy`` and uncompressed ``hdf5``
        files at once, else when their chunk (shard, where there are any) is full.

        Parameters
        ----------
        batch : array_like or lazy array
            Items of `item_shape` along a first axis, or one item. An `ArrayRef`, h5py dataset or
            Zarr array is read block by block.

        Raises
        ------
        ItemShapeError
            If items have another shape.
        UnsupportedArrayError
            If elements are of another dtype, and not of the same kind (see ``numpy.can_cast``).
            Python's own numbers are taken if their values are those of the dtype.
        StorageFullError
            If the disk is full. What was appended before is kept, and so is the writer: free some
            space and append the batch again, or close it.
        ArrayMismatchError
            If the file was replaced or removed by somebody else.
        WriterClosedError
        """
        with (
            self._held(),
            opened_items(batch, self.item_shape, self.dtype) as items,
            self._naming_errors(),
        ):
            self._units.append(items)

    def flush(self) -> None:
        """Let readers see all that was appended; of a durable writer, once it is on the disk.

        A chunk that is not full is written, and again when there is more of it.

        Raises
        ------
        StorageFullError, ArrayMismatchError, WriterClosedError
            As for :meth:`append`.
        """
        with self._held(), self._naming_errors():
            self._units.flush()

    def close(self) -> None:
        """Flush, and let go of the array, also if that fails; may be called twice."""
        with self._lock:
            if self._is_closed or os.getpid() != self._pid:
                return
            self._is_closed = True
            with self._naming_errors(), contextlib.closing(self._growing):
                self._units.flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def __del__(self) -> None:
        if not getattr(self, "_is_closed", True) and os.getpid() == self._pid:
            try:
                warnings.warn(f"unclosed {self!r}", ResourceWarning, source=self, stacklevel=2)
            finally:
                self.close()

    def __repr__(self) -> str:
        state = ", closed" if self._is_closed else ""
        return f"Writer({self.path!r}, shape={self.shape}, dtype={self.dtype}{state})"

    @contextlib.contextmanager
    def _held(self) -> Iterator[None]:
        if os.getpid() != self._pid:
            raise WriterClosedError(
                f"the writer of {self.path!r} belongs to process {self._pid}, which this one was "
                "forked from: append there, and send it what there is to append"
            )
        with self._lock:
            if self._is_closed:
                raise WriterClosedError(
                    f"the writer of {self.path!r} has been closed: go on with "
                    "blocks.writer(path, mode='a') or blocks.append"
                )
            yield

    @contextlib.contextmanager
    def _naming_errors(self) -> Iterator[None]:
        try:
            with self._format.naming_errors(self.path):
                yield
        except StorageFullError as error:
            raise StorageFullError(
                error.errno,
                f"{os.strerror(error.errno or 0)}: readers have the first {self._growing.length} "
                "items, and what was appended is kept; free some space and do it again",
                self.path,
            ) from error


def writer(
    path: PathLike,
    *,
    item_shape: int | Shape | None = None,
    dtype: Any = None,
    mode: Literal["x", "a"] = "x",
    format: str | None = None,
    key: str | None = None,
    chunks: ChunksLike = None,
    shards: ChunksLike = None,
    compression: str | None = None,
    attrs: Mapping[str, Any] | None = None,
    overwrite: bool = False,
    durable: bool = False,
    timeout: float | None = 0.0,
) -> Writer:
    """Begin an array that grows along its first axis, or go on with one that is there.

    The file is there at once, with an array of no items, and at every moment one that readers can
    open: other processes follow it with `filexchange.open_array`, ``numpy.load``, ``zarr`` or
    ``h5py.File(path, swmr=True)``. Its length never becomes less, and what it counts is complete.

    Parameters
    ----------
    path : path-like
        Where to. Its suffix chooses the format unless `format` does: ``npy``, ``zarr`` (a
        directory) or ``hdf5``.
    item_shape : int or tuple of int
        Shape of one item; ``()`` for numbers. The array has one axis more, in front. Not needed
        to go on.
    dtype : dtype_like
        Not needed to go on.
    mode : {"x", "a"}, optional
        ``"x"`` makes a new array, as in `filexchange.create_array`. ``"a"`` goes on with the
        array that is there, also after a writer that was killed, and makes it if there is none.
    format, key, attrs, overwrite
        As in `filexchange.create_array`, for a new array.
    chunks, shards : int, tuple of int or "auto", optional
        As in `filexchange.create_array`, for a new array. Items wait in memory until a chunk
        (shard) of ``zarr``, or a compressed chunk of ``hdf5``, is full.
    compression : str, optional
        As in `filexchange.create_array`, for a new array.
    durable : bool, optional
        Have items on the disk before readers see them, which they do at each flush only. Then the
        array survives a power cut, and not only the end of this process.
    timeout : float, optional
        Seconds to wait while the array has another writer; None waits without end.

    Returns
    -------
    Writer

    Raises
    ------
    ArrayExistsError
        If it exists, `overwrite` is false and `mode` is ``"x"``.
    ArrayBusyError
        If another writer has the array, until the time is over.
    ArrayMismatchError
        If the array that is there has other items.
    UnsupportedOptionError
        If the format has no arrays that grow, or this array cannot; the message tells the remedy.

    Notes
    -----
    ==========  ==============================  ==============================================
    format      what makes items visible        what a killed writer leaves
    ==========  ==============================  ==============================================
    ``npy``     one store to the header, of     all that was appended
                eight bytes
    ``zarr``    metadata, renamed into place    full chunks, and what was flushed
    ``hdf5``    HDF5's flush, in SWMR mode      all that was appended, compressed: full chunks
                                                and what was flushed
    ==========  ==============================  ==============================================

    Files of other programs can be continued where they have room for it: those of ``numpy.save``
    in C order, Zarr arrays of version 3, and HDF5 datasets with ``maxshape=(None, ...)`` in files
    that were made with ``libver="latest"``. An HDF5 file that is being written has no other
    changes, and no reader but in SWMR mode, until the writer is closed; a power cut may damage it
    even if `durable`, because the order in which HDF5's metadata reach the disk is not known.

    Examples
    --------
    >>> from filexchange import blocks
    >>> with blocks.writer("frames.npy", item_shape=(2, 3), dtype="u2") as w:
    ...     w.append(np.ones((4, 2, 3), "u2"))
    ...     w.append(np.zeros((2, 3), "u2"))
    ...     w.flush()
    ...     fx.open_array("frames.npy").shape
    (5, 2, 3)
    >>> with blocks.writer("frames.npy", mode="a") as w:
    ...     w.append(np.ones((2, 2, 3), "u1"))
    ...     w.shape
    (7, 2, 3)
    """
    target, fmt = _target(path, format)
    if mode not in {"x", "a"} or (mode == "a" and overwrite):
        raise UnsupportedOptionError(
            f"mode={mode!r} with overwrite={overwrite}: use 'x' for a new array, with "
            "overwrite=True to replace one, or 'a' to go on with one"
        )
    options = write_options(fmt, chunks, shards, compression, attrs)
    patience = Patience(timeout)
    if mode == "a":
        growing = _found(fmt, target, key, patience)
        if growing is not None:
            return _begun(fmt, growing, item_shape, dtype, durable=durable)
    key = _create(fmt, target, key, item_shape, dtype, options, overwrite=overwrite)
    return Writer(fmt, _grow(fmt, target, key, patience), durable=durable)


def append(
    path: PathLike | ArrayRef,
    batch: Any,
    *,
    key: str | None = None,
    format: str | None = None,
    durable: bool = False,
    timeout: float | None = None,
) -> ArrayRef:
    """Add items to an array in a file, behind those that are there.

    Parameters
    ----------
    path : path-like or ArrayRef
        The array; it may also be one that a killed writer has left.
    batch : array_like or lazy array
        As for :meth:`Writer.append`.
    key, format : str, optional
        As in `filexchange.open_array`.
    durable : bool, optional
        As for :func:`writer`.
    timeout : float, optional
        Seconds to wait while the array has another writer; without end by default.

    Returns
    -------
    ArrayRef
        To the longer array.

    Raises
    ------
    ArrayNotFoundError, ArrayKeyError
        If there is no such array: begin one with :func:`writer`.
    ArrayBusyError, UnsupportedOptionError
        As for :func:`writer`.
    ItemShapeError, UnsupportedArrayError, StorageFullError
        As for :meth:`Writer.append`.

    Notes
    -----
    Several processes may append to one array; each batch is a whole. To append often, keep a
    :func:`writer`, which opens the file once and writes each chunk once.

    Examples
    --------
    >>> from filexchange import blocks
    >>> _ = fx.save("a.npy", np.arange(3))
    >>> blocks.append("a.npy", [3, 4])[:]
    array([0, 1, 2, 3, 4])
    """
    if isinstance(path, ArrayRef):
        arrays.refuse_for_reference("key", key)
        arrays.refuse_for_reference("format", format)
        if path.region is not None:
            raise UnsupportedOptionError(
                f"a part of {path.path!r} cannot become longer: pass a reference to the whole array"
            )
        return append(
            path.path, batch, key=path.key, format=path.format, durable=durable, timeout=timeout
        )
    target, fmt = _target(path, format)
    files.check_exists(target)
    key = arrays.listed_key(target, fmt, key)
    with Writer(fmt, _grow(fmt, target, key, Patience(timeout)), durable=durable) as each:
        each.append(batch)
    return each.ref


def _target(path: PathLike, format: str | None) -> tuple[str, Format]:
    target, fmt = resolve_target(path, format)
    if not fmt.supports_growth:
        raise unsupported(fmt, "arrays that grow", lambda f: f.supports_growth)
    return target, fmt


def _grow(fmt: Format, path: str, key: str | None, patience: Patience) -> Growing:
    """Open an array to make it longer, as soon as nobody else does."""
    pause = _FIRST_PAUSE
    while True:
        try:
            with fmt.naming_errors(path):
                return fmt.grow(path, key)
        except ArrayBusyError:
            if patience.is_over:
                raise
        time.sleep(pause)
        pause = min(2 * pause, _LONGEST_PAUSE)


def _found(fmt: Format, path: str, key: str | None, patience: Patience) -> Growing | None:
    """Open the array that is there, if there is one."""
    try:
        files.check_exists(path)
        return _grow(fmt, path, arrays.listed_key(path, fmt, key), patience)
    except ArrayNotFoundError:
        return None
    except ArrayKeyError:
        if key is None:  # the message tells which there are
            raise
        return None


def _begun(
    fmt: Format, growing: Growing, item_shape: int | Shape | None, dtype: Any, *, durable: bool
) -> Writer:
    """Return a writer that goes on with an array, if it is of the items that are expected."""
    stored = growing.stored
    expected = (
        stored.shape[1:] if item_shape is None else lengths_of(item_shape),
        stored.dtype if dtype is None else np.dtype(dtype),
    )
    if expected != (stored.shape[1:], stored.dtype):
        growing.close()
        raise ArrayMismatchError(
            f"{growing.path!r} has items of {stored.dtype} {stored.shape[1:]}, and those to append "
            f"are {expected[1]} {expected[0]}: choose another path or key"
        )
    return Writer(fmt, growing, durable=durable)


def _create(
    fmt: Format,
    path: str,
    key: str | None,
    item_shape: int | Shape | None,
    dtype: Any,
    options: WriteOptions,
    *,
    overwrite: bool,
) -> str | None:
    """Make an array of no items, and return its key."""
    if item_shape is None or dtype is None:
        raise UnsupportedOptionError(
            f"a new array at {path!r} needs item_shape= and dtype=; to go on with one that is "
            "there, pass mode='a'"
        )
    key = checked_key(fmt, key)
    lengths, dtype = arrays.new_layout((1, *lengths_of(item_shape)), dtype)
    if 0 in lengths:
        raise UnsupportedArrayError(
            f"items of shape {lengths[1:]} have no elements, so there is nothing to append"
        )
    with fmt.publishing(path, key, overwrite=overwrite) as aside:
        return fmt.create_growing(aside, key, lengths[1:], dtype, options).key


def _begun_unit(fmt: Format, growing: Growing) -> Array:
    """Return the items of the last unit of an array, if it is not full."""
    shown = growing.shown
    begin = growing.length // growing.unit * growing.unit
    if begin == growing.length:
        return np.empty((0, *shown.shape[1:]), shown.dtype)
    items: Array = ArrayRef(growing.path, fmt.name, shown)[begin:]
    return items
