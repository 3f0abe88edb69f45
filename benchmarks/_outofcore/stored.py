"""Outputs of whatever format, opened to be checked."""

import glob
import os
from collections.abc import Iterator
from typing import Any

import numpy as np

from _outofcore.inputs import rows_of, slabs


def open_output(stem: str) -> Any:
    """Return the array that a contender has written, unread."""
    (path,) = glob.glob(f"{glob.escape(stem)}.*")
    return _OPENERS[os.path.splitext(path)[1]](path)


def row_slabs(array: Any) -> Iterator[tuple[slice, Any]]:
    """Yield all rows, some of them at a time, in whole chunks."""
    chunks = getattr(array, "chunks", None)
    for rows in slabs(array.shape[0], chunks[0] if chunks else rows_of(array)):
        yield rows, np.asarray(array[rows])


class Stack:
    """The files of `dask.array.to_npy_stack`."""

    def __init__(self, path: str) -> None:
        count = len(glob.glob(os.path.join(glob.escape(path), "*.npy")))
        self._parts = [
            np.load(os.path.join(path, f"{number}.npy"), mmap_mode="r") for number in range(count)
        ]
        self._starts = np.cumsum([0, *map(len, self._parts)])
        self.shape = (int(self._starts[-1]), *self._parts[0].shape[1:])
        self.dtype = self._parts[0].dtype
        self.chunks = self._parts[0].shape

    def __getitem__(self, rows: slice) -> Any:
        return self._parts[int(np.searchsorted(self._starts, rows.start))]


def _open_npy(path: str) -> Any:
    return np.load(path, mmap_mode="r")


def _open_raw(path: str) -> Any:
    return np.memmap(path, np.uint16, "r")


def _open_zarr(path: str) -> Any:
    import zarr

    return zarr.open_array(path, mode="r")


def _open_hdf5(path: str) -> Any:
    import h5py

    return h5py.File(path, "r")["data"]


def _open_b2nd(path: str) -> Any:
    import blosc2

    return blosc2.open(path, mode="r")


_OPENERS = {
    ".npy": _open_npy,
    ".raw": _open_raw,
    ".stack": Stack,
    ".zarr": _open_zarr,
    ".h5": _open_hdf5,
    ".b2nd": _open_b2nd,
}
