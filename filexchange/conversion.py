"""Copies of arrays from one format to another, in bounded memory."""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from filexchange import arrays
from filexchange.aliases import Array, ChunksLike, DType, Indexable, PathLike, Shape
from filexchange.errors import ArrayMismatchError
from filexchange.formats import source_chunks
from filexchange.geometry import iter_blocks, slab_shape
from filexchange.manners import Manner
from filexchange.ref import ArrayRef
from filexchange.sources import as_source
from filexchange.tuning.subjects import Subject
from filexchange.tuning.uses import Use


def convert(
    source: PathLike | ArrayRef,
    target: PathLike,
    *,
    key: str | None = None,
    format: str | None = None,
    target_key: str | None = None,
    chunks: ChunksLike = None,
    shards: ChunksLike = None,
    compression: str | None = None,
    attrs: Mapping[str, Any] | None = None,
    overwrite: bool = False,
    for_: Use = "exchange",
    explain: bool = False,
    verify: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> ArrayRef:
    """Copy an array to another file, format or layout, block by block.

    Parameters
    ----------
    source : path-like or ArrayRef
        What to copy; a part of an array is copied as an array of its own.
    target : path-like
        Where to. It appears when it is complete (and verified).
    key, target_key : str, optional
        Names of the array in the source and in the target, where these are containers.
    format, chunks, shards, compression, overwrite, for_, explain
        Of the target, as in `save`; ``"auto"`` chooses for the array of the source.
    attrs : mapping, optional
        In place of the source's own.
    verify : bool, optional
        Read the copy and compare every element with the source.
    progress : callable, optional
        Called with the bytes done and the bytes to do, after every block; verification counts
        like copying.

    Returns
    -------
    ArrayRef
        To the copy.

    Raises
    ------
    ArrayMismatchError
        If verification finds a difference; the target is removed, or what it replaced kept.

    Notes
    -----
    Memory stays at about 16 MiB plus a chunk of the source and of the target; at most about 256
    MiB where a source with large chunks is copied to a format that is written row by row.

    Examples
    --------
    >>> _ = fx.save("a.npy", np.arange(12).reshape(3, 4))
    >>> ref = fx.convert("a.npy", "a.zarr", chunks=(2, 2), compression="zstd", verify=True)
    >>> ref.format, ref.chunks, int(ref[2, 3])
    ('zarr', (2, 2), 11)
    """
    if isinstance(source, ArrayRef):
        arrays.refuse_for_reference("key", key)
        ref = source
    else:
        ref = arrays.open_array(source, key=key)
    kept = ref.attrs if attrs is None else attrs
    manner = Manner(format, compression, chunks, shards, kept, for_, explain)
    report = _Progress(ref.nbytes * (2 if verify else 1), progress)
    with ref.opened("r") as opened:
        path, fmt, options = manner.at(target, lambda: Subject.of(opened), key=target_key)
        with (
            as_source(_Watched(opened, report)) as read,
            arrays.saving(path, fmt, target_key, read, options, overwrite=overwrite) as draft,
        ):
            if verify:
                with draft.opened("r") as copy:
                    _compare(_Watched(opened, report), copy, path)
    return dataclasses.replace(draft, path=path)


def _compare(source: Indexable, copy: Indexable, path: str) -> None:
    """Raise `ArrayMismatchError` unless both arrays have the same bytes."""
    slab = slab_shape(source.shape, source.dtype.itemsize, source_chunks(source))
    for region in iter_blocks(source.shape, slab):
        if not _same(source[region], copy[region]):
            raise ArrayMismatchError(
                f"the copy in {path!r} differs from its source within {region}: nothing was "
                "published; check the disk and its free space, and convert again"
            )


def _same(first: Array, second: Array) -> bool:
    """Return whether two blocks have the same elements, NaN being equal to itself."""
    if first.dtype.char in "gG":  # the padding of long doubles is not theirs
        return np.array_equal(first, second, equal_nan=True)
    a, b = (np.ascontiguousarray(block).reshape(-1).view("u1") for block in (first, second))
    return np.array_equal(a, b)


class _Progress:
    """Counts bytes for a callback."""

    def __init__(self, total: int, callback: Callable[[int, int], None] | None) -> None:
        self._total = total
        self._done = 0
        self._callback = callback

    def add(self, nbytes: int) -> None:
        self._done += nbytes
        if self._callback is not None:
            # A slab may be read twice where a source's chunks reach across slabs.
            self._callback(min(self._done, self._total), self._total)


class _Watched:
    """A lazy array that reports what is read from it."""

    def __init__(self, source: Any, progress: _Progress) -> None:
        self._source = source
        self._progress = progress

    @property
    def shape(self) -> Shape:
        shape: Shape = self._source.shape
        return shape

    @property
    def dtype(self) -> DType:
        dtype: DType = self._source.dtype
        return dtype

    @property
    def chunks(self) -> Shape | None:
        return source_chunks(self._source)

    def __getitem__(self, key: Any) -> Array:
        block: Array = self._source[key]
        self._progress.add(block.nbytes)
        return block
