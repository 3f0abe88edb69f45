"""The ``.npz`` format: a zip file of ``.npy`` arrays, as `numpy.savez` writes it."""

import contextlib
import zipfile
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, ClassVar, NoReturn

import numpy as np

from filexchange import files, npyheader
from filexchange.aliases import Array, Attrs, DType, Indexable, Mode, Shape
from filexchange.errors import ArrayMismatchError, BadArrayFileError, UnsupportedOptionError
from filexchange.formats.base import Format, StoredArray, WriteOptions, choose_key
from filexchange.formats.flat import memory_order, write_elements
from filexchange.formats.streamed import StreamedArray
from filexchange.formats.zipfiles import Archive, MemberStream
from filexchange.formats.zipwriting import new_member, remove_member

_DEFAULT_KEY = "arr_0"
_SUFFIX = ".npy"


class NpzFormat(Format):
    """NumPy's container of several arrays; those that are not compressed are mapped.

    Notes
    -----
    The elements of an array that is stored without compression begin at a multiple of 4096 bytes
    of the zip file and are read and mapped without its machinery; their checksum is written, but
    not checked, because a mapping is never read as a whole. Deflated elements are checked when the
    last of them is read.

    A deflated array can only be inflated from its beginning on. Reading it forward is one pass in
    bounded memory. Every step back begins anew, so regions in no order are slow; arrays of up to
    256 MiB in Fortran order are held as long as they are open.

    What is damaged or deceptive raises `BadArrayFileError`. Objects are never unpickled.
    """

    name: ClassVar[str] = "npz"
    suffixes: ClassVar[tuple[str, ...]] = (".npz",)
    magic: ClassVar[bytes] = b"PK\x03\x04"
    compressions: ClassVar[Mapping[str, range | None]] = MappingProxyType({"deflate": range(10)})
    supports_mmap: ClassVar[bool] = True
    supports_keys: ClassVar[bool] = True
    supports_regions: ClassVar[bool] = False

    def write(
        self, path: str, key: str | None, source: Indexable, options: WriteOptions
    ) -> StoredArray:
        key = key or _DEFAULT_KEY
        order = memory_order(source)
        codec = options.compression
        method = zipfile.ZIP_STORED if codec is None else zipfile.ZIP_DEFLATED
        level = None if codec is None else codec.level
        with new_member(path, _member_name(key), method, level) as (write, start):
            header = npyheader.encode(
                source.shape,
                source.dtype,
                order=order,
                attrs=options.attrs,
                start=start if codec is None else 0,
            )
            write(memoryview(header))
            write_elements(write, source)
        return StoredArray(
            key,
            source.shape,
            source.dtype,
            order,
            start + len(header) if codec is None else None,
            compression=None if codec is None else codec.name,
            attrs=options.attrs,
        )

    def create(
        self, path: str, key: str | None, shape: Shape, dtype: DType, options: WriteOptions
    ) -> StoredArray:
        _refuse_changes(path)

    def holds(self, shape: Shape, dtype: DType, attrs: Attrs) -> bool:
        return npyheader.fits(shape, dtype, attrs)

    def describe(self, path: str, key: str | None) -> StoredArray:
        with contextlib.closing(Archive(path)) as archive:
            return _describe(archive, key)[0]

    def open(self, path: str, stored: StoredArray, mode: Mode) -> Any:
        if mode == "r+":
            _refuse_changes(path)
        if mode == "c" and stored.offset is None:
            raise UnsupportedOptionError(
                f"{path!r} is compressed, so there are no pages to map copy-on-write (mode 'c'): "
                "load() gives an array of one's own"
            )
        with contextlib.ExitStack() as stack:
            archive = stack.enter_context(contextlib.closing(Archive(path)))
            found, info = _describe_same(archive, stored)
            if found.offset is not None:
                return files.map_array(
                    archive.fileno(),
                    path,
                    shape=found.shape,
                    dtype=found.dtype,
                    offset=found.offset,
                    order=found.order,
                    mode=mode,
                )
            stream = stack.enter_context(contextlib.closing(MemberStream(archive, info)))
            return StreamedArray(
                stream,
                shape=found.shape,
                dtype=found.dtype,
                order=found.order,
                offset=info.file_size - found.nbytes,
                close=stack.pop_all().close,
            )

    def close(self, handle: Any) -> None:
        if isinstance(handle, StreamedArray):
            handle.close()

    def load(self, path: str, stored: StoredArray) -> Array:
        with contextlib.closing(Archive(path)) as archive:
            found, info = _describe_same(archive, stored)
            if found.offset is not None:
                return files.read_array(
                    archive.fileno(),
                    path,
                    shape=found.shape,
                    dtype=found.dtype,
                    offset=found.offset,
                    order=found.order,
                )
            with contextlib.closing(MemberStream(archive, info)) as stream:
                array = np.empty(found.shape, found.dtype, order=found.order)
                stream.fill(files.as_bytes(array), info.file_size - found.nbytes)
                return array

    def recognizes(self, path: str) -> bool:
        # Many formats are zip files.
        return super().recognizes(path) and bool(self.keys(path))

    def keys(self, path: str) -> list[str]:
        with contextlib.closing(Archive(path)) as archive:
            return _keys(archive)

    def stored_nbytes(self, path: str, stored: StoredArray) -> int:
        with contextlib.closing(Archive(path)) as archive:
            key = choose_key(path, stored.key, _keys(archive))
            return archive.members[key + _SUFFIX].compress_size

    def discard(self, path: str, key: str) -> None:
        remove_member(path, key + _SUFFIX)


def _refuse_changes(path: str) -> NoReturn:
    raise UnsupportedOptionError(
        f"{path!r} cannot be changed in place, because a zip file has a checksum of every array: "
        "save the whole array with overwrite=True, or use format 'npy', 'hdf5' or 'zarr'"
    )


def _member_name(key: str) -> str:
    name = key + _SUFFIX
    try:
        name.encode()
    except UnicodeEncodeError as error:
        raise UnsupportedOptionError(
            f"key {key!r} cannot be the name of an array in a zip file, which is UTF-8: {error}"
        ) from error
    return name


def _keys(archive: Archive) -> list[str]:
    return sorted(name.removesuffix(_SUFFIX) for name in archive.members if name.endswith(_SUFFIX))


def _describe(archive: Archive, key: str | None) -> tuple[StoredArray, zipfile.ZipInfo]:
    key = choose_key(archive.path, key, _keys(archive))
    info = archive.members[key + _SUFFIX]
    with contextlib.closing(MemberStream(archive, info)) as stream:
        header = npyheader.decode(stream.read, f"{archive.path}:{info.filename}")
    if header.size + header.nbytes != info.file_size:
        raise BadArrayFileError(
            f"{archive.path!r} is not readable: the header of member {info.filename!r} promises "
            f"{header.nbytes} bytes, but {info.file_size - header.size} follow it"
        )
    is_stored = info.compress_type == zipfile.ZIP_STORED
    stored = StoredArray(
        key,
        header.shape,
        header.dtype,
        header.order,
        stream.begin + header.size if is_stored else None,
        compression=None if is_stored else "deflate",
        attrs=header.attrs,
    )
    return stored, info


def _describe_same(archive: Archive, stored: StoredArray) -> tuple[StoredArray, zipfile.ZipInfo]:
    """Return the array as the file has it now, if it is the one that `stored` describes.

    Its offset may be another: arrays move when one in front of them is replaced.
    """
    found, info = _describe(archive, stored.key)
    if (found.shape, found.dtype, found.order, found.offset is None) != (
        stored.shape,
        stored.dtype,
        stored.order,
        stored.offset is None,
    ):
        raise ArrayMismatchError(
            f"{archive.path!r} holds {found.dtype} {found.shape} under {found.key!r} "
            f"({found.compression or 'not compressed'}), but the reference says {stored.dtype} "
            f"{stored.shape} ({stored.compression or 'not compressed'}): the file was replaced, "
            "open it anew"
        )
    return found, info
