"""An HDF5 dataset that grows while others read it, in HDF5's own mode for that (SWMR).

HDF5 writes metadata when it likes to, and sets a length before the elements that it counts. Here
it keeps all metadata until it is told to flush them, which is when the elements are in the file;
then it writes them in an order that is valid at every step. Metadata lie in pages of the file, so
that a writer that is killed leaves no entry half written, unless the entry is larger than a page.

HDF5 does not survive a full disk either: space is reserved before HDF5 is asked to write.
"""

import contextlib
import errno
import os
from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Any

import h5py
from h5py._objects import phil

from filexchange import capabilities, files
from filexchange.aliases import Array
from filexchange.errors import ArrayBusyError, UnsupportedOptionError
from filexchange.formats.base import Growing, StoredArray
from filexchange.formats.growing import check_items, iter_chunks, replaced_error
from filexchange.formats.hdf5_files import (
    IO_ERRORS,
    is_taken,
    named_error,
    naming_errors,
    patiently,
)
from filexchange.formats.hdf5_status import check_can_grow, put_in_order

#: How files are made in which arrays can grow. HDF5 1.10 and later read them.
LAYOUT: Mapping[str, Any] = MappingProxyType(
    {"libver": ("v110", "v110"), "fs_strategy": "page", "fs_page_size": 4096}
)

# For metadata, and for what codecs may add to a chunk.
_RESERVED, _RESERVED_PER_CHUNK = 1 << 17, 1 << 10


class GrowingHdf5(Growing):
    """A dataset that grows; HDF5's mark on the file and a lock beside it are the one holder's.

    Parameters
    ----------
    path : str
    find : callable
        Returns the dataset of a file, and what it is in our words.
    """

    def __init__(
        self, path: str, find: Callable[[h5py.File], tuple[h5py.Dataset, StoredArray]]
    ) -> None:
        with contextlib.ExitStack() as stack:
            stack.enter_context(files.alone(path, timeout=0))
            put_in_order(path)
            check_can_grow(path)
            self._fd = files.open_regular(path, writable=True)
            stack.callback(os.close, self._fd)
            stack.callback(self._give_back)
            file = stack.enter_context(_open(path))
            self._dataset, stored = find(file)
            _check(self._dataset, path)
            self._chunks = self._dataset.chunks
            self._filters = self._dataset.id.get_create_plist().get_nfilters()
            # Compressed chunks are not changed in place, where somebody may be reading them.
            super().__init__(path, stored, self._chunks[0] if self._filters else 1)
            stack.callback(lambda: self.take_back(self.length))
            self._stack = stack.pop_all()

    def write(self, start: int, items: Array) -> None:
        stop = start + len(items)
        items = items.view(self._dataset.dtype)
        self._reserve(start, stop)
        # Readers in this process share HDF5's metadata: no call of theirs comes in between.
        with naming_errors(self.path), phil:
            if stop > self._dataset.shape[0]:
                self._dataset.resize(stop, 0)
            if self._filters:
                self._write_filtered(start, items)
            else:
                self._write_plain(start, items)

    def _write_filtered(self, start: int, items: Array) -> None:
        whole = len(items) // self.unit * self.unit
        if whole:
            self._dataset[start : start + whole] = items[:whole]
        if whole < len(items):
            # It is to be written again, and is then in the same place and has the same bytes.
            self._write_chunks(start + whole, items[whole:], (1 << self._filters) - 1)

    def _write_plain(self, start: int, items: Array) -> None:
        chunk, stop = self._chunks[0], start + len(items)
        first = min(stop, -(-start // chunk) * chunk)
        last = max(first, stop // chunk * chunk)
        for begin, end in ((start, first), (last, stop)):
            if begin < end:
                self._dataset[begin:end] = items[begin - start : end - start]
        self._write_chunks(first, items[first - start : last - start], 0)

    def _write_chunks(self, start: int, items: Array, mask: int) -> None:
        """Write chunks past HDF5's filters and buffers."""
        for place, chunk in iter_chunks(items, self._chunks):
            offset = [i * n for i, n in zip(place, self._chunks, strict=True)]
            offset[0] += start
            self._dataset.id.write_direct_chunk(tuple(offset), files.as_bytes(chunk), mask)

    def _reserve(self, start: int, stop: int) -> None:
        chunk, *others = self._chunks
        # A chunk that is begun has its place, unless it moves when it is compressed.
        begun = start // chunk if self._filters else -(-start // chunk)
        count = -(-stop // chunk) - begun
        nbytes = self._dataset.dtype.itemsize * chunk
        for length, other in zip(self._dataset.shape[1:], others, strict=True):
            count *= -(-length // other)
            nbytes *= other
        with files.naming_errors(self.path):
            capabilities.reserve_beyond(
                self._fd, count * (nbytes + _RESERVED_PER_CHUNK) + _RESERVED
            )

    def take_back(self, length: int) -> None:
        # Readers in this process see it, and closing would show it to all.
        with naming_errors(self.path), phil:
            if self._dataset.shape[0] != length:
                self._dataset.resize(length, 0)

    def show(self, length: int) -> None:
        if not files.is_named(self._fd, self.path):
            raise replaced_error(self.path)
        self.take_back(length)
        with naming_errors(self.path):
            self._dataset.flush()
        self.length = length

    def sync(self) -> None:
        capabilities.sync(self._fd)

    def close(self) -> None:
        with naming_errors(self.path):
            self._stack.close()

    def _give_back(self) -> None:
        """Let go of the space that was reserved and not used."""
        os.ftruncate(self._fd, os.fstat(self._fd).st_size)


@contextlib.contextmanager
def _open(path: str) -> Iterator[h5py.File]:
    """Open a file for writing while others read, for the block.

    Raises
    ------
    ArrayBusyError
        If it is open elsewhere in a mode that allows no writer.
    """
    access = h5py.h5p.create(h5py.h5p.FILE_ACCESS)
    access.set_libver_bounds(h5py.h5f.LIBVER_V110, h5py.h5f.LIBVER_V110)
    access.set_file_locking(True, True)
    slots = access.get_cache()
    access.set_cache(slots[0], slots[1], 0, slots[3])  # chunks are written at once
    flags = h5py.h5f.ACC_RDWR | h5py.h5f.ACC_SWMR_WRITE
    try:
        file = patiently(lambda: h5py.File(h5py.h5f.open(os.fsencode(path), flags, access)))
    except IO_ERRORS as error:
        raise (_busy_error(path) if is_taken(error) else named_error(error, path)) from error
    try:
        cache = file.id.get_mdc_config()
        cache.evictions_enabled = False
        cache.incr_mode = cache.decr_mode = cache.flash_incr_mode = 0
        file.id.set_mdc_config(cache)
        yield file
    finally:
        file.close()


def _busy_error(path: str) -> ArrayBusyError:
    return ArrayBusyError(
        errno.EAGAIN,
        "is open elsewhere, by another writer or by readers that keep it from growing: close it "
        "there, read it with h5py.File(path, swmr=True), or wait (timeout=)",
        path,
    )


def _check(dataset: h5py.Dataset, path: str) -> None:
    """Raise `UnsupportedOptionError` unless a dataset can grow while others read it."""
    check_items(dataset.shape, path)
    remedy = (
        "begin an array that can grow with filexchange.blocks.writer, and append what is in this "
        "one to it"
    )
    if dataset.chunks is None or dataset.maxshape[0] is not None:
        raise UnsupportedOptionError(
            f"{dataset.name!r} of {path!r} has a fixed length (maxshape {dataset.maxshape}): "
            f"{remedy}"
        )
    # Chunks of such datasets are indexed by a tree that HDF5 does not write in a safe order.
    if h5py.h5o.get_info(dataset.id).hdr.version == 1:
        raise UnsupportedOptionError(
            f"{dataset.name!r} of {path!r} was made without libver='latest', and can grow only "
            f"while nobody reads it: {remedy}"
        )
