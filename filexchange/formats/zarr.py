"""The Zarr format: arrays cut into chunks, one file each, in a directory or a zip file."""

import contextlib
import functools
import os
import stat
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np
import zarr
from zarr.storage import StorePath

from filexchange import files
from filexchange.aliases import Array, DType, Indexable, Mode, Shape
from filexchange.errors import (
    ArrayExistsError,
    ArrayKeyError,
    ArrayMismatchError,
    BadArrayFileError,
    UnsupportedOptionError,
)
from filexchange.formats import zarr_errors
from filexchange.formats.base import (
    Format,
    Growing,
    StoredArray,
    WriteOptions,
    check_chunks,
    choose_key,
)
from filexchange.formats.blocks import copy_blocks
from filexchange.formats.chunkfiles import ChunkFiles
from filexchange.formats.growing import is_beginning
from filexchange.formats.zarr_archive import Archive, new_archive
from filexchange.formats.zarr_codecs import COMPRESSIONS
from filexchange.formats.zarr_directory import Directory
from filexchange.formats.zarr_growing import GrowingZarr
from filexchange.formats.zarr_metadata import (
    array_document,
    growing_document,
    grows,
    largest_file,
    lies_plain,
    parse_array,
)
from filexchange.formats.zarr_store import DOCUMENTS, Store, parents

_ARCHIVE_SUFFIX = ".zip"

# A chunk of zeros is written like any other. Left out, it would come back with the fill value in
# place of complex numbers like -0.0, and could not be told from one that was lost.
_CONFIG: Any = {"order": "C", "write_empty_chunks": True}


class ZarrFormat(Format):
    """Zarr: version 3 is written, 2 and 3 are read, in a directory or a single zip file.

    Notes
    -----
    Without a key the store itself is the array. Several processes may add arrays to a directory,
    and fill disjoint chunks (shards, where there are any) of one. A zip file is written once:
    adding to it copies it.

    Links within a store are refused, and so are codecs that make objects of what they read.
    """

    name: ClassVar[str] = "zarr"
    suffixes: ClassVar[tuple[str, ...]] = (".zarr.zip", ".zarr")
    compressions: ClassVar[Mapping[str, range | None]] = COMPRESSIONS
    supports_chunks: ClassVar[bool] = True
    supports_shards: ClassVar[bool] = True
    supports_keys: ClassVar[bool] = True
    supports_writers: ClassVar[bool] = True
    supports_chunk_files: ClassVar[bool] = True
    supports_growth: ClassVar[bool] = True

    def write(
        self, path: str, key: str | None, source: Indexable, options: WriteOptions
    ) -> StoredArray:
        stored, metadata = _add(path, key, array_document(source.shape, source.dtype, options))
        with _open_store(path) as store:
            handle = _handle(store, key, metadata, writable=True)
        try:
            if isinstance(source, np.ndarray):
                handle[...] = source.view(handle.dtype)
            else:
                copy_blocks(source, handle, stored.dtype, stored.shards or stored.chunks)
        finally:
            self.close(handle)
        return stored

    def create(
        self, path: str, key: str | None, shape: Shape, dtype: DType, options: WriteOptions
    ) -> StoredArray:
        if os.path.isfile(path):
            raise UnsupportedOptionError(
                "a zip file cannot be filled by region: create a Zarr directory, a path that does "
                "not end in '.zip'"
            )
        return _add(path, key, array_document(shape, dtype, options))[0]

    def create_growing(
        self, path: str, key: str | None, item_shape: Shape, dtype: DType, options: WriteOptions
    ) -> StoredArray:
        _check_can_grow(path)
        return _add(path, key, growing_document(item_shape, dtype, options))[0]

    def grow(self, path: str, key: str | None) -> Growing:
        with self.naming_errors(path):
            _check_can_grow(path)
            key = self.describe(path, key).key
            store = Directory(path)
            return GrowingZarr(
                store,
                key or "",
                lambda: parse_array(store.array(key or ""), key, path),
                lambda metadata: _handle(store, key, metadata, writable=True),
            )

    def is_filled_by_region(self, path: str) -> bool:
        return not path.lower().endswith(_ARCHIVE_SUFFIX)

    def write_unit(self, path: str, stored: StoredArray) -> Shape | None:
        return stored.shards or stored.chunks

    def describe(self, path: str, key: str | None) -> StoredArray:
        with self.naming_errors(path), _open_store(path) as store:
            node = store.node(key or "")
            if node is not None and node.is_array:
                return parse_array(node.document, key, path)[0]
            root = node if key is None else store.node("")
            if root is None:
                raise BadArrayFileError(
                    f"{path!r} is not a Zarr store: it has none of {', '.join(DOCUMENTS)}"
                )
            if root.is_array:
                raise ArrayKeyError(f"{path!r} is one array, and holds none by key: leave out key")
            chosen = choose_key(path, key, store.array_keys())
            return parse_array(store.array(chosen), chosen, path)[0]

    def open(self, path: str, stored: StoredArray, mode: Mode) -> Any:
        if mode == "c":
            raise UnsupportedOptionError(
                "a Zarr array cannot be mapped for copy on write: load() it, or open it with mode "
                "'r' or 'r+'"
            )
        if mode == "r+" and os.path.isfile(path):
            raise UnsupportedOptionError(
                f"{path!r} is a zip file, which cannot be changed by region: save its array to a "
                "Zarr directory and open that"
            )
        with self.naming_errors(path), _open_store(path) as store:
            found, metadata = _found(store, path, stored)
            check_chunks(found, path)
            return _handle(store, stored.key, metadata, writable=mode == "r+")

    def chunk_files(self, path: str, stored: StoredArray) -> ChunkFiles | None:
        with self.naming_errors(path), _open_store(path) as store:
            found, metadata = _found(store, path, stored)
            if not isinstance(store, Directory) or not lies_plain(metadata):
                return None
            return ChunkFiles(
                path,
                metadata.chunks,
                np.asarray(metadata.fill_value, metadata.dtype.to_native_dtype()).view(found.dtype),
                functools.partial(_chunk_path, store, stored.key, metadata),
            )

    def close(self, handle: Any) -> None:
        handle.store.close()

    def load(self, path: str, stored: StoredArray) -> Array:
        handle = self.open(path, stored, "r")
        try:
            with self.naming_errors(path):
                # Zarr gives an array of one's own, and a scalar for arrays without axes.
                whole = handle[...]
                array = whole if isinstance(whole, np.ndarray) else np.array(whole, handle.dtype)
        finally:
            self.close(handle)
        return array if array.dtype == stored.dtype else array.view(stored.dtype)

    def recognizes(self, path: str) -> bool:
        if os.path.isdir(path):
            return any(os.path.lexists(os.path.join(path, name)) for name in DOCUMENTS)
        if not os.path.isfile(path) or not zipfile.is_zipfile(path):
            return False
        with self.naming_errors(path), _open_store(path) as store:
            return any(store.read(name) is not None for name in DOCUMENTS)

    def keys(self, path: str) -> list[str]:
        with self.naming_errors(path), _open_store(path) as store:
            return [key for key in store.array_keys() if key]

    def stored_nbytes(self, path: str, stored: StoredArray) -> int:
        with self.naming_errors(path), _open_store(path) as store:
            return store.nbytes(stored.key or "")

    def discard(self, path: str, key: str) -> None:
        with self.naming_errors(path), _open_store(path) as store:
            store.remove(key)

    def naming_errors(self, path: str) -> contextlib.AbstractContextManager[None]:
        return zarr_errors.naming_errors(path)

    def check_place(self, path: str, *, overwrite: bool) -> None:
        super().check_place(path, overwrite=overwrite)
        with self.naming_errors(path):
            is_other = os.path.isdir(path) and os.listdir(path) and not self.recognizes(path)
        if is_other:
            raise UnsupportedOptionError(
                f"{path!r} is a directory and not a Zarr store, and is not replaced by one: "
                "choose another path, or remove it"
            )

    @contextlib.contextmanager
    def publishing(self, path: str, key: str | None, *, overwrite: bool) -> Iterator[str]:
        """Yield the path to write to, as the base class does.

        Several processes may add arrays to an existing directory at the same time.
        """
        is_shared = key is not None and os.path.isdir(path)
        publishing = self.replacing if is_shared else super().publishing
        with publishing(path, key, overwrite=overwrite) as aside:
            yield aside

    @contextlib.contextmanager
    def replacing(self, path: str, key: str | None, *, overwrite: bool) -> Iterator[str]:
        """Yield the path to write to, as the base class does.

        An existing directory is not copied: the array is written to a store beside it, and moved
        from there to its own place.
        """
        if key is not None and os.path.isdir(path):
            with self._adding(path, key, overwrite=overwrite) as aside:
                yield aside
            return
        self.check_place(path, overwrite=True)
        with super().replacing(path, key, overwrite=overwrite) as aside:
            if path.lower().endswith(_ARCHIVE_SUFFIX) and not os.path.lexists(aside):
                new_archive(aside)
            yield aside

    @contextlib.contextmanager
    def _adding(self, path: str, key: str, *, overwrite: bool) -> Iterator[str]:
        with self.naming_errors(path), _open_store(path) as store:
            store.check_place(key, overwrite=overwrite)
        aside = files.partial_name(path)
        try:
            with files.naming_errors(path):
                yield aside
            with self.naming_errors(path), _open_store(path) as store:
                store.drop_consolidated(key)
                _move_in(aside, path, key, overwrite=overwrite)
        finally:
            files.remove(aside)


def _move_in(aside: str, path: str, key: str, *, overwrite: bool) -> None:
    """Move an array to another directory, with the groups above it that are missing there.

    They appear together, so that no other process meets a group without its metadata.
    """
    for group in parents(key)[1:]:
        # Below a group that is there, or that another process makes first, it goes on.
        with contextlib.suppress(ArrayExistsError), files.naming_errors(path):
            files.move(os.path.join(aside, group), os.path.join(path, group), overwrite=False)
            return
    files.move(os.path.join(aside, key), os.path.join(path, key), overwrite=overwrite)


def _open_store(path: str) -> Store:
    """Return the store that is at `path`.

    Raises
    ------
    ArrayNotFoundError, BadArrayFileError
        If nothing is there, or neither a directory nor a file.
    """
    with files.naming_errors(path):
        mode = os.stat(path).st_mode
    if stat.S_ISDIR(mode):
        return Directory(path)
    if stat.S_ISREG(mode):
        return Archive(path)
    raise BadArrayFileError(f"{path!r} is neither a directory nor a regular file")


def _found(store: Store, path: str, stored: StoredArray) -> tuple[StoredArray, Any]:
    """Return what a store says of an array, in our words and in Zarr's.

    Raises
    ------
    ArrayMismatchError
        If it is another array than `stored` by now.
    """
    found, metadata = parse_array(store.array(stored.key or ""), stored.key, path)
    # An array that grows is still the one that it was when it was shorter.
    if grows(metadata) and is_beginning(stored.shape, found.shape):
        metadata = replace(metadata, shape=stored.shape)
        found = replace(found, shape=stored.shape)
    if (found.shape, found.dtype) != (stored.shape, stored.dtype):
        raise ArrayMismatchError(
            f"{path!r} holds {found.shape} {found.dtype} by now, and the reference says "
            f"{stored.shape} {stored.dtype}: open it anew with open_array"
        )
    return found, metadata


def _chunk_path(store: Directory, key: str | None, metadata: Any, position: Shape) -> str:
    name = metadata.encode_chunk_key(position)
    return store.chunk_path(name if key is None else f"{key}/{name}", largest_file(metadata))


def _check_can_grow(path: str) -> None:
    """Raise `UnsupportedOptionError` if a store is a zip file."""
    if os.path.isfile(path):
        raise UnsupportedOptionError(
            "an array cannot grow in a zip file: use a Zarr directory, a path that does not end "
            "in '.zip', and convert it when it is complete"
        )


def _add(path: str, key: str | None, document: dict[str, Any]) -> tuple[StoredArray, Any]:
    """Write the metadata of a new array, to a store that need not exist."""
    if not os.path.lexists(path):
        new_archive(path) if path.lower().endswith(_ARCHIVE_SUFFIX) else os.mkdir(path)
    with _open_store(path) as store:
        store.add(key or "", document)
    return parse_array(document, key, path)


def _handle(store: Store, key: str | None, metadata: Any, *, writable: bool) -> Any:
    native = store.native(writable=writable, largest=largest_file(metadata))
    place = StorePath(native, key or "")
    return zarr.Array(zarr.AsyncArray(metadata, place, _CONFIG))
