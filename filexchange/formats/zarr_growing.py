"""A Zarr array that grows: chunks first, then the shape in the metadata.

Chunks are whole when they appear, and so are metadata: both are written aside and renamed. A
chunk that is not full yet is written when it is to be seen, with zeros in place of what is to
come, and again when there is more.
"""

import contextlib
import dataclasses
import os
from collections.abc import Callable
from typing import Any

import numpy as np
from zarr.codecs import BytesCodec
from zarr.core.metadata import ArrayV3Metadata

from filexchange import capabilities, files
from filexchange.aliases import Array, Shape
from filexchange.errors import UnsupportedOptionError
from filexchange.formats.base import Growing, StoredArray
from filexchange.formats.growing import check_items, iter_chunks, replaced_error
from filexchange.formats.zarr_directory import Directory
from filexchange.formats.zarr_metadata import grown
from filexchange.formats.zarr_store import DOCUMENT

_BYTE_ORDERS = {"little": "<", "big": ">"}


class GrowingZarr(Growing):
    """An array that grows; the lock on a file beside its metadata is that of the one holder.

    Parameters
    ----------
    store : Directory
    key : str
        Place of the array in it, empty for the root.
    describe : callable
        Returns the array as its metadata say at this moment, and those.
    handle : callable
        Returns Zarr's own array for some metadata.
    """

    def __init__(
        self,
        store: Directory,
        key: str,
        describe: Callable[[], tuple[StoredArray, Any]],
        handle: Callable[[Any], Any],
    ) -> None:
        self._directory = os.path.join(store.path, key)
        with contextlib.ExitStack() as stack:
            stack.enter_context(files.alone(os.path.join(self._directory, DOCUMENT), timeout=0))
            stored, self._metadata = describe()
            check_items(stored.shape, store.path)
            self._identity = os.stat(self._directory)
            self._units: Shape = stored.shards or stored.chunks or ()
            if 0 in self._units or not isinstance(self._metadata, ArrayV3Metadata):
                raise UnsupportedOptionError(
                    f"{store.path!r} is a Zarr array of version 2, or has chunks of no items; "
                    "arrays grow in version 3: copy it with filexchange.convert"
                )
            super().__init__(store.path, stored, self._units[0])
            self._stack = stack.pop_all()
        self._store, self._key, self._handle = store, key, handle
        self._dtype = self._metadata.dtype.to_native_dtype()
        self._is_plain = _is_plain(self._metadata)
        self._is_begun = False

    def write(self, start: int, items: Array) -> None:
        self._check_place()
        if not self._is_begun:  # until there are items, the store stays as it is
            self._store.drop_consolidated(self._key)
            self._is_begun = True
        items = items.view(self._dtype)
        if self._is_plain:
            self._write_plain(start // self.unit, items)
            return
        # Through Zarr, as long as whole chunks reach: it would read what it writes a part of.
        whole = len(items) // self.unit * self.unit
        if whole:
            self._write_encoded(start, items[:whole])
        if whole < len(items):
            unit = np.zeros((self.unit, *items.shape[1:]), items.dtype)
            unit[: len(items) - whole] = items[whole:]
            self._write_encoded(start + whole, unit)

    def _write_plain(self, first: int, items: Array) -> None:
        for place, chunk in iter_chunks(items, self._units):
            name = self._metadata.encode_chunk_key((first + place[0], *place[1:]))
            self._store.write(f"{self._key}/{name}".lstrip("/"), files.as_bytes(chunk))

    def _write_encoded(self, start: int, items: Array) -> None:
        shape = (start + len(items), *items.shape[1:])
        self._handle(dataclasses.replace(self._metadata, shape=shape))[start:] = items

    def show(self, length: int) -> None:
        self._check_place()
        # Read anew: what others have written to its attributes meanwhile stays.
        self._store.rewrite(self._key, grown(self._store.array(self._key), length))
        self.length = length

    def sync(self) -> None:
        capabilities.sync_file_system(self._directory)

    def close(self) -> None:
        self._stack.close()

    def _check_place(self) -> None:
        """Raise `ArrayMismatchError` if the directory is another one by now."""
        try:
            found = os.stat(self._directory)
        except FileNotFoundError:
            raise replaced_error(self.path) from None
        if not os.path.samestat(found, self._identity):
            raise replaced_error(self.path)


def _is_plain(metadata: Any) -> bool:
    """Return whether chunks are stored as they lie in memory; then Zarr is not asked to write."""
    dtype = metadata.dtype.to_native_dtype()
    if dtype.kind not in "biufc" or len(metadata.codecs) != 1:
        return False
    (codec,) = metadata.codecs
    if not isinstance(codec, BytesCodec):
        return False
    order = None if codec.endian is None else _BYTE_ORDERS[codec.endian.value]
    return bool(dtype.itemsize == 1 or dtype == dtype.newbyteorder(order or "="))
