"""Sorted arrays and their order, against NumPy's, with budgets that only runs fit."""

import contextlib
import itertools
import os
import re
import tracemalloc
from concurrent.futures import ThreadPoolExecutor

import hypothesis.extra.numpy as hnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import filexchange as fx
from filexchange import blocks, capabilities
from filexchange.blocks.sorts.runs import Costs, arranged
from filexchange.errors import (
    ArrayExistsError,
    MemoryBudgetError,
    StorageFullError,
    UnsupportedArrayError,
    UnsupportedOptionError,
)

_DTYPES = ["?", "i1", "u2", "<i4", ">i4", "u8", "f2", "<f4", ">f4", "f8", "c8", "M8[s]", "m8[us]"]
_DTYPES += ["U3", "S4", "g"]


def _least(function, *args, **options):
    """Return the smallest budget, as the error names it."""
    with pytest.raises(MemoryBudgetError) as caught:
        function(*args, **options, memory=1)
    return int(re.search(r"memory=(\d+) or more", str(caught.value))[1])


def _array(dtype, size, seed=0):
    """Return an array with duplicates and all that is special about its dtype."""
    rng = np.random.default_rng(seed)
    if np.dtype(dtype).kind in "fc":
        values = rng.integers(-300, 300, size) / 4
        values[rng.random(size) < 0.05] = np.nan
        values[rng.random(size) < 0.05] = -0.0
        values[rng.random(size) < 0.05] = np.inf
        if np.dtype(dtype).kind == "c":
            parts = np.stack([values, rng.permutation(values)], axis=-1)
            values = parts.astype("f8").view("c16")[:, 0]
    elif np.dtype(dtype).kind in "mM":
        values = rng.integers(-300, 300, size).astype("i8")
        values[rng.random(size) < 0.05] = np.iinfo("i8").min  # NaT
    else:
        values = rng.integers(0, 100, size)
    return values.astype(dtype)


def _check(found, expected):
    assert found.dtype == expected.dtype
    assert found.shape == expected.shape
    np.testing.assert_array_equal(np.asarray(found), expected)


@pytest.mark.parametrize("dtype", _DTYPES)
def test_as_numpy_in_runs(tmp_path, dtype):
    array = _array(dtype, 30_000)
    ref = fx.save(tmp_path / "a.npy", array)
    out = tmp_path / "out.npy"
    for function, expected in [
        (blocks.sort, np.sort(array)),
        (blocks.argsort, np.argsort(array, kind="stable")),
    ]:
        options = {"out": out, "overwrite": True}
        least = _least(function, ref, **options)
        plan = function(ref, **options, memory=least, plan_only=True)
        assert plan.blocks > 4
        assert plan.temporary > 0
        _check(function(ref, **options, memory=least).load(), expected)
    assert sorted(os.listdir(tmp_path)) == ["a.npy", "out.npy"]


@settings(max_examples=25, deadline=None)
@given(
    array=hnp.arrays(
        st.sampled_from(["f4", "i8", "u1", "U2", "M8[s]"]),
        hnp.array_shapes(min_dims=1, max_dims=3, min_side=0, max_side=9),
    ),
    data=st.data(),
)
def test_small_arrays_as_numpy(array, data):
    axis = data.draw(st.sampled_from([None, *range(-array.ndim, array.ndim)]))
    memory = data.draw(st.integers(20_000, 100_000))
    options = {"memory": memory, "executor": data.draw(st.integers(1, 3))}
    _check(blocks.sort(array, axis, **options), np.sort(array, axis))
    _check(blocks.argsort(array, axis, **options), np.argsort(array, axis, kind="stable"))


@settings(max_examples=8, deadline=None)
@given(
    dtype=st.sampled_from(["f4", "i8", "u1", "M8[s]"]),
    size=st.integers(20_000, 40_000),
    factor=st.floats(1, 4),
    seed=st.integers(0, 99),
)
def test_any_budget_in_runs(tmp_path_factory, dtype, size, factor, seed):
    path = tmp_path_factory.mktemp("sort")
    array = _array(dtype, size, seed)
    ref = fx.save(path / "a.npy", array)
    for function, expected in [
        (blocks.sort, np.sort(array)),
        (blocks.argsort, np.argsort(array, kind="stable")),
    ]:
        options = {"out": path / "o.npy", "overwrite": True}
        memory = int(factor * _least(function, ref, **options))
        _check(function(ref, memory=memory, **options).load(), expected)


@pytest.mark.parametrize("axis", [None, 0, 1, 2])
@pytest.mark.parametrize(("name", "chunk"), [("o.npy", None), ("o.zarr", 2), ("o.h5", 1)])
def test_lanes_that_do_not_fit(tmp_path, axis, name, chunk):
    shape = [2, 2, 2]
    shape[axis or 0] = 10_000
    array = _array("f4", np.prod(shape)).reshape(shape)
    ref = fx.save(tmp_path / "a.npy", array)
    for function, expected in [
        (blocks.sort, np.sort(array, axis)),
        (blocks.argsort, np.argsort(array, axis, kind="stable")),
    ]:
        options = {"shape": expected.shape, "dtype": expected.dtype, "overwrite": True}
        if chunk:
            options["chunks"] = tuple(chunk if n == 2 else 2000 for n in expected.shape)
        out = fx.create_array(tmp_path / name, **options)
        least = _least(function, ref, axis, out=out)
        function(ref, axis, out=out, memory=least)
        _check(out.load(), expected)


@pytest.mark.parametrize("axis", [None, 0, 1])
@pytest.mark.parametrize("out", ["o.zarr", "o.npz", "o.h5", "o.raw", None])
@pytest.mark.parametrize("source", ["a.zarr", "a.npz", "array", "fortran"])
def test_lanes_that_fit(tmp_path, axis, source, out):
    array = _array(">f4", 6000).reshape(60, 100)
    read = {"array": array, "fortran": np.asfortranarray(array)}.get(source)
    if read is None:
        read = fx.save(tmp_path / source, array)
    before = array.copy()
    target = None if out is None else tmp_path / out
    for function, expected in [
        (blocks.sort, np.sort(array, axis)),
        (blocks.argsort, np.argsort(array, axis, kind="stable")),
    ]:
        found = function(read, axis, out=target, overwrite=True, memory="1MB")
        _check(found if out is None else found.load(), expected)
    np.testing.assert_array_equal(array, before)


@pytest.mark.parametrize("dtype", ["S16", "clusters"])
@pytest.mark.parametrize("function", [blocks.sort, blocks.argsort])
@pytest.mark.parametrize("is_panel", [True, False])
def test_memory_is_what_the_plan_says(tmp_path, function, dtype, is_panel):
    size = 100_000
    if dtype == "clusters":  # the order of such takes the most
        array = _array("i8", size) % 3 + (_array("i8", size, 1) % 2 << 62)
    else:
        array = _array(dtype, size)
    ref = fx.save(tmp_path / "a.npy", array.reshape(400, -1) if is_panel else array)
    options = {"out": tmp_path / "o.npy", "overwrite": True, "executor": 2}
    options["memory"] = 2_000_000 if is_panel else 2 * _least(function, ref, **options)
    plan = function(ref, **options, plan_only=True)
    assert (plan.temporary == 0) == is_panel
    tracemalloc.start()
    function(ref, **options)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak <= plan.projected_memory + 300_000, (peak, plan.projected_memory)


@pytest.mark.parametrize("value", [0.0, np.nan])
def test_equal_elements_are_cut_into_equal_ranges(tmp_path, value):
    ref = fx.save(tmp_path / "a.npy", np.full(100_000, value, "f4"))
    least = _least(blocks.argsort, ref, out=tmp_path / "o.npy")
    found = blocks.argsort(ref, out=tmp_path / "o.npy", memory=least)
    np.testing.assert_array_equal(found.load(), np.arange(100_000))


def test_stable_keeps_what_is_equal_in_its_order(tmp_path):
    rng = np.random.default_rng(0)
    array = np.where(rng.random(100_000) < 0.5, -0.0, 0.0).astype("f4")
    array[rng.random(array.size) < 0.2] = 1
    ref = fx.save(tmp_path / "a.npy", array)
    for options in [{"stable": True}, {"kind": "stable"}]:
        options = {**options, "out": tmp_path / "o.npy", "overwrite": True}
        found = blocks.sort(ref, memory=_least(blocks.sort, ref, **options), **options).load()
        assert found.tobytes() == np.sort(array, kind="stable").tobytes()


def test_result_does_not_depend_on_the_workers(tmp_path):
    array = _array("f4", 200_000)
    ref = fx.save(tmp_path / "a.npy", array)
    memory = 4 * _least(blocks.sort, ref, out=tmp_path / "o.npy")
    found = set()
    with ThreadPoolExecutor(3) as pool:
        for executor in [1, 2, 5, pool]:
            options = {"executor": executor, "overwrite": True}
            out = blocks.sort(ref, out=tmp_path / "o.npy", memory=memory, **options)
            found.add(out.load().tobytes())
    assert len(found) == 1


def test_processes(tmp_path):
    array = _array("i4", 100_000)
    ref = fx.save(tmp_path / "a.npy", array)
    memory = 2 * _least(blocks.argsort, ref, out=tmp_path / "o.npy")
    found = blocks.argsort(ref, out=tmp_path / "o.npy", memory=memory, executor="processes")
    _check(found.load(), np.argsort(array, kind="stable"))


class _Failing:
    """An array that cannot be read to its end."""

    shape, dtype = (100_000,), np.dtype("f4")

    def __init__(self, error):
        self.error = error

    def __getitem__(self, region):
        if region[0].stop == 100_000:
            raise self.error
        return np.zeros(region[0].stop - region[0].start, "f4")


@pytest.mark.parametrize("error", [OSError("unplugged"), KeyboardInterrupt()])
def test_nothing_is_left_after_an_error(tmp_path, error):
    array, out = _Failing(error), tmp_path / "o.npy"
    memory = _least(blocks.sort, array, out=out)
    with pytest.raises(type(error)):
        blocks.sort(array, out=out, memory=memory)
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("function", [blocks.sort, blocks.argsort])
def test_resuming(tmp_path, function, axis):
    array = _array("i4", 120_000).reshape(-1, 2) if axis == 0 else _array("i4", 90_000)[None]
    ref = fx.save(tmp_path / "a.npy", array)
    out = tmp_path / "o.npy"
    least = _least(function, ref, axis, out=out)
    expected = np.sort(array, axis)
    if function is blocks.argsort:
        expected = np.argsort(array, axis, kind="stable")
    plan = function(ref, axis, out=out, memory=least, plan_only=True)
    done = itertools.count()
    for attempt in itertools.count(1):

        def stops(_done, _total, most=attempt * plan.blocks // 3):
            if next(done) >= most:
                raise InterruptedError

        options = {"memory": least * attempt, "resume": True, "progress": stops}
        with contextlib.suppress(InterruptedError):
            found = function(ref, axis, out=out, **options)
            break
        assert attempt < 9
    assert attempt > 2
    _check(found.load(), expected)
    assert sorted(os.listdir(tmp_path)) == ["a.npy", "o.npy"]


def test_scalars_as_numpy():
    with pytest.raises(np.exceptions.AxisError):
        blocks.sort(np.array(3))
    with pytest.raises(np.exceptions.AxisError):
        blocks.argsort(np.zeros(3), 1)
    _check(blocks.sort(np.array(3), None), np.sort(np.array(3), None))
    _check(blocks.argsort(np.array(3), None), np.array([0]))


def test_what_is_refused(tmp_path):
    array = np.arange(4.0)
    for options in [{"kind": "bubble"}, {"kind": "stable", "stable": True}]:
        with pytest.raises(UnsupportedOptionError, match="kind="):
            blocks.sort(array, **options)
    with pytest.raises(UnsupportedArrayError, match="sort by a field"):
        blocks.argsort(np.zeros(3, [("a", "i4")]))
    with pytest.raises(UnsupportedOptionError, match="in its place"):
        blocks.sort(array, out=array)
    ref = fx.save(tmp_path / "a.npy", _array("f4", 50_000))
    with pytest.raises(ArrayExistsError):
        blocks.sort(ref, out=ref.path, memory=_least(blocks.sort, ref, out=ref.path))
    assert os.listdir(tmp_path) == ["a.npy"]


def test_a_full_disk_is_told_before_anything_is_written(tmp_path, monkeypatch):
    array = _array("f4", 50_000)
    ref = fx.save(tmp_path / "a.npy", array)
    options = {"out": tmp_path / "o.npy"}
    options["memory"] = _least(blocks.sort, ref, **options)
    needed = 2 * array.nbytes
    monkeypatch.setattr(capabilities, "free_bytes", lambda _: needed - 1)
    with pytest.raises(StorageFullError, match=f"need {needed} bytes"):
        blocks.sort(ref, **options)
    assert os.listdir(tmp_path) == ["a.npy"]
    monkeypatch.setattr(capabilities, "free_bytes", lambda _: needed)
    _check(blocks.sort(ref, **options).load(), np.sort(array))


@given(
    size=st.integers(1, 10**12),
    unit=st.integers(1, 10**6),
    read=st.integers(1, 10**6),
    budget=st.integers(1, 10**10),
)
@settings(max_examples=25, deadline=None)
def test_runs_cover_everything(size, unit, read, budget):
    runs = arranged((size,), size, unit, read, Costs(8, 12, 4), budget)
    assert runs.lanes == 1
    assert runs.width == size or runs.width % unit == 0
    first, last = runs.span(0), runs.span(len(runs.grid) - 1)
    assert (first[0], last[1]) == (0, size)
    assert (runs.ranges - 1) * runs.width < size <= runs.ranges * runs.width
