"""The ``.npy`` format: one array, as it lies in memory, after a short header."""

import os
from typing import Any, ClassVar

from filexchange import capabilities, files, npyheader
from filexchange.aliases import Array, Attrs, DType, Indexable, Mode, Shape
from filexchange.errors import ArrayMismatchError
from filexchange.formats.base import Format, Growing, StoredArray, WriteOptions
from filexchange.formats.flat import memory_order, nbytes_of, write_elements
from filexchange.formats.growing import is_beginning
from filexchange.formats.npy_growing import GrowingNpy, create_growing


class NpyFormat(Format):
    """NumPy's own format, versions 1 to 3; arrays are mapped, never parsed twice.

    Notes
    -----
    Data begin at a multiple of 4096 bytes. attrs and the names of ml_dtypes stand in a comment of
    the header, which other readers pass over.
    """

    name: ClassVar[str] = "npy"
    suffixes: ClassVar[tuple[str, ...]] = (".npy",)
    magic: ClassVar[bytes] = npyheader.MAGIC
    supports_mmap: ClassVar[bool] = True
    supports_writers: ClassVar[bool] = True
    supports_growth: ClassVar[bool] = True

    def write(
        self, path: str, key: str | None, source: Indexable, options: WriteOptions
    ) -> StoredArray:
        order = memory_order(source)
        header = npyheader.encode(source.shape, source.dtype, order=order, attrs=options.attrs)
        fd = os.open(path, files.NEW_FILE, 0o666)
        try:
            capabilities.preallocate(fd, len(header) + nbytes_of(source))
            capabilities.write_all(fd, memoryview(header))
            write_elements(lambda data: capabilities.write_all(fd, data), source)
        finally:
            os.close(fd)
        return StoredArray(
            None, source.shape, source.dtype, order, len(header), attrs=options.attrs
        )

    def create(
        self, path: str, key: str | None, shape: Shape, dtype: DType, options: WriteOptions
    ) -> StoredArray:
        header = npyheader.encode(shape, dtype, attrs=options.attrs)
        stored = StoredArray(None, shape, dtype, offset=len(header), attrs=options.attrs)
        fd = os.open(path, files.NEW_FILE, 0o666)
        try:
            capabilities.reserve(fd, len(header) + stored.nbytes)
            os.lseek(fd, 0, os.SEEK_SET)
            capabilities.write_all(fd, memoryview(header))
        finally:
            os.close(fd)
        return stored

    def write_unit(self, path: str, stored: StoredArray) -> Shape | None:
        return (1,) * len(stored.shape)

    def create_growing(
        self, path: str, key: str | None, item_shape: Shape, dtype: DType, options: WriteOptions
    ) -> StoredArray:
        return create_growing(path, item_shape, dtype, options)

    def grow(self, path: str, key: str | None) -> Growing:
        return GrowingNpy(path)

    def holds(self, shape: Shape, dtype: DType, attrs: Attrs) -> bool:
        return npyheader.fits(shape, dtype, attrs)

    def describe(self, path: str, key: str | None) -> StoredArray:
        with files.opened(path) as fd:
            header = npyheader.read(fd, path)
            files.check_size(fd, path, header.size + header.nbytes)
        return StoredArray(
            None, header.shape, header.dtype, header.order, header.size, attrs=header.attrs
        )

    def open(self, path: str, stored: StoredArray, mode: Mode) -> Any:
        with files.opened(path, writable=mode == "r+") as fd:
            offset = _verified_offset(fd, path, stored)
            return files.map_array(
                fd,
                path,
                shape=stored.shape,
                dtype=stored.dtype,
                offset=offset,
                order=stored.order,
                mode=mode,
            )

    def load(self, path: str, stored: StoredArray) -> Array:
        with files.opened(path) as fd:
            offset = _verified_offset(fd, path, stored)
            return files.read_array(
                fd, path, shape=stored.shape, dtype=stored.dtype, offset=offset, order=stored.order
            )


def _verified_offset(fd: int, path: str, stored: StoredArray) -> int:
    header = npyheader.read(fd, path)
    # An array that grows is still the one that it was when it was shorter.
    is_longer = header.grows and is_beginning(stored.shape, header.shape)
    shape = stored.shape if is_longer else header.shape
    if (shape, header.dtype, header.order, header.size) != (
        stored.shape,
        stored.dtype,
        stored.order,
        stored.offset,
    ):
        raise ArrayMismatchError(
            f"{path!r} holds {header.dtype} {header.shape} from byte {header.size}, but the "
            f"reference says {stored.dtype} {stored.shape} from byte {stored.offset}: the file was "
            "replaced, open it anew"
        )
    return header.size
