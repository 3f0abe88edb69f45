"""Exchanges: private scratch directories that end with their owner."""

import dataclasses
import multiprocessing
import os
import pickle
import stat
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

import filexchange as fx
from filexchange import sessions
from filexchange.errors import (
    ArrayNotFoundError,
    ExchangeClosedError,
    ExchangeError,
    UnsafeDirectoryError,
    UnsupportedArrayError,
    UnsupportedOptionError,
)
from filexchange.testing import ARRAYS, REFUSED, assert_same

pytestmark = pytest.mark.usefixtures("base")

FORMATS = ["npy", "raw", "npz", "hdf5", "zarr"]


class Pair(NamedTuple):
    left: Any
    right: Any


def test_directory_is_private_and_ends_with_the_exchange(base: Path) -> None:
    with fx.Exchange() as ex:
        directory = Path(ex.directory)
        assert directory.parent == base / f"filexchange-{os.getuid()}"
        assert stat.S_IMODE(directory.stat().st_mode) == 0o700
        assert stat.S_IMODE(directory.parent.stat().st_mode) == 0o700
        ex.put(np.zeros(10))
        assert ex.stats().held == 1
    assert not directory.exists()
    assert list(base.rglob("*")) == [base / f"filexchange-{os.getuid()}"]


def test_two_exchanges_do_not_meet() -> None:
    with fx.Exchange() as first, fx.Exchange() as second:
        assert first.directory != second.directory
        ref = first.put(np.ones(3))
        with pytest.raises(ExchangeError, match="not held by the exchange"):
            second.release(ref)
        assert_same(ref[:], np.ones(3))


def test_directory_argument_goes_before_the_environment(tmp_path: Path) -> None:
    with fx.Exchange(tmp_path) as ex:
        assert Path(ex.directory).parent.parent == tmp_path


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("kind", ARRAYS)
def test_every_array_is_carried_in_every_format(kind: str, format: str, tmp_path: Path) -> None:
    array = ARRAYS[kind](tmp_path)
    with fx.Exchange() as ex:
        assert_same(ex.put(array, format=format)[...], np.asarray(array).view(np.ndarray))


@pytest.mark.parametrize("kind", REFUSED)
def test_array_that_no_file_holds_is_refused(kind: str) -> None:
    with fx.Exchange() as ex:
        with pytest.raises(UnsupportedArrayError):
            ex.put(REFUSED[kind]())
        assert ex.stats().held == 0


def test_containers_come_back_with_references_in_place_of_arrays() -> None:
    with fx.Exchange() as ex:
        put = ex.put(
            {"a": np.zeros(3), "pair": Pair(np.ones(2), "text"), "list": [1, (np.arange(4), None)]}
        )
        assert_same(put["a"][:], np.zeros(3))
        assert isinstance(put["pair"], Pair)
        assert_same(put["pair"].left[:], np.ones(2))
        assert put["pair"].right == "text"
        assert put["list"][0] == 1
        assert_same(put["list"][1][0][:], np.arange(4))
        assert ex.stats().held == 3
        assert ex.stats().segments == 1


@pytest.mark.parametrize(
    "obj", [[np.zeros(3), np.array([None])], {"a": 1}, [], ([1, 2], 3)], ids=repr
)
def test_containers_are_put_whole_or_not_at_all(obj: Any) -> None:
    with fx.Exchange() as ex:
        with pytest.raises(UnsupportedArrayError):
            ex.put(obj)
        assert ex.stats().held == 0


def test_options_are_those_of_save() -> None:
    with fx.Exchange() as ex:
        ref = ex.put(np.zeros((10, 10)), format="zarr", chunks=(5, 5), attrs={"unit": "m"})
        assert (ref.chunks, dict(ref.attrs)) == ((5, 5), {"unit": "m"})
        with pytest.raises(UnsupportedOptionError):
            ex.put(np.zeros(3), chunks=2)
        with pytest.raises(fx.FileExchangeError):
            ex.put(np.zeros(3), format="no-such-format")


def test_released_file_is_gone_and_its_views_stay() -> None:
    with fx.Exchange() as ex:
        ref = ex.put(np.arange(1000))
        view = ref[10:]
        ex.release(ref)
        assert ex.stats().held == 0
        ex.put(np.zeros(1000))
        assert_same(view, np.arange(10, 1000))
        with pytest.raises(ArrayNotFoundError):
            ref.load()
        with pytest.raises(ArrayNotFoundError):
            ex.release(ref)


def test_foreign_file_cannot_be_released(tmp_path: Path) -> None:
    ref = fx.save(tmp_path / "mine.npy", np.zeros(3))
    with fx.Exchange() as ex:
        held = ex.put(np.zeros(3))
        places = [os.path.join(os.path.dirname(held.path), name) for name in ("", ".", "..")]
        for path in (ref.path, *places, ex.directory, f"{held.path}/../../held"):
            with pytest.raises(ExchangeError, match="not held"):
                ex.release(dataclasses.replace(ref, path=path))
        assert_same(held[:], np.zeros(3))
    assert_same(ref.load(), np.zeros(3))


def test_views_outlive_the_exchange_and_putting_does_not() -> None:
    with fx.Exchange() as ex:
        view = ex.put(np.arange(100))[:]
    assert_same(view, np.arange(100))
    with pytest.raises(ExchangeClosedError):
        ex.put(np.zeros(3))
    ex.close()


def test_exchange_that_is_not_closed_ends_with_its_process(base: Path) -> None:
    code = "import filexchange as fx, numpy as np; ex = fx.Exchange(); ex.put(np.zeros(9))"
    subprocess.run([sys.executable, "-c", code], check=True, env={**os.environ})
    assert os.listdir(base / f"filexchange-{os.getuid()}") == []


def test_forked_child_does_not_remove_what_its_parent_made() -> None:
    # In a process of its own: the child ends like a script, with its finalizers.
    code = (
        "import os, sys, filexchange as fx, numpy as np\n"
        "ex = fx.Exchange()\n"
        "ref = ex.put(np.arange(10))\n"
        "if os.fork() == 0:\n"
        "    ex.close()\n"
        "    sys.exit(0)\n"
        "os.wait()\n"
        "print(ref.load().sum())"
    )
    run = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert run.stdout == "45\n"


@pytest.mark.parametrize("method", ["spawn", "forkserver", "fork"])
def test_exchange_of_a_child_process_ends_with_it(method: str, base: Path) -> None:
    context: Any = multiprocessing.get_context(method)
    child = context.Process(target=_make_and_leave, args=(str(base),))
    child.start()
    child.join()
    assert child.exitcode == 0
    child.close()
    assert os.listdir(base / f"filexchange-{os.getuid()}") == []


@pytest.mark.parametrize("method", ["spawn", "forkserver", "fork"])
def test_child_process_puts_into_its_parents_exchange(method: str) -> None:
    context: Any = multiprocessing.get_context(method)
    with fx.Exchange() as ex:
        receiving, sending = context.Pipe(duplex=False)
        child = context.Process(target=_put_and_send, args=(ex, sending))
        child.start()
        sending.close()
        ref = receiving.recv()
        child.join()
        receiving.close()
        child.close()
        assert_same(ref[::-1], np.arange(50)[::-1])
        assert Path(ref.path).parent == Path(ex.directory) / "held"


def test_pickled_exchange_is_a_participant_that_removes_nothing() -> None:
    with fx.Exchange() as ex:
        ref = ex.put(np.ones(4))
        participant = pickle.loads(pickle.dumps(ex))
        assert_same(participant.put(np.zeros(2))[:], np.zeros(2))
        participant.close()
        del participant
        assert_same(ref.load(), np.ones(4))


def test_threads_put_at_the_same_time() -> None:
    with fx.Exchange() as ex:
        refs: list[fx.ArrayRef] = []
        threads = [
            threading.Thread(target=lambda i=i: refs.append(ex.put(np.full(1000, i))))
            for i in range(16)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(int(ref[0]) for ref in refs) == list(range(16))


@pytest.mark.parametrize("trap", ["open to others", "a link", "a file"])
def test_directory_that_is_not_ours_alone_is_refused(trap: str, base: Path) -> None:
    place = base / f"filexchange-{os.getuid()}"
    if trap == "open to others":
        place.mkdir()
        place.chmod(0o770)
    elif trap == "a link":
        (base / "elsewhere").mkdir(mode=0o700)
        place.symlink_to(base / "elsewhere")
    else:
        place.touch()
    with pytest.raises(UnsafeDirectoryError, match="FILEXCHANGE_DIR"):
        fx.Exchange()


def test_missing_base_is_named(tmp_path: Path) -> None:
    with pytest.raises(ArrayNotFoundError, match="nowhere"):
        fx.Exchange(tmp_path / "nowhere")


def test_base_is_tmpfs_only_when_roomy(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("FILEXCHANGE_DIR")
    monkeypatch.setattr(sessions.tempfile, "gettempdir", lambda: str(tmp_path / "temporary"))
    monkeypatch.setattr(sessions.capabilities, "shared_memory_dir", lambda: str(tmp_path))
    for free, available, expected in (
        (8 << 30, 8 << 30, tmp_path),
        (1 << 30, 8 << 30, tmp_path / "temporary"),
        (8 << 30, 1 << 30, tmp_path / "temporary"),
    ):
        monkeypatch.setattr(sessions.capabilities, "free_bytes", lambda _, free=free: free)
        monkeypatch.setattr(sessions.capabilities, "available_memory", lambda n=available: n)
        assert sessions.base_directory() == str(expected)


def _make_and_leave(base: str) -> None:
    fx.Exchange(base).put(np.zeros(9))


def _put_and_send(ex: fx.Exchange, connection: Any) -> None:
    connection.send(ex.put(np.arange(50)))
    connection.close()


def test_notebooks_show_what_there_is_until_it_ends() -> None:
    with fx.Exchange() as ex:
        assert "this process" not in ex._repr_html_()
        waiting = ex.pack(np.ones(100_000))
        shown = ex._repr_html_()
        assert ex.directory in shown
        assert ">1 segments, 0% of them there already<" in shown
        assert ex.stats()._repr_html_().count("<tr>") == shown.count("<tr>") - 1
        ex.unpack(waiting)
    assert "ended" in ex._repr_html_()
