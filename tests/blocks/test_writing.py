"""Arrays that grow: what readers see at every moment, and what is left of a killed writer."""

import contextlib
import errno
import multiprocessing
import os
import random
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import h5py
import numpy as np
import pytest
import zarr
from hypothesis import given, settings
from hypothesis import strategies as st

import filexchange as fx
from filexchange import blocks
from filexchange.errors import (
    ArrayBusyError,
    ArrayExistsError,
    ArrayIOError,
    ArrayMismatchError,
    BadArrayFileError,
    StorageFullError,
    WriterClosedError,
)

ITEM = (3, 5)


class Layout(NamedTuple):
    """A way to lay out a growing array, and how another library reads it."""

    suffix: str
    options: dict[str, Any]
    unit: int

    def __repr__(self) -> str:
        return " ".join([self.suffix, *(f"{k}={v}" for k, v in self.options.items())])

    @property
    def key(self) -> str | None:
        return self.options.get("key")


LAYOUTS = [
    Layout(".npy", {}, 1),
    Layout(".zarr", {"chunks": (4, 2, -1)}, 4),
    Layout(".zarr", {"chunks": (4, 3, 3), "compression": "zstd"}, 4),
    Layout(".zarr", {"chunks": (2, 3, -1), "shards": (6, 3, -1), "key": "run/x"}, 6),
    Layout(".h5", {"chunks": (4, 2, -1)}, 1),
    Layout(".h5", {"chunks": (4, 2, 3), "compression": "gzip", "key": "run/x"}, 4),
]
all_layouts = pytest.mark.parametrize("layout", LAYOUTS, ids=repr)
# For what takes long: one for each way to show items, and one of each format.
showing_layouts = pytest.mark.parametrize(
    "layout", [each for each in LAYOUTS if each.options.get("compression") != "zstd"], ids=repr
)
few_layouts = pytest.mark.parametrize("layout", [LAYOUTS[0], LAYOUTS[3], LAYOUTS[5]], ids=repr)


def counting(start: int, stop: int, dtype: Any = "i4") -> Any:
    """Return items that tell their place, in each of their elements."""
    size = ITEM[0] * ITEM[1]
    elements = np.arange(start * size, stop * size).reshape(stop - start, *ITEM)
    return elements.astype(dtype)


def begin(path: Any, layout: Layout, **options: Any) -> blocks.Writer:
    return blocks.writer(
        f"{path}{layout.suffix}", **{"item_shape": ITEM, "dtype": "i4", **layout.options, **options}
    )


def check(path: str, layout: Layout, length: int) -> None:
    """Make sure that an array is the counting one, for us and for another library."""
    np.testing.assert_array_equal(fx.load(path, key=layout.key), counting(0, length), strict=True)
    np.testing.assert_array_equal(foreign(path, layout.key), counting(0, length), strict=True)


def foreign(path: str, key: str | None) -> Any:
    """Read an array by the library of its format."""
    if path.endswith(".npy"):
        return np.load(path, mmap_mode="r")
    if path.endswith(".zarr"):
        return zarr.open_array(path, path=key or "", mode="r")[:]
    with h5py.File(path, "r", swmr=True) as file:
        return file[key or "data"][:]


# What readers see.


@all_layouts
def test_array_is_there_from_the_beginning_and_grows(tmp_path: Path, layout: Layout) -> None:
    attrs = {"unit": "m", "steps": [1, {"a": None}]}
    with begin(tmp_path / "a", layout, attrs=attrs) as w:
        assert fx.open_array(w.path).shape == (0, *ITEM)
        assert (w.shape, w.dtype, w.item_shape, len(w)) == ((0, *ITEM), np.dtype("i4"), ITEM, 0)
        w.append(counting(0, 3))
        w.append(counting(3, 4)[0])
        assert len(w) == 4
        w.flush()
        check(w.path, layout, 4)
        first = w.ref
        w.append(counting(4, 15))
        seen = fx.open_array(w.path).shape[0]
        assert seen == 15 // layout.unit * layout.unit
        check(w.path, layout, seen)
        w.flush()
        check(w.path, layout, 15)
    check(w.path, layout, 15)
    assert w.ref.shape == (15, *ITEM)
    assert fx.open_array(w.path).attrs == w.ref.attrs == attrs
    # A reference is to what there was, and stays so.
    for read in (first.load, lambda: first[:], first.part[:].load):
        np.testing.assert_array_equal(read(), counting(0, 4), strict=True)
    assert not [name for name in os.listdir(tmp_path) if name.startswith(".")]


@all_layouts
def test_reader_in_the_same_process_meets_whole_items(tmp_path: Path, layout: Layout) -> None:
    done = threading.Event()
    errors: list[Any] = []

    def follow(path: str) -> None:
        last = 0
        while not done.is_set():
            ref = fx.open_array(path)
            if len(ref) < last or not np.array_equal(ref[last:], counting(last, len(ref))):
                errors.append((last, len(ref)))
            last = len(ref)

    with begin(tmp_path / "a", layout) as w:
        thread = threading.Thread(target=follow, args=(w.path,))
        thread.start()
        for start in range(0, 99, 3):
            w.append(counting(start, start + 3))
            if start % 2:
                w.flush()
        done.set()
        thread.join()
    assert errors == []


def _follow(path: str, key: str | None, total: int, by_foreign: bool, connection: Any) -> None:
    """Read an array until it has `total` items, and send what was seen."""
    lengths = [0]
    while lengths[-1] < total:
        try:
            array = foreign(path, key) if by_foreign else fx.open_array(path, key=key)[...]
        except BlockingIOError:
            if by_foreign and path.endswith(".h5"):  # HDF5 locks the file when a writer begins
                continue
            raise
        if not np.array_equal(array, counting(0, len(array))) or len(array) < lengths[-1]:
            connection.send((lengths[-1], np.array(array)))
            return
        if len(array) > lengths[-1]:
            lengths.append(len(array))
            connection.send(len(array))


@contextlib.contextmanager
def following(
    context: Any, path: str, key: str | None, total: int, by_foreign: bool
) -> Iterator[Any]:
    receiving, sending = context.Pipe(duplex=False)
    child = context.Process(target=_follow, args=(path, key, total, by_foreign, sending))
    child.start()
    sending.close()
    try:
        yield receiving
    finally:
        receiving.close()
        child.join()
        child.close()


@all_layouts
def test_readers_of_other_processes_follow(tmp_path: Path, layout: Layout, nursery: Any) -> None:
    random.seed(3)
    total, length = 120, 0
    with contextlib.ExitStack() as stack:
        w = stack.enter_context(begin(tmp_path / "a", layout))
        readers = [
            stack.enter_context(following(nursery, w.path, layout.key, total, by_foreign))
            for by_foreign in (False, True)
        ]
        while length < total:
            size = min(random.randrange(9), total - length)
            w.append(counting(length, length + size))
            length += size
            if random.random() < 0.3 or length == total:
                w.flush()
            if length % 50 < size or length == total:  # the readers have come so far, at times
                for reader in readers:
                    seen: Any = 0
                    while seen < len(w.ref):
                        seen = reader.recv()
                        assert type(seen) is int, seen


# Writers that are killed.


def _append_for_ever(path: str, options: dict[str, Any], connection: Any) -> None:
    """Append and flush until killed; send the lengths that were flushed."""
    with blocks.writer(path, item_shape=ITEM, dtype="i4", mode="a", **options) as w:
        while True:
            size = len(w) % 11
            w.append(counting(len(w), len(w) + size + 1))
            if size % 2:
                w.flush()
                connection.send(len(w))


@pytest.fixture(scope="module")
def nursery() -> Any:
    """Return where processes are forked from that have the libraries and no threads."""
    context: Any = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(
        [
            "filexchange.blocks.growth.writing",
            "filexchange.formats.hdf5",
            "filexchange.formats.zarr",
        ]
    )
    return context


@showing_layouts
def test_killed_writer_leaves_what_it_flushed_and_is_continued(
    tmp_path: Path, layout: Layout, nursery: Any
) -> None:
    path = f"{tmp_path / 'a'}{layout.suffix}"
    chance = random.Random(7)
    length = 0
    for _ in range(3):
        receiving, sending = nursery.Pipe(duplex=False)
        child = nursery.Process(target=_append_for_ever, args=(path, layout.options, sending))
        child.start()
        sending.close()
        for _ in range(chance.randrange(1, 12)):
            length = receiving.recv()
        for _ in range(chance.randrange(3000)):  # not always right behind a flush
            pass
        child.kill()
        child.join()
        child.close()
        with contextlib.suppress(EOFError):
            while True:
                length = receiving.recv()
        receiving.close()
        ref = fx.open_array(path, key=layout.key)
        assert len(ref) >= length
        check(path, layout, len(ref))
    with blocks.writer(path, mode="a", key=layout.key) as w:
        assert len(w) == len(ref)
        w.append(counting(len(w), len(w) + 7))
    check(path, layout, len(ref) + 7)
    assert h5py.is_hdf5(path) == (layout.suffix == ".h5")


def _keep_open(path: str, options: dict[str, Any], connection: Any) -> None:
    with blocks.writer(path, item_shape=ITEM, dtype="i4", **options) as w:
        w.append(counting(0, 5))
        w.flush()
        connection.send("open")
        connection.recv()


@contextlib.contextmanager
def other_writer(path: str, layout: Layout, nursery: Any) -> Iterator[Any]:
    """Have the array written by another process, which is killed or closes at the end."""
    ours, theirs = nursery.Pipe()
    child = nursery.Process(target=_keep_open, args=(path, layout.options, theirs))
    child.start()
    theirs.close()
    try:
        assert ours.recv() == "open"
        yield child
    finally:
        if child.is_alive():
            ours.send("close")
        child.join()
        child.close()
        ours.close()


@few_layouts
def test_second_writer_is_refused_until_the_first_has_ended(
    tmp_path: Path, layout: Layout, nursery: Any
) -> None:
    path = f"{tmp_path / 'a'}{layout.suffix}"
    with other_writer(path, layout, nursery) as child:
        for again in (
            lambda: blocks.writer(path, mode="a", key=layout.key),
            lambda: blocks.append(path, counting(5, 6), key=layout.key, timeout=0.01),
        ):
            with pytest.raises(ArrayBusyError, match="another writer"):
                again()
        child.kill()
        child.join()
        blocks.append(path, counting(5, 6), key=layout.key, timeout=0)
    check(path, layout, 6)
    with begin(tmp_path / "b", layout) as w:
        with pytest.raises(ArrayBusyError):
            blocks.writer(w.path, mode="a", key=layout.key)
        w.append(counting(0, 2))
    check(w.path, layout, 2)


@few_layouts
def test_writer_waits_for_another_as_long_as_it_is_told(
    tmp_path: Path, layout: Layout, nursery: Any
) -> None:
    path = f"{tmp_path / 'a'}{layout.suffix}"
    with other_writer(path, layout, nursery):
        threads = [
            threading.Thread(
                target=blocks.append, args=(path, counting(5, 6)), kwargs={"key": layout.key}
            )
            for _ in range(3)
        ]
        for thread in threads:
            thread.start()
    for thread in threads:
        thread.join()
    ref = fx.open_array(path, key=layout.key)
    assert len(ref) == 8
    np.testing.assert_array_equal(ref[5:], np.repeat(counting(5, 6), 3, axis=0))


def test_child_of_a_fork_cannot_use_the_writer_and_does_not_keep_it(
    tmp_path: Path, companion: Callable[..., Any]
) -> None:
    with blocks.writer(tmp_path / "a.npy", item_shape=(), dtype="i4") as w:
        w.append([1, 2])
        child = companion({"writer": w})
        with pytest.raises(WriterClosedError, match="forked"):
            child.call(_use)
    assert len(blocks.append(w.path, [3], timeout=0)) == 3


def _use(kept: dict[str, Any]) -> None:
    kept["writer"].close()
    kept["writer"].append(3)


# What is appended.


@all_layouts
@settings(max_examples=8, deadline=None)
@given(data=st.data())
def test_any_split_into_batches_gives_the_same_array(
    tmp_path_factory: pytest.TempPathFactory, layout: Layout, data: Any
) -> None:
    directory = tmp_path_factory.mktemp("split")
    total = data.draw(st.integers(0, 30))
    cuts = sorted(data.draw(st.lists(st.integers(0, total), max_size=6)))
    path = f"{directory / 'a'}{layout.suffix}"
    for start, stop in zip([0, *cuts], [*cuts, total], strict=True):
        how = data.draw(st.sampled_from(["writer", "append", "items", "flushed"]))
        if how == "append" and os.path.exists(path):
            blocks.append(path, counting(start, stop), key=layout.key)
            continue
        with begin(directory / "a", layout, mode="a") as w:
            batches = [counting(start, stop)]
            for batch in counting(start, stop) if how == "items" else batches:
                w.append(batch)
                if how == "flushed":
                    w.flush()
                    w.flush()
    check(path, layout, total)
    if layout.suffix != ".h5":
        with begin(directory / "whole", layout) as w:
            w.append(counting(0, total))
        assert content(w.path) == content(path)


def content(path: str) -> dict[str, bytes]:
    """Return all bytes of a file or directory."""
    if os.path.isfile(path):
        return {"": Path(path).read_bytes()}
    found = [each for each in Path(path).rglob("*") if each.is_file()]
    return {str(each.relative_to(path)): each.read_bytes() for each in found}


DTYPES: dict[str, Any] = {
    "structured": np.dtype([("id", "u1"), ("x", ">f8"), ("rgb", "i2", (3,)), ("s", "S3")]),
    "big-endian": np.dtype(">f4"),
    "datetime": np.dtype("M8[ms]"),
    "bool": np.dtype("?"),
    "text": np.dtype("U4"),
    "complex": np.dtype("c16"),
    "float16": np.dtype("f2"),
    "void": np.dtype("V5"),
}


@pytest.mark.parametrize(
    ("suffix", "options"),
    [
        (".npy", {}),
        (".zarr", {"chunks": (4, -1)}),
        (".zarr", {"chunks": (2, -1), "shards": (4, -1), "compression": "gzip"}),
        (".h5", {"chunks": (4, -1)}),
        (".h5", {"chunks": (4, 1), "compression": "gzip"}),
    ],
    ids=str,
)
@pytest.mark.parametrize("name", [*DTYPES, "bfloat16"])
def test_all_dtypes_come_back(
    tmp_path: Path, suffix: str, options: dict[str, Any], name: str
) -> None:
    if name == "bfloat16":
        dtype = np.dtype(pytest.importorskip("ml_dtypes").bfloat16)
        array = np.arange(20).reshape(10, 2).astype(dtype)
    else:
        dtype = DTYPES[name]
        noise = np.random.default_rng(0).integers(0, 2, 20 * dtype.itemsize, "u1")
        array = noise.view(dtype).reshape(10, 2)
    with blocks.writer(tmp_path / f"a{suffix}", item_shape=2, dtype=dtype, **options) as w:
        for start, stop in ((0, 3), (3, 9), (9, 10)):
            w.append(array[start:stop])
            w.flush()
    found = fx.load(w.path)
    assert (found.dtype, found.shape) == (dtype, array.shape)
    assert found.tobytes() == array.tobytes()


@pytest.mark.parametrize("suffix", [".npy", ".zarr", ".h5"])
def test_numbers_are_items_of_no_axes(tmp_path: Path, suffix: str) -> None:
    with blocks.writer(tmp_path / f"a{suffix}", item_shape=(), dtype="f4") as w:
        w.append(1)
        w.append([2, 3.5])
        w.append([])
        w.append(np.float32(4))
        w.append(np.zeros((0,), "f4"))
    np.testing.assert_array_equal(fx.load(w.path), np.array([1, 2, 3.5, 4], "f4"), strict=True)


@all_layouts
def test_lazy_arrays_are_appended_block_by_block(
    tmp_path: Path, layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("filexchange.blocks.growth.items.BLOCK_BYTES", 200)
    source = fx.save(tmp_path / "source.zarr", counting(2, 30, "i2"), chunks=(5, 2, 2))
    with begin(tmp_path / "a", layout) as w:
        w.append(counting(0, 2))
        w.append(source)
        w.append(zarr.array(counting(30, 33)))
        w.append(counting(33, 60)[::-1].copy()[::-1])
        w.append(fx.save(tmp_path / "item.npy", counting(60, 61)[0]))
    check(w.path, layout, 61)


class _Failing:
    """A lazy array that cannot be read to its end."""

    shape, dtype, chunks = (20, *ITEM), np.dtype("i4"), (1, *ITEM)

    def __getitem__(self, part: Any) -> Any:
        if part.stop > 15:
            raise RuntimeError("the source has ended")
        return counting(100, 120)[part]


@all_layouts
def test_batch_that_cannot_be_read_leaves_nothing(
    tmp_path: Path, layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("filexchange.blocks.growth.items.BLOCK_BYTES", 200)
    with begin(tmp_path / "a", layout) as w:
        w.append(counting(0, 5))
        with pytest.raises((RuntimeError, BadArrayFileError), match="has ended"):
            w.append(_Failing())
        assert len(w) == 5
        w.flush()
        check(w.path, layout, 5)
        w.append(counting(5, 7))
    check(w.path, layout, 7)


def test_threads_share_a_writer(tmp_path: Path) -> None:
    with blocks.writer(tmp_path / "a.zarr", item_shape=(), dtype="i4", chunks=7) as w:
        threads = [
            threading.Thread(target=lambda n=n: [w.append([n] * 3) for _ in range(50)])
            for n in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    rows = fx.load(w.path).reshape(-1, 3)
    assert (rows == rows[:, :1]).all()
    np.testing.assert_array_equal(np.bincount(rows[:, 0]), [50] * 4)


# Beginning and going on.


@few_layouts
def test_durable_writer_shows_items_when_they_are_flushed(tmp_path: Path, layout: Layout) -> None:
    with begin(tmp_path / "a", layout, durable=True) as w:
        w.append(counting(0, 9))
        assert w.ref.shape == (0, *ITEM)
        w.flush()
        check(w.path, layout, 9)
        w.append(counting(9, 14))
    check(w.path, layout, 14)
    assert len(blocks.append(w.path, counting(14, 15), key=layout.key, durable=True)) == 15


@all_layouts
def test_array_that_is_there_is_gone_on_with_or_replaced(tmp_path: Path, layout: Layout) -> None:
    with begin(tmp_path / "a", layout, mode="a", attrs={"run": 1}) as w:
        w.append(counting(0, 3))
    with pytest.raises(ArrayExistsError, match="overwrite"):
        begin(tmp_path / "a", layout)
    for other in ({"item_shape": (3, 4)}, {"dtype": "i8"}):
        with pytest.raises(ArrayMismatchError, match="int32"):
            begin(tmp_path / "a", layout, mode="a", **other)
    with begin(tmp_path / "a", layout, mode="a", attrs={"run": 2}) as w:
        w.append(counting(3, 5))
    check(w.path, layout, 5)
    assert fx.open_array(w.path).attrs == {"run": 1}
    with begin(tmp_path / "a", layout, overwrite=True, dtype="f4") as w:
        w.append(counting(0, 1, "f4"))
    assert fx.open_array(w.path).dtype == np.float32
    assert fx.open_array(w.path).attrs == {}


def test_closed_writer_is_closed(tmp_path: Path) -> None:
    w = blocks.writer(tmp_path / "a.npy", item_shape=(), dtype="i4")
    assert not w.closed
    w.append(1)
    w.close()
    w.close()
    assert w.closed
    assert repr(w) == f"Writer({w.path!r}, shape=(1,), dtype=int32, closed)"
    for use in (w.flush, lambda: w.append(2)):
        with pytest.raises(WriterClosedError, match="mode='a'"):
            use()
    assert w.ref[:] == [1]


def test_writer_that_is_forgotten_is_closed_with_a_warning(tmp_path: Path) -> None:
    w = blocks.writer(tmp_path / "a.zarr", item_shape=(), dtype="i4")
    w.append(1)
    with pytest.warns(ResourceWarning, match="unclosed Writer"):
        del w
    assert fx.load(tmp_path / "a.zarr") == [1]


def test_what_was_appended_is_kept_when_the_block_fails(tmp_path: Path) -> None:
    def fail(w: blocks.Writer) -> None:
        with w:
            w.append([1, 2])
            raise KeyError

    w = blocks.writer(tmp_path / "a.zarr", item_shape=(), dtype="i4")
    with pytest.raises(KeyError):
        fail(w)
    np.testing.assert_array_equal(w.ref[:], [1, 2])


def test_file_that_is_replaced_meanwhile_is_noticed(tmp_path: Path) -> None:
    for layout in (Layout(".npy", {}, 1), Layout(".zarr", {"chunks": 1}, 1)):
        path = tmp_path / f"a{layout.suffix}"
        w = blocks.writer(path, item_shape=(), dtype="i4", **layout.options)
        w.append([1, 2])
        ref = fx.save(path, np.zeros(3), overwrite=True)
        with pytest.raises(ArrayMismatchError, match="replaced"):
            w.append(3)
        w.close()
        np.testing.assert_array_equal(ref.load(), np.zeros(3))
        np.testing.assert_array_equal(fx.load(path), np.zeros(3))


# Files of others.


# Containers.


def test_hdf5_file_that_grows_takes_no_other_change(tmp_path: Path, nursery: Any) -> None:
    path = str(tmp_path / "a.h5")
    layout = Layout(".h5", {"key": "x"}, 1)
    with other_writer(path, layout, nursery):
        for change in (
            lambda: fx.save(path, [1], key="y"),
            lambda: fx.save(path, [1], overwrite=True),
            lambda: blocks.writer(path, item_shape=(), dtype="i4", key="y"),
        ):
            with pytest.raises(ArrayBusyError):
                change()
        with pytest.raises(ArrayIOError, match="open elsewhere"):
            fx.open_array(path, mode="r+")[0] = 1
        check(path, layout, 5)
    with begin(tmp_path / "a", layout, mode="a"):
        with pytest.raises(ArrayBusyError):
            fx.save(path, [1], key="y")  # and not wait for itself
        with pytest.raises(ArrayIOError, match="open elsewhere"):
            fx.open_array(path, mode="r+")[0] = 1
    check(path, layout, 5)
    fx.open_array(path, mode="r+")[0] = 1
    assert fx.save(path, [1], key="y")[:] == [1]


def test_hdf5_file_of_a_killed_writer_is_readable_and_takes_changes(
    tmp_path: Path, nursery: Any
) -> None:
    path = str(tmp_path / "a.h5")
    layout = Layout(".h5", {"key": "x"}, 1)
    with other_writer(path, layout, nursery) as child:
        child.kill()
        child.join()
    check(path, layout, 5)
    with pytest.raises(ArrayIOError, match="mode='a'"):
        fx.open_array(path, mode="r+")[0] = 1
    fx.save(path, [1], key="y")
    check(path, layout, 5)
    fx.open_array(path, mode="r+", key="x")[0] = 0


# A full disk.


@pytest.fixture
def small_disk(mount: Callable[[str], Path]) -> Path:
    """A file system of 4 MiB."""
    return mount("size=4m")


@pytest.mark.parametrize(
    "layout",
    [
        Layout(".npy", {}, 1),
        Layout(".zarr", {"chunks": (16, -1)}, 16),
        Layout(".zarr", {"chunks": (16, -1), "compression": "zstd"}, 16),
        Layout(".h5", {"chunks": (16, -1)}, 1),
        Layout(".h5", {"chunks": (16, -1), "compression": "gzip"}, 16),
    ],
    ids=repr,
)
@pytest.mark.parametrize("size", [1, 24, 16 * 7])
def test_full_disk_loses_nothing_and_the_writer_goes_on(
    small_disk: Path, layout: Layout, size: int
) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (1000, 4096), "u1")
    ballast = small_disk / "ballast"
    ballast.write_bytes(bytes(1 << 20))
    path = f"{small_disk / 'a'}{layout.suffix}"
    w = blocks.writer(path, item_shape=4096, dtype="u1", **layout.options)

    def fill() -> None:
        while True:
            w.append(noise[len(w) : len(w) + size])

    with pytest.raises(StorageFullError, match="kept") as caught:
        fill()
    assert (caught.value.errno, caught.value.filename) == (errno.ENOSPC, path)
    length = len(w)
    assert 300 < length < 770
    assert length % size == 0
    seen = fx.load(path)
    assert length - layout.unit < len(seen) <= length
    np.testing.assert_array_equal(seen, noise[: len(seen)])
    with pytest.raises(StorageFullError):
        fill()
    assert len(w) == length
    ballast.unlink()
    w.append(noise[length : length + size])
    w.close()
    np.testing.assert_array_equal(fx.load(path), noise[: length + size])
    blocks.append(path, noise[:1])


@pytest.mark.parametrize(
    ("suffix", "options"),
    [(".npy", {}), (".zarr", {"chunks": (16, -1)}), (".h5", {"chunks": (16, -1)})],
)
def test_writer_on_a_full_disk_can_be_closed(
    small_disk: Path, suffix: str, options: dict[str, Any]
) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (1000, 4096), "u1")
    path = small_disk / f"a{suffix}"
    w = blocks.writer(path, item_shape=4096, dtype="u1", **options)
    w.append(noise[:300])
    w.flush()
    with pytest.raises(StorageFullError):
        w.append(np.concatenate([noise, noise]))
    w.append(noise[300:301])
    with (small_disk / "rest").open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while file.write(bytes(4096)):
            pass
    with contextlib.suppress(StorageFullError):
        w.close()
    assert w.closed
    found = fx.load(path)
    assert len(found) in {300, 301}
    np.testing.assert_array_equal(found, noise[: len(found)])
