"""Arrays along an axis: what NumPy makes of them, file to file."""

import os

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import filexchange as fx
from filexchange import blocks
from filexchange.errors import (
    ArrayExistsError,
    MemoryBudgetError,
    UnsupportedArrayError,
    UnsupportedOptionError,
)

_RNG = np.random.default_rng(0)
_DTYPES = st.sampled_from(["i1", "u2", "f4", "i8", "c8", "?"])


def _made(data, directory, shape):
    """Return an array in memory, or in a file of some format and chunks."""
    array = _RNG.integers(0, 99, shape).astype(data.draw(_DTYPES))
    suffix = data.draw(st.sampled_from([None, ".npy", ".zarr", ".h5", ".npz"]))
    if suffix is None:
        return array, array
    chunks = None
    if suffix in {".zarr", ".h5"}:
        chunks = tuple(data.draw(st.integers(1, 6)) for _ in shape)
    path = directory / f"{len(os.listdir(directory))}{suffix}"
    return array, fx.save(path, array, chunks=chunks)


def _output(data, directory, shape):
    """Return keywords for an output of some format, chunks and shards."""
    suffix = data.draw(st.sampled_from([".npy", ".zarr", ".h5"]))
    options = {"out": directory / f"out{suffix}", "executor": 2}
    if suffix != ".npy":
        options["chunks"] = tuple(data.draw(st.integers(1, 4)) for _ in shape)
    if suffix == ".zarr":
        factor = data.draw(st.integers(1, 2))
        options["shards"] = tuple(
            max(1, min(n, m) * factor) for n, m in zip(options["chunks"], shape, strict=True)
        )
    # From a few units at a time to all at once.
    options["memory"] = data.draw(st.sampled_from([60_000, 1 << 20]))
    return options


@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_concatenate_is_numpys(tmp_path_factory, data):
    directory = tmp_path_factory.mktemp("concatenate")
    ndim = data.draw(st.integers(1, 3))
    axis = data.draw(st.integers(-ndim, ndim - 1))
    shape = [data.draw(st.integers(1, 8)) for _ in range(ndim)]
    made = []
    for _ in range(data.draw(st.integers(1, 3))):
        shape[axis] = data.draw(st.integers(0, 8))
        made.append(_made(data, directory, tuple(shape)))
    expected = np.concatenate([array for array, _ in made], axis)
    options = _output(data, directory, expected.shape)
    found = blocks.concatenate([given for _, given in made], axis, **options)
    assert found.dtype == expected.dtype
    np.testing.assert_array_equal(found.load(), expected)


@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_stack_is_numpys(tmp_path_factory, data):
    directory = tmp_path_factory.mktemp("stack")
    ndim = data.draw(st.integers(0, 2))
    axis = data.draw(st.integers(-ndim - 1, ndim))
    shape = tuple(data.draw(st.integers(1, 8)) for _ in range(ndim))
    made = [_made(data, directory, shape) for _ in range(data.draw(st.integers(1, 4)))]
    expected = np.stack([array for array, _ in made], axis)
    options = _output(data, directory, expected.shape)
    found = blocks.stack([given for _, given in made], axis, **options)
    assert found.dtype == expected.dtype
    np.testing.assert_array_equal(found.load(), expected)


def test_each_block_has_chunks_of_its_own(tmp_path):
    days = [
        fx.save(tmp_path / f"{i}.zarr", _RNG.normal(size=(7, 40)), chunks=(1, 40)) for i in range(5)
    ]
    options = {"chunks": (35, 4), "out": tmp_path / "all.zarr", "memory": 60_000}
    plan = blocks.concatenate(days, plan_only=True, **options)
    assert plan.blocks > 1
    for step, unit, length in zip(plan.block_shape, (35, 4), (35, 40), strict=True):
        assert step == length or step % unit == 0
    found = blocks.concatenate(days, executor=2, **options)
    np.testing.assert_array_equal(found.load(), np.concatenate([day.load() for day in days]))
    assert found.chunks == (35, 4)


def test_layout_of_the_new_file(tmp_path):
    found = blocks.stack(
        [np.ones((4, 6), "f4")] * 3,
        out=tmp_path / "s.zarr",
        chunks=(1, 4, 3),
        shards=(3, 4, 6),
        compression="zstd",
        attrs={"units": "K"},
    )
    assert (found.chunks, found.shards) == ((1, 4, 3), (3, 4, 6))
    assert dict(found.attrs) == {"units": "K"}


@pytest.mark.parametrize(
    ("arrays", "axis", "numpys"),
    [
        ([np.ones((2, 3)), np.ones((2, 4))], 0, np.concatenate),
        ([np.ones((2, 3)), np.ones(3)], 0, np.concatenate),
        ([np.ones(())], 0, np.concatenate),
        ([np.ones(3)], 1, np.concatenate),
        ([], 0, np.concatenate),
        ([np.ones(3), np.ones(4)], 0, np.stack),
        ([np.ones(3)], 2, np.stack),
        ([], 0, np.stack),
    ],
)
def test_what_numpy_refuses(tmp_path, arrays, axis, numpys):
    with pytest.raises(ValueError):  # noqa: PT011 - the class is what is common to both
        numpys(arrays, axis)
    with pytest.raises(ValueError):  # noqa: PT011
        getattr(blocks, numpys.__name__)(arrays, axis, out=tmp_path / "out.npy")
    assert os.listdir(tmp_path) == []


def test_values_without_a_common_dtype(tmp_path):
    times = np.zeros(3, "M8[s]")
    with pytest.raises(UnsupportedArrayError, match="datetime64"):
        blocks.concatenate([np.ones(3), times], out=tmp_path / "out.npy")


def test_what_is_refused_before_anything_is_written(tmp_path):
    ref = fx.save(tmp_path / "a.npy", np.ones((300, 300)))
    with pytest.raises(MemoryBudgetError, match="give memory="):
        blocks.concatenate([ref, ref], chunks=-1, out=tmp_path / "b.zarr", memory=100_000)
    with pytest.raises(ArrayExistsError):
        blocks.concatenate([ref, ref], out=tmp_path / "a.npy")
    with pytest.raises(UnsupportedOptionError, match="out is the array"):
        blocks.concatenate([ref], out=fx.open_array(tmp_path / "a.npy", mode="r+"))
    assert os.listdir(tmp_path) == ["a.npy"]
    assert blocks.concatenate([ref, ref], out=tmp_path / "a.npy", overwrite=True).shape[0] == 600


def test_other_inputs_are_not_gone_on_with(tmp_path):
    first, second = (fx.save(tmp_path / f"{i}.npy", np.full((2, 2), i)) for i in range(2))

    class Unreadable:
        shape, dtype = (2, 2), np.dtype("i8")

        def __getitem__(self, index):
            raise OSError("a disk that was unplugged")

    options = {"out": tmp_path / "s.npy", "resume": True}
    with pytest.raises(OSError, match="unplugged"):
        blocks.stack([first, Unreadable()], **options)
    for other in ({"axis": 1}, {"resume": "force", "axis": 1}):
        with pytest.raises(fx.errors.ResumeError):
            blocks.stack([first, second], **{**options, **other})
    assert not (tmp_path / "s.npy").exists()
