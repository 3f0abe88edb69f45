"""Arrays of Dask, xarray and others, written to files."""

import os
import subprocess
import sys
import threading
from collections import Counter

import dask
import dask.array as da
import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

import filexchange as fx
from filexchange import blocks
from filexchange.blocks.layouts import graphs
from filexchange.errors import (
    ArrayAccessError,
    ArrayExistsError,
    ArrayNotFoundError,
    BlockShapeError,
    MemoryBudgetError,
    StorageFullError,
    UnsupportedArrayError,
    UnsupportedOptionError,
)

_RNG = np.random.default_rng(0)


def _lengths(data, total):
    """Return lengths of unequal chunks along an axis."""
    lengths = []
    while sum(lengths) < total:
        lengths.append(data.draw(st.integers(1, total - sum(lengths))))
    return tuple(lengths)


@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_any_chunks_of_dask(tmp_path_factory, data):
    directory = tmp_path_factory.mktemp("store")
    shape = tuple(data.draw(st.integers(1, 30)) for _ in range(2))
    array = _RNG.integers(0, 99, shape, dtype="i2")
    x = da.from_array(array, chunks=tuple(_lengths(data, n) for n in shape))
    out = directory / data.draw(st.sampled_from(["b.zarr", "b.h5", "b.npy", "b.npz"]))
    chunks = tuple(data.draw(st.integers(1, 12)) for _ in shape)
    options = {"chunks": chunks, "memory": data.draw(st.sampled_from([20_000, 1 << 20]))}
    if out.suffix == ".zarr":
        options["shards"] = tuple(
            min(n, m) * data.draw(st.integers(1, 2)) for n, m in zip(chunks, shape, strict=True)
        )
    found = blocks.store(x, out, executor=2, **options)
    np.testing.assert_array_equal(found.load(), array)
    assert os.listdir(directory) == [out.name]


@pytest.mark.parametrize("chunks", [(10, 7), (30, 4)])
def test_each_chunk_is_computed_once(tmp_path, chunks):
    array, computed, lock = _RNG.normal(size=(30, 28)), Counter(), threading.Lock()

    def made(block, block_info):
        with lock:
            computed[tuple(block_info[0]["chunk-location"])] += 1
        return block

    x = da.from_array(array, chunks=(10, 28)).map_blocks(made, dtype="f8", meta=array[:0])
    shared = x - x.mean(axis=0)
    options = {"chunks": chunks, "memory": 25_000, "executor": 2}
    plan = blocks.store(shared, tmp_path / "b.zarr", plan_only=True, **options)
    assert (plan.temporary > 0) == (chunks == (30, 4))
    assert not computed
    found = blocks.store(shared, tmp_path / "b.zarr", **options)
    np.testing.assert_allclose(found.load(), array - array.mean(axis=0))
    assert set(computed.values()) == {1}
    assert len(computed) == 3


def test_no_unit_is_written_twice(tmp_path, monkeypatch):
    written, lock, write = Counter(), threading.Lock(), graphs.Slot.write

    def watched(slot, block):
        unit = slot.ref.shards
        spans = [
            range(p.start // n, -(-p.stop // n)) for p, n in zip(slot.region, unit, strict=True)
        ]
        with lock:
            written.update((i, j) for i in spans[0] for j in spans[1])
        write(slot, block)

    monkeypatch.setattr(graphs.Slot, "write", watched)
    x = da.from_array(_RNG.normal(size=(50, 70)), chunks=((9, 3, 20, 18), 35))
    blocks.store(x, tmp_path / "b.zarr", chunks=(3, 4), shards=(6, 8), executor=2)
    assert len(written) == 9 * 9
    assert set(written.values()) == {1}


@pytest.mark.parametrize("scheduler", ["synchronous", "threads", "processes"])
def test_the_current_scheduler_computes(tmp_path, scheduler):
    x = da.arange(100, chunks=10).map_blocks(_process, dtype="i8")
    with dask.config.set(scheduler=scheduler, num_workers=2):
        found = blocks.store(x, tmp_path / "b.zarr", chunks=20, memory="1GB")
    assert (set(found.load()) == {os.getpid()}) == (scheduler != "processes")


def _process(block):
    return np.full(block.shape, os.getpid())


def test_the_current_client_computes(tmp_path, dask_client):
    x = da.arange(100, chunks=10).map_blocks(_process, dtype="i8")
    for out, chunks in (("b.zarr", 10), ("b.h5", 50)):
        found = blocks.store(x, tmp_path / out, chunks=chunks)
        assert os.getpid() not in set(found.load())
    with dask.config.set(scheduler="threads"):
        found = blocks.store(x, tmp_path / "c.zarr", chunks=10, executor=dask_client)
    assert os.getpid() not in set(found.load())


def _fails_at(block, block_info, where):
    if block_info[0]["chunk-location"] == where:
        raise OSError("a disk that was unplugged")
    return block


@pytest.mark.parametrize("out", ["b.zarr", "b.h5", "b.npy"])
@pytest.mark.parametrize("on_client", [False, True])
def test_nothing_is_left_after_an_error(tmp_path, request, out, on_client):
    executor = request.getfixturevalue("dask_client") if on_client else 2
    x = da.ones((40, 8), chunks=(1, 8)).map_blocks(_fails_at, where=(9, 0), dtype="f8")
    with pytest.raises(OSError, match="unplugged"):
        blocks.store(x, tmp_path / out, chunks=(1, 8), executor=executor)
    assert os.listdir(tmp_path) == []


def test_a_task_that_writes_is_waited_for_after_an_error(tmp_path, monkeypatch):
    writes, may_end, done, write = threading.Event(), threading.Event(), [], graphs.Slot.write

    def slowly(slot, block):
        writes.set()
        may_end.wait()
        write(slot, block)
        done.append(1)

    def made(block, block_info):
        if block_info[0]["chunk-location"] == (0,):
            writes.wait()
            threading.Timer(0.05, may_end.set).start()
            raise OSError("a disk that was unplugged")
        return block

    monkeypatch.setattr(graphs.Slot, "write", slowly)
    x = da.ones(8, chunks=4).map_blocks(made, dtype="f8", meta=np.ones(0))
    with pytest.raises(OSError, match="unplugged"):
        blocks.store(x, tmp_path / "b.zarr", chunks=4, executor=2)
    assert done == [1]
    assert os.listdir(tmp_path) == []


def test_a_killed_process_leaves_nothing_under_the_name(tmp_path):
    code = """
import os, signal, sys
import dask.array as da
from filexchange import blocks

def dies(block, block_info):
    if block_info[0]["chunk-location"] == (9, 0):
        os.kill(os.getpid(), signal.SIGKILL)
    return block

x = da.ones((40, 8), chunks=(1, 8)).map_blocks(dies, dtype="f8")
blocks.store(x, sys.argv[1], chunks=(1, 8), executor=2)
"""
    done = subprocess.run([sys.executable, "-c", code, tmp_path / "b.zarr"], check=False)
    assert done.returncode == -9
    assert not (tmp_path / "b.zarr").exists()
    found = blocks.store(da.ones((40, 8), chunks=(1, 8)), tmp_path / "b.zarr", chunks=(1, 8))
    assert found.load().all()


def test_labelled_arrays(tmp_path):
    array = _RNG.normal(size=(12, 10)).astype("f4")
    fx.save(tmp_path / "a.zarr", array, chunks=(5, 5))
    for chunks in (None, (6, 5)):
        x = xr.DataArray(da.from_array(array, chunks) if chunks else array, dims=("t", "x"))
        found = blocks.store(x, tmp_path / "b.zarr", chunks=(4, 5), overwrite=True)
        np.testing.assert_array_equal(found.load(), array)


class _Unreadable:
    """An array that is asked for regions alone."""

    shape, dtype = (40, 30), np.dtype("f8")

    def __init__(self, array):
        self._array = array
        self.asked = []

    def __getitem__(self, region):
        self.asked.append(region)
        return self._array[region]


def test_anything_with_regions(tmp_path):
    x = _Unreadable(_RNG.normal(size=(40, 30)))
    found = blocks.store(x, tmp_path / "b.h5", chunks=(4, 30), memory=20_000, executor=1)
    np.testing.assert_array_equal(found.load(), x._array)
    assert len(x.asked) > 1


@pytest.mark.parametrize("shape", [(), (0, 3), (1, 1)])
@pytest.mark.parametrize("out", ["b.zarr", "b.h5", "b.npy"])
def test_shapes_at_the_edge(tmp_path, shape, out):
    found = blocks.store(da.ones(shape), tmp_path / out)
    np.testing.assert_array_equal(found.load(), np.ones(shape))


def test_blocks_that_are_not_what_dask_says(tmp_path):
    shorter = da.ones(10, chunks=5).map_blocks(lambda block: block[1:], dtype="f8")
    with pytest.raises(BlockShapeError, match=r"shape \(4,\)"):
        blocks.store(shorter, tmp_path / "b.npy")
    other = da.ones(10, chunks=5).map_blocks(lambda block: block.astype("f4"), dtype="f8")
    assert blocks.store(other, tmp_path / "b.npy").load().sum() == 10
    masked = da.ma.masked_less(da.arange(10, chunks=5), 3)
    with pytest.raises(UnsupportedArrayError, match="mask"):
        blocks.store(masked, tmp_path / "c.npy")


def test_what_is_refused_before_anything_is_computed(tmp_path, monkeypatch):
    def never(block):
        raise AssertionError

    x = da.ones((300, 300), chunks=(10, 300)).map_blocks(never, dtype="f8", meta=np.ones((0, 0)))
    out = tmp_path / "b.zarr"
    for option in ({"resume": True}, {"progress": True}):
        with pytest.raises(UnsupportedOptionError, match="Dask"):
            blocks.store(x, out, **option)
    with pytest.raises(MemoryBudgetError, match="give memory="):
        blocks.store(x, out, chunks=-1, memory=200_000)
    unknown = x[x[:, 0] > 0]
    with pytest.raises(UnsupportedArrayError, match="compute_chunk_sizes"):
        blocks.store(unknown, out)
    with pytest.raises(ArrayNotFoundError):
        blocks.store(x, tmp_path / "nowhere" / "b.zarr")
    (tmp_path / "there.npy").touch()
    with pytest.raises(ArrayExistsError):
        blocks.store(x, tmp_path / "there.npy")
    monkeypatch.setattr("filexchange.capabilities.free_bytes", lambda path: 1000)
    with pytest.raises(StorageFullError, match="temporary"):
        blocks.store(x, out, chunks=(300, 10), memory=200_000)
    assert os.listdir(tmp_path) == ["there.npy"]


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may write everywhere")
def test_a_directory_for_reading(tmp_path):
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(ArrayAccessError):
            blocks.store(da.ones(10), tmp_path / "b.zarr")
    finally:
        tmp_path.chmod(0o700)
