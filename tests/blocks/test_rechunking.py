"""Other chunks and orders of axes, in one pass or two, with no chunk written by two tasks."""

import math
import os
from collections import Counter

import numpy as np
import pytest
import zarr
from hypothesis import given, settings
from hypothesis import strategies as st

import filexchange as fx
from filexchange import blocks
from filexchange.blocks.layouts import rearranging, routes
from filexchange.blocks.layouts.routes import Lie, evened, route
from filexchange.blocks.storage.grid import Grid
from filexchange.blocks.storage.tiling import Tiles
from filexchange.errors import (
    ArrayExistsError,
    MemoryBudgetError,
    StorageFullError,
    UnsupportedOptionError,
)

_RNG = np.random.default_rng(0)


def _shapes(data, ndim, most):
    return tuple(data.draw(st.integers(1, most)) for _ in range(ndim))


@given(data=st.data())
def test_tiles_hold_the_array(data):
    ndim = data.draw(st.integers(1, 3))
    shape, tile = _shapes(data, ndim, 9), _shapes(data, ndim, 5)
    tiles = Tiles(shape, tile, tuple(data.draw(st.permutations(range(ndim)))))
    array = _RNG.integers(0, 99, shape)
    stored = np.empty(tiles.stored_shape, array.dtype)
    block = tuple(step * data.draw(st.integers(1, 3)) for step in tile)
    for region in Grid(shape, block):
        stored[tiles.region(region)] = tiles.tiled(array[region])
    for region in Grid(shape, _shapes(data, ndim, 9)):
        found = tiles.untiled(stored[tiles.region(region)], region)
        np.testing.assert_array_equal(found, array[region])


@given(data=st.data())
def test_routes_keep_to_units_and_limits(data):
    ndim = data.draw(st.integers(1, 3))
    shape = _shapes(data, ndim, 60)
    chunks = data.draw(st.sampled_from([None, _shapes(data, ndim, 60)]))
    read = Lie(shape, chunks, data.draw(st.sampled_from([None, chunks])) if chunks else shape)
    order = tuple(data.draw(st.permutations(range(ndim))))
    turned = tuple(shape[axis] for axis in order)
    unit = data.draw(st.sampled_from([None, _shapes(data, ndim, 60)]))
    most = data.draw(st.integers(1, 5000))
    own = tuple(map(min, unit or (1,) * ndim, turned))
    written = Lie(turned, unit, None if unit else turned)
    found = route(read, written, order, [[own]], 1, most)
    for step, each, length in zip(found.block, own, turned, strict=True):
        assert step == length or step % each == 0
    assert math.prod(found.block) <= max(most, math.prod(own))
    if found.tiles is not None:
        for step, tile, length in zip(found.first, found.tiles.tile, shape, strict=True):
            assert step == length or step % tile == 0
        smallest = math.prod(map(min, read.unit or (1,) * ndim, shape))
        assert math.prod(found.first) <= max(most, smallest)


@given(data=st.data())
def test_even_blocks_are_no_more(data):
    shape, unit = _shapes(data, 1, 60), _shapes(data, 1, 9)
    block = (min(shape[0], unit[0] * data.draw(st.integers(1, 9))),)
    found = evened(block, shape, unit)
    assert found <= block
    assert len(Grid(shape, found)) == len(Grid(shape, block))
    assert found[0] % unit[0] == 0 or found == block == shape


@pytest.mark.parametrize("passes", [1, 2])
@pytest.mark.parametrize("name", ["a.npy", "a.zarr", "a.h5", "a.npz"])
@pytest.mark.parametrize("out", ["b.zarr", "b.h5", "b.npy"])
def test_pancakes_to_pencils(tmp_path, monkeypatch, name, out, passes):
    monkeypatch.setattr(
        "filexchange.blocks.layouts.routes._CLEARLY", math.inf if passes == 2 else 0
    )
    array = _RNG.normal(size=(50, 12, 18)).astype("f4")
    chunked = name in {"a.zarr", "a.h5"}
    ref = fx.save(tmp_path / name, array, chunks=(4, 12, 18) if chunked else None)
    options = {"out": tmp_path / out, "memory": 60_000, "executor": 2}
    plan = blocks.rechunk(ref, (50, 4, 4), plan_only=True, **options)
    assert (plan.temporary > 0) == (passes == 2)
    found = blocks.rechunk(ref, (50, 4, 4), **options)
    np.testing.assert_array_equal(found.load(), array)
    assert found.chunks == (None if out == "b.npy" else (50, 4, 4))
    assert sorted(os.listdir(tmp_path)) == sorted([name, out])


@settings(max_examples=20, deadline=None)
@given(data=st.data())
def test_any_chunks_within_any_budget(tmp_path_factory, data):
    directory = tmp_path_factory.mktemp("rechunk")
    shape = _shapes(data, 2, 40)
    array = _RNG.integers(0, 99, shape, dtype="i2")
    ref = fx.save(directory / "a.zarr", array, chunks=_shapes(data, 2, 40))
    chunks = _shapes(data, 2, 20)
    shards = tuple(n * data.draw(st.integers(1, 2)) for n in chunks)
    factor = data.draw(st.sampled_from([13, 60, 1000]))
    unit = max(math.prod(shards), math.prod(ref.chunks))
    options = {"shards": shards, "memory": factor * 2 * unit, "out": directory / "b.zarr"}
    found = blocks.rechunk(ref, chunks, **options)
    np.testing.assert_array_equal(found.load(), array)
    turned = blocks.transpose(ref, out=directory / "t.npy", memory=factor * 2 * unit)
    np.testing.assert_array_equal(turned.load(), array.T)


def test_plans_count_the_copies_of_a_block(tmp_path):
    array = _RNG.normal(size=(40, 50))
    chunked = fx.save(tmp_path / "a.zarr", array, chunks=(10, 50))
    coded = fx.save(tmp_path / "c.zarr", array, chunks=(10, 50), compression="zstd")
    fortran = fx.save(tmp_path / "f.npy", np.asfortranarray(array))
    options = {"out": tmp_path / "b.zarr", "memory": "1MB", "plan_only": True}
    chunks = (10 * 50 + 40 * 5) * 8
    assert blocks.rechunk(chunked, (40, 5), **options).block_memory == array.nbytes + chunks
    for other in (coded, fortran):
        assert blocks.rechunk(other, (40, 5), **options).block_memory == 3 * array.nbytes
    options["out"] = tmp_path / "b.npy"
    assert blocks.rechunk(fortran, (40, 5), **options).block_memory == 3 * array.nbytes


def test_layout_of_the_new_file(tmp_path):
    array = _RNG.normal(size=(20, 30))
    found = blocks.rechunk(
        array, (5, 6), out=tmp_path / "b.zarr", shards=(10, 30), compression="zstd", attrs={"k": 1}
    )
    assert (found.chunks, found.shards, dict(found.attrs)) == ((5, 6), (10, 30), {"k": 1})
    assert zarr.open_array(tmp_path / "b.zarr")[3, 4] == array[3, 4]
    with pytest.raises(UnsupportedOptionError, match="npy"):
        blocks.rechunk(array, 5, out=tmp_path / "b.npy", compression="zstd")
    with pytest.raises(ArrayExistsError):
        blocks.rechunk(array, 5, out=tmp_path / "b.zarr")


@pytest.mark.parametrize("passes", [1, 2])
def test_no_unit_is_written_twice(tmp_path, monkeypatch, passes):
    monkeypatch.setattr(
        "filexchange.blocks.layouts.routes._CLEARLY", math.inf if passes == 2 else 0
    )
    written = Counter()
    write = rearranging.fill

    def watched(function, payload, inputs, layouts, regions, *args, **kwargs):
        (output,) = layouts
        for region in regions[0]:
            if output.chunks is not None:
                spans = [
                    range(part.start // step, -(-part.stop // step))
                    for part, step in zip(region, output.chunks, strict=True)
                ]
                written.update((i, j) for i in spans[0] for j in spans[1])
        return write(function, payload, inputs, layouts, regions, *args, **kwargs)

    monkeypatch.setattr(rearranging, "fill", watched)
    array = _RNG.normal(size=(50, 70))
    blocks.rechunk(array, (3, 4), shards=(6, 8), out=tmp_path / "b.zarr", memory=20_000)
    assert len(written) == 9 * 9
    assert set(written.values()) == {1}


@pytest.mark.parametrize("shape", [(), (0, 3), (1, 1)])
def test_shapes_at_the_edge(tmp_path, shape):
    found = blocks.rechunk(np.ones(shape), -1, out=tmp_path / "b.zarr")
    np.testing.assert_array_equal(found.load(), np.ones(shape))


def test_what_does_not_fit(tmp_path, monkeypatch):
    array = _RNG.normal(size=(400, 400))
    with pytest.raises(MemoryBudgetError, match="give memory="):
        blocks.rechunk(array, -1, out=tmp_path / "b.zarr", memory=100_000)
    monkeypatch.setattr(routes, "_CLEARLY", math.inf)
    monkeypatch.setattr("filexchange.capabilities.free_bytes", lambda path: 1000)
    with pytest.raises(StorageFullError, match="temporary"):
        blocks.rechunk(array, (400, 10), out=tmp_path / "b.zarr", memory=400_000)
    assert os.listdir(tmp_path) == []
