"""Axes in another order, whatever the layouts of input and output."""

import itertools
import math
import os

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import filexchange as fx
from filexchange import blocks
from filexchange.blocks.layouts.transposing import balanced_block
from filexchange.errors import MemoryBudgetError, UnsupportedOptionError


@pytest.mark.parametrize("out", ["t.npy", "t.raw", "t.zarr", "t.h5"])
@pytest.mark.parametrize(
    ("name", "options"), [("a.npy", {}), ("a.zarr", {"chunks": (5, 7, 3)}), ("a.npz", {})]
)
def test_every_order(tmp_path, name, options, out):
    array = np.random.default_rng(0).integers(0, 99, (13, 21, 8), dtype="i2")
    ref = fx.save(tmp_path / name, array, **options)
    for axes in [None, *itertools.permutations(range(3))]:
        memory = 3000 if out in {"t.npy", "t.raw"} else 6 * array.nbytes
        found = blocks.transpose(
            ref, axes, out=tmp_path / out, overwrite=True, memory=memory, executor=2
        )
        np.testing.assert_array_equal(found.load(), array.transpose(axes))


def test_moveaxis_is_that_of_numpy():
    array = np.arange(120).reshape(2, 3, 4, 5)
    for source, place in [(0, -1), (3, 0), ((0, 1), (-1, 0)), ([1, 2], [2, 3])]:
        found = blocks.moveaxis(array, source, place, memory=10_000)
        np.testing.assert_array_equal(found, np.moveaxis(array, source, place))
    with pytest.raises(UnsupportedOptionError, match="different numbers"):
        blocks.moveaxis(array, (0, 1), 0)


@pytest.mark.parametrize("shape", [(), (0, 3), (5,)])
def test_shapes_at_the_edge(tmp_path, shape):
    array = np.ones(shape)
    found = blocks.transpose(array, out=tmp_path / "t.npy")
    np.testing.assert_array_equal(found.load(), array.T)


def test_axes_that_are_no_order():
    with pytest.raises(UnsupportedOptionError, match="permutation"):
        blocks.transpose(np.zeros((2, 3)), (0,))
    for axes in [(0, 0), (0, 5)]:
        with pytest.raises(ValueError, match="axis"):  # NumPy's own
            blocks.transpose(np.zeros((2, 3)), axes)


def test_not_in_its_own_place(tmp_path):
    array = np.arange(9.0).reshape(3, 3)
    ref = fx.save(tmp_path / "a.npy", array)
    writable = fx.open_array(ref.path, mode="r+")
    for read, out in [(ref, writable), (array, array)]:
        with pytest.raises(UnsupportedOptionError, match="in its place"):
            blocks.transpose(read, out=out)
    np.testing.assert_array_equal(ref.load(), array)
    # To another file that replaces it at the end it can be.
    found = blocks.transpose(ref, out=ref.path, overwrite=True)
    np.testing.assert_array_equal(found.load(), array.T)


def test_budget(tmp_path):
    out = tmp_path / "t.zarr"
    with pytest.raises(MemoryBudgetError, match="transpose needs 1"):
        blocks.transpose(np.zeros((1000, 1000)), out=out, memory=10_000)
    assert os.listdir(tmp_path) == []


@given(data=st.data())
def test_blocks_keep_to_the_units_and_the_limit(data):
    ndim = data.draw(st.integers(1, 4))
    shape = tuple(data.draw(st.integers(1, 50)) for _ in range(ndim))
    unit = tuple(data.draw(st.integers(1, 9)) for _ in range(ndim))
    inner = tuple(data.draw(st.permutations(range(ndim))))
    most = data.draw(st.integers(1, 10_000))
    block = balanced_block(shape, unit, inner, most)
    smallest = math.prod(map(min, unit, shape))
    assert math.prod(block) <= max(most, smallest)
    for step, each, length in zip(block, unit, shape, strict=True):
        assert step == length or step % each == 0
