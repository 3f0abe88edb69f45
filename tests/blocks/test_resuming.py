"""What was begun goes on where it ended, is not confused with something else, and ends equal."""

import errno
import functools
import json
import math
import multiprocessing
import os
import random
import shutil
import signal
import sys
import threading
import zipfile
from concurrent.futures import ProcessPoolExecutor

import h5py
import numpy as np
import pytest

import filexchange as fx
from filexchange import blocks, capabilities, files
from filexchange.blocks.execution.journal import Journal
from filexchange.blocks.layouts import routes
from filexchange.errors import (
    ArrayExistsError,
    ResumeError,
    StorageFullError,
    UnsupportedOptionError,
)

# Of each of eight operations: more than a hundred together.
_KILLS = 13

_OUTPUTS = ["b.npy", "b.raw", "b.zarr", "b.h5", "b.npz", "b.zarr.zip"]


@pytest.fixture
def array():
    return np.random.default_rng(0).normal(size=(40, 30)).astype("f4")


class _Counted:
    """A function that counts its blocks, and fails once it has done some."""

    def __init__(self, most):
        self.most = most
        self.lock = threading.Lock()
        self.done = 0

    def __call__(self, block, step=1.0):
        with self.lock:
            if self.done == self.most:
                raise InterruptedError
            self.done += 1
        return block * 2 + step

    def __reduce__(self):  # its count is no part of what it does
        return _Counted, ()


def _begun(path, out, most=10, **options):
    counted = _Counted(most)
    with pytest.raises(InterruptedError) as caught:
        blocks.map_blocks(
            counted, path, out=out, dtype="f4", chunks=(2, 30), executor=1, resume=True, **options
        )
    assert ".fxjob" in "".join(caught.value.__notes__)


@pytest.mark.parametrize("out", _OUTPUTS)
def test_only_what_is_missing_is_done(tmp_path, array, out):
    ref = fx.save(tmp_path / "a.npy", array)
    _begun(ref.path, tmp_path / out)
    assert not (tmp_path / out).exists()
    counted = _Counted(None)
    found = blocks.map_blocks(
        counted, ref.path, out=tmp_path / out, dtype="f4", chunks=(2, 30), resume=True
    )
    np.testing.assert_array_equal(found.load(), array * 2 + 1)
    assert counted.done <= 11  # 20 in all
    assert sorted(os.listdir(tmp_path)) == ["a.npy", out]


def test_another_budget_and_other_workers_keep_the_grid(tmp_path, array):
    ref = fx.save(tmp_path / "a.npy", array)
    options = {"out": tmp_path / "b.npy", "dtype": "f4", "resume": True}
    counted = _Counted(3)
    with pytest.raises(InterruptedError):
        blocks.map_blocks(counted, ref, executor=1, memory=4000, **options)
    counted = _Counted(None)
    found = blocks.map_blocks(counted, ref, memory="1GB", executor="threads", **options)
    del options["resume"]
    plan = blocks.map_blocks(_double, ref, memory=4000, plan_only=True, overwrite=True, **options)
    assert counted.done in {plan.blocks - 3, plan.blocks - 2}
    np.testing.assert_array_equal(found.load(), array * 2 + 1)


def _double(block):
    return block * 2


def _triple(block):
    return block * 3


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"func": _double}, "function was"),
        ({"args": (2.0,)}, "function was"),
        ({"chunks": (4, 30)}, r"blocks\.number was 20, and is 10"),
        ({"dtype": "f8"}, r"outputs\[0\]\.dtype was float32, and is float64"),
        ({"input": 1.0}, r"inputs\[0\]\.modified was"),
    ],
)
def test_something_else_is_refused_and_loses_nothing(tmp_path, array, change, told):
    ref = fx.save(tmp_path / "a.npy", array)
    _begun(ref.path, tmp_path / "b.npy")
    if "input" in change:
        fx.save(ref.path, array + change.pop("input"), overwrite=True)
    options = {"func": _Counted(None), "dtype": "f4", "chunks": (2, 30)} | change
    with pytest.raises(ResumeError, match=told):
        blocks.map_blocks(
            options.pop("func"), ref.path, out=tmp_path / "b.npy", resume=True, **options
        )
    counted = _Counted(None)
    blocks.map_blocks(
        counted, ref.path, out=tmp_path / "b.npy", dtype="f4", chunks=(2, 30), resume="force"
    )
    assert counted.done <= 11


def test_force_keeps_what_is_done_but_no_other_grid(tmp_path, array):
    ref = fx.save(tmp_path / "a.npy", array)
    _begun(ref.path, tmp_path / "b.npy")
    options = {"out": tmp_path / "b.npy", "dtype": "f4", "resume": "force"}
    with pytest.raises(ResumeError, match="remove that directory"):
        blocks.map_blocks(_triple, ref, chunks=(5, 30), **options)
    found = blocks.map_blocks(_triple, ref, chunks=(2, 30), **options).load()
    np.testing.assert_array_equal(found[:18], array[:18] * 2 + 1)
    np.testing.assert_array_equal(found[-18:], array[-18:] * 3)


def test_damaged_blocks_and_records_are_done_again(tmp_path, array):
    ref = fx.save(tmp_path / "a.npy", array)
    job = tmp_path / "b.npy.fxjob"
    _begun(ref.path, tmp_path / "b.npy")
    with open(job / "draft", "r+b") as file:
        file.seek(-30 * 4 * 39, os.SEEK_END)  # in the first block
        file.write(b"xxxx")
    with open(job / "journal", "r+b") as file:
        file.seek(-1, os.SEEK_END)
        file.truncate()
    counted = _Counted(None)
    found = blocks.map_blocks(
        counted, ref.path, out=tmp_path / "b.npy", dtype="f4", chunks=(2, 30), resume=True
    )
    np.testing.assert_array_equal(found.load(), array * 2 + 1)
    assert 12 <= counted.done <= 13


def test_several_outputs(tmp_path, array):
    def two(block):
        if block[0, 0] == array[20, 0] and should_fail:
            raise InterruptedError
        return block, -block

    outs = [tmp_path / "b.npy", tmp_path / "c.h5"]
    for should_fail in (True, False):
        options = {"out": outs, "dtype": ["f4", "f4"], "chunks": (4, 30), "resume": "force"}
        if should_fail:
            with pytest.raises(InterruptedError):
                blocks.map_blocks(two, array, **options)
    first, second = blocks.map_blocks(two, array, **options)
    np.testing.assert_array_equal(first.load(), array)
    np.testing.assert_array_equal(second.load(), -array)
    assert sorted(os.listdir(tmp_path)) == ["b.npy", "c.h5"]


def test_arrays_that_are_there_already(tmp_path, array):
    with h5py.File(tmp_path / "b.h5", "w") as file:
        dataset = file.create_dataset("x", (40, 30), "f4")
        with pytest.raises(UnsupportedOptionError, match="needs an output with a path"):
            blocks.map_blocks(_double, array, out=dataset, resume=True)
    for out in (None, np.empty((40, 30), "f4")):
        with pytest.raises(UnsupportedOptionError, match="with its process|needs an output"):
            blocks.map_blocks(_double, array, out=out, dtype="f4", resume=tmp_path / "job")
    ref = fx.create_array(tmp_path / "c.zarr", shape=(40, 30), dtype="f4", chunks=(2, 30))
    writable = fx.open_array(ref.path, mode="r+")
    _begun(fx.save(tmp_path / "a.npy", array).path, writable)
    counted = _Counted(None)
    blocks.map_blocks(
        counted, tmp_path / "a.npy", out=writable, dtype="f4", chunks=(2, 30), resume=True
    )
    assert counted.done <= 11
    np.testing.assert_array_equal(ref.load(), array * 2 + 1)
    assert sorted(os.listdir(tmp_path)) == ["a.npy", "b.h5", "c.zarr"]


def test_directory_of_ones_own(tmp_path, array):
    job, out = tmp_path / "job", tmp_path / "out"
    out.mkdir()
    counted = _Counted(4)
    options = {"out": out / "b.npy", "dtype": "f4", "chunks": (4, 30), "resume": job}
    with pytest.raises(InterruptedError):
        blocks.map_blocks(counted, array, executor=1, **options)
    assert json.loads((job / "recipe.json").read_text())["blocks"] == {
        "number": 10,
        "shape": [4, 30],
    }
    counted = _Counted(None)
    blocks.map_blocks(counted, array, **options)
    assert counted.done <= 7
    assert (os.listdir(tmp_path), os.listdir(out)) == (["out"], ["b.npy"])


def test_two_at_a_time(tmp_path, array, companion):
    ref = fx.save(tmp_path / "a.npy", array)

    def other(block):
        with pytest.raises(ResumeError, match="another process"):
            companion().call(_map_again, ref.path, str(tmp_path / "b.npy"))
        return block * 2

    blocks.map_blocks(
        functools.partial(_call, _Reduced(other)),
        ref,
        out=tmp_path / "b.npy",
        dtype="f4",
        chunks=-1,
        resume=True,
    )


class _Reduced:
    def __init__(self, function=None):
        self.function = function

    def __reduce__(self):
        return _Reduced, ()


def _call(held, block):
    return held.function(block)


def _map_again(kept, path, out):
    blocks.map_blocks(
        functools.partial(_call, _Reduced()), path, out=out, dtype="f4", chunks=-1, resume=True
    )


@pytest.mark.parametrize("resume", [1, 0.5, b"x"])
def test_what_is_neither(resume):
    with pytest.raises(UnsupportedOptionError, match="resume="):
        blocks.map_blocks(_double, np.ones(3), resume=resume)


def test_functions_that_have_no_name(tmp_path):
    with pytest.raises(UnsupportedOptionError, match="whether .* is still the same"):
        blocks.map_blocks(
            functools.partial(_call, threading.Lock()),
            np.ones(3),
            out=tmp_path / "b.npy",
            dtype=float,
            resume=True,
        )
    assert os.listdir(tmp_path) == []


def test_file_that_is_there_is_not_replaced(tmp_path, array):
    fx.save(tmp_path / "b.npy", array)
    with pytest.raises(ArrayExistsError):
        blocks.map_blocks(_double, array, out=tmp_path / "b.npy", resume=True)
    np.testing.assert_array_equal(np.load(tmp_path / "b.npy"), array)
    assert os.listdir(tmp_path) == ["b.npy"]


def _killed_at(count, work, *args):
    """Work until so many Python functions were called, in any thread, and die by SIGKILL."""
    left = iter(range(count))

    def profile(frame, event, arg):
        if event == "call" and next(left, None) is None:
            os.kill(os.getpid(), signal.SIGKILL)

    threading.setprofile(profile)
    sys.setprofile(profile)
    work(*args)
    os._exit(0)


def _killed_often(seed, times, work, path, out):
    """Have others killed at random until one is done, so many of them; return what they made."""
    generator = random.Random(seed)
    context = multiprocessing.get_context("fork")
    made = set()
    while True:
        count = int(10 ** generator.uniform(2, 5.5))
        other = context.Process(target=_killed_at, args=(count, work, path, out))
        other.start()
        other.join()
        is_complete = os.path.lexists(out) and not os.path.lexists(f"{out}.fxjob")
        if other.exitcode == 0 or is_complete:  # some are killed between being done and saying so
            made.add(_content(out))
            if times <= 0:
                return made
            _remove(out)
        else:
            assert other.exitcode == -signal.SIGKILL, other.exitcode
            times -= 1


def _content(path):
    """Return the bytes of a file, or of all in a directory or an archive, which has dates."""
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as file:
            return tuple((name, file.read(name)) for name in file.namelist())
    if os.path.isfile(path):
        with open(path, "rb") as file:
            return file.read()
    return tuple((name, _content(os.path.join(path, name))) for name in sorted(os.listdir(path)))


def _remove(path):
    shutil.rmtree(path) if os.path.isdir(path) else os.remove(path)


def _map(path, out):
    blocks.map_blocks(_double, path, out=out, dtype="f4", chunks=(1, 30), executor=2, resume=True)


@pytest.fixture(scope="module")
def fresh():
    """Another process, whose forks have nothing of this one's threads."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        pool.submit(int).result()
        yield pool


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no way to end a process at any point")
@pytest.mark.parametrize("out", _OUTPUTS)
def test_killed_at_random_the_output_is_the_same(tmp_path, array, fresh, out):
    ref = fx.save(tmp_path / "a.npy", array[:12])
    path = str(tmp_path / out)
    blocks.map_blocks(_double, ref, out=path, dtype="f4", chunks=(1, 30))
    whole = _content(path)
    _remove(path)
    assert fresh.submit(_killed_often, out, _KILLS, _map, ref.path, path).result() == {whole}
    assert {name for name in os.listdir(tmp_path) if name[0] != "."} == {"a.npy", out}


def test_journal_stops_at_the_first_record_that_is_not_whole(tmp_path):
    path = str(tmp_path / "journal")
    journal = Journal(path)
    for number in range(5):
        journal.add(number, number * 7)
    journal.close()
    with open(path, "r+b") as file:
        file.seek(16 * 3 + 2)
        file.write(b"\xff")
    journal = Journal(path)
    assert journal.done == {0: 0, 1: 7, 2: 14}
    journal.add(9, 1)
    journal.close()
    journal = Journal(path)
    assert journal.done == {0: 0, 1: 7, 2: 14, 9: 1}
    journal.close()


def _reduce(path, out):
    """Save what some reductions give."""
    found = [
        blocks.reduction(path, np.sum, np.sum, axis=0, chunks=(1, 7), resume=f"{out}.1"),
        blocks.std(path, chunks=(1, 30), resume=f"{out}.2"),
        blocks.quantile(path, [0.1, 0.77], chunks=(2, 30), memory=8000, resume=f"{out}.3"),
    ]
    fx.save(out, np.concatenate([np.ravel(each) for each in found]))


def test_reductions_killed_at_random_are_the_same(tmp_path, array, fresh):
    ref = fx.save(tmp_path / "a.npy", array[:12])
    path = str(tmp_path / "b.npy")
    _reduce(ref.path, path)
    whole = _content(path)
    _remove(path)
    assert fresh.submit(_killed_often, 0, _KILLS, _reduce, ref.path, path).result() == {whole}
    assert {name for name in os.listdir(tmp_path) if name[0] != "."} == {"a.npy", "b.npy"}


def _rechunk(path, out):
    routes._CLEARLY = math.inf  # always two passes
    blocks.rechunk(path, (12, 5), out=out, memory=6000, executor=2, resume=True)


def test_two_passes_killed_at_random_are_the_same(tmp_path, array, fresh):
    ref = fx.save(tmp_path / "a.zarr", array[:12], chunks=(2, 30))
    path = str(tmp_path / "b.zarr")
    blocks.rechunk(ref, (12, 5), out=path)
    whole = _content(path)
    _remove(path)
    assert fresh.submit(_killed_often, 1, _KILLS, _rechunk, ref.path, path).result() == {whole}
    assert {name for name in os.listdir(tmp_path) if name[0] != "."} == {"a.zarr", "b.zarr"}


def test_reductions_do_only_what_is_missing(tmp_path, array):
    job = tmp_path / "job"
    calls = []

    class Sum:
        def __init__(self, most):
            self.most = most

        def __call__(self, block, axis, keepdims):
            calls.append(1)
            if len(calls) == self.most:
                raise InterruptedError
            return block.sum(axis=axis, keepdims=keepdims)

        def __reduce__(self):
            return Sum.__qualname__

    options = {"axis": 1, "chunks": (2, 30), "executor": 1, "resume": job}
    with pytest.raises(InterruptedError):
        blocks.reduction(array, Sum(15), np.sum, **options)
    with pytest.raises(ResumeError, match="inputs"):
        blocks.reduction(array + 1, Sum(None), np.sum, **options)
    found = blocks.reduction(array, Sum(None), np.sum, **options)
    np.testing.assert_array_equal(found, array.sum(axis=1))
    assert len(calls) < 25
    assert os.listdir(tmp_path) == []


def test_result_in_memory_needs_a_directory():
    with pytest.raises(UnsupportedOptionError, match="the directory in which"):
        blocks.sum(np.ones(3), resume=True)


def test_functions_that_change_the_shape_keep_their_blocks(tmp_path, array):
    ref = fx.save(tmp_path / "a.npy", array)
    out = tmp_path / "b.zarr"
    options = {"out": out, "dtype": "f4", "resume": True, "drop_axis": 1}
    with pytest.raises(InterruptedError):
        blocks.map_blocks(_Least(3), ref, executor=1, memory=4000, **options)
    job = json.loads((tmp_path / "b.zarr.fxjob" / "recipe.json").read_text())
    least = _Least(None)
    found = blocks.map_blocks(least, ref, memory="1GB", **options)
    np.testing.assert_array_equal(found.load(), array.min(1))
    assert least.done < job["blocks"]["number"]
    assert found.chunks == tuple(job["blocks"]["shape"])


class _Least(_Counted):
    """As its base, along the last axis."""

    def __call__(self, block):
        super().__call__(block)
        return block.min(-1)

    def __reduce__(self):
        return _Least, ()


@pytest.mark.parametrize("change", [{"overlap": 2}, {"boundary": "nearest"}, {"trim": False}])
def test_another_overlap_is_something_else(tmp_path, array, change):
    ref = fx.save(tmp_path / "a.npy", array)
    _begun(ref.path, tmp_path / "b.npy", overlap=1)
    with pytest.raises(ResumeError, match="function was"):
        blocks.map_blocks(
            _Counted(None),
            ref.path,
            **{"out": tmp_path / "b.npy", "chunks": (2, 30), "dtype": "f4"}
            | {"overlap": 1, "resume": True}
            | change,
        )


def test_product_keeps_its_blocks(tmp_path, array, monkeypatch):
    ref = fx.save(tmp_path / "a.npy", array)
    options = {"out": tmp_path / "b.npy", "resume": True, "executor": 1}

    def stop(done, total):
        if done == 3:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        blocks.matmul(ref, array.T, memory=9000, progress=stop, **options)
    job = json.loads((tmp_path / "b.npy.fxjob" / "recipe.json").read_text())
    seen = []
    found = blocks.matmul(
        ref, array.T, memory="1GB", progress=lambda *told: seen.append(told), **options
    )
    np.testing.assert_allclose(found.load(), array @ array.T, 1e-5, 1e-5)
    assert seen[-1][1] == job["blocks"]["number"] > 3


def _interrupt(done, total):
    if done == 3:
        raise KeyboardInterrupt


def _interrupted(path, out, **options):
    with pytest.raises(KeyboardInterrupt):
        blocks.map_blocks(
            _double, path, out=out, chunks=(4, 30), progress=_interrupt, **{"dtype": "f4"} | options
        )


def test_directories_with_files_of_others_are_let_be(tmp_path, array):
    own = tmp_path / "own"
    own.mkdir()
    (own / "thesis.txt").write_text("years of work")
    for out, told in (("b.npy", "thesis.txt"), ("own/b.npy", "would be in it")):
        with pytest.raises(ResumeError, match=told):
            blocks.map_blocks(_double, array, out=tmp_path / out, dtype="f4", resume=own)
    (own / "recipe.json").write_text("{}")
    with pytest.raises(ResumeError, match="a file of others"):
        blocks.map_blocks(_double, array, out=tmp_path / "b.npy", dtype="f4", resume=own)
    assert sorted(os.listdir(own)) == ["recipe.json", "thesis.txt"]
    assert os.listdir(tmp_path) == ["own"]


@pytest.mark.parametrize("jobs", [("one", "two"), ("one", True)])
def test_drafts_of_other_jobs_are_not_filled_further(tmp_path, array, jobs):
    out = tmp_path / "b.npy"
    first, second = (tmp_path / job if isinstance(job, str) else job for job in jobs)
    _interrupted(array, out, resume=first)
    found = blocks.map_blocks(
        _triple, array, out=out, dtype="f8", chunks=(4, 30), resume=second
    ).load()
    assert found.dtype == "f8"
    np.testing.assert_array_equal(found, array * 3)
    assert sorted(os.listdir(tmp_path)) == ["b.npy", "one"]


def test_two_jobs_at_one_output(tmp_path, array):
    out = tmp_path / "b.npy"

    def other(done, total):
        with pytest.raises(ResumeError, match="another process"):
            blocks.map_blocks(_double, array, out=out, dtype="f4", resume=tmp_path / "two")

    blocks.map_blocks(_double, array, out=out, dtype="f4", resume=tmp_path / "one", progress=other)
    assert {*os.listdir(tmp_path)} <= {"b.npy", "two"}


def test_what_zarr_was_writing_is_not_published(tmp_path, array):
    out = tmp_path / "b.zarr"
    _interrupted(array, out, resume=True)
    left = tmp_path / "b.zarr.fxjob" / "draft" / "c" / "4" / f"0.{'ab' * 16}.partial"
    left.parent.mkdir(parents=True, exist_ok=True)
    left.write_bytes(b"half a chunk")
    blocks.map_blocks(_double, array, out=out, dtype="f4", chunks=(4, 30), resume=True)
    assert list(out.glob("**/*.partial")) == []


@pytest.mark.parametrize("job", [True, "job"])
@pytest.mark.parametrize("removals", [0, 1])
def test_ended_between_publishing_and_removing_the_job(tmp_path, array, monkeypatch, job, removals):
    ref, out = fx.save(tmp_path / "a.npy", array), tmp_path / "b.zarr"
    resume = job if job is True else tmp_path / job
    options = {"out": out, "memory": 6000, "resume": resume}
    monkeypatch.setattr(routes, "_CLEARLY", math.inf)  # always two passes
    remove_at_once, left = files.remove_at_once, iter(range(removals))

    def remove(path):
        if next(left, None) is None:
            raise InterruptedError
        remove_at_once(path)

    monkeypatch.setattr(files, "remove_at_once", remove)
    if removals and job is True:  # there is but one directory
        blocks.rechunk(ref, (8, 8), **options)
    else:
        with pytest.raises(InterruptedError):
            blocks.rechunk(ref, (8, 8), **options)
    np.testing.assert_array_equal(fx.load(out), array)
    monkeypatch.setattr(files, "remove_at_once", remove_at_once)
    if removals:  # it is complete for whoever asks
        with pytest.raises(ArrayExistsError):
            blocks.rechunk(ref, (8, 8), **options)
        found = blocks.rechunk(ref, (8, 8), overwrite=True, **options)
    else:
        found = blocks.rechunk(ref, (8, 8), **options)
    np.testing.assert_array_equal(found.load(), array)
    assert sorted(os.listdir(tmp_path)) == ["a.npy", "b.zarr"]


def test_input_and_output_in_one_store(tmp_path, array):
    path = tmp_path / "both.zarr"
    ref = fx.save(path, array, key="a", chunks=(4, 30))
    fx.create_array(path, key="b", shape=array.shape, dtype="f4", chunks=(4, 30))
    out = fx.open_array(path, key="b", mode="r+")
    _interrupted(ref, out, resume=True)
    fx.create_array(path, key="c", shape=array.shape, dtype="f4", chunks=(4, 30))
    third = fx.open_array(path, key="c", mode="r+")
    options = {"dtype": "f4", "chunks": (4, 30), "resume": True}
    with pytest.raises(ResumeError, match=r"outputs\[0\]\.key was b, and is c"):
        blocks.map_blocks(_double, ref, out=third, **options)
    blocks.map_blocks(_double, ref, out=out, **options)
    np.testing.assert_array_equal(fx.load(path, key="b"), array * 2)


def test_another_compression_is_something_else(tmp_path, array):
    out = tmp_path / "b.zarr"
    options = {"out": out, "memory": 4000, "resume": True}
    with pytest.raises(KeyboardInterrupt):
        blocks.rechunk(array, (8, 8), progress=_interrupt, **options)
    with pytest.raises(ResumeError, match=r"compression was None, and is zstd"):
        blocks.rechunk(array, (8, 8), compression="zstd", **options)


def test_full_disk_while_the_journal_is_written(tmp_path, array, monkeypatch):
    out, write_at, left = tmp_path / "b.npy", capabilities.write_at, iter(range(4))

    def write(fd, data, offset):
        if len(data) == 16 and next(left, None) is None:
            write_at(fd, data[:5], offset)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        write_at(fd, data, offset)

    options = {"out": out, "dtype": "f4", "chunks": (2, 30), "resume": True}
    monkeypatch.setattr(capabilities, "write_at", write)
    with pytest.raises(StorageFullError, match="journal"):
        blocks.map_blocks(_double, array, **options)
    monkeypatch.undo()
    seen = []
    found = blocks.map_blocks(_double, array, progress=lambda done, _: seen.append(done), **options)
    np.testing.assert_array_equal(found.load(), array * 2)
    assert seen[0] == 4
    assert os.listdir(tmp_path) == ["b.npy"]


def test_full_disk_while_the_recipe_is_written(tmp_path, array, monkeypatch):
    def dump(*args, **options):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(json, "dump", dump)
    for resume in (True, tmp_path / "job"):
        with pytest.raises(StorageFullError, match=r"recipe\.json"):
            blocks.map_blocks(_double, array, out=tmp_path / "b.npy", dtype="f4", resume=resume)
        assert os.listdir(tmp_path) == []


def test_descriptions_that_are_cut_off_count_as_none(tmp_path, array):
    out = tmp_path / "b.npy"
    _interrupted(array, out, resume=True)
    for name in ("draft.ref.json", "draft.published.json"):
        (tmp_path / "b.npy.fxjob" / name).write_bytes(b"")
    out.touch()
    options = {"dtype": "f4", "chunks": (4, 30), "resume": True, "overwrite": True}
    np.testing.assert_array_equal(
        blocks.map_blocks(_double, array, out=out, **options).load(), array * 2
    )
