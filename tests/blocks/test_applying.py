"""Functions along axes do what NumPy's do, and leave nothing between them."""

import os
import tempfile

import dask.array as da
import h5py
import numpy as np
import pytest
import zarr
from hypothesis import given, settings
from hypothesis import strategies as st

import filexchange as fx
from filexchange import blocks
from filexchange.errors import (
    ArrayExistsError,
    BlockShapeError,
    MemoryBudgetError,
    UnsupportedOptionError,
)


@pytest.fixture
def array():
    return np.random.default_rng(0).normal(size=(24, 17, 10)).astype("f4")


@pytest.fixture(autouse=True)
def scratch(tmp_path, monkeypatch):
    """Let what is between axes be in a directory that is empty in the end."""
    place = tmp_path.parent / f"{tmp_path.name}-scratch"
    place.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(place))
    yield
    assert os.listdir(place) == []


@pytest.mark.parametrize("axes", [0, 1, -1, (0, 1), (2, 0), (0, 1, 2), (1, 1)])
@pytest.mark.parametrize("func", [np.cumsum, np.sum, np.max, np.sort, np.fft.fftshift])
def test_functions_of_numpy(array, func, axes):
    """The orders of sums are those of NumPy, since blocks have all of an axis."""
    exact = np.apply_over_axes(func, array, axes)
    found = blocks.apply_over_axes(func, array, axes, memory=exact.nbytes + 20_000)
    assert found.dtype == exact.dtype
    np.testing.assert_allclose(found, exact, 1e-4, 1e-4)


def _diff(block, axis):
    return np.diff(block, axis=axis)


@given(data=st.data())
@settings(max_examples=25, deadline=None)
def test_lengths_that_change(data):
    shape = data.draw(st.lists(st.integers(1, 9), min_size=1, max_size=3))
    axes = data.draw(st.lists(st.integers(0, len(shape) - 1), min_size=1, max_size=3, unique=True))
    array = np.arange(np.prod(shape)).reshape(shape) ** 2
    found = blocks.apply_over_axes(_diff, array, axes, memory=50_000)
    np.testing.assert_array_equal(found, np.apply_over_axes(_diff, array, axes))


@pytest.mark.parametrize("dtype", ["f4", "f8", "c8", "c16", "i2", "f2"])
def test_fft2(array, dtype):
    array = (array * 9).astype(dtype)
    exact = np.fft.fft2(array)
    found = blocks.fft2(array, memory=exact.nbytes + 30_000)
    assert found.dtype == exact.dtype
    np.testing.assert_allclose(found, exact, 1e-4, 1e-2)


@pytest.mark.parametrize("norm", [None, "backward", "ortho", "forward"])
@pytest.mark.parametrize("axes", [(-2, -1), (0, 1), (2, 0), (1,), (0, 1, 2)])
def test_axes_and_norms(array, norm, axes):
    exact = np.fft.fftn(array, axes=axes, norm=norm)
    np.testing.assert_allclose(blocks.fft2(array, axes, norm=norm), exact, 1e-4, 1e-3)


@pytest.mark.parametrize("name", ["a.npy", "a.npz", "a.h5", "a.zarr"])
@pytest.mark.parametrize("out", ["c.npy", "c.raw", "c.h5", "c.zarr", "c.npz"])
def test_formats(tmp_path, array, name, out):
    ref = fx.save(tmp_path / name, array)
    found = blocks.fft2(ref, out=tmp_path / out, memory=60_000)
    np.testing.assert_allclose(found.load(), np.fft.fft2(array), 1e-4, 1e-3)
    assert sorted(os.listdir(tmp_path)) == sorted([name, out])


def test_arrays_of_other_libraries(tmp_path, array):
    out = fx.create_array(
        tmp_path / "o.zarr", shape=array.shape, dtype="c8", chunks=(2, 2, 2), shards=(4, 8, 4)
    )
    z = zarr.create_array(tmp_path / "a.zarr", data=array, chunks=(8, 8, 8))
    with h5py.File(tmp_path / "a.h5", "w") as file:
        dataset = file.create_dataset("x", data=array, chunks=(8, 8, 8))
        for source in (z, dataset, da.from_array(array, chunks=6)):
            assert blocks.fft2(source, out=out, memory=60_000) is out
            np.testing.assert_allclose(out.load(), np.fft.fft2(array), 1e-4, 1e-3)


def test_plan(tmp_path):
    ref = fx.create_array(tmp_path / "a.npy", shape=(4096, 2048), dtype="f4")
    out = tmp_path / "b.npy"
    plan = blocks.fft2(ref, out=out, memory="64MB", plan_only=True)
    assert plan.temporary == 2 * ref.nbytes
    assert plan.bytes_read == 3 * ref.nbytes
    assert plan.bytes_written == 4 * ref.nbytes
    assert plan.projected_memory <= 64e6
    assert os.listdir(tmp_path) == ["a.npy"]


def test_temporary_files_go_with_an_error(tmp_path, array):
    ref = fx.save(tmp_path / "a.npy", array)
    seen = []

    def fail(block, axis):
        if axis == 0 and block.shape[1] > 1:
            seen.extend(name for name in os.listdir(tmp_path) if name.endswith(".partial"))
            raise ArithmeticError("no")
        return block

    with pytest.raises(ArithmeticError, match="no"):
        blocks.apply_over_axes(fail, ref, (1, 0), out=tmp_path / "b.npy")
    assert seen
    assert os.listdir(tmp_path) == ["a.npy"]
    with pytest.raises(ArithmeticError, match="no"):
        blocks.apply_over_axes(fail, array, (1, 0))


def test_what_is_there_is_noticed_at_once(tmp_path, array):
    ref = fx.save(tmp_path / "a.npy", array)
    with pytest.raises(ArrayExistsError):
        blocks.fft2(ref, out=ref.path)
    np.testing.assert_array_equal(ref.load(), array)
    found = blocks.fft2(ref, out=ref.path, overwrite=True)
    np.testing.assert_allclose(found.load(), np.fft.fft2(array), 1e-4, 1e-3)


def test_what_is_refused(tmp_path, array):
    for axes in (3, (0, -4)):
        with pytest.raises(ValueError, match="axis"):
            blocks.apply_over_axes(np.sum, array, axes)
    with pytest.raises(UnsupportedOptionError, match="no axis"):
        blocks.apply_over_axes(np.sum, array, ())
    with pytest.raises(BlockShapeError, match="only that axis"):
        blocks.apply_over_axes(lambda block, axis: block.ravel()[:1], array, 0)
    assert os.listdir(tmp_path) == []


def test_a_lane_has_to_fit(tmp_path, array):
    ref = fx.save(tmp_path / "a.npy", array)
    with pytest.raises(MemoryBudgetError, match="give memory=") as caught:
        blocks.fft2(ref, out=tmp_path / "b.npy", memory=100)
    assert os.listdir(tmp_path) == ["a.npy"]
    least = int(str(caught.value).split("memory=")[2].split()[0])
    with pytest.raises(MemoryBudgetError, match="give memory=") as caught:
        blocks.fft2(ref, out=tmp_path / "b.npy", memory=least)
    least = int(str(caught.value).split("memory=")[2].split()[0])
    while True:
        try:
            found = blocks.fft2(ref, out=tmp_path / "b.npy", memory=least)
            break
        except MemoryBudgetError as error:
            least = int(str(error).split("memory=")[2].split()[0])
    np.testing.assert_allclose(found.load(), np.fft.fft2(array), 1e-4, 1e-3)


def test_axes_that_are_done_are_not_done_again(tmp_path, array):
    ref = fx.save(tmp_path / "a.npy", array)
    out = tmp_path / "b.zarr"

    class Stop:
        def __init__(self, left):
            self.left = left

        def __call__(self, done, total):
            self.left -= 1
            if self.left == 0:
                raise InterruptedError

    exact = np.fft.fft2(array)
    for left in (2, 24):
        with pytest.raises(InterruptedError):
            blocks.fft2(ref, out=out, memory=60_000, executor=1, progress=Stop(left), resume=True)
    seen = []
    found = blocks.fft2(
        ref, out=out, memory="1GB", resume=True, progress=lambda *told: seen.append(told)
    )
    np.testing.assert_allclose(found.load(), exact, 1e-4, 1e-3)
    assert sorted(os.listdir(tmp_path)) == ["a.npy", "b.zarr"]
    assert len({total for _, total in seen}) == 1  # of the last axis alone


def test_executors_give_the_same(tmp_path, array):
    ref = fx.save(tmp_path / "a.npy", array)
    found = {
        blocks.fft2(ref, memory=10**6, executor=executor).tobytes()
        for executor in (1, 3, "processes")
    }
    assert len(found) == 1
