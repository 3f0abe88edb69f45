"""Headerless bytes: the old memmap way, and a way into any binary file."""

import os
from typing import Any, ClassVar

from filexchange import capabilities, files
from filexchange.aliases import Array, DType, Indexable, Mode, Shape
from filexchange.errors import UnsupportedOptionError
from filexchange.formats.base import Format, StoredArray, WriteOptions
from filexchange.formats.flat import memory_order, nbytes_of, write_elements


class RawFormat(Format):
    """Elements and nothing else; what they are is known to the reference alone.

    Notes
    -----
    attrs travel in the reference, since the file has no place for them.
    """

    name: ClassVar[str] = "raw"
    suffixes: ClassVar[tuple[str, ...]] = (".raw", ".bin", ".dat")
    supports_mmap: ClassVar[bool] = True
    supports_writers: ClassVar[bool] = True
    is_self_describing: ClassVar[bool] = False

    def write(
        self, path: str, key: str | None, source: Indexable, options: WriteOptions
    ) -> StoredArray:
        fd = os.open(path, files.NEW_FILE, 0o666)
        try:
            capabilities.preallocate(fd, nbytes_of(source))
            write_elements(lambda data: capabilities.write_all(fd, data), source)
        finally:
            os.close(fd)
        return StoredArray(
            None, source.shape, source.dtype, memory_order(source), 0, attrs=options.attrs
        )

    def create(
        self, path: str, key: str | None, shape: Shape, dtype: DType, options: WriteOptions
    ) -> StoredArray:
        stored = StoredArray(None, shape, dtype, offset=0, attrs=options.attrs)
        fd = os.open(path, files.NEW_FILE, 0o666)
        try:
            capabilities.reserve(fd, stored.nbytes)
        finally:
            os.close(fd)
        return stored

    def write_unit(self, path: str, stored: StoredArray) -> Shape | None:
        return (1,) * len(stored.shape)

    def describe(self, path: str, key: str | None) -> StoredArray:
        raise UnsupportedOptionError(
            f"{path!r} is raw bytes, which do not tell what they are: say it with open_array(path, "
            "dtype=..., shape=...), which takes offset=, order= and strides= as well, and use the "
            "reference that it returns"
        )

    def open(self, path: str, stored: StoredArray, mode: Mode) -> Any:
        with files.opened(path, writable=mode == "r+") as fd:
            return files.map_array(
                fd,
                path,
                shape=stored.shape,
                dtype=stored.dtype,
                offset=stored.offset or 0,
                order=stored.order,
                strides=stored.strides,
                mode=mode,
            )

    def load(self, path: str, stored: StoredArray) -> Array:
        if stored.strides is not None:
            return super().load(path, stored)
        with files.opened(path) as fd:
            return files.read_array(
                fd,
                path,
                shape=stored.shape,
                dtype=stored.dtype,
                offset=stored.offset or 0,
                order=stored.order,
            )
