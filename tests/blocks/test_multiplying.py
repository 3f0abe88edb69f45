"""matmul gives what NumPy's gives, within any budget."""

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
from filexchange.blocks.products.shapes import Cost, Product, product_block
from filexchange.errors import MemoryBudgetError, UnsupportedArrayError, UnsupportedOptionError

_SHAPES = [
    ((3,), (3,)),
    ((3,), (3, 4)),
    ((5, 3), (3,)),
    ((5, 3), (3, 4)),
    ((2, 5, 3), (3, 4)),
    ((5, 3), (2, 3, 4)),
    ((2, 1, 5, 3), (7, 3, 4)),
    ((6, 5, 3), (3,)),
    ((3,), (6, 3, 4)),
    ((0, 3), (3, 4)),
    ((5, 0), (0, 4)),
    ((0,), (0,)),
    ((2, 5, 3), (2, 3, 0)),
    ((1, 1), (1, 1)),
]


def _integers(shape, dtype, seed=0):
    return np.random.default_rng(seed).integers(0, 50, shape).astype(dtype)


@pytest.mark.parametrize(("a", "b"), _SHAPES)
def test_all_dimensions(tmp_path, a, b):
    """With elements whose products are exact, so that their order does not matter."""
    a, b = _integers(a, "f4"), _integers(b, "f4", 1)
    exact = np.matmul(a, b)
    found = blocks.matmul(a, b)
    assert type(found) is type(exact)
    np.testing.assert_array_equal(found, exact)
    saved = fx.save(tmp_path / "a.npy", a), fx.save(tmp_path / "b.npy", b)
    for memory in (100, 1000):
        out = tmp_path / "out.npy"
        found = blocks.matmul(*saved, out=out, memory=memory, overwrite=True)
        np.testing.assert_array_equal(found.load(), exact)
        assert found.dtype == exact.dtype


@pytest.mark.parametrize("first", ["?", "i1", "u8", "f2", "f4", "f8", "c8", "c16"])
@pytest.mark.parametrize("second", ["?", "i4", "f2", "f4", "c16"])
def test_dtypes(first, second):
    a, b = _integers((9, 30), first), _integers((30, 7), second, 1)
    exact = np.matmul(a, b)
    found = blocks.matmul(a, b, memory=exact.nbytes + 600)
    assert found.dtype == exact.dtype
    np.testing.assert_array_equal(found, exact)


def test_integers_wrap_as_those_of_numpy():
    a, b = _integers((9, 300), "i1"), _integers((300, 7), "i1", 1)
    np.testing.assert_array_equal(blocks.matmul(a, b, memory=1000), np.matmul(a, b))


def test_float16_is_rounded_once():
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(20, 400)).astype("f2"), rng.normal(size=(400, 9)).astype("f2")
    found = blocks.matmul(a, b, memory=2000)
    assert found.dtype == np.float16
    np.testing.assert_allclose(found, a.astype("f8") @ b.astype("f8"), 1e-3, 1e-3)
    # The control: parts that are rounded each.
    parts = sum((a[:, i : i + 10] @ b[i : i + 10] for i in range(0, 400, 10)), np.float16(0))
    exact = (a.astype("f8") @ b.astype("f8")).astype("f2")
    assert (found != exact).sum() < (parts != exact).sum() / 4


def test_computed_as_asked():
    a = _integers((5, 6), "f4")
    found = blocks.matmul(a, a.T, dtype="f8")
    assert found.dtype == "f8"
    np.testing.assert_array_equal(found, np.matmul(a, a.T, dtype="f8"))


@pytest.mark.parametrize("name", ["a.npy", "a.raw", "a.npz", "a.h5", "a.zarr"])
@pytest.mark.parametrize("out", ["c.npy", "c.raw", "c.h5", "c.zarr"])
def test_formats(tmp_path, name, out):
    a, b = _integers((30, 50), "f8"), _integers((50, 40), "f8", 1)
    left = fx.save(tmp_path / name, np.asfortranarray(a) if name == "a.npy" else a)
    right = fx.save(tmp_path / f"b{name}", b)
    found = blocks.matmul(left, right, out=tmp_path / out, memory=6000, executor=2)
    np.testing.assert_array_equal(found.load(), a @ b)


def test_arrays_of_other_libraries(tmp_path):
    a, b = _integers((30, 50), "f8"), _integers((50, 40), "f8", 1)
    with h5py.File(tmp_path / "a.h5", "w") as file:
        dataset = file.create_dataset("x", data=a, chunks=(8, 8))
        z = zarr.create_array(tmp_path / "a.zarr", data=b, chunks=(9, 9))
        for right in (z, b, da.from_array(b, chunks=7)):
            np.testing.assert_array_equal(blocks.matmul(dataset, right, memory=20_000), a @ b)
    # Of what is sent to processes a block gets all at once.
    plan = blocks.matmul(a, b, memory=20_000, executor="processes", plan_only=True)
    assert plan.block_memory >= 50 * 8 * sum(plan.block_shape)
    found = blocks.matmul(a, b, memory=20_000, executor="processes")
    np.testing.assert_array_equal(found, a @ b)


def test_outputs_with_shards_and_budgets(tmp_path):
    a, b = _integers((30, 50), "f4"), _integers((50, 40), "f4", 1)
    out = fx.create_array(
        tmp_path / "z.zarr", shape=(30, 40), dtype="f4", chunks=(4, 4), shards=(8, 16)
    )
    with pytest.raises(MemoryBudgetError, match="give memory=") as caught:
        blocks.matmul(a, b, out=out, memory=500)
    least = int(str(caught.value).split("memory=")[2].split()[0])
    blocks.matmul(a, b, out=out, memory=least)
    np.testing.assert_array_equal(out.load(), a @ b)


def test_new_files_have_chunks_within_the_budget(tmp_path):
    a, b = _integers((300, 20), "f4"), _integers((20, 200), "f4", 1)
    for name in ("a.zarr", "a.h5"):
        found = blocks.matmul(a, b, out=tmp_path / name, memory=10_000)
        np.testing.assert_array_equal(found.load(), a @ b)
        assert np.prod(found.chunks) * 4 <= 10_000


def test_the_result_does_not_depend_on_the_workers(tmp_path):
    rng = np.random.default_rng(0)
    saved = [fx.save(tmp_path / f"{i}.npy", rng.normal(size=(90, 90))) for i in range(2)]
    found = {
        blocks.matmul(*saved, memory=100_000, executor=executor).tobytes()
        for executor in (None, 1, 3)
    }
    assert len(found) == 1


def test_what_numpy_does_not_multiply():
    for a, b in [((2, 3), (2, 3)), ((), (3,)), ((3,), (4,)), ((2, 1, 3), (3, 3, 1))]:
        with pytest.raises(UnsupportedOptionError, match="shapes"):
            blocks.matmul(np.ones(a), np.ones(b))
    with pytest.raises(UnsupportedOptionError, match="map_blocks"):
        blocks.matmul(2.0, np.ones(3))
    with pytest.raises(UnsupportedArrayError, match="datetime64"):
        blocks.matmul(np.zeros(3, "M8[s]"), np.ones(3))
    with pytest.raises(UnsupportedArrayError, match="as i1"):
        blocks.matmul(np.ones(3), np.ones(3), dtype="i1")


def test_an_error_leaves_nothing(tmp_path):
    ref = fx.save(tmp_path / "a.npy", np.ones((20, 20)))
    os.truncate(ref.path, os.path.getsize(ref.path) - 1)
    with pytest.raises(fx.errors.BadArrayFileError):
        blocks.matmul(ref, ref, out=tmp_path / "b.npy")
    assert os.listdir(tmp_path) == ["a.npy"]


def test_many_small_matrices_are_one_block():
    plan = blocks.matmul(np.ones((1000, 3, 3)), np.ones((1000, 3, 3)), plan_only=True)
    assert plan.blocks == 1
    assert plan.bytes_read == 2 * 1000 * 9 * 8


def test_plan_of_large_ones(tmp_path):
    large = [
        fx.create_array(tmp_path / f"{i}.npy", shape=(8000, 8000), dtype="f4") for i in range(2)
    ]
    plan = blocks.matmul(*large, out=tmp_path / "c.npy", memory="128MB", plan_only=True)
    assert 40e6 < plan.block_memory <= 64e6
    assert plan.projected_memory <= 128e6


@given(data=st.data())
@settings(max_examples=25, deadline=None)
def test_blocks_keep_to_the_limit(data):
    lengths = st.integers(1, 3000)
    rows, inner, columns = (data.draw(lengths) for _ in range(3))
    product = Product.of((rows, inner), (inner, columns))
    units = (data.draw(st.integers(1, rows)), data.draw(st.integers(1, columns)))
    wishes = st.integers(1, 100)
    cost = Cost(*(data.draw(st.integers(1, 16)) for _ in range(3)))
    most = data.draw(st.integers(1, 10**8))
    block, depth = product_block(
        product,
        units,
        (1, data.draw(wishes)),
        (data.draw(wishes), data.draw(wishes)),
        cost,
        most,
    )
    for length, unit, whole in zip(block, units, product.shape, strict=True):
        assert length == whole or length % unit == 0
    assert 1 <= depth <= inner
    least = cost.memory(units, 1, inner)
    assert cost.memory(block, depth, inner) <= max(most, least)
