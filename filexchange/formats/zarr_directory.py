"""A Zarr store that is a directory tree."""

import os
import stat
from typing import Any

from zarr.abc.store import Store as NativeStore
from zarr.storage import LocalStore

from filexchange import files
from filexchange.errors import BadArrayFileError
from filexchange.formats.zarr_metadata import MAX_DOCUMENT
from filexchange.formats.zarr_store import Store, check_chunk_size


def _entry(root: str, name: str) -> os.stat_result | None:
    """Return the status of what has a name below `root`, or None.

    Raises
    ------
    BadArrayFileError
        If it is a link, or there is one on the way to it: it may lead anywhere.
    """
    status = None
    path = root
    for part in filter(None, name.split("/")):
        if part in {".", ".."}:  # no names of Zarr's
            return None
        path = os.path.join(path, part)
        try:
            status = os.lstat(path)
        except (FileNotFoundError, NotADirectoryError):
            return None
        if stat.S_ISLNK(status.st_mode):
            raise BadArrayFileError(
                f"{path!r} is a link, which may lead out of its Zarr store: put what it leads to "
                "in its place"
            )
    return status


class _ChunkFiles(LocalStore):
    """Zarr's store of chunks, for directories that anybody may have written."""

    largest: int

    async def get(self, key: str, *args: Any, **options: Any) -> Any:
        """Return the bytes of a chunk, None where there is no file."""
        is_there = _check_chunk(str(self.root), key, self.largest)
        return await super().get(key, *args, **options) if is_there else None


def _check_chunk(root: str, name: str, largest: int) -> bool:
    """Return whether there is a chunk of this name.

    Raises
    ------
    BadArrayFileError
        If what is there is no chunk.
    """
    status = _entry(root, name)
    if status is None:
        return False
    # Zarr would wait for the other end of a FIFO, and take an empty shard for an absent one.
    if not stat.S_ISREG(status.st_mode) or not status.st_size:
        raise BadArrayFileError(
            f"{os.path.join(root, name)!r} is empty or not a regular file, so it is no chunk of "
            "an array"
        )
    check_chunk_size(os.path.join(root, name), status.st_size, largest)
    return True


class Directory(Store):
    """A store that is a directory tree."""

    def read(self, name: str) -> bytes | None:
        if _entry(self.path, name) is None:
            return None
        with files.opened(os.path.join(self.path, name)) as fd, open(fd, "rb", closefd=False) as f:
            return f.read(MAX_DOCUMENT + 1)

    def write(self, name: str, data: bytes | memoryview) -> None:
        path = os.path.join(self.path, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with files.publish(path, overwrite=True) as aside, open(aside, "xb") as f:
            f.write(data)

    def chunk_path(self, name: str, largest: int) -> str:
        """Return the path of a chunk, once it is known that nothing else is there."""
        _check_chunk(self.path, name, largest)
        return os.path.join(self.path, name)

    def holds(self, key: str) -> bool:
        path = os.path.join(self.path, key)
        return os.path.lexists(path) and (not os.path.isdir(path) or bool(os.listdir(path)))

    def array_keys(self) -> list[str]:
        found, groups = [], [""]
        while groups:
            key = groups.pop()
            node = self.node(key)
            if node is not None and node.is_array:
                found.append(key)
            elif node is not None:
                with os.scandir(os.path.join(self.path, key)) as entries:
                    groups.extend(
                        f"{key}/{entry.name}".lstrip("/")
                        for entry in entries
                        if entry.is_dir(follow_symlinks=False)
                    )
        return sorted(found)

    def nbytes(self, key: str) -> int:
        return sum(
            os.lstat(os.path.join(directory, name)).st_size
            for directory, _, names in os.walk(os.path.join(self.path, key))
            for name in names
        )

    def remove(self, key: str) -> None:
        files.remove(os.path.join(self.path, key))

    def native(self, *, writable: bool, largest: int) -> NativeStore:
        native = _ChunkFiles(self.path, read_only=not writable)
        native.largest = largest
        return native
