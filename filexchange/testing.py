"""The contract that every format fulfils, as a test class to inherit from.

A package that adds a format runs the whole contract with three lines::

    from filexchange.testing import FormatTests

    class TestMine(FormatTests):
        name = "mine"

This module needs pytest: ``pip install "filexchange[test]"``.
"""

import itertools
import multiprocessing
import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

from filexchange import arrays
from filexchange.aliases import Array, DType
from filexchange.dtypes import as_array
from filexchange.errors import (
    ArrayExistsError,
    ArrayNotFoundError,
    AttrsError,
    FileExchangeError,
    ReadOnlyError,
    RegionError,
    UnsupportedArrayError,
    UnsupportedOptionError,
)
from filexchange.formats import Format, get_format
from filexchange.ref import ArrayRef


def _counting(shape: tuple[int, ...], dtype: Any) -> Array:
    return np.arange(np.prod(shape, dtype=int)).reshape(shape).astype(dtype)


def _memmap(directory: Path) -> Array:
    mapped = np.memmap(directory / "source.memmap", "f8", "w+", shape=(6, 5))
    mapped[:] = _counting((6, 5), "f8")
    return mapped


def _structured(*, align: bool) -> Array:
    dtype: DType = np.dtype(
        [("id", "u1"), ("x", ">f8"), ("rgb", "i2", (3,)), ("s", "S3")], align=align
    )
    array = np.zeros((4, 2), dtype)
    array["id"] = _counting((4, 2), "u1")
    array["x"] = _counting((4, 2), "f8") / 3
    array["rgb"] = _counting((4, 2, 3), "i2")
    array["s"] = [[b"a", b"bcd"]] * 4
    return array


def _nested(depth: int) -> Array:
    dtype: DType = np.dtype("i2")
    for _ in range(depth):
        dtype = np.dtype([("a", dtype)])
    return np.zeros(2, dtype)


def _ml_dtype(name: str) -> Array:
    ml_dtypes = pytest.importorskip("ml_dtypes", reason="its dtypes are optional")
    return _counting((3, 4), "i1").astype(getattr(ml_dtypes, name))


#: Arrays that every format carries with equal values, dtype and shape. Each is made by a function
#: of a directory it may use.
ARRAYS: dict[str, Callable[[Path], Array]] = {
    "contiguous": lambda _: _counting((4, 5), "f8") / 7,
    "0-d": lambda _: np.array(2.5),
    "empty": lambda _: np.zeros((0,), "f4"),
    "empty 3-d": lambda _: np.zeros((3, 0, 2), "i4"),
    "one element": lambda _: np.ones((1, 1, 1), "u2"),
    "fortran": lambda _: np.asfortranarray(_counting((4, 5), "f4")),
    "strided": lambda _: _counting((8, 9), "i4")[::2, ::3],
    "reversed": lambda _: _counting((4, 5), "i8")[::-1, ::-2],
    "transposed": lambda _: _counting((2, 3, 4), "i2").transpose(1, 2, 0),
    "broadcast": lambda _: np.broadcast_to(_counting((5,), "f8"), (3, 5)),
    "big-endian": lambda _: _counting((4, 5), ">f8") / 7,
    "big-endian integer": lambda _: _counting((7,), ">u4"),
    "structured packed": lambda _: _structured(align=False),
    "structured aligned": lambda _: _structured(align=True),
    "structured nested": lambda _: _nested(15),
    "bool": lambda _: _counting((3, 4), "i4") % 3 == 0,
    "float16": lambda _: _counting((3, 4), "f2") / 3,
    "complex64": lambda _: _counting((3, 4), "c8") * 1j,
    "complex128": lambda _: _counting((3, 4), "c16") * (1 + 2j),
    "longdouble": lambda _: _counting((3, 4), "longdouble") / 3,
    "nan and infinities": lambda _: np.array([np.nan, np.inf, -np.inf, -0.0]),
    "datetime64": lambda _: np.array(["2026-01-01", "NaT", "1969-07-20"], "M8[ns]"),
    "datetime64 of long steps": lambda _: np.zeros(3, "M8[2000000000ns]"),
    "timedelta64": lambda _: _counting((5,), "m8[ms]"),
    "unicode": lambda _: np.array([["é", "日本語", ""], ["abcde", "x", "🜁"]], "U5"),
    "bytes": lambda _: np.array([b"", b"a", b"a\x00b"], "S3"),
    "void": lambda _: np.arange(20, dtype="u1").view("V5"),
    "bfloat16": lambda _: _ml_dtype("bfloat16"),
    "float8": lambda _: _ml_dtype("float8_e4m3fn"),
    "int4": lambda _: _ml_dtype("int4") % 7,
    "recarray": lambda _: _structured(align=False).view(np.recarray),
    "matrix": lambda _: _counting((3, 4), "f8").view(np.matrix),
    "memmap": _memmap,
    "memmap reversed": lambda directory: _memmap(directory)[::-1],
    "memmap strided": lambda directory: _memmap(directory)[1::2, ::2],
}

#: Arrays that no format takes; the error comes before anything is written.
REFUSED: dict[str, Callable[[], Any]] = {
    "object": lambda: np.array([1, "a", None], object),
    "structured with objects": lambda: np.zeros(2, [("a", "f4"), ("b", object)]),
    "StringDType": lambda: np.array(["a", "bc"], np.dtypes.StringDType()),
    "masked": lambda: np.ma.masked_array([1.0, 2.0], [True, False]),
    "masked structured": lambda: np.ma.zeros(3, [("a", "f4")]),
    "titles": lambda: np.zeros(2, [(("the title", "a"), "f4")]),
    "nested deeply": lambda: _nested(40),
    "zero-width": lambda: np.zeros(3, "V0"),
    "ragged": lambda: np.array([np.zeros(1), np.zeros(2)], object),
}

#: Indices that give for a reference what they give for the array, of shape (6, 7, 5).
INDICES: tuple[Any, ...] = (
    (),
    ...,
    3,
    -1,
    np.int64(2),
    slice(None),
    slice(1, 5),
    slice(None, None, -1),
    slice(5, 1, -2),
    slice(100, 200),
    slice(3, 3),
    (slice(None), 2),
    (..., -1),
    (..., slice(None, None, 3)),
    (2, ..., 3),
    (1, 2, 3),
    (1, 2, 3, ...),
    (slice(1, 6, 2), slice(None, None, -3), 4),
    None,
    (None, 1, slice(None), None),
    (..., None),
    (slice(None), None, slice(2, 4)),
    (slice(4, 2), 1),
)

#: Indices that are refused, like out-of-bounds ones, before any I/O.
BAD_INDICES: tuple[Any, ...] = (
    6,
    -7,
    (0, 0, 0, 0),
    (..., ...),
    1.5,
    "x",
    [0, 1],
    np.array([0, 1]),
    np.zeros((6, 7, 5), bool),
    True,
    slice(None, None, 0),
    slice(0.5, 2),
)


def assert_same(actual: Any, expected: Any) -> None:
    """Fail unless both have equal values (NaN equal to itself), dtype and shape."""
    assert isinstance(actual, np.ndarray | np.generic), type(actual)
    assert actual.dtype == expected.dtype
    assert actual.shape == expected.shape
    if expected.dtype.names is not None:
        for name in expected.dtype.names:
            assert_same(np.asarray(actual)[name], np.asarray(expected)[name])
        return
    if expected.dtype.char in "gG":  # its padding bytes say nothing
        same = np.array_equal(actual, expected, equal_nan=True)
    else:
        same = actual.tobytes() == expected.tobytes()
    # Not as one expression: pytest would explain the difference of two long byte strings for hours.
    assert same, f"values differ: {actual!r:.400} is not {expected!r:.400}"


class FormatTests:
    """What holds for every format; inherit and set `name`.

    Attributes
    ----------
    name : str
        Name of the format under test, registered or declared as an entry point.
    suffix : str
        File name ending to use; the format's first one unless set.
    """

    name: ClassVar[str]
    suffix: ClassVar[str] = ""

    @property
    def format(self) -> Format:
        """The format under test."""
        return get_format(self.name)

    def path(self, directory: Path, stem: str = "array") -> str:
        """Return a path with the format's suffix."""
        return str(directory / f"{stem}{self.suffix or self.format.suffixes[0]}")

    def save(self, directory: Path, array: Any, **options: Any) -> ArrayRef:
        """Save under :meth:`path`."""
        return arrays.save(self.path(directory), array, format=self.name, **options)

    def can_create(self) -> bool:
        """Return whether arrays are created first and filled by region."""
        return self.format.supports_regions

    @pytest.fixture
    def directory(self, tmp_path: Path) -> Path:
        """Return an empty directory, so that tests see all that was written."""
        made = tmp_path / "formats"
        made.mkdir()
        return made

    @pytest.fixture
    def source(self) -> Array:
        """Return the array that `INDICES` are for."""
        return _counting((6, 7, 5), "i4")

    @pytest.fixture
    def ref(self, directory: Path, source: Array) -> ArrayRef:
        """Return a saved reference to `source`."""
        return self.save(directory, source)

    # Arrays of every kind.

    @pytest.mark.parametrize("kind", ARRAYS)
    def test_array_comes_back_equal(self, kind: str, tmp_path: Path, directory: Path) -> None:
        """Values, dtype and shape survive writing, lazy reading, loading and travelling."""
        array = ARRAYS[kind](tmp_path)
        expected = as_array(array)
        ref = self.save(directory, array)
        assert (ref.shape, ref.dtype) == (expected.shape, expected.dtype)
        assert (ref.ndim, ref.size, ref.nbytes) == (
            expected.ndim,
            expected.size,
            expected.size * expected.itemsize,
        )
        for read in (
            ref[...],
            ref.load(),
            np.asarray(ref),
            pickle.loads(pickle.dumps(ref)).load(),
            ArrayRef.from_json(ref.to_json())[...],
        ):
            assert_same(read, expected)
        if self.format.is_self_describing:
            assert_same(arrays.load(ref.path, format=self.name), expected)
            assert arrays.open_array(ref.path, format=self.name).shape == ref.shape

    @pytest.mark.parametrize("kind", REFUSED)
    def test_array_that_cannot_travel_is_refused(self, kind: str, directory: Path) -> None:
        """The refusal is a TypeError with a remedy, and nothing is written."""
        with pytest.raises(UnsupportedArrayError) as caught:
            self.save(directory, REFUSED[kind]())
        assert isinstance(caught.value, TypeError)
        assert os.listdir(directory) == []

    def test_refusal_keeps_what_was_there(self, directory: Path, ref: ArrayRef) -> None:
        """A refused array does not harm the file it would have replaced."""
        before = ref.load()
        with pytest.raises(UnsupportedArrayError):
            self.save(directory, np.array([None]), overwrite=True)
        assert_same(ref.load(), before)
        assert len(os.listdir(directory)) == 1

    # Indexing.

    @pytest.mark.parametrize("index", INDICES, ids=repr)
    def test_index_gives_what_numpy_gives(self, ref: ArrayRef, source: Array, index: Any) -> None:
        """Basic indexing of the reference, of its parts and of the open array equals NumPy's."""
        expected = source[index]
        assert type(ref[index]) is type(expected)
        assert_same(ref[index], expected)
        part = ref.part[index]
        assert (part.shape, part.nbytes) == (expected.shape, expected.nbytes)
        assert_same(part[...], np.asarray(expected))
        assert_same(part.load(), np.asarray(expected))
        with ref.opened() as array:
            assert_same(array[index], expected)

    @pytest.mark.parametrize("index", BAD_INDICES, ids=repr)
    def test_bad_index_is_an_index_error(self, ref: ArrayRef, index: Any) -> None:
        """What is out of bounds or not basic indexing raises before any I/O."""
        os.rename(ref.path, ref.path + ".gone")
        with pytest.raises(RegionError):
            ref.part[index]

    def test_parts_of_parts_compose_and_travel(self, ref: ArrayRef, source: Array) -> None:
        """A part of a part is a reference like any other."""
        part = ref.part[1:, ::-2].part[::2, 1, None].part[..., 1:4]
        expected = source[1:, ::-2][::2, 1, None][..., 1:4]
        travelled = pickle.loads(pickle.dumps(part))
        assert travelled == part
        assert hash(travelled) == hash(part)
        assert_same(travelled[...], expected)
        assert_same(ArrayRef.from_json(part.to_json()).load(), expected)

    def test_iteration_gives_the_rows(self, ref: ArrayRef, source: Array) -> None:
        """Length and iteration follow the first axis."""
        assert len(ref) == len(source)
        for row, expected in zip(ref, source, strict=True):
            assert_same(row, expected)
        for row, expected in zip(ref.part[::-2, 1], source[::-2, 1], strict=True):
            assert_same(row, expected)

    def test_array_without_axes_has_no_length(self, directory: Path) -> None:
        """len() and iteration of a 0-d array are TypeErrors, as in NumPy."""
        ref = self.save(directory, np.array(1))
        assert ref[()] == 1
        assert ref[...].shape == ()
        with pytest.raises(TypeError):
            len(ref)
        with pytest.raises(TypeError):
            next(iter(ref))

    def test_conversion_follows_numpys_protocol(self, ref: ArrayRef, source: Array) -> None:
        """numpy.asarray and numpy.array honour dtype and copy."""
        assert_same(np.asarray(ref, dtype="f8"), source.astype("f8"))
        own = np.array(ref, copy=True)
        own[:] = 0
        assert_same(ref.load(), source)
        if ref.offset is None:
            with pytest.raises(ValueError, match="copy=False"):
                np.asarray(ref, copy=False)
        else:
            assert not np.asarray(ref, copy=False).flags.writeable

    def test_load_is_ones_own_array(self, ref: ArrayRef, source: Array) -> None:
        """What load returns can be changed without changing the file."""
        for loaded in (ref.load(), ref.part[1].load(), ref.part[0:0].load()):
            assert loaded.flags.owndata
            loaded[...] = -1
        assert_same(ref[...], source)

    # Travelling.

    @pytest.mark.parametrize("method", ["spawn", "fork"])
    def test_reference_means_the_same_in_another_process(
        self, ref: ArrayRef, source: Array, method: str
    ) -> None:
        """A child process reads what the parent wrote, while the parent holds it open."""
        context: Any = multiprocessing.get_context(method)
        receiving, sending = context.Pipe(duplex=False)
        with ref.opened() as held:
            assert_same(held[0], source[0])
            child = context.Process(target=_read_and_send, args=(ref.part[1:, ::2], sending))
            child.start()
            sending.close()
            answer = receiving.recv()
            child.join()
            receiving.close()
            assert child.exitcode == 0
            child.close()
            assert_same(held[1], source[1])
        assert_same(answer, source[1:, ::2])

    # Files.

    def test_existing_file_is_kept_unless_overwritten(
        self, directory: Path, ref: ArrayRef, source: Array
    ) -> None:
        """Saving again is refused, and with overwrite replaces all of it."""
        with pytest.raises(ArrayExistsError) as caught:
            self.save(directory, source + 1)
        assert isinstance(caught.value, FileExistsError)
        assert_same(ref.load(), source)
        shorter = self.save(directory, source[:2] + 1, overwrite=True)
        assert_same(shorter.load(), source[:2] + 1)
        assert len(os.listdir(directory)) == 1

    def test_replaced_file_is_noticed(self, directory: Path, ref: ArrayRef) -> None:
        """A reference to an array of another shape raises instead of giving wrong values."""
        self.save(directory, np.zeros((2, 2), "f8"), overwrite=True)
        with pytest.raises(FileExchangeError):
            ref.load()

    def test_missing_file_is_named(self, directory: Path, ref: ArrayRef) -> None:
        """A reference to a file that is gone raises FileNotFoundError with its path."""
        os.rename(ref.path, ref.path + ".gone")
        for read in (ref.load, lambda: ref[0], lambda: arrays.open_array(ref.path)):
            with pytest.raises(ArrayNotFoundError) as caught:
                read()
            assert isinstance(caught.value, FileNotFoundError)
            assert ref.path in str(caught.value)
        with pytest.raises(ArrayNotFoundError):
            arrays.save(self.path(directory / "missing"), np.zeros(3), format=self.name)

    def test_truncated_file_is_an_error(self, directory: Path, source: Array) -> None:
        """A file cut at any of a hundred places raises an error of ours, and never crashes."""
        ref = self.save(directory, source)
        if os.path.isdir(ref.path):
            return
        whole = Path(ref.path).read_bytes()
        for i in range(100):
            Path(ref.path).write_bytes(whole[: len(whole) * i // 100])
            with pytest.raises(FileExchangeError):
                ref.load()

    def test_file_is_visible_only_when_complete(self, directory: Path) -> None:
        """While blocks are written there is no file under the final name; after an error, none."""
        path = Path(self.path(directory))
        with pytest.raises(ZeroDivisionError):
            self.save(directory, _Failing(path))
        assert os.listdir(directory) == []

    def test_lazy_array_is_copied_block_by_block(
        self, directory: Path, ref: ArrayRef, source: Array
    ) -> None:
        """A reference, or a part of one, can be saved without being loaded."""
        copy = arrays.save(self.path(directory, "copy"), ref.part[::-1, 1:], format=self.name)
        assert_same(copy.load(), source[::-1, 1:])

    def test_lazy_array_may_have_lengths_of_numpys_integers(
        self, directory: Path, source: Array
    ) -> None:
        """The shape that is written and comes back is made of Python's own."""
        ref = self.save(directory, _NumpyLengths(source))
        assert all(type(length) is int for length in ref.shape)
        assert_same(ref.load(), source)
        if self.format.is_self_describing:
            assert_same(arrays.load(ref.path, format=self.name), source)

    def test_lazy_array_of_unknown_length_is_refused(self, directory: Path, source: Array) -> None:
        """Such as Dask has after a selection by values; nothing is written."""
        lazy: Any = _NumpyLengths(source)
        lazy.shape = (float("nan"),)
        with pytest.raises(UnsupportedArrayError, match="nan"):
            self.save(directory, lazy)
        assert os.listdir(directory) == []

    # Options.

    def test_attrs_come_back_equal(self, directory: Path) -> None:
        """Metadata are JSON: nested, unicode, and NumPy scalars as numbers."""
        attrs = {
            "unit": "µm",
            "count": 3,
            "rate": 2.5,
            "whole": 2.0,
            "flag": True,
            "nothing": None,
            "list": [1, 2, 3],
            "empty": [],
            "text": "",
            "mixed": [1, "a", None, {"b": [1.5]}],
            "nested": {"a": {"b": 1}},
        }
        ref = self.save(directory, np.zeros(3), attrs={**attrs, "scalar": np.float32(0.5)})
        opened = arrays.open_array(ref.path) if self.format.is_self_describing else ref
        for read in (ref, opened, pickle.loads(pickle.dumps(opened))):
            assert dict(read.attrs) == {**attrs, "scalar": 0.5}
            assert type(read.attrs["whole"]) is float
            assert type(read.attrs["flag"]) is bool
        with pytest.raises(TypeError):
            ref.attrs["unit"] = "m"  # type: ignore[index]

    @pytest.mark.parametrize("attrs", [{"f": print}, {"x": float("nan")}, {1: 2}, [1]], ids=repr)
    def test_attrs_that_are_not_json_are_refused(self, directory: Path, attrs: Any) -> None:
        """The refusal is a TypeError, and nothing is written."""
        with pytest.raises(AttrsError):
            self.save(directory, np.zeros(3), attrs=attrs)
        assert os.listdir(directory) == []

    def test_option_without_capability_names_formats_that_have_it(self, directory: Path) -> None:
        """What the format cannot do is refused before anything is written."""
        options = {
            "chunks": (1, self.format.supports_chunks, "hdf5"),
            "shards": (1, self.format.supports_shards, "zarr"),
            "key": ("a", self.format.supports_keys, "npz"),
            "compression": ("gzip", bool(self.format.compressions), "hdf5"),
        }
        for option, (value, supported, able) in options.items():
            if supported:
                continue
            with pytest.raises(UnsupportedOptionError, match=able):
                self.save(directory, np.zeros(3), **{option: value})
        for codec in ("no-such-codec", 4):
            with pytest.raises(UnsupportedOptionError):
                self.save(directory, np.zeros(3), compression=codec)
        if not self.can_create():
            with pytest.raises(UnsupportedOptionError):
                arrays.create_array(self.path(directory), shape=(3,), dtype="f4", format=self.name)
        assert os.listdir(directory) == []

    def test_every_codec_and_level_round_trips(self, directory: Path) -> None:
        """All that the format declares it can write can be read."""
        array = _counting((50, 40), "i4") % 17
        for codec, levels in self.format.compressions.items():
            extremes = () if levels is None else (levels.start, levels.stop - 1)
            for text in (codec, *(f"{codec}:{level}" for level in extremes)):
                ref = self.save(directory, array, compression=text, overwrite=True)
                assert ref.compression is not None
                assert_same(ref[3:40:2, ::-1], array[3:40:2, ::-1])
                assert_same(arrays.load(ref.path), array)

    def test_chunks_are_what_was_asked_for(self, directory: Path) -> None:
        """Chunk shapes are kept, -1 is a whole axis, and wrong ones are refused."""
        if not self.format.supports_chunks:
            return
        array = _counting((20, 30), "f4")
        ref = self.save(directory, array, chunks=(7, -1))
        assert ref.chunks == arrays.open_array(ref.path).chunks == (7, 30)
        assert_same(ref[5:9, ::-3], array[5:9, ::-3])
        for chunks in [(7,), (0, 1), (7, -2), "x", (1.5, 2)]:
            with pytest.raises(UnsupportedOptionError):
                self.save(directory, array, chunks=chunks, overwrite=True)
        assert_same(ref.load(), array)

    def test_container_holds_several_arrays(self, directory: Path) -> None:
        """Keys may be nested; adding and replacing one leaves the others alone."""
        if not self.format.supports_keys:
            return
        a, b = _counting((3,), "f4"), _counting((2, 2), "i8")
        refs = arrays.save_arrays(self.path(directory), {"a": a, "group/b": b}, format=self.name)
        assert arrays.keys(refs["a"].path) == ["a", "group/b"]
        added = self.save(directory, a + 1, key="group/deeper/c")
        replaced = self.save(directory, b * 2, key="group/b", overwrite=True)
        with pytest.raises(ArrayExistsError):
            self.save(directory, a, key="a")
        assert arrays.keys(refs["a"].path) == ["a", "group/b", "group/deeper/c"]
        for ref, expected in ((refs["a"], a), (added, a + 1), (replaced, b * 2)):
            assert_same(ref.load(), expected)
            assert_same(arrays.load(ref.path, key=ref.key), expected)
        with pytest.raises(KeyError, match="group/deeper/c"):
            arrays.open_array(refs["a"].path, key="missing")
        with pytest.raises(KeyError, match="key="):
            arrays.open_array(refs["a"].path)
        assert len(os.listdir(directory)) == 1

    def test_processes_add_arrays_to_one_container(self, directory: Path) -> None:
        """None is lost, whoever makes the file; one waits for the other."""
        if not self.format.supports_keys:
            return
        context = multiprocessing.get_context("spawn")
        ready, start = context.Semaphore(0), context.Event()
        path = self.path(directory)
        names = [[f"{process}/{i}" for i in range(8)] for process in range(3)]
        children = [
            context.Process(target=_save_each, args=(path, self.name, own, ready, start))
            for own in names
        ]
        for child in children:
            child.start()
        for _ in children:
            ready.acquire()
        start.set()
        for child in children:
            child.join()
            assert child.exitcode == 0
            child.close()
        assert arrays.keys(path) == sorted(itertools.chain(*names))
        for name in arrays.keys(path):
            assert arrays.load(path, key=name) == int(name[0])
        assert os.listdir(directory) == [os.path.basename(path)]

    @pytest.mark.parametrize(
        "key", ["", "/", "a//b", "../a", "a/..", ".", "a\0b", "a\\b", "x" * 5000]
    )
    def test_key_that_is_no_name_is_refused(self, directory: Path, key: str) -> None:
        """Keys cannot leave the container."""
        with pytest.raises(UnsupportedOptionError):
            self.save(directory, np.zeros(3), key=key)
        assert os.listdir(directory) == []

    def test_reference_takes_no_options_of_a_path(self, ref: ArrayRef) -> None:
        """It says itself which array it means, and what contradicts it is not passed over."""
        for option in ({"key": "other"}, {"format": self.name}):
            with pytest.raises(UnsupportedOptionError, match="path"):
                arrays.load(ref, **option)

    # Filling by region.

    def test_created_array_is_zeros_and_filled_by_region(self, directory: Path) -> None:
        """Assignment follows NumPy: broadcasting, casting, steps, integers and new axes."""
        if not self.can_create():
            return
        expected = np.zeros((6, 7), "f4")
        ref = arrays.create_array(self.path(directory), shape=(6, 7), dtype="f4", format=self.name)
        assert_same(ref.load(), expected)
        for index, value in (
            ((slice(2, 4), slice(None)), 1),
            ((slice(None, None, -2), 3), np.arange(3)),
            ((0, 0), 2.5),
            ((..., slice(5, None)), np.arange(12.0).reshape(6, 2)),
            ((slice(None), None, slice(1, 2)), np.ones((6, 1, 1))),
            ((slice(3, 3), 0), 9),
        ):
            ref[index] = value
            expected[index] = value
            assert_same(ref.load(), expected)
        again = arrays.open_array(ref.path, mode="r+") if self.format.is_self_describing else ref
        pickle.loads(pickle.dumps(again.part[1]))[:] = 8
        expected[1] = 8
        assert_same(ref.load(), expected)
        with pytest.raises(ValueError, match="broadcast"):
            ref[0] = np.zeros(5)

    @pytest.mark.parametrize(
        "kind", ["0-d", "empty", "datetime64", "structured aligned", "bfloat16"]
    )
    def test_region_of_any_dtype_is_assigned(
        self, kind: str, tmp_path: Path, directory: Path
    ) -> None:
        """Filling works for dtypes that the format stores under another name."""
        if not self.can_create():
            return
        array = ARRAYS[kind](tmp_path)
        ref = arrays.create_array(
            self.path(directory), shape=array.shape, dtype=array.dtype, format=self.name
        )
        ref[...] = array
        assert_same(ref.load(), array)

    def test_masked_array_is_not_assigned(self, directory: Path) -> None:
        """Its mask would be lost; the refusal is that of saving it."""
        if not self.can_create():
            return
        ref = arrays.create_array(self.path(directory), shape=(2,), dtype="f4", format=self.name)
        for value in (np.ma.masked_array([1.0, 2.0], [True, False]), np.ma.masked):
            with pytest.raises(UnsupportedArrayError, match="filled"):
                ref[...] = value
        assert_same(ref.load(), np.zeros(2, "f4"))

    def test_writable_reference_is_read_while_others_read(self, directory: Path) -> None:
        """Reading through a reference of mode r+ needs no more than reading does."""
        if not self.can_create():
            return
        ref = arrays.create_array(self.path(directory), shape=(2, 3), dtype="f4", format=self.name)
        with ref.opened("r") as held:
            assert_same(ref[1], held[1])
            assert [row.tolist() for row in ref] == [[0, 0, 0]] * 2

    def test_reference_for_reading_cannot_be_assigned(self, ref: ArrayRef, source: Array) -> None:
        """Assignment needs mode r+, and says so; views of the file are read-only."""
        with pytest.raises(ReadOnlyError, match=r"r\+"):
            ref[0] = 1
        with pytest.raises(ReadOnlyError), ref.opened() as array:
            array[0] = 1
        with pytest.raises(ReadOnlyError):
            ref.open("r+")
        view = ref[...]
        if ref.offset is not None:
            assert not view.flags.writeable
        assert_same(ref.load(), source)

    def test_copy_on_write_leaves_the_file(self, ref: ArrayRef, source: Array) -> None:
        """Mode c gives an array of one's own over the file's pages, or is refused."""
        if ref.offset is None:
            with pytest.raises(UnsupportedOptionError, match="load"):
                ref.open("c")
            return
        changed = ref.open("c")
        changed[:] = 0
        assert_same(ref.load(), source)


class _NumpyLengths:
    """A lazy array whose shape is what arithmetic with NumPy gives."""

    chunks = None

    def __init__(self, array: Array) -> None:
        self.dtype = array.dtype
        self.shape: Any = tuple(np.array(array.shape))
        self._array = array

    def __getitem__(self, key: Any) -> Any:
        return self._array[key]


class _Failing:
    """A lazy array whose second block cannot be read."""

    shape = (1 << 20, 64)
    dtype = np.dtype("f8")
    chunks = None

    def __init__(self, path: Path) -> None:
        self._path = path
        self._blocks = 0

    def __getitem__(self, key: Any) -> Array:
        assert not self._path.exists()
        self._blocks += 1
        if self._blocks > 1:
            raise ZeroDivisionError
        lengths = (len(range(*part.indices(n))) for part, n in zip(key, self.shape, strict=True))
        return np.ones(tuple(lengths), self.dtype)


def _save_each(path: str, format: str, names: list[str], ready: Any, start: Any) -> None:
    ready.release()
    start.wait()
    for name in names:
        arrays.save(path, np.array(int(name[0])), key=name, format=format)


def _read_and_send(ref: ArrayRef, connection: Any) -> None:
    connection.send(ref.load())
    connection.close()
