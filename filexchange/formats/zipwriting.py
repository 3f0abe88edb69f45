"""Zip archives changed in place: by files that nobody else sees yet."""

import contextlib
import io
import os
import zipfile
from collections.abc import Callable, Iterator
from typing import Any

from filexchange import capabilities, files
from filexchange.errors import UnsupportedOptionError
from filexchange.formats.zipfiles import PIECE_BYTES, naming_damage


class _Writer(io.FileIO):
    """A file that is written at once and whole; buffers would cut the pieces anew."""

    def write(self, data: Any, /) -> int:
        """Write all of `data`."""
        view = memoryview(data)
        capabilities.write_all(self.fileno(), view)
        return len(view)


@contextlib.contextmanager
def new_member(
    path: str, name: str, method: int, level: int | None
) -> Iterator[tuple[Callable[[memoryview], None], int]]:
    """Add a member to a zip file, which need not exist; yield how to write it, and from where.

    The second value is the byte of the file where the first byte goes.
    """
    fd = os.open(path, files.NEW_FILE & ~os.O_EXCL, 0o666)
    with contextlib.ExitStack() as stack:
        file = stack.enter_context(_Writer(fd, "r+b"))
        with naming_damage(path):
            archive = stack.enter_context(zipfile.ZipFile(file, "a", method, compresslevel=level))
        if name in archive.namelist():
            raise UnsupportedOptionError(
                f"{name!r} was written already: every array in a file needs a key of its own"
            )
        # The size is known, but not that of the deflated data: room for both is always made.
        member = stack.enter_context(archive.open(name, "w", force_zip64=True))

        def write(data: memoryview) -> None:
            for start in range(0, len(data), PIECE_BYTES):
                member.write(data[start : start + PIECE_BYTES])

        yield write, file.tell()


def remove_member(path: str, name: str) -> None:
    """Remove a member from a zip file; those behind it move to its place."""
    with naming_damage(path), _Writer(path, "r+b") as file, zipfile.ZipFile(file, "a") as archive:
        removed = archive.NameToInfo.pop(name)
        archive.filelist.remove(removed)
        behind = [m for m in archive.filelist if m.header_offset > removed.header_offset]
        end = min((m.header_offset for m in behind), default=archive.start_dir)
        gap = end - removed.header_offset
        for start in range(end, archive.start_dir, PIECE_BYTES):
            file.seek(start)
            data = file.read(min(PIECE_BYTES, archive.start_dir - start))
            file.seek(start - gap)
            file.write(data)
        for member in behind:
            member.header_offset -= gap
        archive.start_dir -= gap
        archive.comment = archive.comment  # which makes closing write the directory anew
