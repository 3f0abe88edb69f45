"""A Zarr store on disk: names with bytes, of which some describe groups and arrays.

Metadata are read and written here, within limits; chunks are left to Zarr's own stores, which
:meth:`Store.native` gives.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, NamedTuple, Self

from zarr.abc.store import Store as NativeStore

from filexchange import files
from filexchange.errors import (
    ArrayKeyError,
    BadArrayFileError,
    UnsupportedOptionError,
)
from filexchange.formats.zarr_metadata import GROUP, decode, encode

DOCUMENT = "zarr.json"

#: A directory or zip file is a Zarr store if it has one of these.
DOCUMENTS = (DOCUMENT, ".zarray", ".zgroup")

_CONSOLIDATED = "consolidated_metadata"
_RESERVED_NAMES = {DOCUMENT, ".zarray", ".zgroup", ".zattrs", ".zmetadata"}


class Node(NamedTuple):
    """An array or a group: its kind and its metadata, those of version 2 with attributes."""

    is_array: bool
    document: dict[str, Any]


class Store(ABC):
    """Names with bytes, and the nodes that they make up. Used as a context manager."""

    def __init__(self, path: str) -> None:
        self.path = path

    @abstractmethod
    def read(self, name: str) -> bytes | None:
        """Return the start of what has this name, one byte more than a document may have."""

    @abstractmethod
    def write(self, name: str, data: bytes) -> None:
        """Give `name` these bytes, whether or not it has some."""

    @abstractmethod
    def holds(self, key: str) -> bool:
        """Return whether anything is at `key` or below."""

    @abstractmethod
    def array_keys(self) -> list[str]:
        """Return the names of all arrays, the root's being empty."""

    @abstractmethod
    def nbytes(self, key: str) -> int:
        """Return the bytes that all below `key` takes."""

    @abstractmethod
    def remove(self, key: str) -> None:
        """Remove all below `key`."""

    @abstractmethod
    def native(self, *, writable: bool, largest: int) -> NativeStore:
        """Return Zarr's own store for it, which reads no chunk from more than `largest` bytes."""

    def close(self) -> None:  # noqa: B027 - a directory is never open
        """Let go of the file."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def node(self, key: str) -> Node | None:
        """Return the array or group at `key`, or None."""
        prefix = f"{key}/" if key else ""
        for name in DOCUMENTS:
            data = self.read(prefix + name)
            if data is None:
                continue
            document = decode(data, f"{self.path}/{prefix}{name}")
            if name == DOCUMENT:
                return Node(document.get("node_type") == "array", document)
            attributes = self.read(f"{prefix}.zattrs")
            if attributes is not None:
                document["attributes"] = decode(attributes, f"{self.path}/{prefix}.zattrs")
            return Node(name == ".zarray", document)
        return None

    def array(self, key: str) -> dict[str, Any]:
        """Return the metadata of the array at `key`.

        Raises
        ------
        ArrayKeyError
            If there is none.
        """
        node = self.node(key)
        if node is None or not node.is_array:
            raise ArrayKeyError(f"{self.path!r} holds no array {key!r} by now")
        return node.document

    def check_place(self, key: str, *, overwrite: bool) -> None:
        """Raise unless an array can be written at `key`.

        Raises
        ------
        ArrayExistsError
            If something is there, unless it is an array and `overwrite` is true.
        UnsupportedOptionError
            If `key` is reserved, or leads through an array or a store of version 2.
        """
        names = key.split("/")
        reserved = [name for name in names if name in _RESERVED_NAMES or name.startswith("__")]
        if reserved:
            raise UnsupportedOptionError(
                f"key {key!r} has the name {reserved[0]!r}, which Zarr keeps for itself: use "
                "another name"
            )
        for parent in parents(key):
            # In this order: another process may put a whole group here in between.
            is_held, node = self.holds(parent), self.node(parent)
            if node is None and is_held:
                raise BadArrayFileError(
                    f"{self.path!r} is not a Zarr store at {parent or 'its root'!r}: choose "
                    "another path or key"
                )
            if node is not None and node.is_array:
                raise UnsupportedOptionError(
                    f"{self.path!r} has an array at {parent or 'its root'!r}, which cannot hold "
                    f"another one as {key!r}: choose another path or key"
                )
            if node is not None and node.document.get("zarr_format") != GROUP["zarr_format"]:
                raise UnsupportedOptionError(
                    f"{self.path!r} is a Zarr store of version 2, and arrays are written in "
                    "version 3: write to another store"
                )
        node = self.node(key)
        if self.holds(key) and not (overwrite and node is not None and node.is_array):
            raise files.exists_error(f"{self.path}:{key}")

    def add(self, key: str, document: Mapping[str, Any]) -> None:
        """Write the metadata of a new array, and of the groups above it that are missing."""
        if key:
            self.check_place(key, overwrite=False)
            self.drop_consolidated(key)
            for parent in parents(key):
                if self.node(parent) is None:
                    self._write_document(parent, GROUP)
        self._write_document(key, document)

    def rewrite(self, key: str, document: Mapping[str, Any]) -> None:
        """Replace the metadata of an array."""
        self._write_document(key, document)

    def drop_consolidated(self, key: str) -> None:
        """Remove from the groups above `key` what they say of all that is below them.

        It is a cache for reading, which a new array would make stale.
        """
        for parent in parents(key):
            node = self.node(parent)
            if node is not None and _CONSOLIDATED in node.document:
                kept = {k: value for k, value in node.document.items() if k != _CONSOLIDATED}
                self._write_document(parent, kept)

    def _write_document(self, key: str, document: Mapping[str, Any]) -> None:
        self.write(f"{key}/{DOCUMENT}".lstrip("/"), encode(document))


def check_chunk_size(name: str, size: int, largest: int) -> None:
    """Raise `BadArrayFileError` if a chunk has more bytes than any encoding of it."""
    if size > largest:
        raise BadArrayFileError(
            f"{name!r} has {size} bytes, and a chunk of this array at most {largest}"
        )


def parents(key: str) -> list[str]:
    """Return the groups above an array, from the root down.

    Examples
    --------
    >>> parents("a/b/c")
    ['', 'a', 'a/b']
    """
    names = key.split("/")
    return ["/".join(names[:depth]) for depth in range(len(names))]
