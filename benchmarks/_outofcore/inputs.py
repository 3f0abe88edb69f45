"""The input arrays: random numbers, made once and stored in the forms that contenders read."""

import os
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

STEP = 16 << 20  # bytes made or copied at a time


class Array(NamedTuple):
    """An array to be made; `chunks` are those of its forms that have chunks."""

    shape: tuple[int, ...]
    dtype: str
    chunks: tuple[int, ...]

    @property
    def nbytes(self) -> int:
        return int(np.prod(self.shape)) * np.dtype(self.dtype).itemsize


def make(array: Array, form: str, stem: str) -> str:
    """Return the path of the array in that form, written unless it is there."""
    path = f"{stem}.{form}"
    if not os.path.exists(path):
        _MAKERS[form](array, stem)
    return path


def slabs(length: int, step: int) -> Iterator[slice]:
    """Yield slices that cover a length."""
    for start in range(0, length, step):
        yield slice(start, min(start + step, length))


def rows_of(array: Any, nbytes: int = STEP) -> int:
    """Return how many rows have so many bytes."""
    return int(max(1, nbytes // (array.dtype.itemsize * int(np.prod(array.shape[1:])))))


def _make_npy(array: Array, stem: str) -> None:
    out = np.lib.format.open_memmap(f"{stem}.npy", "w+", np.dtype(array.dtype), array.shape)
    for number, rows in enumerate(slabs(len(out), rows_of(out))):
        out[rows] = _variates(number, out[rows].shape, out.dtype)
    out.flush()


def _variates(seed: int, shape: tuple[int, ...], dtype: Any) -> Any:
    random = np.random.Generator(np.random.SFC64(seed))
    if dtype.kind == "u":
        return random.integers(0, min(4096, np.iinfo(dtype).max + 1), shape, dtype)
    if dtype.kind == "c":
        return random.standard_normal((*shape, 2), np.float32).view(dtype)[..., 0]
    return random.standard_normal(shape, np.float32).astype(dtype, copy=False)


def _make_zarr(array: Array, stem: str) -> None:
    import zarr

    out = zarr.create_array(
        f"{stem}.zarr",
        shape=array.shape,
        dtype=array.dtype,
        chunks=array.chunks,
        compressors=None,
        filters=None,
    )
    _copy(make(array, "npy", stem), out, array.chunks[0])


def _make_b2nd(array: Array, stem: str) -> None:
    import blosc2

    out = blosc2.empty(
        array.shape,
        np.dtype(array.dtype),
        chunks=array.chunks,
        urlpath=f"{stem}.b2nd",
        mode="w",
        cparams={"clevel": 0},
    )
    _copy(make(array, "npy", stem), out, array.chunks[0])


def _copy(path: str, out: Any, step: int) -> None:
    source = np.load(path, mmap_mode="r")
    for rows in slabs(len(source), step):
        out[rows] = source[rows]


_MAKERS = {"npy": _make_npy, "zarr": _make_zarr, "b2nd": _make_b2nd}
