"""The zarr format beyond the common contract."""

import json
import multiprocessing
import os
import shutil
import signal
import threading
import warnings
import zipfile
from pathlib import Path

import ml_dtypes
import numcodecs
import numpy as np
import pytest
import tensorstore
import zarr

import filexchange as fx
from filexchange.errors import (
    ArrayExistsError,
    ArrayKeyError,
    ArrayMismatchError,
    ArrayNotFoundError,
    AttrsError,
    BadArrayFileError,
    FileExchangeError,
    MemoryLimitError,
    UnsupportedArrayError,
    UnsupportedOptionError,
)
from filexchange.formats import WriteOptions, get_format
from filexchange.testing import ARRAYS, FormatTests, assert_same

VALUES = np.arange(600.0).reshape(20, 30) / 7
RECORDS = np.array([(1, b"ab"), (2, b"c")], [("a", "<i4"), ("b", "S3")])


class TestZarr(FormatTests):
    name = "zarr"
    suffix = ".zarr"


class TestZarrZip(FormatTests):
    name = "zarr"
    suffix = ".zarr.zip"

    def can_create(self):
        return False


class TestZarrShards(FormatTests):
    name = "zarr"
    suffix = ".zarr"

    def save(self, directory, array, **options):
        # Lazy arrays are larger than tests have time to cut into pieces of four elements.
        small = {"chunks": 2, "shards": 4} if isinstance(array, np.ndarray) else {"shards": "auto"}
        return super().save(directory, array, **({} if "chunks" in options else small), **options)


@pytest.fixture
def path(tmp_path):
    return str(tmp_path / "a.zarr")


def metadata(path):
    return json.loads(Path(path, "zarr.json").read_text())


def change(path, **fields):
    """Overwrite fields of an array's metadata."""
    Path(path, "zarr.json").write_text(json.dumps({**metadata(path), **fields}))


def quietly(function, *args, **options):
    """Call Zarr where it warns of what it has no specification for."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return function(*args, **options)


def read_by_tensorstore(path, driver="zarr3"):
    spec = {"driver": driver, "kvstore": {"driver": "file", "path": f"{path}/"}}
    return tensorstore.open(spec).result().read().result()


# What others read.

LAYOUTS = {
    "plain": {"chunks": (7, 11)},
    "zstd": {"chunks": (7, 11), "compression": "zstd"},
    "gzip": {"chunks": (7, 11), "compression": "gzip:3"},
    "blosc": {"chunks": (7, 11), "compression": "blosc"},
    "blosc-zstd": {"chunks": (7, 11), "compression": "blosc-zstd:2"},
    "shards": {"chunks": (5, 6), "shards": (10, 12), "compression": "zstd"},
    "auto": {"chunks": "auto", "shards": "auto"},
}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", ["f8", ">f8", "f2", "i8", ">u2", "bool", "c16"])
def test_zarr_and_tensorstore_read_what_is_written(path, dtype, layout):
    array = (VALUES * 7 % 5).astype(dtype)
    fx.save(path, array, **LAYOUTS[layout])
    for read in (zarr.open_array(path, mode="r")[...], read_by_tensorstore(path)):
        assert np.array_equal(read, array)
        assert read.dtype.newbyteorder("=") == array.dtype.newbyteorder("=")


def test_bfloat16_is_read_by_others_as_integers(path):
    array = VALUES.astype(ml_dtypes.bfloat16)
    fx.save(path, array)
    assert_same(read_by_tensorstore(path), array.view("u2"))
    assert_same(zarr.open_array(path, mode="r")[...], array.view("u2"))


@pytest.mark.parametrize("kind", ["unicode", "bytes", "datetime64", "timedelta64", "void"])
def test_zarr_reads_dtypes_beyond_numbers_by_itself(path, tmp_path, kind):
    array = ARRAYS[kind](tmp_path)
    fx.save(path, array)
    assert_same(zarr.open_array(path, mode="r")[...], array)


RAW = ["structured packed", "structured aligned", "void", "longdouble"]


@pytest.mark.parametrize("kind", RAW)
def test_shards_of_raw_bytes_are_filled_by_region(path, tmp_path, kind):
    array = ARRAYS[kind](tmp_path)
    ref = fx.create_array(path, shape=array.shape, dtype=array.dtype, chunks=1, shards=2)
    ref[1:] = array[1:]
    assert_same(ref[1:], array[1:])
    assert_same(ref[:1], np.zeros_like(array[:1]))


@pytest.mark.parametrize("shards", [4, "auto"])
@pytest.mark.parametrize("suffix", [".zarr", ".zarr.zip"])
def test_shards_keep_zeros_at_the_ends_of_raw_bytes(tmp_path, suffix, shards):
    records = np.zeros(7, "i4,f8")
    records["f0"][::2] = 1
    ref = fx.save(tmp_path / f"a{suffix}", records, chunks=2, shards=shards)
    assert_same(ref.load(), records)
    assert_same(fx.open_array(ref.path)[3:6], records[3:6])


def test_shards_of_raw_bytes_by_others_are_refused(path):
    fx.save(path, np.zeros(8, "S4"), chunks=2, shards=4)
    raw = {"name": "raw_bytes", "configuration": {"length_bytes": 4}}
    change(path, data_type=raw, fill_value="AAAAAA==")
    with pytest.raises(UnsupportedArrayError, match="shards of raw bytes"):
        fx.open_array(path)


def test_records_of_any_number_of_fields_are_stored(path):
    wide = np.zeros(2, [(f"field{i}", "f8") for i in range(3000)])
    fx.save(path, wide)
    assert_same(fx.load(path), wide)


def test_zarr_finds_what_is_written_in_groups(path):
    fx.save_arrays(path, {"a": VALUES, "g/b": VALUES + 1})
    fx.save(path, VALUES + 2, key="g/c")
    group = zarr.open_group(path, mode="r")
    assert sorted(name for name, _ in group["g"].members()) == ["b", "c"]
    assert_same(group["g/c"][...], VALUES + 2)


def test_bytes_come_back_even_where_they_equal_zero(path):
    array = np.zeros(4, "c16")
    array.imag = -0.0
    fx.save(path, array)
    assert_same(fx.load(path), array)
    assert os.path.exists(f"{path}/c/0")


# What others write.


def old(**options):
    return lambda path, array: zarr.create_array(
        path, shape=array.shape, dtype=array.dtype, zarr_format=2, **options
    )


def new(**options):
    return lambda path, array: zarr.create_array(
        path, shape=array.shape, dtype=array.dtype, **options
    )


def by_tensorstore(driver):
    def create(path, array):
        spec = {"driver": driver, "kvstore": {"driver": "file", "path": f"{path}/"}}
        layout = tensorstore.ChunkLayout(chunk_shape=(8,) * array.ndim)
        return tensorstore.open(
            spec, create=True, dtype=array.dtype, shape=array.shape, chunk_layout=layout
        ).result()

    return create


FOREIGN = {
    "v2": (old(chunks=(7, 11)), VALUES, "zstd:0"),
    "v2 uncompressed": (old(chunks=(7, 11), compressors=None), VALUES, None),
    "v2 Fortran order": (old(chunks=(7, 11), order="F"), VALUES, "zstd:0"),
    "v2 big-endian": (old(chunks=(7, 11)), VALUES.astype(">f8"), "zstd:0"),
    "v2 delta": (
        old(filters=[numcodecs.Delta("i4")], compressors=numcodecs.Zlib(3)),
        VALUES.astype("i4"),
        "delta+zlib:3",
    ),
    "v2 shuffle": (
        old(filters=[numcodecs.Shuffle(8)], compressors=numcodecs.Blosc("zstd", 4)),
        VALUES,
        "shuffle+blosc-zstd:4",
    ),
    "v2 lz4": (old(compressors=numcodecs.LZ4()), VALUES, "lz4"),
    "v2 structured": (old(), RECORDS, "zstd:0"),
    "v2 unicode": (old(), np.array(["é", "ab"]), "zstd:0"),
    "v2 datetime": (old(), np.array(["2026-01-01", "NaT"], "M8[ns]"), "zstd:0"),
    "v3": (new(chunks=(7, 11)), VALUES, "zstd:0"),
    "v3 transposed": (new(filters=[zarr.codecs.TransposeCodec(order=(1, 0))]), VALUES, "zstd:0"),
    "v3 shards": (new(chunks=(7, 11), shards=(14, 22)), VALUES, "zstd:0"),
    "v3 checksum": (new(compressors=[zarr.codecs.Crc32cCodec()]), VALUES, None),
    "v3 big-endian": (new(serializer=zarr.codecs.BytesCodec(endian="big")), VALUES, "zstd:0"),
    "v3 blosc": (
        new(compressors=zarr.codecs.BloscCodec(cname="lz4hc", clevel=3)),
        VALUES,
        "blosc-lz4hc:3",
    ),
    "v3 dots": (
        new(chunk_key_encoding={"name": "v2", "configuration": {"separator": "."}}),
        VALUES,
        "zstd:0",
    ),
    "v3 unicode": (new(), np.array(["é", "ab"]), "zstd:0"),
    "v3 bytes": (new(), np.array([b"a", b"bc"]), "zstd:0"),
    "v3 structured": (new(), RECORDS, "zstd:0"),
    "tensorstore v2": (by_tensorstore("zarr"), VALUES, "blosc-lz4:5"),
    "tensorstore v3": (by_tensorstore("zarr3"), VALUES, None),
    "tensorstore bfloat16": (by_tensorstore("zarr3"), VALUES.astype(ml_dtypes.bfloat16), None),
    "tensorstore v2 bfloat16": (
        by_tensorstore("zarr"),
        VALUES.astype(ml_dtypes.bfloat16),
        "blosc-lz4:5",
    ),
}


@pytest.mark.parametrize("kind", FOREIGN)
def test_array_by_another_program_is_read(path, kind):
    create, array, compression = FOREIGN[kind]
    foreign = quietly(create, path, array)
    foreign[...] = array
    ref = fx.open_array(path)
    assert ref.compression == compression
    assert_same(ref.load(), array)
    assert_same(ref[..., ::-2], array[..., ::-2])


def test_shards_and_chunks_by_another_program_are_told_apart(path):
    zarr.create_array(path, shape=(20, 30), dtype="f4", chunks=(7, 11), shards=(14, 22))
    ref = fx.open_array(path)
    assert (ref.chunks, ref.shards) == ((7, 11), (14, 22))


@pytest.mark.parametrize("version", [2, 3])
def test_groups_by_another_program_are_read(path, version):
    group = zarr.open_group(path, mode="w", zarr_format=version)
    group.create_array("g/deep/a", shape=(20, 30), dtype="f8")[...] = VALUES
    group.create_array("number", shape=(), dtype="i4", attributes={"unit": "m"})[...] = 5
    quietly(zarr.consolidate_metadata, path)
    assert fx.keys(path) == ["g/deep/a", "number"]
    assert_same(fx.load(path, key="g/deep/a"), VALUES)
    ref = fx.open_array(path, key="number")
    assert (ref[()], dict(ref.attrs)) == (5, {"unit": "m"})


def test_missing_chunks_have_the_fill_value(path):
    zarr.create_array(path, shape=(6,), dtype="f4", chunks=(2,), fill_value=np.nan)[:2] = 1
    assert np.array_equal(fx.load(path), [1, 1] + [np.nan] * 4, equal_nan=True)


def test_bfloat16_fill_value_by_another_program_is_kept(path):
    values = np.ones(20, ml_dtypes.bfloat16)
    spec = {
        "driver": "zarr3",
        "kvstore": {"driver": "file", "path": f"{path}/"},
        "metadata": {"data_type": "bfloat16", "shape": [20], "fill_value": -2.0},
    }
    tensorstore.open(spec, create=True).result()
    assert_same(fx.load(path), values * -2)


def test_zip_by_another_program_is_read_and_added_to(tmp_path):
    path = str(tmp_path / "a.zarr.zip")
    store = zarr.storage.ZipStore(path, mode="w")
    array = zarr.open_group(store, mode="w").create_array("g/a", shape=(20, 30), dtype="f8")
    array[...] = VALUES
    quietly(array.attrs.update, unit="m")  # the zip file has this document twice then
    store.close()
    fx.save(path, VALUES + 1, key="g/b")
    assert fx.keys(path) == ["g/a", "g/b"]
    assert fx.open_array(path, key="g/a").attrs["unit"] == "m"
    assert_same(fx.load(path, key="g/a"), VALUES)
    assert_same(fx.load(path, key="g/b"), VALUES + 1)


# Options.


def test_compression_is_named_with_its_level(path):
    for asked, found in (
        (None, None),
        ("zstd", "zstd:0"),
        ("zstd:22", "zstd:22"),
        ("gzip", "gzip:5"),
        ("blosc", "blosc-lz4:5"),
        ("blosc-zstd:9", "blosc-zstd:9"),
    ):
        ref = fx.save(path, VALUES, compression=asked, overwrite=True)
        assert ref.compression == fx.open_array(path).compression == found


@pytest.mark.parametrize(
    ("chunks", "shards", "found"),
    [
        ((5, 10), (10, 30), ((5, 10), (10, 30))),
        ((7, 30), (14, -1), ((7, 30), (14, 30))),
        ((7, 11), (-1, -1), ((7, 11), (21, 33))),  # the last shard reaches beyond the array
        ((5, 10), "auto", ((5, 10), (20, 30))),
        (None, (10, 15), ((10, 15), (10, 15))),
        ((5, 10), 20, ((5, 10), (20, 20))),
    ],
    ids=repr,
)
def test_shards_hold_whole_chunks(path, chunks, shards, found):
    ref = fx.save(path, VALUES, chunks=chunks, shards=shards)
    assert (ref.chunks, ref.shards) == found
    assert fx.open_array(path) == ref
    assert_same(ref.load(), VALUES)
    assert_same(zarr.open_array(path, mode="r")[...], VALUES)


@pytest.mark.parametrize("shards", [(7, 30), (0, 1), "x", (4,), (5, 2.5)], ids=repr)
def test_shards_that_hold_no_whole_chunks_are_refused(path, shards):
    with pytest.raises(UnsupportedOptionError, match="shards="):
        fx.save(path, VALUES, chunks=(5, 10), shards=shards)
    assert not os.path.exists(path)


def test_chunks_within_large_shards_divide_them(path):
    ref = fx.create_array(path, shape=(1 << 20, 64), dtype="f8", shards=(60_000, 64))
    assert ref.shards == (60_000, 64)
    assert 60_000 % ref.chunks[0] == 0
    assert 1 << 20 < ref.chunks[0] * 64 * 8 <= 4 << 20


@pytest.mark.parametrize("kind", ["0-d", "empty", "empty 3-d", "one element"])
def test_small_arrays_can_have_shards(path, tmp_path, kind):
    array = ARRAYS[kind](tmp_path)
    assert_same(fx.save(path, array, shards="auto").load(), array)


def test_wide_elements_can_be_compressed(path):
    array = np.zeros(3, "U100")
    array[:] = "é"
    for codec in get_format("zarr").compressions:
        assert_same(fx.save(path, array, compression=codec, overwrite=True).load(), array)


def test_lazy_source_fills_shards_whole(path, tmp_path):
    source = fx.save(tmp_path / "source.npy", VALUES)
    ref = fx.save(path, source, chunks=(3, 4), shards=(9, 8))
    assert_same(ref.load(), VALUES)


def test_attr_of_the_reserved_name_is_refused(path):
    with pytest.raises(AttrsError, match="reserved"):
        fx.save(path, VALUES, attrs={"filexchange": 1})


def test_reserved_attribute_is_not_among_the_attrs(path):
    fx.save(path, VALUES.astype(">f8"), attrs={"a": 1})
    assert metadata(path)["attributes"] == {"a": 1, "filexchange": {"dtype": ">f8"}}
    assert dict(fx.open_array(path).attrs) == {"a": 1}


@pytest.mark.parametrize("key", ["zarr.json", "g/.zarray", "__a", "g/__b/c"])
def test_key_that_zarr_keeps_for_itself_is_refused(path, key):
    with pytest.raises(UnsupportedOptionError, match="name"):
        fx.save(path, VALUES, key=key)
    assert not os.path.exists(path)


def test_native_handle_is_a_zarr_array(path):
    ref = fx.create_array(path, shape=(20, 30), dtype="f8")
    handle = ref.open("r+")
    assert isinstance(handle, zarr.Array)
    handle[...] = VALUES
    assert_same(ref.load(), VALUES)
    with pytest.raises(ValueError, match="read-only"):
        ref.open("r")[...] = 0


def test_zip_is_not_filled_by_region(tmp_path):
    path = str(tmp_path / "a.zarr.zip")
    with pytest.raises(UnsupportedOptionError, match="directory"):
        fx.create_array(path, shape=(3,), dtype="f4")
    fx.save(path, VALUES)
    with pytest.raises(UnsupportedOptionError, match="directory"):
        fx.open_array(path, mode="r+")[0] = 1
    assert_same(fx.load(path), VALUES)


def test_stored_bytes_are_those_of_the_array_alone(tmp_path):
    fmt = get_format("zarr")
    for name in ("a.zarr", "a.zarr.zip"):
        path = str(tmp_path / name)
        refs = fx.save_arrays(path, {"a": VALUES, "b": np.zeros(3)})
        sizes = [fmt.stored_nbytes(path, ref.stored) for ref in refs.values()]
        assert VALUES.nbytes < sizes[0] < VALUES.nbytes + 2000
        assert 24 < sizes[1] < 2000


def test_content_tells_the_format(tmp_path):
    fmt = get_format("zarr")
    for name in ("directory", "file.zip"):
        path = str(tmp_path / name)
        fx.save(path, VALUES, format="zarr")
        assert fmt.recognizes(path)
    zipfile.ZipFile(tmp_path / "other.zip", "w").close()
    (tmp_path / "text").write_text("zarr.json")
    (tmp_path / "empty").mkdir()
    os.mkfifo(tmp_path / "fifo")
    for name in ("other.zip", "text", "empty", "fifo", "missing"):
        assert not fmt.recognizes(str(tmp_path / name))


# Containers.


def test_adding_to_a_directory_copies_nothing(path):
    fx.save(path, VALUES, key="a")
    before = os.stat(f"{path}/a/c/0/0")
    fx.save(path, VALUES + 1, key="g/b")
    assert os.stat(f"{path}/a/c/0/0").st_ino == before.st_ino
    assert os.listdir(os.path.dirname(path)) == ["a.zarr"]


def test_consolidated_metadata_do_not_hide_what_is_added(path):
    group = zarr.open_group(path, mode="w", attributes={"title": "t"})
    group.create_group("g")
    quietly(zarr.consolidate_metadata, path)
    fx.save(path, VALUES, key="g/new")
    found = zarr.open_group(path, mode="r")
    assert_same(found["g/new"][...], VALUES)
    assert dict(found.attrs) == {"title": "t"}


def test_group_is_not_replaced_by_an_array(path):
    fx.save(path, VALUES, key="g/a")
    for overwrite in (False, True):
        with pytest.raises(ArrayExistsError):
            fx.save(path, VALUES, key="g", overwrite=overwrite)
    assert_same(fx.load(path, key="g/a"), VALUES)


@pytest.mark.parametrize("suffix", [".zarr", ".zarr.zip"])
def test_array_is_not_put_into_an_array(tmp_path, suffix):
    path = str(tmp_path / f"a{suffix}")
    fx.save(path, VALUES)
    with pytest.raises(UnsupportedOptionError, match="cannot hold"):
        fx.save(path, VALUES, key="b")
    with pytest.raises(ArrayKeyError, match="leave out key"):
        fx.open_array(path, key="b")
    assert_same(fx.load(path), VALUES)


@pytest.mark.parametrize("suffix", [".zarr", ".zarr.zip"])
def test_keys_that_contradict_each_other_leave_nothing(tmp_path, suffix):
    with pytest.raises(UnsupportedOptionError):
        fx.save_arrays(tmp_path / f"a{suffix}", {"a": VALUES, "a/b": VALUES})
    assert os.listdir(tmp_path) == []


def test_version_2_is_not_mixed_with_version_3(path):
    zarr.open_group(path, mode="w", zarr_format=2)
    with pytest.raises(UnsupportedOptionError, match="version 2"):
        fx.save(path, VALUES, key="a")


def test_directory_that_is_no_store_is_neither_replaced_nor_added_to(tmp_path):
    (tmp_path / "keep.txt").write_text("precious")
    with pytest.raises(UnsupportedOptionError, match="not a Zarr store"):
        fx.save(tmp_path, VALUES, format="zarr", overwrite=True)
    with pytest.raises(BadArrayFileError, match="not a Zarr store"):
        fx.save(tmp_path, VALUES, format="zarr", key="a")
    assert os.listdir(tmp_path) == ["keep.txt"]


def test_replaced_array_in_a_directory_is_noticed(path):
    ref = fx.save(path, VALUES, key="a")
    fx.save(path, VALUES[:3], key="a", overwrite=True)
    with pytest.raises(ArrayMismatchError):
        ref.load()
    assert_same(fx.load(path, key="a"), VALUES[:3])


def test_threads_add_arrays_to_one_directory(path):
    fx.save(path, VALUES, key="first")
    failed = []

    def add(number):
        try:
            fx.save(path, VALUES + number, key=f"new/group/{number}")
        except FileExchangeError as error:
            failed.append(error)

    threads = [threading.Thread(target=add, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    for number in range(8):
        assert_same(fx.load(path, key=f"new/group/{number}"), VALUES + number)


# Damage and deceit.

BROKEN_JSON = {
    "empty": b"",
    "cut off": b'{"zarr_format": 3,',
    "a list": b"[]",
    "not text": b"\xff\xfe\x00",
    "deep": b'{"a":' * 100_000,
}


@pytest.mark.parametrize("kind", BROKEN_JSON)
def test_metadata_that_are_no_json_object_are_refused(path, kind):
    fx.save(path, VALUES)
    Path(path, "zarr.json").write_bytes(BROKEN_JSON[kind])
    for read in (fx.load, fx.keys):
        with pytest.raises(BadArrayFileError, match=r"zarr\.json"):
            read(path)


BYTES = {"name": "bytes", "configuration": {"endian": "little"}}
BROKEN_FIELDS = {
    "negative shape": {"shape": [-1, 30]},
    "1000 axes": {"shape": [1] * 1000},
    "shape of text": {"shape": "ab"},
    "shape of fractions": {"shape": [20.0, 30]},
    "shape beyond any file": {"shape": [1 << 60, 30]},
    "chunks of other axes": {
        "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": [20]}}
    },
    "no chunk length": {
        "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": [0, 30]}}
    },
    "other chunks": {"chunk_grid": {"name": "regular", "configuration": {"chunk_shape": [5, 5]}}},
    "huge chunks": {
        "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": [1 << 40, 1 << 20]}}
    },
    "unknown grid": {"chunk_grid": {"name": "wild"}},
    "unknown keys": {"chunk_key_encoding": {"name": "wild"}},
    "unknown codec": {"codecs": [BYTES, {"name": "wild"}]},
    "codecs of text": {"codecs": "bytes"},
    "unknown dtype": {"data_type": "wild"},
    "unknown small float": {"data_type": "float8_wild"},
    "dtype of the wrong kind": {"data_type": [1]},
    "huge elements": {
        "data_type": {"name": "raw_bytes", "configuration": {"length_bytes": 1 << 40}},
        "fill_value": "AA==",
    },
    "wrong fill value": {"fill_value": "wild"},
    "other version": {"zarr_format": 4},
    "storage transformers": {"storage_transformers": [{"name": "wild"}]},
    "attributes of the wrong kind": {"attributes": [1]},
    "note of the wrong kind": {"attributes": {"filexchange": 1}},
    "note of no dtype": {"attributes": {"filexchange": {"dtype": "wild"}}},
    "note of objects": {"attributes": {"filexchange": {"dtype": "|O"}}},
    "note of another size": {"attributes": {"filexchange": {"dtype": "<f4"}}},
}


@pytest.mark.parametrize("kind", BROKEN_FIELDS)
def test_metadata_that_make_no_sense_are_refused(path, kind):
    fx.save(path, VALUES)
    change(path, **BROKEN_FIELDS[kind])
    with pytest.raises(BadArrayFileError, match=r"a\.zarr"):
        fx.load(path)


def test_metadata_with_any_byte_changed_never_crash(path):
    fx.save(path, VALUES, chunks=(5, 6), shards=(10, 12), compression="blosc")
    whole = Path(path, "zarr.json").read_bytes()
    random = np.random.default_rng(0)
    for _ in range(300):
        changed = bytearray(whole)
        changed[random.integers(len(whole))] = random.integers(32, 127)
        Path(path, "zarr.json").write_bytes(changed)
        try:
            read = fx.load(path)
        except FileExchangeError:
            continue
        assert isinstance(read, np.ndarray)


@pytest.mark.parametrize(
    "options",
    [{}, {"compression": "zstd"}, {"compression": "gzip"}, {"chunks": (5, 6), "shards": (20, 30)}],
    ids=repr,
)
def test_chunk_that_is_cut_off_is_refused(path, options):
    ref = fx.save(path, VALUES, **options)
    chunk = Path(path, "c", "0", "0")
    whole = chunk.read_bytes()
    for length in (0, 1, len(whole) // 2, len(whole) - 1):
        chunk.write_bytes(whole[:length])
        for read in (ref.load, lambda: ref[2:4]):
            with pytest.raises(BadArrayFileError, match=r"a\.zarr"):
                read()


def test_zip_with_a_changed_byte_never_crashes(tmp_path):
    path = tmp_path / "a.zarr.zip"
    fx.save(path, VALUES, compression="zstd")
    whole = path.read_bytes()
    random = np.random.default_rng(0)
    for _ in range(300):
        changed = bytearray(whole)
        changed[random.integers(len(whole))] ^= 1 << random.integers(8)
        path.write_bytes(changed)
        try:
            read = fx.load(path)
        except FileExchangeError:
            continue
        assert isinstance(read, np.ndarray)


class _Touch:
    """Makes a file when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (self.path, "w")


@pytest.mark.parametrize("dtype", ["|O", "<f8"])
@pytest.mark.parametrize("place", ["filters", "compressor"])
def test_pickles_are_never_loaded(path, tmp_path, dtype, place):
    document = {
        "zarr_format": 2, "shape": [1], "chunks": [1], "dtype": dtype, "fill_value": None,
        "order": "C", "filters": None, "compressor": None,
    }  # fmt: skip
    document[place] = [{"id": "pickle"}] if place == "filters" else {"id": "pickle"}
    os.mkdir(path)
    Path(path, ".zarray").write_text(json.dumps(document))
    made = tmp_path / "made"
    pickled = numcodecs.Pickle().encode(np.array([_Touch(str(made))], object))
    Path(path, "0").write_bytes(bytes(pickled))
    with pytest.raises(UnsupportedArrayError, match="may run code"):
        fx.load(path)
    assert not made.exists()


def test_objects_and_strings_of_any_width_are_refused(path):
    zarr.create_array(path, shape=(2,), dtype=str)[...] = ["a", "bc"]
    with pytest.raises(UnsupportedArrayError, match="convert"):
        fx.load(path)


@pytest.mark.parametrize("name", ["zarr.json", "c", "c/0/0"])
def test_links_in_a_store_are_refused(path, tmp_path, name):
    fx.save(path, VALUES)
    outside = tmp_path / "outside"
    os.rename(f"{path}/{name}", outside)
    os.symlink(outside, f"{path}/{name}")
    with pytest.raises(BadArrayFileError, match="link"):
        fx.load(path)


def test_linked_groups_are_refused_and_not_listed(path, tmp_path):
    ref = fx.save(path, VALUES, key="g/a")
    os.rename(f"{path}/g", tmp_path / "outside")
    os.symlink(tmp_path / "outside", f"{path}/g")
    assert fx.keys(path) == []
    with pytest.raises(BadArrayFileError, match="link"):
        ref.load()


def test_link_to_a_store_is_followed(path, tmp_path):
    fx.save(path, VALUES)
    os.symlink(path, tmp_path / "b.zarr")
    assert_same(fx.load(tmp_path / "b.zarr"), VALUES)


@pytest.mark.parametrize("name", ["zarr.json", "c/0/0"])
@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir])
def test_what_is_no_regular_file_is_refused(path, name, make):
    fx.save(path, VALUES)
    os.remove(f"{path}/{name}")
    make(f"{path}/{name}")
    with pytest.raises(BadArrayFileError, match="regular file"):
        fx.load(path)


def test_what_is_no_store_is_named(path, tmp_path):
    with pytest.raises(ArrayNotFoundError):
        fx.load(path)
    os.mkdir(path)
    with pytest.raises(BadArrayFileError, match="not a Zarr store"):
        fx.load(path)
    os.rmdir(path)
    os.mkfifo(path)
    with pytest.raises(BadArrayFileError, match="neither a directory nor a regular file"):
        fx.load(path)
    (tmp_path / "b.zarr").write_bytes(b"not a zip file")
    for read in (fx.load, fx.keys):
        with pytest.raises(BadArrayFileError, match="zip"):
            read(tmp_path / "b.zarr")


@pytest.mark.parametrize("key", ["../outside", "g/../../outside", "/outside"])
def test_key_of_a_reference_cannot_leave_the_store(path, tmp_path, key):
    ref = fx.save(path, VALUES, key="g/a")
    fx.save(tmp_path / "outside", VALUES, format="zarr")
    fields = json.loads(ref.to_json())
    forged = fx.ArrayRef.from_json(json.dumps({**fields, "key": key}))
    with pytest.raises(ArrayKeyError):
        forged.load()


def test_array_larger_than_memory_is_refused_and_its_parts_are_read(path):
    ref = fx.create_array(path, shape=(1 << 20, 1 << 20), dtype="f8", chunks=(1024, 1024))
    with pytest.raises(MemoryLimitError):
        ref.load()
    assert ref[-1, -1] == 0


# Processes.


def _read_and_exit(path, expected):
    os._exit(0 if np.array_equal(fx.load(path), expected) else 1)


@pytest.mark.parametrize("suffix", [".zarr", ".zarr.zip"])
def test_forked_child_reads_after_its_parent_has(tmp_path, suffix):
    path = str(tmp_path / f"a{suffix}")
    fx.save(path, VALUES, chunks=(3, 4))
    fx.load(path)
    context = multiprocessing.get_context("fork")
    for _ in range(5):
        child = context.Process(target=_read_and_exit, args=(path, VALUES))
        child.start()
        child.join()
        assert child.exitcode == 0
        child.close()


class _Stuck:
    """A lazy array that tells when its second block is wanted, and then never gives it."""

    shape = (1 << 12, 1 << 10)
    dtype = np.dtype("f8")
    chunks = None

    def __init__(self, reached):
        self.reached = reached
        self.blocks = 0

    def __getitem__(self, region):
        self.blocks += 1
        if self.blocks == 2:
            self.reached.send(True)
            signal.pause()
        return np.ones([part.stop - part.start for part in region])


def _write_and_get_stuck(path, key, reached):
    fx.save(path, _Stuck(reached), key=key, overwrite=True)


@pytest.mark.parametrize("suffix", [".zarr", ".zarr.zip"])
@pytest.mark.parametrize("key", [None, "g/new", "g/old"])
def test_killed_writer_leaves_what_was_there(tmp_path, suffix, key):
    path = str(tmp_path / f"a{suffix}")
    fx.save(path, VALUES, key="g/old")
    context = multiprocessing.get_context("spawn")
    receiving, sending = context.Pipe(duplex=False)
    child = context.Process(target=_write_and_get_stuck, args=(path, key, sending))
    child.start()
    sending.close()
    assert receiving.recv()
    child.kill()
    child.join()
    child.close()
    receiving.close()
    assert fx.keys(path) == ["g/old"]
    assert_same(fx.load(path, key="g/old"), VALUES)
    fx.save(path, VALUES + 1, key="g/new")
    assert_same(fx.load(path, key="g/new"), VALUES + 1)


def test_failed_write_leaves_a_store_as_it_was(path):
    fx.save(path, VALUES, key="a")
    shutil.copytree(path, f"{path}.before")
    with pytest.raises(UnsupportedOptionError):
        fx.save(path, VALUES, key="g/b", chunks=(1, 2, 3))
    left = {name for _, _, names in os.walk(path) for name in names}
    assert left == {name for _, _, names in os.walk(f"{path}.before") for name in names}
    assert sorted(os.listdir(os.path.dirname(path))) == ["a.zarr", "a.zarr.before"]


def _fill_rows(ref, start):
    ref[start : start + 5] = start


def test_processes_fill_chunks_of_one_array(path):
    ref = fx.create_array(path, shape=(20, 30), dtype="i4", chunks=(5, 30))
    context = multiprocessing.get_context("spawn")
    children = [context.Process(target=_fill_rows, args=(ref, start)) for start in range(0, 20, 5)]
    for child in children:
        child.start()
    for child in children:
        child.join()
        assert child.exitcode == 0
        child.close()
    assert_same(ref.load(), np.repeat(np.arange(0, 20, 5, "i4"), 5)[:, None].repeat(30, 1))


def test_write_to_a_path_that_ends_in_zip_makes_a_zip_file(tmp_path):
    fmt = get_format("zarr")
    stored = fmt.write(str(tmp_path / "a.zip"), None, VALUES, WriteOptions())
    assert zipfile.is_zipfile(tmp_path / "a.zip")
    assert_same(fmt.load(str(tmp_path / "a.zip"), stored), VALUES)
