"""Whatever ends a writer - a signal, a full disk, a directory it may not write - harms no file."""

import errno
import multiprocessing
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import filexchange as fx
from filexchange import blocks
from filexchange.errors import ArrayAccessError, FileExchangeError, StorageFullError

SUFFIXES = [".npy", ".raw", ".npz", ".h5", ".zarr", ".zarr.zip"]
CONTAINERS = [".npz", ".h5", ".zarr", ".zarr.zip"]
BEFORE = np.arange(1000.0)
NOBODY = 65534

as_root = pytest.mark.skipif(
    sys.platform != "linux" or os.geteuid() != 0,
    reason="mounting a small file system, and giving up permissions, takes root on Linux",
)


class Blocking:
    """A lazy array that reports its second block being read, and then keeps its reader waiting."""

    shape = (1 << 20, 16)
    dtype = np.dtype("f8")
    chunks = (1 << 14, 16)

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._blocks = 0

    def __getitem__(self, key: Any) -> np.ndarray:
        self._blocks += 1
        if self._blocks == 2:
            self._connection.send("writing")
            self._connection.recv()
        lengths = tuple(
            len(range(*part.indices(n))) for part, n in zip(key, self.shape, strict=True)
        )
        return np.ones(lengths)


def _save(path: str, source: Any, overwrite: bool) -> None:
    fx.save(path, source, overwrite=overwrite)


def _save_key(path: str, source: Any, overwrite: bool) -> None:
    fx.save(path, source, key="added", overwrite=overwrite)


def _save_arrays(path: str, source: Any, overwrite: bool) -> None:
    fx.save_arrays(path, {"first": BEFORE, "second": source}, overwrite=overwrite)


def _convert(path: str, source: Any, overwrite: bool) -> None:
    ref = fx.save(f"{path}.source.npy", BEFORE)

    def progress(*_: int) -> None:
        source[(slice(0, 1),) * 2]

    source[(slice(0, 1),) * 2]
    fx.convert(ref, path, overwrite=overwrite, progress=progress)


WRITERS = {"save": _save, "save_arrays": _save_arrays, "save with key": _save_key}


def _write_and_block(
    write: Callable[..., None], path: str, overwrite: bool, connection: Connection
) -> None:
    write(path, Blocking(connection), overwrite)


def _kill_in_the_middle(write: Callable[..., None], path: str, overwrite: bool) -> None:
    """Run a writer in a process of its own and kill it while it waits for its second block."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    child = context.Process(target=_write_and_block, args=(write, path, overwrite, theirs))
    child.start()
    theirs.close()
    try:
        assert ours.recv() == "writing"
    finally:
        child.kill()
        child.join()
        ours.close()
    assert child.exitcode == -9
    child.close()


def _visible(directory: Path) -> list[str]:
    names = os.listdir(directory)
    assert all(name.endswith(".partial") for name in names if name.startswith("."))
    return sorted(name for name in names if not name.startswith("."))


def _save_before(path: str) -> None:
    fx.save(path, BEFORE, key="before" if path.endswith(tuple(CONTAINERS)) else None)


def _read_before(path: str) -> np.ndarray:
    if path.endswith(".raw"):
        return fx.open_array(path, dtype=BEFORE.dtype).load()
    return fx.load(path)


@pytest.mark.parametrize(
    ("name", "suffix"),
    [
        (name, suffix)
        for name in WRITERS
        for suffix in SUFFIXES
        if name == "save" or suffix in CONTAINERS
    ],
)
def test_killed_writer_harms_nothing(name: str, suffix: str, tmp_path: Path) -> None:
    existing = str(tmp_path / f"existing{suffix}")
    _save_before(existing)
    _kill_in_the_middle(WRITERS[name], existing, True)
    assert _visible(tmp_path) == [f"existing{suffix}"]
    assert np.array_equal(_read_before(existing), BEFORE)
    if name == "save with key":
        return  # into a file that is not there it is the same as save
    new = str(tmp_path / f"new{suffix}")
    _kill_in_the_middle(WRITERS[name], new, False)
    assert _visible(tmp_path) == [f"existing{suffix}"]
    fx.save(new, BEFORE + 1)
    fx.save(existing, BEFORE + 1, overwrite=True)
    assert np.array_equal(_read_before(new), BEFORE + 1)
    assert np.array_equal(_read_before(existing), BEFORE + 1)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_killed_conversion_harms_nothing(suffix: str, tmp_path: Path) -> None:
    existing = str(tmp_path / f"existing{suffix}")
    _save_before(existing)
    _kill_in_the_middle(_convert, existing, True)
    assert _visible(tmp_path) == [f"existing{suffix}", f"existing{suffix}.source.npy"]
    assert np.array_equal(_read_before(existing), BEFORE)


def _report(act: Callable[[str], Any], path: str, connection: Connection) -> None:
    try:
        act(path)
    except FileExchangeError as error:
        connection.send(error)
    else:
        connection.send(None)
    connection.close()


def _error_in_process(
    report: Callable[..., None], act: Callable[[str], Any], path: str
) -> FileExchangeError | None:
    """Return the error of ours that ``act(path)`` raises in a process of its own."""
    context = multiprocessing.get_context("spawn")
    receiving, sending = context.Pipe(duplex=False)
    child = context.Process(target=report, args=(act, path, sending))
    child.start()
    sending.close()
    try:
        error: FileExchangeError | None = receiving.recv()
    finally:
        child.join()
        receiving.close()
    assert child.exitcode == 0
    child.close()
    return error


# A full disk. The file system is smaller than the array and larger than the file that is there.


@pytest.fixture
def small_disk(mount: Callable[[str], Path]) -> Path:
    """A file system of 1 MiB."""
    return mount("size=1m")


def _too_large() -> np.ndarray:
    return np.random.default_rng(0).random(1 << 18)  # 2 MiB that do not compress


FULL: dict[str, Callable[[str], Any]] = {
    "save": lambda path: fx.save(path, _too_large(), overwrite=True),
    "save compressed": lambda path: fx.save(
        path,
        _too_large(),
        overwrite=True,
        compression="deflate" if path.endswith("npz") else "gzip",
    ),
    "save with key": lambda path: fx.save(path, _too_large(), key="added"),
    "save_arrays": lambda path: fx.save_arrays(
        path, {"a": BEFORE, "b": _too_large()}, overwrite=True
    ),
    "convert": lambda path: fx.convert(
        fx.save(Path(path).parents[1] / "large.npy", _too_large()), path, overwrite=True
    ),
    "map_blocks": lambda path: blocks.map_blocks(
        np.negative, _too_large(), out=path, overwrite=True, chunks=1 << 14, executor=2
    ),
    "create": lambda path: fx.create_array(path, shape=(1 << 18,), dtype="f8", overwrite=True),
}


@as_root
@pytest.mark.parametrize(
    ("name", "suffix"),
    [
        (name, suffix)
        for name in FULL
        for suffix in SUFFIXES
        if (name in {"save", "convert"})
        or (name == "map_blocks" and suffix in {".npy", ".raw", ".h5", ".zarr"})
        or (name == "create" and suffix in {".npy", ".raw"})  # the others allocate when filled
        or (name not in {"create", "map_blocks"} and suffix in CONTAINERS)
    ],
)
def test_full_disk_is_an_error_that_leaves_everything_as_it_was(
    name: str, suffix: str, small_disk: Path
) -> None:
    path = str(small_disk / f"a{suffix}")
    _save_before(path)
    with pytest.raises(StorageFullError) as caught:
        FULL[name](path)
    assert isinstance(caught.value, OSError)
    assert caught.value.errno == errno.ENOSPC
    assert caught.value.filename == path
    assert os.listdir(small_disk) == [f"a{suffix}"]
    assert np.array_equal(_read_before(path), BEFORE)


@as_root
@pytest.mark.parametrize("suffix", [".npy", ".raw"])
def test_disk_too_small_for_a_large_array_is_an_error_before_elements_are_read(
    suffix: str, small_disk: Path
) -> None:
    path = str(small_disk / f"a{suffix}")
    _save_before(path)
    with pytest.raises(StorageFullError) as caught:
        fx.save(path, _Unread(), overwrite=True)
    assert caught.value.errno == errno.ENOSPC
    assert os.listdir(small_disk) == [f"a{suffix}"]
    assert np.array_equal(_read_before(path), BEFORE)


class _Unread:
    """A lazy array of 64 MiB that nobody may read."""

    shape = (1 << 26,)
    dtype = np.dtype("u1")
    chunks = None

    def __getitem__(self, key: object) -> None:
        raise AssertionError("the disk is full: nothing should be read")


def _fill(path: str) -> None:
    ref = fx.create_array(path, shape=(1 << 18,), dtype="f8", chunks=(1 << 12,), overwrite=True)
    ref[:] = _too_large()


@as_root
@pytest.mark.parametrize("suffix", [".h5", ".zarr"])
def test_full_disk_while_a_region_is_filled_is_an_error(suffix: str, small_disk: Path) -> None:
    # In a process of its own, which also has to survive the error until its end.
    error = _error_in_process(_report, _fill, str(small_disk / f"a{suffix}"))
    assert isinstance(error, StorageFullError)
    assert error.errno == errno.ENOSPC


@as_root
def test_full_disk_is_an_error_of_an_exchange_that_goes_on(small_disk: Path) -> None:
    with fx.Exchange(small_disk) as exchange:
        with pytest.raises(StorageFullError):
            exchange.put({"a": BEFORE, "b": _too_large()})
        assert exchange.stats().held == 0
        assert np.array_equal(exchange.put(BEFORE).load(), BEFORE)


# A directory, or a file, that the user has no permission for.


def _as_nobody(act: Callable[[str], Any], path: str, connection: Connection) -> None:
    with tempfile.TemporaryDirectory() as directory:
        # What is imported on first use may be in a directory that nobody else can read.
        for use in _save_all, _load_all:
            use(os.path.join(directory, "a"))
    os.setgid(NOBODY)
    os.setuid(NOBODY)
    _report(act, path, connection)


def _same_error_of_all(act: Callable[[str], Any], path: str) -> None:
    """Call with every suffix; raise the last error if each call raised one, all of one type."""
    raised: list[FileExchangeError] = []
    for suffix in SUFFIXES:
        try:
            act(path + suffix)
        except FileExchangeError as error:
            raised.append(error)
    if len(raised) == len(SUFFIXES) and len(set(map(type, raised))) == 1:
        raise raised[-1]
    if raised:
        raise ExceptionGroup("not all the same", raised)


def _save_all(path: str) -> None:
    _same_error_of_all(lambda name: fx.save(name, BEFORE, overwrite=True), path)


def _load_all(path: str) -> None:
    _same_error_of_all(_read_before, path)


@as_root
@pytest.mark.parametrize("act", [_save_all, _load_all])
@pytest.mark.parametrize("mode", [0o755, 0o700], ids=["to read", "to enter"])
def test_missing_permission_is_an_error_with_the_path(
    mode: int, act: Callable[[str], None]
) -> None:
    with tempfile.TemporaryDirectory() as directory:  # tmp_path is for its owner alone
        path = os.path.join(directory, "a")
        for suffix in SUFFIXES:
            fx.save(path + suffix, BEFORE)
            os.chmod(path + suffix, 0o700)
        os.chmod(directory, mode)
        before = sorted(os.listdir(directory))
        error = _error_in_process(_as_nobody, act, path)
        assert type(error) is ArrayAccessError
        assert isinstance(error, PermissionError)
        assert path in str(error)
        assert sorted(os.listdir(directory)) == before


@as_root
@pytest.mark.parametrize("suffix", SUFFIXES)
def test_read_only_file_system_is_an_access_error(suffix: str, small_disk: Path) -> None:
    path = str(small_disk / f"a{suffix}")
    fx.save(path, BEFORE)
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
    with pytest.raises(ArrayAccessError):
        fx.save(path, BEFORE, overwrite=True)
    with pytest.raises(ArrayAccessError):
        fx.save(small_disk / f"b{suffix}", BEFORE)
    assert np.array_equal(_read_before(path), BEFORE)
    if suffix != ".raw":
        ref = fx.open_array(path, mode="r+")
        with pytest.raises(FileExchangeError):
            ref[:3] = 0
