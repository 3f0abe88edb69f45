"""Items appended to an array, one batch after the other, while others read it."""

import contextlib
import os
import threading
import warnings
from collections.abc import Iterator
from types import TracebackType
from typing import Any, Self

import numpy as np

from filexchange.aliases import Array, DType, Shape
from filexchange.blocks.growth.items import opened_items
from filexchange.blocks.growth.units import Units
from filexchange.errors import StorageFullError, WriterClosedError
from filexchange.formats import Format, Growing
from filexchange.ref import ArrayRef


class Writer:
    """An array that is being written, item after item; made by `blocks.writer`.

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
            If elements are of another dtype, unless that of the array has all of its values
            (``numpy.can_cast``). Of Python's own numbers, integers have to fit, and floats become
            those of the dtype.
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


def _begun_unit(fmt: Format, growing: Growing) -> Array:
    """Return the items of the last unit of an array, if it is not full."""
    shown = growing.shown
    begin = growing.length // growing.unit * growing.unit
    if begin == growing.length:
        return np.empty((0, *shown.shape[1:]), shown.dtype)
    items: Array = ArrayRef(growing.path, fmt.name, shown)[begin:]
    return items
