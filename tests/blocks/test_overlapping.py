"""Blocks with a part of their neighbors are those of Dask's map_overlap."""

import dask.array as da
import h5py
import numpy as np
import pytest
import zarr
from hypothesis import given, settings
from hypothesis import strategies as st

import filexchange as fx
from filexchange import blocks
from filexchange.errors import MemoryBudgetError, UnsupportedOptionError

_EDGES = ["none", "reflect", "nearest", "periodic", 0, 2.5]


@pytest.fixture
def array():
    return np.random.default_rng(0).normal(size=(20, 15)).astype("f4")


def _neighbors(block):
    """Return sums over neighbors, as far as there are some."""
    padded = np.pad(block, 1)
    rows, columns = block.shape
    return sum(padded[i : i + rows, j : j + columns] for i in range(3) for j in range(3))


@pytest.mark.parametrize("boundary", _EDGES)
@pytest.mark.parametrize("overlap", [1, (2, 3), {0: 4}, {-1: 1}])
def test_that_of_dask(array, boundary, overlap):
    theirs = da.from_array(array, chunks=(5, 5)).map_overlap(
        _neighbors, depth={-1 % 2: 1} if overlap == {-1: 1} else overlap, boundary=boundary
    )
    ours = blocks.map_blocks(
        _neighbors, array, chunks=(5, 5), overlap=overlap, boundary=boundary, executor=2
    )
    np.testing.assert_allclose(ours, theirs.compute(scheduler="sync"), 1e-5, 1e-5)


def test_several_boundaries_at_once(array):
    for boundary in [("periodic", 1.0), (2, "reflect"), {0: "nearest"}, ("none", 3), (1, 2)]:
        given_to_dask = {0: "nearest", 1: "none"} if isinstance(boundary, dict) else boundary
        theirs = da.from_array(array, chunks=(5, 5)).map_overlap(
            _neighbors, depth=2, boundary=given_to_dask
        )
        ours = blocks.map_blocks(_neighbors, array, chunks=5, overlap=2, boundary=boundary)
        np.testing.assert_allclose(ours, theirs.compute(scheduler="sync"), 1e-5, 1e-5)


@given(data=st.data())
@settings(max_examples=25, deadline=None)
def test_every_block_is_that_of_the_padded_array(data):
    """Whatever the shape, the blocks, the depth and the edges."""
    ndim = data.draw(st.integers(1, 3))
    shape = tuple(data.draw(st.integers(1, 9)) for _ in range(ndim))
    chunks = tuple(data.draw(st.integers(1, 9)) for _ in range(ndim))
    depth = tuple(data.draw(st.integers(0, length)) for length in shape)
    edges = tuple(data.draw(st.sampled_from(_EDGES)) for _ in range(ndim))
    array = np.arange(np.prod(shape), dtype="f8").reshape(shape)
    padded, seen = array, np.zeros(shape, int)
    for axis, (width, edge) in enumerate(zip(depth, edges, strict=True)):
        widths = [(width, width) if i == axis else (0, 0) for i in range(ndim)]
        modes = {"reflect": "symmetric", "nearest": "edge", "periodic": "wrap"}
        if edge != "none":
            mode = {"mode": modes[edge]} if edge in modes else {"constant_values": edge}
            padded = np.pad(padded, widths, **mode)

    def check(block, block_info):
        ends = block_info[0]["array-location"]
        assert ends == block_info[None]["array-location"]
        around = tuple(
            slice(max(0, start - width), stop + width)
            if edge == "none"
            else slice(start, stop + 2 * width)
            for (start, stop), width, edge in zip(ends, depth, edges, strict=True)
        )
        np.testing.assert_array_equal(block, padded[around])
        seen[tuple(slice(*pair) for pair in ends)] += 1
        return block

    found = blocks.map_blocks(
        check, array, dtype="f8", chunks=chunks, overlap=depth, boundary=edges, executor=1
    )
    np.testing.assert_array_equal(found, array)
    assert (seen == 1).all()


def test_arrays_that_broadcast(array):
    def times(block, column, row, number):
        return block * column + row * number

    column, row = array[:, :1].copy(), array[0].copy()
    for boundary in _EDGES:
        found = blocks.map_blocks(
            times, array, column, row, 2.0, chunks=6, overlap=2, boundary=boundary
        )
        np.testing.assert_array_equal(found, array * column + row * 2.0)


def test_who_trims_itself(array):
    def shrink(block):
        return _neighbors(block)[2:-2, 2:-2]

    found = blocks.map_blocks(
        shrink, array, dtype="f4", chunks=(6, 5), overlap=2, boundary="reflect", trim=False
    )
    theirs = da.from_array(array, chunks=(6, 5)).map_overlap(
        shrink, depth=2, boundary="reflect", trim=False, dtype="f4"
    )
    np.testing.assert_array_equal(found, theirs.compute(scheduler="sync"))


def test_with_axes_that_go_and_come(array):
    cube = np.stack([array, array + 1, array * 2])

    def last(block):
        return np.stack([_neighbors(block.max(0)), _neighbors(block.min(0))], axis=-1)

    found = blocks.map_blocks(
        last,
        cube,
        overlap=(0, 1, 2),
        boundary="nearest",
        drop_axis=0,
        new_axis=-1,
        chunks=(7, 4, 2),
    )
    padded = np.pad(cube, [(0, 0), (1, 1), (2, 2)], mode="edge")
    np.testing.assert_allclose(found, last(padded)[1:-1, 2:-2], 1e-5, 1e-5)


def test_pooled_with_a_margin(array):
    def pool(block):
        return _neighbors(block)[1:-1:2, 1:-1:2]

    found = blocks.map_blocks(
        pool,
        array,
        dtype="f4",
        block_shape=(4, 6),
        chunks=((2,) * 5, (3, 3, 2)),
        overlap=1,
        boundary=0,
        trim=False,
    )
    np.testing.assert_allclose(found, _neighbors(array)[::2, ::2], 1e-5, 1e-5)


@pytest.mark.parametrize("name", ["a.npy", "a.raw", "a.npz", "a.h5", "a.zarr"])
def test_formats(tmp_path, array, name):
    ref = fx.save(tmp_path / name, array)
    out = fx.create_array(
        tmp_path / "out.zarr", shape=array.shape, dtype="f4", chunks=(2, 3), shards=(8, 6)
    )
    for boundary in ("none", "periodic"):
        blocks.map_blocks(
            _neighbors, ref, out=out, overlap=1, boundary=boundary, executor=2, memory=16_000
        )
        edges = {"none": "constant", "periodic": "wrap"}
        padded = np.pad(array, 1, mode=edges[boundary])
        np.testing.assert_allclose(out.load(), _neighbors(padded)[1:-1, 1:-1], 1e-5, 1e-5)


def test_arrays_of_other_libraries(tmp_path, array):
    z = zarr.create_array(tmp_path / "a.zarr", data=array, chunks=(8, 8))
    with h5py.File(tmp_path / "a.h5", "w") as file:
        dataset = file.create_dataset("x", data=array, chunks=(8, 8))
        for source in (z, dataset, da.from_array(array, chunks=6)):
            for executor in (2, "processes") if source is z else (2,):
                found = blocks.map_blocks(
                    _neighbors, source, chunks=8, overlap=1, boundary="periodic", executor=executor
                )
                padded = np.pad(array, 1, mode="wrap")
                np.testing.assert_allclose(found, _neighbors(padded)[1:-1, 1:-1], 1e-5, 1e-5)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"overlap": -1}, "0 or more"),
        ({"overlap": 1.5}, "0 or more"),
        ({"overlap": (1, 2, 3)}, "does not fit 2 axes"),
        ({"overlap": 16}, "more than axis 1 has, 15"),
        ({"overlap": 1, "boundary": "wrap"}, "one of none, reflect"),
        ({"overlap": 1, "boundary": np.nan}, "no element of an array of int64"),
    ],
)
def test_what_does_not_fit(array, options, message):
    with pytest.raises(UnsupportedOptionError, match=message):
        blocks.map_blocks(np.negative, array.astype("i8"), **options)
    with pytest.raises(ValueError, match="axis"):
        blocks.map_blocks(np.negative, array, overlap={2: 1})


def test_empty():
    found = blocks.map_blocks(np.negative, np.ones((0, 3)), overlap=2, boundary="periodic")
    assert found.shape == (0, 3)


def test_smallest_budget(array):
    with pytest.raises(MemoryBudgetError, match="give memory=") as caught:
        blocks.map_blocks(_neighbors, array, overlap=2, memory=array.nbytes + 10)
    least = int(str(caught.value).split("memory=")[2].split()[0])
    found = blocks.map_blocks(_neighbors, array, overlap=2, memory=least)
    np.testing.assert_allclose(found, _neighbors(array), 1e-5, 1e-5)


def test_blocks_are_thick_where_they_overlap():
    ref = np.broadcast_to(np.float32(0), (2000, 2000, 2000))
    plan = blocks.map_blocks(np.negative, ref, dtype="f4", out="x.npy", overlap=4, plan_only=True)
    assert plan.bytes_read < 1.3 * plan.bytes_written
    assert min(plan.block_shape) >= 64
