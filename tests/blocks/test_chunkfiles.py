"""Chunks that are plain files, read and written without Zarr: they are what Zarr makes of them."""

import os

import numpy as np
import pytest
import zarr
from hypothesis import given, settings
from hypothesis import strategies as st

import filexchange as fx
from filexchange import blocks
from filexchange.blocks.storage import chunked, chunkfiles
from filexchange.errors import ArrayMismatchError, BadArrayFileError, StorageFullError

_RNG = np.random.default_rng(0)
_SHAPE, _CHUNKS = (25, 37, 8), (4, 7, 3)
_DTYPES = ["f4", ">f8", "c8", "?", "U3", "S3", "M8[ns]", "f4,i2", "u1"]


def _array(dtype):
    return _RNG.integers(0, 9, _SHAPE).astype(dtype)


def _saved(path, array, **options):
    return fx.save(path / "a.zarr", array, **{"chunks": _CHUNKS, **options})


def _written(path, array):
    ref = fx.create_array(path, shape=array.shape, dtype=array.dtype, chunks=_CHUNKS)
    found = chunked.chunk_files(ref)
    region = tuple(slice(0, n, 1) for n in array.shape)
    chunkfiles.write_region(found, region, array)
    return ref


@pytest.mark.parametrize("dtype", _DTYPES)
def test_regions_are_those_of_the_array(tmp_path, dtype):
    array = _array(dtype)
    found = chunked.chunk_files(_saved(tmp_path, array))
    for region in [
        (slice(3, 20, 1), slice(0, 37, 1), slice(2, 7, 1)),
        (slice(0, 25, 1), slice(0, 37, 1), slice(0, 8, 1)),
        (slice(3, 3, 1), slice(0, 37, 1), slice(2, 7, 1)),
    ]:
        read = chunkfiles.read_region(found, region)
        assert read.dtype == array.dtype
        np.testing.assert_array_equal(read, array[region])


@pytest.mark.parametrize("dtype", _DTYPES)
def test_files_are_those_that_zarr_writes(tmp_path, dtype):
    array = _array(dtype)
    ours, theirs = tmp_path / "ours.zarr", tmp_path / "theirs.zarr"
    _written(ours, array)
    fx.save(theirs, array, chunks=_CHUNKS)
    names = sorted(p.relative_to(theirs) for p in theirs.rglob("*") if p.is_file())
    assert names == sorted(p.relative_to(ours) for p in ours.rglob("*") if p.is_file())
    for name in names:
        assert (ours / name).read_bytes() == (theirs / name).read_bytes(), name


@settings(max_examples=25)
@given(data=st.data())
def test_any_region_of_any_chunks(tmp_path_factory, data):
    shape = tuple(data.draw(st.integers(0, 12)) for _ in range(data.draw(st.integers(0, 3))))
    chunks = tuple(data.draw(st.integers(1, 14)) for _ in shape)
    array = _RNG.integers(0, 99, shape)
    ref = fx.save(tmp_path_factory.mktemp("any") / "a.zarr", array, chunks=chunks)
    starts = [data.draw(st.integers(0, n)) for n in shape]
    stops = [data.draw(st.integers(start, n)) for start, n in zip(starts, shape, strict=True)]
    region = tuple(slice(a, b, 1) for a, b in zip(starts, stops, strict=True))
    found = chunked.chunk_files(ref)
    np.testing.assert_array_equal(chunkfiles.read_region(found, region), array[(*region, ...)])


@pytest.mark.parametrize("options", [{"zarr_format": 2}, {"zarr_format": 3}])
def test_arrays_of_zarr_itself_with_chunks_that_are_missing(tmp_path, options):
    made = zarr.create_array(
        tmp_path / "a.zarr",
        shape=(10, 6),
        chunks=(4, 4),
        dtype="i2",
        fill_value=7,
        compressors=None,
        filters=None,
        **options,
    )
    made[4:8, :4] = 1
    ref = fx.open_array(tmp_path / "a.zarr")
    assert chunked.chunk_files(ref) is not None
    read = chunked.read_chunks(ref, (slice(0, 10, 1), slice(0, 6, 1)))
    np.testing.assert_array_equal(read, made[...])
    assert (read == 7).any()


@pytest.mark.parametrize(
    "options",
    [
        {"compressors": "auto"},
        {"shards": (8, 8)},
        {"zarr_format": 2, "order": "F"},
        {"filters": [zarr.codecs.TransposeCodec(order=(1, 0))]},
        {"serializer": zarr.codecs.BytesCodec(endian="big")},
    ],
    ids=str,
)
def test_other_chunks_are_left_to_zarr(tmp_path, options):
    array = _RNG.integers(0, 9, (10, 6), "i4")
    made = zarr.create_array(
        tmp_path / "a.zarr",
        shape=array.shape,
        dtype=array.dtype,
        **{"chunks": (4, 4), "compressors": None, **options},
    )
    made[...] = array
    ref = fx.open_array(tmp_path / "a.zarr")
    assert chunked.chunk_files(ref) is None
    read = chunked.read_chunks(ref, (slice(1, 10, 1), slice(0, 5, 1)))
    np.testing.assert_array_equal(read, array[1:, :5])


def test_a_part_of_an_array_is_left_to_its_reference(tmp_path):
    ref = _saved(tmp_path, _array("f4"))
    assert chunked.chunk_files(ref.part[1:]) is None


def test_what_is_no_chunk_is_refused(tmp_path):
    array = _array("f4")
    ref = _saved(tmp_path, array)
    chunk = tmp_path / "a.zarr" / "c" / "0" / "0" / "0"
    with open(chunk, "r+b") as file:
        file.truncate(11)
    with pytest.raises(BadArrayFileError, match="truncated"):
        blocks.sum(ref)
    with pytest.raises(BadArrayFileError, match="truncated"):
        chunked.read_chunks(ref, (slice(0, 1, 1),) * 3)  # which would be there
    with open(chunk, "ab") as file:
        file.truncate(4 * 7 * 3 * 4 + 1)
    with pytest.raises(BadArrayFileError, match="337 bytes, and a chunk of this array 336"):
        blocks.sum(ref)
    chunk.unlink()
    chunk.symlink_to(tmp_path / "a.zarr" / "c" / "1" / "0" / "0")
    with pytest.raises(BadArrayFileError, match="link"):
        blocks.sum(ref)
    chunk.unlink()
    os.mkfifo(chunk)
    with pytest.raises(BadArrayFileError, match="regular"):
        blocks.sum(ref)
    chunk.unlink()
    assert blocks.sum(ref) < array.sum()


def test_another_array_at_the_path_is_told(tmp_path):
    ref = _saved(tmp_path, _array("f4"))
    _saved(tmp_path, _array("f8"), overwrite=True)
    with pytest.raises(ArrayMismatchError, match="by now"):
        chunked.read_chunks(ref, tuple(slice(0, n, 1) for n in _SHAPE))


def test_a_chunk_that_is_not_complete_is_not_seen(tmp_path, monkeypatch):
    ref = _saved(tmp_path, _array("f4"))
    before = ref.load()

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(chunkfiles.capabilities, "write_all", full)
    with pytest.raises(StorageFullError) as caught:
        chunked.write_chunks(ref, tuple(slice(0, n, 1) for n in _SHAPE), before + 1)
    assert caught.value.filename == ref.path
    monkeypatch.undo()
    np.testing.assert_array_equal(ref.load(), before)
    assert not list((tmp_path / "a.zarr").rglob("*.partial"))
