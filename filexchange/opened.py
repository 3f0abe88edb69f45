"""An array of a file while the file is open: indexed like NumPy, whatever the format."""

from collections.abc import Iterator
from types import TracebackType
from typing import Any, Self

import numpy as np

from filexchange import capabilities
from filexchange.aliases import Array, DType, Mode, Shape
from filexchange.dtypes import check_unmasked
from filexchange.errors import MemoryLimitError, ReadOnlyError
from filexchange.formats import Format, StoredArray
from filexchange.geometry import block_shape
from filexchange.regions import Region

# Below this an allocation is not worth asking the operating system about.
_CHECKED_BYTES = 1 << 30


class OpenArray:
    """A region of a stored array, with its file held open.

    Made by :meth:`ArrayRef.opened`; reading many parts of an HDF5, Zarr or npz file through one
    of these opens the file once. Close it, or use it in a ``with`` statement.

    Notes
    -----
    It belongs to the process and the thread that opened it: after a fork, and in other threads,
    open the reference again. Arrays that were read from it stay valid after it is closed.

    Examples
    --------
    >>> import filexchange as fx
    >>> ref = fx.save("a.npz", np.arange(12).reshape(3, 4))
    >>> with ref.opened() as a:
    ...     [int(a[i, -1]) for i in range(3)]
    [3, 7, 11]
    """

    __slots__ = ("_format", "_handle", "_mode", "_path", "_region", "_stored")

    def __init__(
        self, format: Format, path: str, stored: StoredArray, region: Region, mode: Mode
    ) -> None:
        self._format = format
        self._path = path
        self._stored = stored
        self._region = region
        self._mode = mode
        self._handle = format.hold(path, stored, mode)

    @property
    def shape(self) -> Shape:
        """Length of each axis."""
        return self._region.shape

    @property
    def dtype(self) -> DType:
        """Type of the elements."""
        return self._stored.dtype

    @property
    def chunks(self) -> Shape | None:
        """Shape of the chunks in the file, where the region has its axes."""
        return region_chunks(self._stored.chunks, self._region)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file; reading from it afterwards raises ValueError. May be called twice."""
        handle, self._handle = self._handle, None
        if handle is not None:
            self._format.close(handle)

    def __len__(self) -> int:
        if not self.shape:
            raise TypeError("len() of an array without axes")
        return self.shape[0]

    def __getitem__(self, key: Any) -> Any:
        """Return an ndarray, or a scalar where NumPy would; a view where the file is mapped."""
        handle = self._checked_handle()
        region = self._region[key]
        array = self._read(handle, region)
        return array if array.ndim or _has_ellipsis(key) else array[()]

    def _read(self, handle: Any, region: Region) -> Array:
        shape = region.shape
        if 0 in shape:
            empty = np.empty(shape, self.dtype)
            empty.flags.writeable = not (self._stored.offset is not None and self._mode == "r")
            return empty
        if isinstance(handle, np.ndarray):
            return _as(handle[(*region.index(), ...)], self.dtype)
        slices = region.slices()
        check_memory(_block_nbytes(slices, self.dtype), self._path)
        with self._format.naming_errors(self._path):
            block = handle[slices]
        if not isinstance(block, np.ndarray):  # h5py gives scalars for 0-d datasets
            block = np.array(block, handle.dtype)
        return region.arrange(_as(block, self.dtype))

    def __setitem__(self, key: Any, value: Any) -> None:
        """Assign with NumPy's broadcasting and casting; needs mode ``"r+"`` (or ``"c"``)."""
        handle = self._checked_handle()
        if self._mode == "r":
            raise ReadOnlyError(
                f"{self._path!r} was opened for reading: use open_array(path, mode='r+') to change "
                "the file, or load() for an array of your own"
            )
        check_unmasked(value)
        region = self._region[key]
        if 0 in region.shape:
            return
        if isinstance(handle, np.ndarray):
            handle[(*region.index(), ...)] = value
            return
        block = np.broadcast_to(np.asarray(value).astype(self.dtype, copy=False), region.shape)
        # Not ascontiguousarray, which gives an axis to arrays without.
        dense = np.asarray(region.disarrange(block), order="C")
        with self._format.naming_errors(self._path):
            handle[region.slices()] = dense.view(handle.dtype)

    def __iter__(self) -> Iterator[Any]:
        """Iterate over the first axis; several rows are read at a time where chunks hold them."""
        if not self.shape:
            raise TypeError("iteration over an array without axes")
        chunks = self.chunks
        rows = block_shape(self.shape, self.dtype.itemsize, 1, chunks)[0] if chunks else 1
        for start in range(0, len(self), rows):
            yield from self[start : start + rows]

    def _checked_handle(self) -> Any:
        if self._handle is None:
            raise ValueError(f"{self._path!r} has been closed: open the reference again")
        return self._handle


def region_chunks(chunks: Shape | None, region: Region) -> Shape | None:
    """Return the chunks of the axes that a region keeps, in steps of the region."""
    if chunks is None:
        return None
    lengths = iter(chunks)
    kept = []
    for item in region.items:
        if isinstance(item, int):
            next(lengths)
        elif len(item) == 1:
            kept.append(1)
        else:
            kept.append(max(1, next(lengths) // abs(item.step)))
    return tuple(kept)


def check_memory(nbytes: int, path: str) -> None:
    """Raise `MemoryLimitError` if this machine does not have `nbytes` to give."""
    if nbytes < _CHECKED_BYTES:
        return
    available = capabilities.available_memory()
    if nbytes > available:
        raise MemoryLimitError(
            f"reading {path!r} needs {nbytes / 1e9:.1f} GB of memory and {available / 1e9:.1f} GB "
            "are available: read smaller regions, ref[...]"
        )


def _block_nbytes(slices: tuple[slice, ...], dtype: DType) -> int:
    count = dtype.itemsize
    for part in slices:
        count *= len(range(part.start, part.stop, part.step))
    return count


def _as(array: Array, dtype: DType) -> Array:
    """Return the same bytes as `dtype`, which differs where a format has no word for it."""
    return array if array.dtype is dtype else array.view(dtype)


def _has_ellipsis(key: Any) -> bool:
    return key is Ellipsis or (isinstance(key, tuple) and any(part is Ellipsis for part in key))
