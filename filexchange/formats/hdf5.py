"""The HDF5 format, through h5py."""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from reprlib import repr as short
from types import MappingProxyType
from typing import Any, ClassVar

import h5py
import numpy as np
from h5py import h5d, h5f, h5s

from filexchange import capabilities, files
from filexchange.aliases import Array, Attrs, ChunksLike, DType, Indexable, Mode, Shape
from filexchange.dtypes import check_dtype
from filexchange.errors import ArrayMismatchError, UnsupportedArrayError, UnsupportedOptionError
from filexchange.formats.base import Format, Growing, StoredArray, WriteOptions, check_chunks
from filexchange.formats.blocks import copy_blocks
from filexchange.formats.flat import write_rows
from filexchange.formats.growing import (
    ENDLESS,
    check_chunked_growth,
    check_unit,
    is_beginning,
)
from filexchange.formats.hdf5_attrs import read_attrs, read_logical, write_attrs
from filexchange.formats.hdf5_dtypes import handle_dtype, plain_dtype
from filexchange.formats.hdf5_files import (
    METADATA_ERRORS,
    ask,
    close_file,
    naming_errors,
    open_file,
)
from filexchange.formats.hdf5_filters import (
    COMPRESSIONS,
    creation_options,
    describe_filters,
    require_filters,
)
from filexchange.formats.hdf5_growing import LAYOUT, GrowingHdf5
from filexchange.formats.hdf5_reading import Reading, offset_of
from filexchange.formats.hdf5_sink import CheckedDataset, writing
from filexchange.formats.hdf5_status import check_can_grow, is_written, put_in_order
from filexchange.formats.hdf5_tree import Found, array_keys, find_dataset, make_group
from filexchange.geometry import BLOCK_BYTES, normalize_chunks

_DEFAULT_KEY = "data"
_MAX_NDIM = 32


class Hdf5Format(Format):
    """Datasets in HDF5 files, contiguous or chunked.

    Notes
    -----
    Files are opened for each use and never kept, so that forked processes share no handle. HDF5
    lets a file have one writer or many readers. h5py runs one call at a time in a process, so
    threads read chunks no faster than one of them. Elements of contiguous datasets are written,
    and read where they lie in one piece, without it.
    """

    name: ClassVar[str] = "hdf5"
    suffixes: ClassVar[tuple[str, ...]] = (".h5", ".hdf5", ".he5", ".nxs")
    magic: ClassVar[bytes] = b"\x89HDF\r\n\x1a\n"
    compressions: ClassVar[Mapping[str, range | None]] = COMPRESSIONS
    supports_chunks: ClassVar[bool] = True
    supports_keys: ClassVar[bool] = True
    supports_growth: ClassVar[bool] = True

    def write(
        self, path: str, key: str | None, source: Indexable, options: WriteOptions
    ) -> StoredArray:
        with writing(path) as (file, check):
            layout = _layout(source.shape, source.dtype, options)
            dataset = _create(file, path, key, source.shape, source.dtype, options.attrs, layout)
            stored = _as_created(dataset, key, source.dtype, options)
            offset = offset_of(dataset.id, stored.nbytes)
            if offset is None:
                _fill(dataset, source, check)
        if offset is not None:
            # Past HDF5, which would hand them on as they are, one thread at a time; and after it,
            # as it may write what it has read around them again.
            with files.opened(path, writable=True) as fd:
                capabilities.preallocate(fd, stored.nbytes, offset)
                os.lseek(fd, offset, os.SEEK_SET)
                write_rows(lambda data: capabilities.write_all(fd, data), source)
        return stored

    def create(
        self, path: str, key: str | None, shape: Shape, dtype: DType, options: WriteOptions
    ) -> StoredArray:
        with writing(path) as (file, _):
            layout = _layout(shape, dtype, options)
            dataset = _create(file, path, key, shape, dtype, options.attrs, layout)
            stored = _as_created(dataset, key, dtype, options)
            offset = offset_of(dataset.id, stored.nbytes)
        if offset is not None:
            with files.opened(path, writable=True) as fd:
                capabilities.reserve(fd, stored.nbytes, offset)
        return stored

    def create_growing(
        self, path: str, key: str | None, item_shape: Shape, dtype: DType, options: WriteOptions
    ) -> StoredArray:
        check_chunked_growth(options)
        chunks = normalize_chunks(options.chunks, (ENDLESS, *item_shape), dtype.itemsize)
        check_unit(chunks, dtype.itemsize)
        layout = {
            "maxshape": (None, *item_shape),
            "chunks": chunks,
            **creation_options(options.compression),
        }
        if os.path.lexists(path):
            check_can_grow(path)
        with writing(path, **LAYOUT) as (file, _):
            dataset = _create(file, path, key, (0, *item_shape), dtype, options.attrs, layout)
            return _as_created(dataset, key, dtype, options)

    def grow(self, path: str, key: str | None) -> Growing:
        def find(file: h5py.File) -> tuple[h5py.Dataset, StoredArray]:
            found = find_dataset(file.id, path, key)
            require_filters(found.properties, path)
            return h5py.Dataset(found.id), _describe(found, path)

        return GrowingHdf5(path, find)

    def holds(self, shape: Shape, dtype: DType, attrs: Attrs) -> bool:
        if len(shape) > _MAX_NDIM:
            return False
        if dtype.names is None:
            return True
        # How many fields there is room for, only HDF5 can tell.
        name = os.urandom(8).hex()
        with h5py.File(name, "w", driver="core", backing_store=False) as file:
            try:
                _create(file, name, None, (0,), dtype, {}, {})
            except UnsupportedArrayError:
                return False
        return True

    def describe(self, path: str, key: str | None) -> StoredArray:
        return ask(path, lambda file: _describe(find_dataset(file, path, key), path))

    def open(self, path: str, stored: StoredArray, mode: Mode) -> Any:
        if mode == "c":
            raise UnsupportedOptionError(
                "an HDF5 array cannot be mapped for copy on write: load() it, or open it with mode "
                "'r' or 'r+'"
            )
        _, found = _open_verified(path, stored, mode)
        return h5py.Dataset(found.id, readonly=mode == "r")

    def hold(self, path: str, stored: StoredArray, mode: Mode) -> Any:
        if mode == "r+":
            return _Filling(path, stored)
        return Reading(path, *_open_verified(path, stored), stored)

    def close(self, handle: Any) -> None:
        if isinstance(handle, _Filling | Reading):
            handle.close()
            return
        # An empty reference to a file that its user has closed already is false.
        if handle:
            with naming_errors(handle.file.filename):
                handle.file.close()

    def load(self, path: str, stored: StoredArray) -> Array:
        reading = Reading(path, *_open_verified(path, stored, cache_bytes=0), stored)
        try:
            with naming_errors(path):
                return reading[tuple(slice(0, length, 1) for length in stored.shape)]
        finally:
            reading.close()

    def naming_errors(self, path: str) -> Any:
        return naming_errors(path)

    def keys(self, path: str) -> list[str]:
        return ask(path, array_keys)

    def stored_nbytes(self, path: str, stored: StoredArray) -> int:
        found = ask(path, lambda file: find_dataset(file, path, stored.key).id.get_storage_size())
        return int(found)

    @contextmanager
    def publishing(self, path: str, key: str | None, *, overwrite: bool) -> Iterator[str]:
        """Yield the path to write to, as the base class does; not while an array grows in it."""
        grows = os.path.isfile(path) and is_written(path)
        with files.alone(path, timeout=0 if grows else None):
            if grows and key is not None:
                put_in_order(path)
            with self.replacing(path, key, overwrite=overwrite) as aside:
                yield aside

    def discard(self, path: str, key: str) -> None:
        # HDF5 does not give the space back to the file system; only a new file would be smaller.
        with writing(path) as (file, _):
            del file[key]


class _Filling:
    """A dataset that is filled by region; a full disk is an error, where plain h5py crashes."""

    def __init__(self, path: str, stored: StoredArray) -> None:
        with files.opened(path, writable=True):
            pass  # what is not there must not be created
        self._path = path
        with naming_errors(path), ExitStack() as stack:
            file, self._check = stack.enter_context(writing(path))
            self._dataset = h5py.Dataset(_verified(file.id, path, stored).id)
            self._stack = stack.pop_all()
        self.shape: Shape = self._dataset.shape
        self.dtype: DType = self._dataset.dtype

    def __getitem__(self, region: Any) -> Any:
        return self._dataset[region]

    def __setitem__(self, region: Any, value: Any) -> None:
        self._dataset[region] = value
        self._check()

    def close(self) -> None:
        """Write what HDF5 still has in memory, and close the file."""
        with naming_errors(self._path):
            self._stack.close()


def _open_verified(
    path: str, stored: StoredArray, mode: Mode = "r", cache_bytes: int = BLOCK_BYTES
) -> tuple[h5f.FileID, Found]:
    """Open a file and return it with the dataset that `stored` describes."""
    file = open_file(path, mode, cache_bytes)
    try:
        return file, _verified(file, path, stored)
    except BaseException:
        close_file(file)
        raise


def _verified(file: h5f.FileID, path: str, stored: StoredArray) -> Found:
    """Return the dataset that `stored` describes, with what it takes to read it."""
    with naming_errors(path, METADATA_ERRORS):
        found = find_dataset(file, path, stored.key)
        now = _stored(found, path, {})
        require_filters(found.properties, path)
        longest = found.space.get_simple_extent_dims(True)
    # An array that grows is still the one that it was when it was shorter.
    grows = longest[:1] == (h5s.UNLIMITED,) and is_beginning(stored.shape, now.shape)
    if (grows or now.shape == stored.shape, now.dtype) != (True, stored.dtype):
        raise ArrayMismatchError(
            f"{path!r} holds {now.shape} {now.dtype} under {stored.key!r} by now, and "
            f"the reference says {stored.shape} {stored.dtype}: open it anew"
        )
    check_chunks(now, path)
    return found


def _create(
    file: h5py.File,
    path: str,
    key: str | None,
    shape: Shape,
    dtype: DType,
    attrs: Attrs,
    layout: dict[str, Any],
) -> h5py.Dataset:
    group, name = make_group(file, path, key or _DEFAULT_KEY)
    try:
        dataset = group.create_dataset(name, shape, handle_dtype(dtype), **layout)
    except (ValueError, TypeError, OverflowError) as error:
        raise UnsupportedArrayError(
            f"HDF5 has no place for an array of shape {shape}, dtype {short(str(dtype))} and "
            f"chunks {layout.get('chunks')} ({error}): use smaller chunks, or format 'zarr' or "
            "'raw'"
        ) from error
    write_attrs(dataset, attrs, dtype)
    return dataset


def _fill(dataset: h5py.Dataset, source: Indexable, check: Callable[[], None]) -> None:
    if not isinstance(source, np.ndarray) or not source.flags.c_contiguous:
        copy_blocks(source, CheckedDataset(dataset, check), source.dtype, dataset.chunks)
    elif source.size:
        dataset[...] = source.view(dataset.dtype)


def _allocated_early() -> Any:
    """Return properties that give a contiguous dataset its place in the file at once."""
    dcpl = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    dcpl.set_alloc_time(h5py.h5d.ALLOC_TIME_EARLY)
    return dcpl


def _layout(shape: Shape, dtype: DType, options: WriteOptions) -> dict[str, Any]:
    """Return chunks and filters; arrays without axes or elements have neither."""
    chunks: ChunksLike = options.chunks
    if chunks is None and options.compression is None:
        return {"dcpl": _allocated_early()}
    lengths = normalize_chunks(chunks, shape, dtype.itemsize)
    if not shape or 0 in shape:
        return {"dcpl": _allocated_early()}
    return {"chunks": lengths, **creation_options(options.compression)}


def _as_created(
    dataset: h5py.Dataset, key: str | None, dtype: DType, options: WriteOptions
) -> StoredArray:
    """Return what :func:`_describe` would find of a dataset that was just made."""
    return StoredArray(
        key or _DEFAULT_KEY,
        dataset.shape,
        dtype,
        chunks=dataset.chunks,
        compression=describe_filters(dataset.id.get_create_plist()),
        attrs=options.attrs,
    )


def _describe(found: Found, path: str) -> StoredArray:
    return _stored(found, path, MappingProxyType(read_attrs(found.id, path)))


def _stored(found: Found, path: str, attrs: Attrs) -> StoredArray:
    key = found.key
    if found.space.get_simple_extent_type() == h5s.NULL:
        raise UnsupportedArrayError(f"{key!r} of {path!r} is an empty dataset without a shape")
    try:
        held = found.type.dtype
        check_dtype(held)
    except (UnsupportedArrayError, TypeError) as error:  # TypeError: a type NumPy does not have
        raise UnsupportedArrayError(
            f"{key!r} of {path!r} cannot be an array: {error}; read it with h5py and save what it "
            "gives"
        ) from error
    logical = read_logical(found.id, path)
    dtype = plain_dtype(held) if logical is None else logical
    if dtype.itemsize != held.itemsize:
        raise ArrayMismatchError(f"{key!r} of {path!r} stores {held}, which cannot be {dtype}")
    has_chunks = found.properties.get_layout() == h5d.CHUNKED
    return StoredArray(
        key,
        found.space.shape,
        dtype,
        chunks=found.properties.get_chunk() if has_chunks else None,
        compression=describe_filters(found.properties),
        attrs=attrs,
    )
