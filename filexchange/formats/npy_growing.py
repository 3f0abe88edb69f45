"""An ``.npy`` array that grows: items first, then the length in the header."""

import contextlib
import math
import os

from filexchange import capabilities, files, npyheader, npylength
from filexchange.aliases import Array, DType, Shape
from filexchange.errors import UnsupportedOptionError
from filexchange.formats.base import Growing, StoredArray, WriteOptions
from filexchange.formats.growing import check_items, replaced_error


def create_growing(
    path: str, item_shape: Shape, dtype: DType, options: WriteOptions
) -> StoredArray:
    """Write the header of an array of no items, with room for any number of them."""
    shape = (0, *item_shape)
    header = npyheader.encode(shape, dtype, attrs=options.attrs, spare=npylength.SPARE)
    with open(path, "xb") as file:
        file.write(npylength.with_room(header, path))
    return StoredArray(None, shape, dtype, offset=len(header), attrs=options.attrs)


class GrowingNpy(Growing):
    """An array that grows in its file; the lock on the file is that of the one holder."""

    def __init__(self, path: str) -> None:
        with contextlib.ExitStack() as stack:
            self._fd = files.open_regular(path, writable=True)
            stack.callback(os.close, self._fd)
            try:
                capabilities.lock_exclusively(self._fd)
            except BlockingIOError:
                raise files.busy_error(path) from None
            # A child that was forked meanwhile must not keep the lock when this is closed.
            stack.callback(capabilities.unlock, self._fd)
            if not files.is_named(self._fd, path):
                raise files.busy_error(path)  # replaced as it was opened
            header = npyheader.read(self._fd, path)
            _check(self._fd, path, header)
            stored = StoredArray(
                None, header.shape, header.dtype, offset=header.size, attrs=header.attrs
            )
            super().__init__(path, stored)
            self._item_nbytes = math.prod(stored.shape[1:]) * stored.dtype.itemsize
            self._offset = header.size
            stack.callback(lambda: self.take_back(self.length))
            self._found = bytearray(self._offset)
            capabilities.read_at(self._fd, memoryview(self._found), 0)
            self._roomy = npylength.with_room(bytes(self._found), path)
            self._header: npylength.Length | None = None
            self._stack = stack.pop_all()

    def _begin(self) -> npylength.Length:
        """Make room in the header, once there are items: until then the file stays as it is."""
        if self._roomy != self._found:
            capabilities.write_at(self._fd, memoryview(self._roomy), 0)
        length = npylength.Length(self._fd, self._roomy)
        return self._stack.enter_context(contextlib.closing(length))

    def write(self, start: int, items: Array) -> None:
        # First: bytes behind a header without room are not taken for those of a killed writer.
        if self._header is None:
            self._header = self._begin()
        capabilities.write_at(self._fd, files.as_bytes(items), self._end(start))

    def take_back(self, length: int) -> None:
        if os.fstat(self._fd).st_size > self._end(length):
            os.ftruncate(self._fd, self._end(length))

    def show(self, length: int) -> None:
        if not files.is_named(self._fd, self.path):
            raise replaced_error(self.path)
        if self._header is not None:  # else there are no items to show
            self._header.set(length)
        self.length = length

    def sync(self) -> None:
        if self._header is not None:
            self._header.sync()
        capabilities.sync(self._fd)

    def close(self) -> None:
        self._stack.close()

    def _end(self, length: int) -> int:
        return self._offset + length * self._item_nbytes


def _check(fd: int, path: str, header: npyheader.Header) -> None:
    """Raise unless items can be written behind the array.

    Raises
    ------
    UnsupportedOptionError
        If its items are not one behind the other, or something else is behind it.
    BadArrayFileError
        If it is cut off.
    """
    check_items(header.shape, path)
    if header.order == "F" and len(header.shape) > 1:
        raise UnsupportedOptionError(
            f"{path!r} is in Fortran order, in which an array can only grow along its last axis: "
            "copy it to a file in C order, with filexchange.blocks.writer"
        )
    end = header.size + header.nbytes
    files.check_size(fd, path, end)
    # A writer that was killed leaves bytes too, but only behind arrays that have been growing.
    if os.fstat(fd).st_size > end and not header.grows:
        raise UnsupportedOptionError(
            f"{path!r} has something behind its array, from byte {end} on, which would be "
            "overwritten: copy the array to another file, with filexchange.blocks.writer"
        )
