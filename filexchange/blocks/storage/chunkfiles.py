"""Regions of arrays whose chunks are plain files, by read and write calls.

Of a chunk only what belongs to the region is read. The disk is asked for many short runs before
the first one is read: one after another they take three times as long.
"""

import contextlib
import math
import os
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from filexchange import capabilities, files
from filexchange.aliases import Array, Shape, Slices
from filexchange.blocks.storage.flat import LONG_RUN, dense, read_spans_into, runs
from filexchange.blocks.storage.grid import parts, region_shape
from filexchange.errors import ArrayNotFoundError, BadArrayFileError
from filexchange.formats import ChunkFiles

# Bytes that the disk is asked for at a time, and files that are open at a time.
_AHEAD_BYTES, _AHEAD_FILES = 8 << 20, 64


class _Part(NamedTuple):
    """What a region has of a chunk: of which, what of it, and where in the region."""

    position: Shape
    inner: Slices
    within: Slices


def read_region(chunks: ChunkFiles, region: Slices) -> Array:
    """Return a region as an array of one's own.

    Raises
    ------
    BadArrayFileError
        If a chunk has another length than it should, or is no regular file.
    """
    block = np.empty(region_shape(region), chunks.fill.dtype)
    for batch in _batches(chunks, region):
        _read_batch(chunks, batch, block)
    return block


def _read_batch(chunks: ChunkFiles, batch: Sequence[_Part], block: Array) -> None:
    with contextlib.ExitStack() as stack:
        found = []
        for part in batch:
            path = chunks.find(part.position)
            try:
                fd = stack.enter_context(files.opened(path))
            except ArrayNotFoundError:
                _view(block, part)[...] = chunks.fill
                continue
            _check_size(fd, path, chunks)
            _ask(fd, chunks, part)
            found.append((part, path, fd))
        for part, path, fd in found:
            target = _view(block, part)
            read = target if target.flags.c_contiguous else np.empty(target.shape, target.dtype)
            read_spans_into(read, fd, path, 0, _spans(chunks, part))
            if read is not target:
                target[...] = read


def _check_size(fd: int, path: str, chunks: ChunkFiles) -> None:
    """Raise `BadArrayFileError` unless a file is as long as a chunk, also where a part would do."""
    size, expected = os.fstat(fd).st_size, math.prod(chunks.chunks) * chunks.fill.itemsize
    if size != expected:
        raise BadArrayFileError(
            f"{path!r} has {size} bytes, and a chunk of this array {expected}: it was truncated, "
            "or belongs to another array; write the array anew"
        )


def _batches(chunks: ChunkFiles, region: Slices) -> Iterator[list[_Part]]:
    """Yield the parts of a region, as many at a time as the disk is asked for."""
    batch: list[_Part] = []
    nbytes = 0
    for part in _parts(chunks, region):
        batch.append(part)
        nbytes += math.prod(region_shape(part.inner)) * chunks.fill.itemsize
        if nbytes >= _AHEAD_BYTES or len(batch) >= _AHEAD_FILES:
            yield batch
            batch, nbytes = [], 0
    yield batch


def _parts(chunks: ChunkFiles, region: Slices) -> Iterator[_Part]:
    for part, within in parts(region, chunks.chunks):
        position = tuple(p.start // n for p, n in zip(part, chunks.chunks, strict=True))
        inner = tuple(
            slice(p.start - at * n, p.stop - at * n, 1)
            for p, at, n in zip(part, position, chunks.chunks, strict=True)
        )
        yield _Part(position, inner, within)


def _view(block: Array, part: _Part) -> Array:
    """Return what a block has of a chunk; of an array without axes too, and not its element."""
    place: Any = (*part.within, ...)
    view: Array = block[place]
    return view


def _spans(chunks: ChunkFiles, part: _Part) -> Iterator[tuple[int, int]]:
    starts, length = runs(chunks.chunks, part.inner)
    return ((start, start + length) for start in starts)


def _ask(fd: int, chunks: ChunkFiles, part: _Part) -> None:
    """Let the disk begin with short runs; the system itself reads ahead in long ones."""
    itemsize = chunks.fill.itemsize
    for start, stop in _spans(chunks, part):
        if (stop - start) * itemsize >= LONG_RUN:
            return
        capabilities.start_reading(fd, start * itemsize, (stop - start) * itemsize)


def write_region(chunks: ChunkFiles, region: Slices, block: Array) -> None:
    """Write a block to its region, which consists of whole chunks as far as the array goes."""
    with files.naming_errors(chunks.path):
        for part in _parts(chunks, region):
            path = chunks.find(part.position)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            _write_chunk(path, _filled(chunks, part, block))


def _filled(chunks: ChunkFiles, part: _Part, block: Array) -> Array:
    """Return a chunk of full length: what is beyond the end of the array is the fill value."""
    values = _view(block, part)
    if values.shape == chunks.chunks:
        return dense(values)
    chunk = np.full(chunks.chunks, chunks.fill)
    chunk[part.inner] = values
    return chunk


def _write_chunk(path: str, chunk: Array) -> None:
    """Write a chunk, which appears complete or not at all."""
    aside = files.partial_name(path)
    try:
        _write_file(aside, files.as_bytes(chunk))
        files.move(aside, path, overwrite=True)
    except BaseException:
        files.remove(aside)
        raise


def _write_file(path: str, data: memoryview) -> None:
    fd = os.open(path, files.NEW_FILE, 0o666)
    try:
        capabilities.write_all(fd, data)
        if len(data) >= LONG_RUN:
            capabilities.start_writeback(fd, 0, len(data))
    finally:
        os.close(fd)
