"""References are lazy arrays to Dask, Xarray and NumPy."""

import multiprocessing
import resource
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import dask
import dask.array as da
import h5py
import numpy as np
import pytest
import xarray as xr
from dask.base import tokenize

import filexchange as fx
from filexchange import npyheader
from filexchange.errors import ArrayNotFoundError

SUFFIXES = [".npy", ".raw", ".npz", ".h5", ".zarr"]
CHUNKED = [".h5", ".zarr"]
GIB = 1 << 30


@pytest.fixture(autouse=True)
def _threads_end_with_the_test() -> Iterator[None]:
    with dask.config.set(scheduler="threads", num_workers=2):
        yield


@pytest.fixture
def source() -> np.ndarray:
    return np.arange(20 * 30 * 4, dtype="f4").reshape(20, 30, 4)


def _save(directory: Path, suffix: str, source: np.ndarray) -> fx.ArrayRef:
    chunks = (5, 10, 4) if suffix in CHUNKED else None
    return fx.save(directory / f"a{suffix}", source, chunks=chunks)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_reference_becomes_a_dask_array(suffix: str, source: np.ndarray, tmp_path: Path) -> None:
    ref = _save(tmp_path, suffix, source)
    for options in ({}, {"chunks": "auto"}, {"chunks": (7, 30, -1)}, {"chunks": ref.chunks or -1}):
        array = da.from_array(ref, **options)
        assert (array.shape, array.dtype) == (source.shape, source.dtype)
        assert isinstance(array._meta, np.ndarray)
        assert np.array_equal(array.compute(), source)
        assert float(array.mean().compute()) == pytest.approx(float(source.mean()))


@pytest.mark.parametrize("suffix", CHUNKED)
def test_automatic_chunks_are_multiples_of_the_files(
    suffix: str, source: np.ndarray, tmp_path: Path
) -> None:
    ref = _save(tmp_path, suffix, source)
    with dask.config.set({"array.chunk-size": "1kiB"}):
        array = da.from_array(ref)
    assert array.npartitions > 1
    assert all(length % 5 == 0 for length in array.chunks[0])


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize(
    "select",
    [
        lambda array: array[3],
        lambda array: array[2:15:3, ::-1],
        lambda array: array[..., -1],
        lambda array: array[[3, 1, 2]],
        lambda array: array[:, [0, 5, 29]],
        lambda array: array[np.array([19, 0, 19])],
        lambda array: array[np.arange(20) % 3 == 0],
        lambda array: array[:, None, 4:6],
        lambda array: array[[1, 2]][:, [3, 4]],
        lambda array: array[5:5],
    ],
    ids=[
        "row",
        "steps",
        "ellipsis",
        "list",
        "list of columns",
        "array with repeats",
        "mask",
        "new axis",
        "lists one after another",
        "nothing",
    ],
)
def test_selection_of_a_dask_array_is_that_of_numpy(
    suffix: str, select: Callable[[Any], Any], source: np.ndarray, tmp_path: Path
) -> None:
    array = da.from_array(_save(tmp_path, suffix, source), chunks=(7, 10, 4))
    assert np.array_equal(select(array).compute(), select(source))


def test_dask_selects_points_and_by_mask(source: np.ndarray, tmp_path: Path) -> None:
    array = da.from_array(_save(tmp_path, ".npy", source), chunks=(7, 10, 4))
    rows, columns = [3, 19, 0], [29, 0, 4]
    assert np.array_equal(array.vindex[rows, columns].compute(), source[rows, columns])
    assert np.array_equal(array[array > 2000].compute(), source[source > 2000])


def test_part_of_an_array_is_an_array_to_dask(source: np.ndarray, tmp_path: Path) -> None:
    part = _save(tmp_path, ".npy", source).part[::-2, 3]
    assert np.array_equal(da.from_array(part, chunks=3).compute(), source[::-2, 3])


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_changed_array_has_another_name_for_dask(
    suffix: str, source: np.ndarray, tmp_path: Path
) -> None:
    ref = _save(tmp_path, suffix, source)
    before = tokenize(ref)
    assert (tokenize(ref) == before) == (suffix != ".zarr")  # no status of a directory tells
    fx.save(ref.path, source + 1, overwrite=True)
    assert tokenize(ref) != before


@pytest.mark.parametrize("suffix", [".npy", ".raw", ".h5", ".zarr"])
def test_array_that_is_filled_has_another_name_for_dask(
    suffix: str, source: np.ndarray, tmp_path: Path
) -> None:
    ref = fx.create_array(tmp_path / f"a{suffix}", shape=source.shape, dtype=source.dtype)
    before = tokenize(ref)
    ref[0] = source[0]
    assert tokenize(ref) != before


def test_name_for_dask_needs_no_json_and_names_a_missing_file(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset("x", data=np.zeros(3)).attrs["rate"] = [np.nan]
    ref = fx.open_array(tmp_path / "a.h5")
    assert tokenize(ref) == tokenize(ref)
    (tmp_path / "a.h5").unlink()
    with pytest.raises(ArrayNotFoundError):
        ref.__dask_tokenize__()


def test_dask_array_is_saved_block_by_block(source: np.ndarray, tmp_path: Path) -> None:
    ref = _save(tmp_path, ".npy", source)
    target = fx.create_array(tmp_path / "b.zarr", shape=source.shape, dtype="f4", chunks=(5, 10, 4))
    doubled = da.from_array(ref, chunks=(5, 10, 4)) * 2
    da.store(doubled, target, lock=False)
    assert np.array_equal(target.load(), source * 2)


def test_name_follows_the_content_of_the_file(source: np.ndarray, tmp_path: Path) -> None:
    ref = _save(tmp_path, ".npy", source)
    name = da.from_array(ref).name
    assert da.from_array(ref).name == name
    assert da.from_array(fx.open_array(ref.path)).name == name
    assert da.from_array(ref.part[1:]).name != name
    fx.save(ref.path, source + 1, overwrite=True)
    assert da.from_array(ref).name != name


def test_graph_holds_the_reference_and_not_the_array(tmp_path: Path) -> None:
    import pickle

    ref = fx.save(tmp_path / "a.npy", np.zeros((1000, 1000)))
    assert len(pickle.dumps(da.from_array(ref, chunks=(100, 1000)))) < 20_000


def test_xarray_and_numpy_take_a_reference(source: np.ndarray, tmp_path: Path) -> None:
    ref = _save(tmp_path, ".npy", source)
    grid = xr.DataArray(ref, dims=("t", "y", "x"))
    assert np.array_equal(grid.isel(t=3, y=slice(None, None, -1)).values, source[3, ::-1])
    assert float(grid.sum()) == float(source.sum())
    lazy = xr.DataArray(da.from_array(ref), dims=("t", "y", "x"))
    assert np.array_equal(lazy.mean("t").values, source.mean(0))
    assert np.array_equal(np.mean(ref, axis=0), source.mean(0))
    assert np.array_equal(np.concatenate([ref, ref]), np.concatenate([source, source]))
    assert np.array_equal(np.add(ref, 1), source + 1)


# Memory: a file four times larger than the memory that its reader may take.


def _limit_memory() -> None:
    used = int(Path("/proc/self/status").read_text().split("VmData:")[1].split()[0]) << 10
    resource.setrlimit(resource.RLIMIT_DATA, (used + GIB // 4, resource.RLIM_INFINITY))


def _sum(array: da.Array) -> float:
    return float(array.sum().compute(scheduler="threads", num_workers=2))


def _sum_by_reference(path: str) -> float:
    return _sum(da.from_array(fx.open_array(path), chunks=(1 << 20,)))


def _sum_by_copying(path: str) -> float:
    # Dask takes a memmap for an ndarray, and copies what it puts into its graph.
    return _sum(da.from_array(np.load(path, mmap_mode="r"), chunks=(1 << 20,)))


def _run_limited(read: Callable[[str], float], path: str, connection: Connection) -> None:
    _sum(da.zeros(10))  # what a first computation imports and starts is not the array's
    _limit_memory()
    try:
        connection.send(read(path))
    except MemoryError:
        connection.send(None)
    connection.close()


def _in_limited_process(read: Callable[[str], float], path: str) -> float | None:
    context = multiprocessing.get_context("spawn")
    receiving, sending = context.Pipe(duplex=False)
    child = context.Process(target=_run_limited, args=(read, path, sending))
    child.start()
    sending.close()
    try:
        answer: float | None = receiving.recv()
    finally:
        child.join()
        receiving.close()
    assert child.exitcode == 0
    child.close()
    return answer


@pytest.fixture
def large(tmp_path: Path) -> str:
    """Return the path of a sparse array of 1 GiB of zeros that ends with a one."""
    shape = (GIB // 8,)
    header = npyheader.encode(shape, np.dtype("<f8"))
    with open(tmp_path / "large.npy", "wb") as file:
        file.write(header)
        file.seek(len(header) + GIB - 8)
        file.write(np.float64(1).tobytes())
    return file.name


def test_dask_does_not_copy_the_file_into_memory(large: str) -> None:
    assert _in_limited_process(_sum_by_reference, large) == 1.0


def test_copy_of_the_file_exceeds_the_memory_that_the_test_allows(large: str) -> None:
    assert _in_limited_process(_sum_by_copying, large) is None
