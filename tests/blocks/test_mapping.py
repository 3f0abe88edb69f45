"""map_blocks gives what NumPy gives, from and to any format, in any executor."""

import contextlib
import os
import threading
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context

import dask.array as da
import h5py
import numpy as np
import pytest
import zarr

import filexchange as fx
from filexchange import blocks
from filexchange.errors import (
    ArrayExistsError,
    ArrayMismatchError,
    BadArrayFileError,
    BlockShapeError,
    MemoryBudgetError,
    UnalignedWriteError,
    UnsupportedArrayError,
    UnsupportedOptionError,
)

_SAVED = {
    "a.npy": {},
    "a.raw": {},
    "a.npz": {},
    "a.h5": {},
    "b.h5": {"chunks": (7, 5), "compression": "gzip"},
    "a.zarr": {"chunks": (8, 6), "compression": "zstd"},
    "b.zarr": {"chunks": (4, 3), "shards": (8, 6)},
}


@pytest.fixture
def array():
    return np.random.default_rng(0).normal(size=(40, 30)).astype("f4")


@pytest.mark.parametrize("name", _SAVED)
@pytest.mark.parametrize("out", ["c.npy", "c.raw", "c.h5", "c.zarr", "c.npz", "c.zarr.zip"])
def test_formats(tmp_path, array, name, out):
    ref = fx.save(tmp_path / name, array, **_SAVED[name])
    result = blocks.map_blocks(np.sqrt, abs(array), out=tmp_path / out, executor=2, chunks=-1)
    np.testing.assert_array_equal(result.load(), np.sqrt(abs(array)))
    result = blocks.map_blocks(np.add, ref, array[0], out=tmp_path / ("d" + out), executor=2)
    np.testing.assert_array_equal(result[...], array + array[0])
    assert result.mode == "r"


def test_many_blocks_of_each_layout(tmp_path, array):
    ref = fx.save(tmp_path / "a.npy", array)
    fortran = fx.save(tmp_path / "f.npy", np.asfortranarray(array))
    for chunks in [(1, 30), (7, 4), (40, 1), 3]:
        out = tmp_path / "out.npy"
        found = blocks.map_blocks(
            np.subtract, ref, fortran.part[::-1], out=out, chunks=chunks, overwrite=True
        )
        np.testing.assert_array_equal(found.load(), array - array[::-1])


def test_arrays_of_other_libraries(tmp_path, array):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        dataset = file.create_dataset("x", data=array, chunks=(8, 8))
        z = zarr.create_array(tmp_path / "a.zarr", data=array, chunks=(8, 8))
        found = blocks.map_blocks(np.add, dataset, z, chunks=(8, 8), executor=2)
        np.testing.assert_array_equal(found, array + array)
        lazy = da.from_array(array, chunks=(9, 9))
        np.testing.assert_array_equal(blocks.map_blocks(np.negative, lazy, chunks=8), -array)


def test_foreign_output_is_written_in_whole_chunks(tmp_path, array):
    z = zarr.create_array(tmp_path / "a.zarr", shape=array.shape, chunks=(8, 6), dtype="f4")
    blocks.map_blocks(np.negative, array, out=z, executor=2)
    np.testing.assert_array_equal(z[...], -array)
    with pytest.raises(UnalignedWriteError, match="whole chunks"):
        blocks.map_blocks(np.negative, array, out=z, chunks=(5, 6))


def test_reference_as_output(tmp_path, array):
    out = fx.create_array(
        tmp_path / "o.zarr", shape=array.shape, dtype="f8", chunks=(2, 3), shards=(8, 6)
    )
    assert blocks.map_blocks(np.negative, array, out=out, dtype="f8", executor=2) is out
    np.testing.assert_array_equal(out.load(), -array.astype("f8"))
    with pytest.raises(UnsupportedArrayError, match="dtype"):
        blocks.map_blocks(np.negative, array, out=out)
    reading = fx.open_array(out.path)
    with pytest.raises(UnsupportedOptionError, match="writable"):
        blocks.map_blocks(np.negative, array, out=reading, dtype="f8")


def test_several_outputs(tmp_path, array):
    whole, rest = blocks.map_blocks(
        lambda x: (np.trunc(x), (x % 1).astype("f8")),
        array,
        out=[tmp_path / "whole.npy", None],
        chunks=(3, 30),
    )
    np.testing.assert_array_equal(whole.load(), np.trunc(array))
    assert rest.dtype == "f8"
    with pytest.raises(BlockShapeError, match="returned 1 blocks for 2 outputs"):
        blocks.map_blocks(np.sqrt, abs(array), out=[None, None])


@pytest.mark.parametrize("shape", [(), (0, 3), (3, 0), (1, 1)])
@pytest.mark.parametrize("suffix", ["npy", "zarr", "h5"])
def test_shapes_at_the_edge(tmp_path, shape, suffix):
    array = np.ones(shape)
    found = blocks.map_blocks(np.negative, array, out=tmp_path / f"a.{suffix}")
    np.testing.assert_array_equal(found.load(), -array)


@pytest.mark.parametrize("suffix", ["zarr", "h5"])
def test_new_files_have_the_chunks_that_are_asked_for(tmp_path, array, suffix):
    out = tmp_path / f"a.{suffix}"
    found = blocks.map_blocks(np.negative, array, out=out, chunks=(7, -1), executor=2)
    assert found.chunks == (7, 30)
    np.testing.assert_array_equal(found.load(), -array)


def test_two_outputs_in_one_file_are_refused(tmp_path, array):
    out = tmp_path / "a.h5"
    with pytest.raises(UnsupportedOptionError, match="file of its own"):
        blocks.map_blocks(lambda x: (x, x), array, out=[out, out])
    assert os.listdir(tmp_path) == []


def test_numbers_stay_numbers(array):
    found = blocks.map_blocks(np.multiply, array, 2.0)
    assert found.dtype == "f4"
    np.testing.assert_array_equal(found, array * 2.0)


def test_what_is_in_memory_cannot_be_changed_by_the_function(array):
    before = array.copy()

    def change(block):
        block += 1
        return block

    with pytest.raises(ValueError, match="read-only"):
        blocks.map_blocks(change, array, dtype="f4")
    np.testing.assert_array_equal(array, before)


def test_file_that_was_replaced_is_noticed(tmp_path, array):
    ref = fx.save(tmp_path / "a.npy", array)
    fx.save(tmp_path / "a.npy", array.T.astype("f8"), overwrite=True)
    with pytest.raises(ArrayMismatchError, match="replaced"):
        blocks.map_blocks(np.negative, ref)


def test_file_that_is_cut_short_is_noticed(tmp_path, array):
    ref = fx.save(tmp_path / "a.npy", array)
    os.truncate(ref.path, os.path.getsize(ref.path) - 1)
    with pytest.raises(BadArrayFileError, match="truncated"):
        blocks.map_blocks(np.negative, ref, out=tmp_path / "b.npy")
    assert os.listdir(tmp_path) == ["a.npy"]


def test_result_in_memory_counts(array):
    with pytest.raises(MemoryBudgetError, match="4.80 kB for the result"):
        blocks.map_blocks(np.negative, array, memory=4000)


def test_error_says_in_which_block(array):
    def fail(block, block_id):
        if block_id == (2, 0):
            raise ArithmeticError("no")
        return block

    with pytest.raises(ArithmeticError) as caught:
        blocks.map_blocks(fail, array, dtype="f4", chunks=(1, 30))
    assert "block 2" in caught.value.__notes__[0]


def _map_until_killed(kept, path, out):
    def wait(block):
        kept["begun"].set()
        threading.Event().wait()

    blocks.map_blocks(wait, path, out=out, dtype="f4", chunks=(1, 30))


def test_killed_process_leaves_no_output_and_can_be_repeated(tmp_path, array, companion):
    ref = fx.save(tmp_path / "a.npy", array)
    begun = get_context("fork").Event()
    other = companion({"begun": begun})
    other.begin(_map_until_killed, ref.path, str(tmp_path / "b.npy"))
    assert begun.wait(60)
    other.kill()
    assert not (tmp_path / "b.npy").exists()
    found = blocks.map_blocks(np.negative, ref, out=tmp_path / "b.npy")
    np.testing.assert_array_equal(found.load(), -array)


def test_forked_child_works(tmp_path, array, companion):
    ref = fx.save(tmp_path / "a.npy", array)
    blocks.sum(ref)
    assert companion().call(_sum, ref) == blocks.sum(ref)


def _sum(kept, ref):
    return blocks.sum(ref)


def test_what_does_not_broadcast():
    with pytest.raises(UnsupportedOptionError, match="broadcast"):
        blocks.map_blocks(np.add, np.ones(3), np.ones(4))


def test_arguments_and_block_info():
    def place(block, step, *, scale, block_info, block_id):
        (start, _), _ = block_info[0]["array-location"]
        assert block_info[None]["chunk-location"] == block_id
        assert block_info[None]["num-chunks"] == (2, 1)
        return np.full_like(block, start * scale + step)

    found = blocks.map_blocks(
        place, np.zeros((4, 3)), dtype="f8", chunks=(2, 3), args=(1,), kwargs={"scale": 10}
    )
    assert found[:, 0].tolist() == [1, 1, 21, 21]


def test_block_info_is_that_of_dask(array):
    keys = {"shape", "num-chunks", "array-location", "chunk-location"}
    seen, theirs = {}, {}

    def ours(block, block_info):
        seen[block_info[None]["chunk-location"]] = {k: block_info[0][k] for k in keys}
        return block

    def dasks(block, block_info=None):
        if block_info:
            theirs[block_info[None]["chunk-location"]] = {k: block_info[0][k] for k in keys}
        return block

    blocks.map_blocks(ours, array, dtype="f4", chunks=(16, 12))
    da.map_blocks(dasks, da.from_array(array, chunks=(16, 12)), dtype="f4").compute(
        scheduler="sync"
    )
    assert seen == theirs


def test_unknown_dtype_is_asked_for():
    def picky(block):
        raise RuntimeError("too small")

    with pytest.raises(UnsupportedOptionError, match="too small.*pass dtype="):
        blocks.map_blocks(picky, np.ones(3))


def test_a_function_that_fails_leaves_nothing(tmp_path, array):
    def fail(block):
        raise ArithmeticError("no")

    with pytest.raises(ArithmeticError, match="no"):
        blocks.map_blocks(fail, array, out=tmp_path / "x.npy", dtype="f4", chunks=(1, 30))
    with pytest.raises(BlockShapeError, match="keep the shape"):
        blocks.map_blocks(np.sum, array, out=tmp_path / "x.zarr", chunks=-1)
    assert os.listdir(tmp_path) == []


def test_existing_output_stays(tmp_path, array):
    ref = fx.save(tmp_path / "x.npy", array)
    with pytest.raises(ArrayExistsError):
        blocks.map_blocks(np.negative, array, out=tmp_path / "x.npy")
    np.testing.assert_array_equal(ref.load(), array)
    # Its own input, too.
    blocks.map_blocks(np.negative, ref, out=ref.path, overwrite=True, chunks=(4, 30))
    np.testing.assert_array_equal(fx.load(ref.path), -array)


def test_budget_is_refused_before_anything_is_done(tmp_path, array):
    ref = fx.save(tmp_path / "a.npy", array)
    with pytest.raises(MemoryBudgetError, match="give memory=19200 or more"):
        blocks.map_blocks(np.negative, ref, out=tmp_path / "b.npy", chunks=-1, memory=1000)
    assert os.listdir(tmp_path) == ["a.npy"]
    blocks.map_blocks(np.negative, ref, out=tmp_path / "b.npy", chunks=-1, memory=19200)


@pytest.mark.parametrize("memory", [0, -1, True, "much"])
def test_memory_that_is_none(memory):
    with pytest.raises(UnsupportedOptionError):
        blocks.map_blocks(np.negative, np.ones(3), memory=memory)


def test_plan_touches_nothing(tmp_path):
    ref = fx.create_array(tmp_path / "a.npy", shape=(1 << 14, 1 << 12), dtype="f4")
    out = tmp_path / "b.npy"
    plan = blocks.map_blocks(np.negative, ref, out=out, memory="512MB", plan_only=True)
    assert not out.exists()
    assert plan.bytes_read == plan.bytes_written == ref.nbytes
    assert plan.projected_memory <= 512_000_000
    assert "reads         268 MB" in str(plan)


def test_executors_give_the_same(tmp_path, array):
    ref = fx.save(tmp_path / "a.npy", array)
    spawn = get_context("spawn")
    results = []
    with (
        ThreadPoolExecutor(2) as threads,
        ProcessPoolExecutor(2, mp_context=spawn) as processes,
        fx.ProcessPoolExecutor(2, mp_context=spawn) as ours,
    ):
        for i, executor in enumerate([None, 1, 3, threads, processes, ours]):
            for suffix in ("npy", "zarr", "h5"):
                out = tmp_path / f"{i}.{suffix}"
                found = blocks.map_blocks(
                    np.multiply, ref, array, out=out, executor=executor, chunks=(40, 30)
                )
                results.append(found.load().tobytes())
    assert set(results) == {(array * array).tobytes()}


def test_any_executor_gives_the_same(tmp_path, array, any_executor):
    ref = fx.save(tmp_path / "a.npy", array)
    out = tmp_path / "b.zarr"
    found = blocks.map_blocks(np.multiply, ref, array, out=out, executor=any_executor)
    assert found.load().tobytes() == (array * array).tobytes()
    rows = blocks.mean(ref, 0, executor=any_executor, chunks=(7, 30))
    assert rows.tobytes() == blocks.mean(ref, 0, executor=1, chunks=(7, 30)).tobytes()


def test_dask_client(tmp_path, array, dask_client):
    ref = fx.save(tmp_path / "a.npy", array)
    found = blocks.map_blocks(np.negative, ref, chunks=(8, 30), executor=dask_client)
    np.testing.assert_array_equal(found, -array)


def test_formats_that_are_written_at_once_go_through_a_temporary_file(tmp_path, array):
    out = tmp_path / "b.npz"
    plan = blocks.map_blocks(np.sqrt, array, out=out, plan_only=True)
    assert plan.temporary == array.nbytes

    def fail(block):
        assert len(os.listdir(tmp_path)) > 0
        raise KeyError

    for func, raised in [(fail, KeyError), (np.negative, None)]:
        with pytest.raises(raised) if raised else contextlib.nullcontext():
            blocks.map_blocks(func, array, out=out, dtype="f4", chunks=(7, 4))
        assert os.listdir(tmp_path) == ([] if raised else ["b.npz"])
    with np.load(out) as found:
        np.testing.assert_array_equal(found["arr_0"], -array)
