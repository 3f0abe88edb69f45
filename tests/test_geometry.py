"""Blocks cover arrays exactly, in C order, in bounded memory."""

import math
from typing import Any

import hypothesis.extra.numpy as hnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from filexchange.aliases import Shape, Slices
from filexchange.errors import UnsupportedOptionError
from filexchange.geometry import (
    BLOCK_BYTES,
    CHUNK_BYTES,
    block_shape,
    iter_blocks,
    normalize_chunks,
    slab_shape,
)

SMALL = hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=7)
LARGE = st.lists(st.integers(1, 1 << 24), max_size=5).map(tuple)
ITEMSIZE = st.sampled_from([1, 2, 8, 16, 1000])


def _like(shape: Shape) -> st.SearchStrategy[Shape]:
    return st.tuples(*(st.integers(1, max(1, length)) for length in shape))


@st.composite
def grids(draw: Any, shapes: st.SearchStrategy[Shape]) -> tuple[Shape, Shape]:
    """Draw a shape, and a shape of chunks or blocks of it."""
    shape = draw(shapes)
    return shape, draw(_like(shape))


def _flat_positions(shape: Shape, block: Shape) -> list[int]:
    positions = np.arange(math.prod(shape)).reshape(shape)
    visited = [positions[region].reshape(-1) for region in iter_blocks(shape, block)]
    return np.concatenate(visited).tolist() if visited else []


def _lengths(region: Slices) -> Shape:
    return tuple(part.stop - part.start for part in region)


@given(grids(SMALL))
def test_blocks_cover_every_element_exactly_once(grid: tuple[Shape, Shape]) -> None:
    shape, block = grid
    assert sorted(_flat_positions(shape, block)) == list(range(math.prod(shape)))
    for region in iter_blocks(shape, block):
        assert len(region) == len(shape)
        assert all(0 < n <= most for n, most in zip(_lengths(region), block, strict=True))


@given(SMALL, st.integers(1, 300), ITEMSIZE)
def test_block_walk_is_in_c_order(shape: Shape, max_bytes: int, itemsize: int) -> None:
    block = block_shape(shape, itemsize, max_bytes)
    assert _flat_positions(shape, block) == list(range(math.prod(shape)))


@given(SMALL, ITEMSIZE)
def test_slab_walk_is_in_c_order(shape: Shape, itemsize: int) -> None:
    slab = slab_shape(shape, itemsize)
    assert _flat_positions(shape, slab) == list(range(math.prod(shape)))


@given(LARGE, ITEMSIZE, st.integers(1, 1 << 30))
def test_block_is_as_large_as_allowed(shape: Shape, itemsize: int, max_bytes: int) -> None:
    block = block_shape(shape, itemsize, max_bytes)
    assert all(1 <= n <= length for n, length in zip(block, shape, strict=True))
    nbytes = math.prod(block) * itemsize
    assert nbytes <= max(max_bytes, itemsize)
    # No axis could be longer, unless the axes after it are not whole yet.
    for axis in reversed(range(len(shape))):
        if block[axis] < shape[axis]:
            assert nbytes // block[axis] * (block[axis] + 1) > max_bytes
            assert all(n == 1 for n in block[:axis])
            break


@given(grids(LARGE), ITEMSIZE, st.integers(1, 1 << 30))
def test_block_of_a_chunked_array_is_whole_chunks(
    grid: tuple[Shape, Shape], itemsize: int, max_bytes: int
) -> None:
    shape, chunks = grid
    block = block_shape(shape, itemsize, max_bytes, chunks)
    for n, length, chunk in zip(block, shape, chunks, strict=True):
        assert n % chunk == 0 or n == length
    assert math.prod(block) * itemsize <= max(max_bytes, math.prod(chunks) * itemsize)


@given(grids(LARGE), ITEMSIZE)
def test_slab_of_a_chunked_array_is_in_c_order_and_bounded(
    grid: tuple[Shape, Shape], itemsize: int
) -> None:
    shape, chunks = grid
    slab = slab_shape(shape, itemsize, chunks)
    assert math.prod(slab) * itemsize <= 256 << 20
    # In C order: one axis is cut, those after it are whole, those before it have length one.
    cut = next((axis for axis in range(len(shape)) if slab[axis] > 1), len(shape))
    assert slab[cut + 1 :] == shape[cut + 1 :]


def test_slab_takes_whole_chunks_where_that_fits_into_memory() -> None:
    assert slab_shape((1000, 1000, 1000), 4, (64, 64, 64)) == (64, 1000, 1000)
    assert slab_shape((10**6, 10**6), 8, (1000, 1000)) == slab_shape((10**6, 10**6), 8)
    assert slab_shape((70, 100), 8, (64, 100)) == (70, 100)
    assert slab_shape((), 8, ()) == ()


@given(LARGE, ITEMSIZE, st.sampled_from(["auto", None]))
def test_automatic_chunks_are_valid_and_of_bounded_size(
    shape: Shape, itemsize: int, chunks: Any
) -> None:
    found = normalize_chunks(chunks, shape, itemsize)
    assert len(found) == len(shape)
    assert all(1 <= n <= length for n, length in zip(found, shape, strict=True))
    assert math.prod(found) * itemsize <= CHUNK_BYTES
    if math.prod(shape) * itemsize <= CHUNK_BYTES:
        assert found == shape


@given(grids(SMALL))
def test_chunks_that_fit_are_kept(grid: tuple[Shape, Shape]) -> None:
    shape, chunks = grid
    assert normalize_chunks(chunks, shape, 8) == chunks
    assert normalize_chunks(list(chunks), shape, 8) == chunks  # type: ignore[arg-type]


def test_chunks_are_spelled_in_short() -> None:
    assert normalize_chunks(10, (100, 5), 8) == (10, 5)
    assert normalize_chunks(-1, (100, 5), 8) == (100, 5)
    assert normalize_chunks((7, -1), (100, 5), 8) == (7, 5)
    assert normalize_chunks((np.int64(7), 2), (100, 5), 8) == (7, 2)  # type: ignore[arg-type]
    assert normalize_chunks((500, 500), (100, 5), 8) == (100, 5)
    assert normalize_chunks("auto", (0, 5), 8) == (1, 5)
    assert normalize_chunks((3, -1), (0, 0), 8) == (1, 1)
    assert normalize_chunks((), (), 8) == ()


@pytest.mark.parametrize(
    "chunks", [(7,), (7, 5, 1), (0, 5), (-2, 5), 0, -2, 1.5, "all", (1.5, 5), ("7", 5), (None, 5)]
)
def test_chunks_that_do_not_fit_are_refused(chunks: Any) -> None:
    with pytest.raises(UnsupportedOptionError, match="chunks="):
        normalize_chunks(chunks, (100, 5), 8)


def test_blocks_of_a_huge_array_are_not_listed_at_once() -> None:
    shape = (1 << 12, 1 << 22, 1 << 10)
    first = next(iter_blocks(shape, block_shape(shape, 8, BLOCK_BYTES)))
    assert first == (slice(0, 1, 1), slice(0, 2048, 1), slice(0, 1024, 1))
