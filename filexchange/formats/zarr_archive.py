"""A Zarr store that is a zip file."""

import contextlib
import shutil
import zipfile
from collections.abc import Callable
from typing import Any

from zarr.abc.store import Store as NativeStore
from zarr.core.sync import sync
from zarr.storage import ZipStore

from filexchange import files
from filexchange.formats.zarr_metadata import MAX_DOCUMENT
from filexchange.formats.zarr_store import DOCUMENT, Store, check_chunk_size


class _ChunkMembers(ZipStore):
    """Zarr's store of chunks, for zip files that anybody may have written."""

    largest: int

    async def get(self, key: str, *args: Any, **options: Any) -> Any:
        """Return the bytes of a chunk, None where there is no member."""
        with contextlib.suppress(KeyError):
            size = self._zf.getinfo(key).file_size
            check_chunk_size(f"{self.path}/{key}", size, self.largest)
        return await super().get(key, *args, **options)


class Archive(Store):
    """A store that is a zip file, which can be added to but not changed."""

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self._zip = zipfile.ZipFile(path)

    def close(self) -> None:
        self._zip.close()

    def read(self, name: str) -> bytes | None:
        try:
            info = self._zip.getinfo(name)
        except KeyError:
            return None
        with self._zip.open(info) as f:
            return f.read(MAX_DOCUMENT + 1)

    def write(self, name: str, data: bytes) -> None:
        if self.read(name) is not None:
            self._keep(lambda other: other != name)
        self._zip.close()
        with zipfile.ZipFile(self.path, "a") as changed:
            changed.writestr(name, data)
        self._zip = zipfile.ZipFile(self.path)

    def holds(self, key: str) -> bool:
        return any(_below(name, key) for name in self._zip.namelist())

    def array_keys(self) -> list[str]:
        ends = (f"/{DOCUMENT}", "/.zarray")
        found = {
            name.rpartition("/")[0] for name in self._zip.namelist() if f"/{name}".endswith(ends)
        }
        return sorted(
            key for key in found if (node := self.node(key)) is not None and node.is_array
        )

    def nbytes(self, key: str) -> int:
        return sum(
            info.compress_size for info in self._zip.infolist() if _below(info.filename, key)
        )

    def remove(self, key: str) -> None:
        self._keep(lambda name: not _below(name, key))

    def _keep(self, wanted: Callable[[str], bool]) -> None:
        """Write the file anew with the members that are wanted."""
        with (
            files.publish(self.path, overwrite=True) as aside,
            zipfile.ZipFile(aside, "x") as kept,
        ):
            for info in self._zip.infolist():
                if wanted(info.filename):
                    with self._zip.open(info) as old, kept.open(info, "w") as new:
                        shutil.copyfileobj(old, new, 1 << 20)
        self._zip.close()
        self._zip = zipfile.ZipFile(self.path)

    def native(self, *, writable: bool, largest: int) -> NativeStore:
        mode: Any = "a" if writable else "r"
        native = sync(_ChunkMembers.open(self.path, mode=mode))
        native.largest = largest
        return native


def _below(name: str, key: str) -> bool:
    return not key or name == key or name.startswith(f"{key}/")


def new_archive(path: str) -> None:
    """Write a zip file without members."""
    zipfile.ZipFile(path, "x").close()
