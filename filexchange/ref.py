"""`ArrayRef`: the small value that travels instead of an array, and the lazy array itself."""

import contextlib
import os
import stat
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from filexchange import files, refstate
from filexchange.aliases import Array, Attrs, DType, Mode, Order, Shape
from filexchange.errors import ReadOnlyError, UnsupportedOptionError
from filexchange.formats import Format, StoredArray, get_format
from filexchange.locking import locked
from filexchange.opened import OpenArray, check_memory, region_chunks
from filexchange.placement import region_offset, region_ranges, region_strides
from filexchange.regions import Region
from filexchange.sharedmemory import stored_in


@dataclass(frozen=True, slots=True, repr=False)
class ArrayRef:
    """A reference to an array in a file, and the lazy array that it stands for.

    A reference is small, immutable and hashable, and means the same in every process that sees
    the file. Its metadata cost no I/O; the data are read, or mapped, when it is indexed.

    References are returned by `save`, `create_array`, `open_array` and `Exchange.put`; there is
    no need to construct one.

    Attributes
    ----------
    path : str
        Absolute path of the file or directory.
    format : str
        Name of its format.
    stored : StoredArray
        The whole array in the file, of which `region` selects a part.
    region : Region or None
        What ``ref.part[...]`` selected; None for all of it.
    mode : {"r", "r+"}
        Whether items can be assigned.

    Notes
    -----
    It is a value: threads and processes share it freely, and every access opens the file anew,
    so that no descriptor is kept and nothing breaks in a forked child. To read many small regions
    of an HDF5, Zarr or npz file, hold it open with :meth:`opened`.

    Pickled it has about 300 bytes. It is not an ndarray, so that Dask and others take it for a
    lazy array and do not copy the file into memory.

    Examples
    --------
    >>> import filexchange as fx
    >>> ref = fx.save("grid.npy", np.arange(20.0).reshape(4, 5))
    >>> ref.shape, ref.dtype, ref.nbytes
    ((4, 5), dtype('float64'), 160)
    >>> ref[1:3, -1]
    array([ 9., 14.])
    >>> part = ref.part[::2]
    >>> part.shape, part[0, 1]
    ((2, 5), np.float64(1.0))
    """

    path: str
    format: str
    stored: StoredArray
    region: Region | None = None
    mode: Mode = "r"

    @classmethod
    def from_shared_memory(
        cls,
        shm: Any,
        shape: int | Shape,
        dtype: Any,
        *,
        offset: int = 0,
        mode: Mode = "r",
    ) -> "ArrayRef":
        """Return a reference to an array in a ``multiprocessing.shared_memory`` block.

        Parameters
        ----------
        shm : multiprocessing.shared_memory.SharedMemory
            The block, which stays the caller's: it must not be unlinked while the reference is in
            use. Arrays already read from it stay valid.
        shape, dtype
            Of the array in it.
        offset : int, optional
            Byte of the block where the array begins.
        mode : {"r", "r+"}, optional
            Whether items can be assigned.

        Raises
        ------
        UnsupportedOptionError
            Where shared memory has no names in the file system (macOS, Windows).
        ValueError
            If the array does not fit the block.

        Examples
        --------
        >>> from multiprocessing.shared_memory import SharedMemory
        >>> shm = SharedMemory(create=True, size=80)
        >>> ref = ArrayRef.from_shared_memory(shm, (10,), "f8", mode="r+")
        >>> ref[:] = 7
        >>> bytes(shm.buf[:8]) == np.float64(7).tobytes()
        True
        >>> shm.close(); shm.unlink()
        """
        path, stored = stored_in(shm, shape, dtype, offset)
        return cls(path, "raw", stored, mode=mode)

    # Metadata: no I/O.

    @property
    def key(self) -> str | None:
        """Name of the array in a container, or None."""
        return self.stored.key

    @property
    def shape(self) -> Shape:
        """Length of each axis."""
        return self.stored.shape if self.region is None else self.region.shape

    @property
    def dtype(self) -> DType:
        """Type of the elements."""
        return self.stored.dtype

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """Number of elements."""
        return self.nbytes // self.dtype.itemsize

    @property
    def itemsize(self) -> int:
        """Bytes of an element."""
        return self.dtype.itemsize

    @property
    def nbytes(self) -> int:
        """Bytes of the elements in memory."""
        count = self.dtype.itemsize
        for length in self.shape:
            count *= length
        return count

    @property
    def order(self) -> Order:
        """Memory order of the stored array: ``"C"`` or ``"F"``."""
        return self.stored.order

    @property
    def offset(self) -> int | None:
        """Byte of the file where the first element begins; None where it cannot be mapped."""
        return region_offset(self.stored, self._region())

    @property
    def strides(self) -> tuple[int, ...] | None:
        """Bytes between elements along each axis; None where it cannot be mapped."""
        return region_strides(self.stored, self._region())

    @property
    def chunks(self) -> Shape | None:
        """Shape of the chunks in the file; None where there are none."""
        return region_chunks(self.stored.chunks, self._region())

    @property
    def shards(self) -> Shape | None:
        """Shape of the shards in the file; None where there are none."""
        return region_chunks(self.stored.shards, self._region())

    @property
    def compression(self) -> str | None:
        """Codec of the stored array; None where it is not compressed."""
        return self.stored.compression

    @property
    def attrs(self) -> Attrs:
        """The user's metadata: a read-only mapping of JSON values, whose lists and dicts are yours.

        What changes them changes this reference and not the file.
        """
        return self.stored.attrs

    @property
    def part(self) -> "PartIndexer":
        """Index this to get a reference to a region, without I/O: ``ref.part[10:20, ::2]``."""
        return PartIndexer(self)

    # Data.

    def __getitem__(self, key: Any) -> Any:
        """Read a region chosen by NumPy basic indexing, and no more than it needs.

        Returns
        -------
        numpy.ndarray or scalar
            For ``npy``, ``raw`` and stored ``npz`` a read-only view of the file's pages (writable
            where `mode` is ``"r+"``); else an array of one's own. A scalar where NumPy gives one.

        Raises
        ------
        RegionError
            If the index is out of bounds, or not a basic one.
        ArrayNotFoundError, ArrayMismatchError, BadArrayFileError
            If the file is gone, holds another array by now, or is damaged.
        """
        with self._opened_to_read() as array:
            return array[key]

    def __setitem__(self, key: Any, value: Any) -> None:
        """Write a region, with NumPy's broadcasting and casting.

        Raises
        ------
        ReadOnlyError
            If the reference was not opened with mode ``"r+"`` or made by `create_array`.
        """
        if self.mode != "r+":
            raise ReadOnlyError(
                f"this reference to {self.path!r} is for reading: get a writable one with "
                "open_array(path, mode='r+') or create_array, or load() an array of your own"
            )
        with self.opened() as array:
            array[key] = value

    def opened(self, mode: Mode | None = None) -> OpenArray:
        """Open the file for several accesses; use it in a ``with`` statement.

        Parameters
        ----------
        mode : {"r", "r+"}, optional
            The reference's own mode by default.
        """
        return OpenArray(
            self._format(), self.path, self.stored, self._region(), self._allowed(mode)
        )

    def open(self, mode: Mode | None = None) -> Any:
        """Return the format's native array.

        Parameters
        ----------
        mode : {"r", "r+", "c"}, optional
            Read, read and write, or copy on write (changes stay in memory; mapped formats only).
            The reference's own mode by default.

        Returns
        -------
        numpy.ndarray, h5py.Dataset or zarr.Array
            A mapped ndarray for ``npy``, ``raw`` and stored ``npz``. An HDF5 file stays open until
            its dataset is garbage, or ``dataset.file.close()``.

        Raises
        ------
        UnsupportedOptionError
            If the format has no such mode, or this is a part of an array that is not mapped.
        ReadOnlyError
            If the reference is for reading and `mode` is ``"r+"``.
        """
        mode = self._allowed(mode)
        format = self._format()
        if self.region is None:
            return format.open(self.path, self.stored, mode)
        if self.stored.offset is None:
            raise UnsupportedOptionError(
                f"a part of a {self.format!r} array has no native handle: index the reference, "
                "hold it with opened(), or open() the whole"
            )
        with self.opened(mode) as array:
            return array[...]

    @contextlib.contextmanager
    def lock(self, region: Any = ..., *, timeout: float | None = None) -> Iterator[Array]:
        """Have a region for oneself, among all who ask: threads and processes.

        Parameters
        ----------
        region : optional
            NumPy basic indexing; all of the array by default. Holders of regions without a
            common byte do not wait for each other, as long as each is made of at most 1024 runs
            of bytes (rows of a C-ordered array are one run); beyond that, what lies between the
            runs is locked as well.
        timeout : float, optional
            Seconds to wait; without end by default.

        Yields
        ------
        numpy.ndarray
            The region, writable; what is assigned is in the file.

        Raises
        ------
        LockTimeoutError
            If another holder did not let go in time.
        ReadOnlyError
            If the reference is for reading.
        UnsupportedOptionError
            If the array is not mapped, as those of hdf5 and zarr.

        Notes
        -----
        The kernel lets go of the lock when its holder dies, with what was written until then in
        the array. Nobody is kept from access without a lock. Do not ask for overlapping regions
        within the block: each lock has a holder of its own, who would wait for the other. Where
        the system has no locks of ranges (macOS) all of the file is locked; Windows has none.

        Examples
        --------
        >>> import filexchange as fx
        >>> ref = fx.create_array("sums.npy", shape=(4, 3), dtype="i8")
        >>> with ref.lock(np.s_[1:3]) as rows:
        ...     rows += 5
        >>> ref[:, 0]
        array([0, 5, 5, 0])
        """
        chosen = self._region()[region]
        if self.mode != "r+":
            raise ReadOnlyError(
                f"this reference to {self.path!r} is for reading: lock a writable one, from "
                "Exchange.shared, create_array or open_array(path, mode='r+')"
            )
        if self.stored.offset is None:
            raise UnsupportedOptionError(
                f"a {self.format!r} array has no bytes of its own to lock: use format 'npy' or "
                "'raw'"
            )
        with locked(self.path, region_ranges(self.stored, chosen), timeout):
            yield self.part[region].open()

    def load(self) -> Array:
        """Read everything into an array of one's own, writable and independent of the file.

        Raises
        ------
        MemoryLimitError
            If it is larger than the memory available.
        """
        check_memory(self.nbytes, self.path)
        if self.region is None:
            return self._format().load(self.path, self.stored)
        with self.opened("r") as array:
            region: Array = array[...]
        return region if region.flags.owndata and region.flags.writeable else region.copy()

    def __array__(self, dtype: Any = None, *, copy: bool | None = None) -> Array:
        """Convert for NumPy: a mapped view where possible and `copy` is not true, else a load."""
        if copy is False and self.stored.offset is None:
            raise ValueError(f"a {self.format!r} array cannot be mapped, so copy=False fails")
        array = self.load() if copy or self.stored.offset is None else self[...]
        if dtype is None or np.dtype(dtype) == array.dtype:
            return array
        if copy is False:
            raise ValueError(f"conversion from {array.dtype} to {np.dtype(dtype)} needs a copy")
        return array.astype(dtype)

    def __len__(self) -> int:
        if not self.shape:
            raise TypeError("len() of an array without axes")
        return self.shape[0]

    def __iter__(self) -> Iterator[Any]:
        """Iterate over the first axis with the file held open, reading whole chunks at a time."""
        with self._opened_to_read() as array:
            yield from array

    def _opened_to_read(self) -> OpenArray:
        """Open the file such that mapped views can be assigned, and others can read it as well."""
        return self.opened("r" if self.stored.offset is None else None)

    def _format(self) -> Format:
        return get_format(self.format)

    def _region(self) -> Region:
        return Region.whole(self.stored.shape) if self.region is None else self.region

    def _allowed(self, mode: Mode | None) -> Mode:
        if mode is None:
            return self.mode
        if mode not in {"r", "r+", "c"}:
            raise UnsupportedOptionError(f"mode {mode!r} is none of 'r', 'r+', 'c'")
        if mode == "r+" and self.mode != "r+":
            raise ReadOnlyError(
                f"this reference to {self.path!r} is for reading: get a writable one with "
                "open_array(path, mode='r+')"
            )
        return mode

    # Identity and travel.

    def __repr__(self) -> str:
        key = "" if self.key is None else f", key={self.key!r}"
        return (
            f"ArrayRef({self.path!r}{key}, format={self.format!r}, shape={self.shape}, "
            f"dtype={self.dtype})"
        )

    def _repr_html_(self) -> str:
        """Return what notebooks show: metadata and the shape with its chunks, without I/O."""
        from filexchange import refcard  # noqa: PLC0415 - only notebooks need it

        return refcard.to_html(self.path, self.format, self.stored, self.region, self.mode)

    def __dask_tokenize__(self) -> tuple[Any, ...]:
        """Name the content for Dask by the file's identity instead of hashing its bytes.

        What may change without notice has a new name each time.
        """
        with files.naming_errors(self.path):
            status = os.stat(self.path)
        if self.mode == "r+" or not stat.S_ISREG(status.st_mode):
            # Mappings, and files within a directory, change without a trace in its status.
            return "filexchange", uuid.uuid4().hex
        identity = (status.st_ino, status.st_size, status.st_mtime_ns)
        return "filexchange", self._state(), *identity

    def __reduce__(self) -> tuple[Any, ...]:
        return _from_state, tuple(self._state().values())

    def _state(self) -> dict[str, Any]:
        return refstate.encode(self.path, self.format, self.stored, self.region, self.mode)

    def to_json(self) -> str:
        """Return the reference as one line of JSON; docs/reference-format.md has the schema.

        Raises
        ------
        AttrsError
            If another library wrote attrs that JSON cannot express.

        Examples
        --------
        >>> import filexchange as fx
        >>> ref = fx.save("a.npy", np.zeros((2, 3), "f4"))
        >>> fx.ArrayRef.from_json(ref.to_json()) == ref
        True
        """
        return refstate.to_json(self._state())

    @classmethod
    def from_json(cls, text: str | bytes) -> "ArrayRef":
        """Return the reference that :meth:`to_json` wrote.

        Raises
        ------
        InvalidRefError
            If the text is not such a reference; nothing is opened to find out.
        """
        return cls(*refstate.from_json(text))


class PartIndexer:
    """Makes references to parts of an array; see `ArrayRef.part`."""

    __slots__ = ("_ref",)

    def __init__(self, ref: ArrayRef) -> None:
        self._ref = ref

    def __getitem__(self, key: Any) -> ArrayRef:
        """Return the reference that `key`, NumPy basic indexing, selects; no I/O."""
        ref = self._ref
        return ArrayRef(ref.path, ref.format, ref.stored, ref._region()[key], ref.mode)  # noqa: SLF001 - its other half


def _from_state(*values: Any) -> ArrayRef:
    return ArrayRef(*refstate.decode(*values))
