"""HDF5 files written such that a full disk is an error and not a crash.

HDF5 cannot close a file that it cannot write to: h5py raises, HDF5 keeps what it has freed, and
the process dies when it opens the next file. Here HDF5 writes through an object that never fails:
after the first error it accepts and drops everything, and the error is raised once HDF5 is done.
"""

import contextlib
import errno
import io
import os
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import h5py

from filexchange import capabilities
from filexchange.aliases import DType
from filexchange.formats.hdf5_files import naming_errors, taken_error
from filexchange.formats.hdf5_status import is_written


class Writing(NamedTuple):
    """An HDF5 file being written; `check` raises the first error of the disk, if there was one."""

    file: h5py.File
    check: Callable[[], None]


@contextlib.contextmanager
def writing(path: str, **layout: Any) -> Iterator[Writing]:
    """Create an HDF5 file, or change one that nobody else sees, and close it after the block.

    Parameters
    ----------
    path : str
    **layout
        Options of ``h5py.File`` that a file is made with.

    Raises
    ------
    OSError
        If the disk did not take all of it.
    ArrayIOError
        If an array grows in the file, of which HDF5 itself takes no notice here.
    """
    fd = os.open(path, os.O_RDWR | os.O_CREAT | capabilities.OPEN_FLAGS, 0o666)
    sink = _Sink(fd)
    try:
        capabilities.lock_exclusively(fd)
        if is_written(path):
            raise taken_error(path, "an array grows in it")
    except BaseException:
        os.close(fd)
        raise

    def check() -> None:
        if sink.error is not None:
            raise sink.error

    try:
        is_new = os.fstat(fd).st_size == 0
        mode, options = ("w", layout) if is_new else ("r+", {"libver": layout.get("libver")})
        # Errors of the disk are named by whoever knows the name that the file is to have.
        with naming_errors(path, (RuntimeError,)), h5py.File(sink, mode, **options) as file:
            yield Writing(file, check)
            check()
        check()
    finally:
        os.close(fd)


class CheckedDataset:
    """A dataset that reports a full disk after each assignment, for long copies."""

    def __init__(self, dataset: h5py.Dataset, check: Callable[[], None]) -> None:
        self._dataset = dataset
        self._check = check
        self.dtype: DType = dataset.dtype

    def __setitem__(self, region: Any, value: Any) -> None:
        self._dataset[region] = value
        self._check()


class _Sink(io.RawIOBase):
    """The file object that HDF5 writes to."""

    def __init__(self, fd: int) -> None:
        self.error: OSError | None = None
        self._fd = fd
        self._position = 0

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        """Move; HDF5 asks for the size by moving to the end."""
        start = os.fstat(self._fd).st_size if whence == os.SEEK_END else 0
        self._position = start + offset
        return self._position

    def tell(self) -> int:
        """Return the position."""
        return self._position

    def readinto(self, buffer: Any, /) -> int:
        """Read as many bytes as there are."""
        count = capabilities.read_at(self._fd, memoryview(buffer), self._position)
        self._position += count
        return count

    def write(self, data: Any, /) -> int:
        """Write all of `data`, or drop it."""

        def write() -> None:
            os.lseek(self._fd, self._position, os.SEEK_SET)
            capabilities.write_all(self._fd, memoryview(data))

        self._unless_failed(write)
        self._position += len(data)
        return len(data)

    def truncate(self, size: int | None = None, /) -> int:
        """Cut or extend the file."""
        length = self._position if size is None else size
        self._unless_failed(lambda: os.ftruncate(self._fd, length))
        return length

    def _unless_failed(self, action: Callable[[], None]) -> None:
        if self.error is None:
            try:
                action()
            except OSError as error:
                # What Linux calls invalid is a place beyond the largest file that there can be.
                is_beyond = error.errno == errno.EINVAL
                self.error = OSError(errno.EFBIG, os.strerror(errno.EFBIG)) if is_beyond else error
