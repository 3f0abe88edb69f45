"""map_blocks with functions that drop, add, stretch and shrink axes does what Dask's does."""

import os

import dask.array as da
import h5py
import numpy as np
import pytest
import zarr
from hypothesis import given, settings
from hypothesis import strategies as st

import filexchange as fx
from filexchange import blocks
from filexchange.blocks.maps.axes import kept_axes
from filexchange.blocks.maps.blocking import Request
from filexchange.blocks.storage.grid import UnevenGrid, region_shape
from filexchange.errors import (
    BlockShapeError,
    MemoryBudgetError,
    UnalignedWriteError,
    UnsupportedOptionError,
)


@pytest.fixture
def array():
    return np.random.default_rng(0).normal(size=(12, 10, 7)).astype("f4")


def _sum(block, axis):
    return block.sum(axis)


@pytest.mark.parametrize("drop", [0, 1, -1, (0, 2), [1, 2], (0, 1, 2)])
def test_dropped_axes_come_whole(array, drop):
    axes = tuple(np.atleast_1d(drop).tolist())
    theirs = da.from_array(array, chunks=(5, 4, 3)).map_blocks(
        _sum, axis=axes, drop_axis=[axis % 3 for axis in axes], dtype="f4"
    )
    chunks = tuple((5, 4, 3)[axis] for axis in range(3) if axis not in np.array(axes) % 3)
    ours = blocks.map_blocks(_sum, array, kwargs={"axis": axes}, drop_axis=drop, chunks=chunks)
    np.testing.assert_array_equal(ours, theirs.compute())
    np.testing.assert_allclose(
        blocks.map_blocks(_sum, array, args=(axes,), drop_axis=drop), array.sum(axes), 1e-4, 1e-5
    )


@pytest.mark.parametrize(
    ("new", "chunks"), [(0, (1, 5, 4, 3)), (3, (5, 4, 3, 2)), ([0, 2], (3, 5, 1, 4, 3))]
)
def test_new_axes_have_the_length_of_their_block(array, new, chunks):
    def add(block):
        places = [new] if isinstance(new, int) else new
        block = np.expand_dims(block, places)
        return np.concatenate([np.repeat(block, chunks[places[0]], places[0])])

    theirs = da.from_array(array, chunks=(5, 4, 3)).map_blocks(
        add, new_axis=new, chunks=chunks, dtype="f4"
    )
    ours = blocks.map_blocks(add, array, new_axis=new, chunks=chunks)
    np.testing.assert_array_equal(ours, theirs.compute())


def test_several_blocks_along_a_new_axis(array):
    def powers(block, block_id):
        lengths = (2, 3)
        first = sum(lengths[: block_id[0]])
        return np.stack([block**n for n in range(first, first + lengths[block_id[0]])])

    found = blocks.map_blocks(powers, array, dtype="f4", new_axis=0, chunks=((2, 3), 5, 4, 3))
    np.testing.assert_array_equal(found, np.stack([array**n for n in range(5)]))


def test_one_axis_for_another(array):
    def both(block):
        return np.stack([block.min(1), block.max(1)], axis=-1)

    found = blocks.map_blocks(both, array, drop_axis=1, new_axis=-1, chunks=(5, 3, 2))
    np.testing.assert_array_equal(found, both(array))


@pytest.mark.parametrize(
    ("block", "chunks"),
    [((4, 5, 7), (2, 5, 7)), ((4, 5, 7), ((2, 2, 2), 5, "auto")), ((2, 10, -1), (1, "auto", 7))],
)
def test_blocks_that_shrink(array, block, chunks):
    def half(block):
        return block[::2]

    theirs = da.from_array(array, chunks=block).map_blocks(
        half, dtype="f4", chunks=(chunks[0], (10,) if block[1] == 10 else (5, 5), (7,))
    )
    ours = blocks.map_blocks(half, array, block_shape=block, chunks=chunks, executor=2)
    np.testing.assert_array_equal(ours, theirs.compute())
    np.testing.assert_array_equal(ours, array[::2])


def test_one_element_for_each_block_also_the_last(array):
    found = blocks.map_blocks(
        lambda block: block.sum(keepdims=True), array, block_shape=(5, 4, 7), chunks=1
    )
    theirs = da.from_array(array, chunks=(5, 4, 7)).map_blocks(
        lambda block: block.sum(keepdims=True), chunks=(1, 1, 1), dtype="f4"
    )
    np.testing.assert_array_equal(found, theirs.compute())
    assert found.shape == (3, 3, 1)


def test_uneven_blocks(tmp_path, array):
    def most(block, block_id):
        return block[: (1, 3, 2)[block_id[0]]]

    found = blocks.map_blocks(
        most,
        array,
        dtype="f4",
        out=tmp_path / "a.zarr",
        block_shape=(4, -1, -1),
        chunks=((1, 3, 2), "auto", "auto"),
        executor=2,
    )
    np.testing.assert_array_equal(found.load(), array[[0, 4, 5, 6, 8, 9]])
    assert found.chunks == (1, 10, 7)


@pytest.mark.parametrize("drop", [(), 0, (0, 1)])
@pytest.mark.parametrize("new", [(), 0, -1])
def test_block_info_is_that_of_dask(array, drop, new):
    seen, theirs = {}, {}
    dropped = (drop,) if isinstance(drop, int) else drop

    def make(place, block):
        block = block.sum(dropped) if dropped else block
        return block if new == () else np.expand_dims(block, new)

    def ours(block, block_info, block_id):
        seen[block_id] = {0: {**block_info[0]}, None: block_info[None]}
        del seen[block_id][0]["dtype"]
        return make(block_id, block)

    def dasks(block, block_info=None):
        if block_info:
            theirs[block_info[None]["chunk-location"]] = {k: block_info[k] for k in (0, None)}
        return make(None, block)

    chunks = tuple((5, 4, 3)[axis] for axis in range(3) if axis not in dropped)
    if new != ():
        chunks = (1, *chunks) if new == 0 else (*chunks, 1)
    blocks.map_blocks(ours, array, dtype="f4", drop_axis=drop, new_axis=new, chunks=chunks)
    da.from_array(array, chunks=(5, 4, 3)).map_blocks(
        dasks,
        dtype=np.dtype("f4"),
        drop_axis=list(dropped),
        new_axis=None if new == () else new % len(chunks),
    ).compute(scheduler="sync")
    assert seen == theirs


@pytest.mark.parametrize("name", ["a.npy", "a.raw", "a.h5", "a.zarr"])
def test_formats(tmp_path, array, name):
    ref = fx.save(tmp_path / f"in{name}", array)
    for i, source in enumerate([ref, array, da.from_array(array, chunks=4)]):
        found = blocks.map_blocks(
            _sum, source, args=(1,), drop_axis=1, out=tmp_path / f"{i}{name}", chunks=(5, 7)
        )
        np.testing.assert_array_equal(found.load(), array.sum(1))
        found = blocks.map_blocks(
            _sum, source, args=(0,), drop_axis=0, out=tmp_path / f"auto{i}{name}"
        )
        np.testing.assert_allclose(found.load(), array.sum(0), 1e-5, 1e-5)


def test_outputs_with_shards_are_written_by_one_worker_each(tmp_path, array):
    out = zarr.create_array(
        tmp_path / "z.zarr", shape=(12, 7), chunks=(2, 2), shards=(4, 4), dtype="f4"
    )
    ref = fx.open_array(tmp_path / "z.zarr", mode="r+")
    assert blocks.map_blocks(_sum, array, args=(1,), drop_axis=1, out=ref, executor=2) is ref
    np.testing.assert_array_equal(out[...], array.sum(1))
    with pytest.raises(UnalignedWriteError, match="whole chunks"):
        blocks.map_blocks(_sum, array, args=(1,), drop_axis=1, out=ref, chunks=(3, 4))
    with pytest.raises(UnalignedWriteError, match="whole chunks"):
        blocks.map_blocks(
            lambda block: block[:, 0],
            array,
            drop_axis=1,
            out=ref,
            block_shape=(6, 5 * 2, 4),
            chunks=((6, 6), (4, 3)),
        )
    with h5py.File(tmp_path / "a.h5", "w") as file:
        dataset = file.create_dataset("x", shape=(12, 7), chunks=(3, 2), dtype="f4")
        blocks.map_blocks(_sum, array, args=(1,), drop_axis=1, out=dataset, executor=2)
        np.testing.assert_array_equal(dataset[...], array.sum(1))


def test_several_outputs_and_broadcast_inputs(array):
    low, high = blocks.map_blocks(
        lambda block, weight: ((block * weight).min(0), (block * weight).max(0)),
        array,
        np.arange(7.0),
        out=[None, None],
        drop_axis=0,
        chunks=(4, 3),
    )
    np.testing.assert_array_equal(low, (array * np.arange(7.0)).min(0))
    np.testing.assert_array_equal(high, (array * np.arange(7.0)).max(0))


@pytest.mark.parametrize("shape", [(0, 4), (4, 0), (1, 1)])
def test_shapes_at_the_edge(shape):
    array = np.ones(shape)
    for axis in (0, 1):
        found = blocks.map_blocks(_sum, array, args=(axis,), drop_axis=axis)
        np.testing.assert_array_equal(found, array.sum(axis))
    found = blocks.map_blocks(lambda b: b[None], array, new_axis=0)
    np.testing.assert_array_equal(found, array[None])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"chunks": (2, 2)}, "does not fit 3 axes"),
        ({"chunks": (2, "x", 2)}, "not a shape of blocks"),
        ({"chunks": (0, 1, 1)}, "not a shape of blocks"),
        ({"chunks": ((4, 4), 10, 7)}, "unless block_shape= says"),
        ({"chunks": ((2, 4, 6), 10, 7)}, "unless block_shape= says"),
        ({"chunks": (2, 10, 7), "block_shape": "auto"}, "leaves theirs open"),
        ({"chunks": ((2, 2), 10, 7), "block_shape": (4, 10, 7)}, "3 blocks of length 4"),
        ({"chunks": (-1, 10, 7), "block_shape": (4, 10, 7)}, "-1"),
        ({"block_shape": ((4, 8), 10, 7)}, "one length"),
        ({"block_shape": (4, 5, 7), "drop_axis": 1}, "dropped.*give -1"),
    ],
)
def test_what_contradicts_itself(array, options, message):
    with pytest.raises(UnsupportedOptionError, match=message):
        blocks.map_blocks(lambda block: block, array, **options)


def test_axes_that_are_not_there(array):
    for options in [{"drop_axis": 3}, {"new_axis": 5}, {"drop_axis": (0, 0)}]:
        with pytest.raises(ValueError, match="axis"):
            blocks.map_blocks(lambda block: block, array, **options)


def test_a_block_of_another_shape_is_noticed(tmp_path, array):
    with pytest.raises(BlockShapeError, match=r"\(5, 10, 7\), where one of shape \(5, 7\) is due"):
        blocks.map_blocks(
            np.negative, array, drop_axis=1, chunks=(5, 7), out=tmp_path / "a.npy", dtype="f4"
        )
    assert os.listdir(tmp_path) == []


def test_smallest_budget(array):
    with pytest.raises(MemoryBudgetError, match="give memory=(?P<least>[0-9]+) or more") as caught:
        blocks.map_blocks(_sum, array, args=(1,), drop_axis=1, memory=350)
    least = int(str(caught.value).split("memory=")[2].split()[0])
    found = blocks.map_blocks(_sum, array, args=(1,), drop_axis=1, memory=least)
    np.testing.assert_allclose(found, array.sum(1), 1e-5, 1e-5)


@given(data=st.data())
@settings(max_examples=25, deadline=None)
def test_tiles_cover_the_result_once(data):
    ndim = data.draw(st.integers(0, 4))
    shape = tuple(data.draw(st.integers(0, 12)) for _ in range(ndim))
    block = tuple(data.draw(st.integers(1, 5)) for _ in range(ndim))
    drop = data.draw(st.sets(st.integers(0, ndim - 1)) if ndim else st.just(set()))
    left = ndim - len(drop)
    new = data.draw(st.sets(st.integers(0, left)).filter(lambda s: max(s, default=0) < left + 1))
    kept = kept_axes(ndim, sorted(drop), sorted(new)[: 1 + left])
    chunks = []
    for axis in kept:
        count = 1 if axis is None else -(-shape[axis] // block[axis])
        lengths = st.integers(1, 6)
        several = st.lists(lengths, min_size=max(1, count), max_size=max(1, count)).map(tuple)
        chunks.append(data.draw(several if count else st.just("auto")))
    inside = tuple(-1 if axis in drop else n for axis, n in enumerate(block))
    blocking = Request.of(shape, kept, tuple(chunks), inside).blocking()
    seen = np.zeros(blocking.outputs.shape, int)
    for number, region in enumerate(blocking.outputs):
        seen[region] += 1
        assert all(
            n <= m for n, m in zip(region_shape(region), blocking.outputs.largest, strict=True)
        )
        assert all(r.start % s == 0 for r, s in zip(region, blocking.outputs.step, strict=True))
        position, at = blocking.position(number)
        assert blocking.outputs.region(at) == region
        blocking.inputs.region(position)
    assert (seen == 1).all()


def test_tiles_of_one_step_take_no_room():
    tiles = UnevenGrid((1 << 60,), (range(0, 1 << 60, 1 << 3),))
    assert tiles.step == tiles.largest == (8,)
    assert tiles[(1 << 57) - 1] == (slice((1 << 60) - 8, 1 << 60, 1),)
