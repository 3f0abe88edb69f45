"""Regions of arrays that are read from their beginning on."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from filexchange.formats import streamed
from filexchange.formats.streamed import StreamedArray
from filexchange.geometry import iter_blocks
from filexchange.testing import assert_same

HEADER = b"header"


class Stream:
    """Bytes in memory that count what would have been inflated."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.position = 0
        self.restarts = 0
        self.is_open = True

    def fill(self, buffer: memoryview, offset: int) -> None:
        if offset < self.position:
            self.restarts += 1
        self.position = offset + len(buffer)
        assert self.position <= len(self.data)
        buffer[:] = self.data[offset : self.position]

    def close(self) -> None:
        self.is_open = False


def stream_of(array: Any, order: Any = "C") -> tuple[Stream, StreamedArray]:
    stream = Stream(HEADER + array.tobytes(order))
    handle = StreamedArray(
        stream,
        shape=array.shape,
        dtype=array.dtype,
        order=order,
        offset=len(HEADER),
        close=stream.close,
    )
    return stream, handle


@st.composite
def regions(draw: st.DrawFn) -> tuple[Any, tuple[slice, ...]]:
    shape = draw(st.lists(st.integers(1, 7), max_size=4).map(tuple))
    key = []
    for length in shape:
        start = draw(st.integers(0, length - 1))
        key.append(slice(start, draw(st.integers(start + 1, length)), draw(st.integers(1, 4))))
    return np.arange(math.prod(shape), dtype="i4").reshape(shape), tuple(key)


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("kept", [0, 1 << 20])
@pytest.mark.parametrize("block", [1, 20, 200])
def test_every_region_equals_numpys(block: int, kept: int, order: str) -> None:
    @settings(deadline=None)
    @given(regions())
    def check(case: tuple[Any, tuple[slice, ...]]) -> None:
        array, key = case
        assert_same(stream_of(array, order)[1][key], array[key])

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(streamed, "_BLOCK_BYTES", block)
        patch.setattr(streamed, "_KEPT_BYTES", kept)
        check()


@pytest.mark.parametrize("order", ["C", "F"])
def test_empty_region_has_the_shape_it_should(order: str) -> None:
    for array, key in (
        (np.zeros((3, 0, 2)), (slice(None),) * 3),
        (np.zeros((3, 4)), (slice(2, 2), slice(None))),
    ):
        assert_same(stream_of(array, order)[1][key], array[key])


@pytest.mark.parametrize("block", [(1, 1, 3), (1, 2, 5), (1, 4, 5), (2, 4, 5), (6, 4, 5)])
def test_walk_in_the_order_of_the_elements_is_one_pass(block: tuple[int, ...]) -> None:
    array = np.arange(120.0).reshape(6, 4, 5)
    stream, handle = stream_of(array)
    for region in iter_blocks(array.shape, block):
        assert_same(handle[region], array[region])
    assert stream.restarts == 0
    assert_same(handle[0:1, 0:4, 0:5], array[0:1])
    assert stream.restarts == 1


def test_nothing_behind_the_region_is_read() -> None:
    array = np.arange(120.0).reshape(6, 4, 5)
    stream, handle = stream_of(array)
    assert_same(handle[2:3, 1:3, :], array[2:3, 1:3])
    assert stream.position == len(HEADER) + 8 * (2 * 20 + 3 * 5)


def test_fortran_order_is_read_once() -> None:
    array = np.arange(120.0).reshape(6, 4, 5)
    stream, handle = stream_of(array, "F")
    for i in reversed(range(6)):
        row = handle[i : i + 1, :, :]
        assert_same(row, array[i : i + 1])
        row[...] = -1  # is nobody else's
    assert_same(handle[:, :, :], array)
    assert stream.restarts == 0


def test_handle_that_is_let_go_closes_its_stream() -> None:
    stream, handle = stream_of(np.zeros(3))
    del handle
    assert not stream.is_open
