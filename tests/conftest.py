"""Every test leaves the machine as it found it."""

import concurrent.futures
import contextlib
import gc
import glob
import multiprocessing
import os
import shutil
import subprocess
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import hypothesis
import psutil
import pytest

import filexchange as fx
from filexchange import lanes, participants, sweeping

# A slow machine is no failure.
hypothesis.settings.register_profile("untimed", deadline=None)
hypothesis.settings.load_profile("untimed")

# Seconds that another process's test may have to remove what a killed process left.
_PATIENCE = 30.0

# Directories of what fixtures keep running for all tests of a module.
_lasting: list[str] = []


def _open_files() -> set[str]:
    """Return the regular files that this process has open; pipes and sockets are the runner's."""
    found = set()
    for name in os.listdir("/proc/self/fd"):
        try:
            target = os.readlink(f"/proc/self/fd/{name}")
        except FileNotFoundError:  # the descriptor of the listing itself
            continue
        if target.startswith(("/dev/shm", tempfile.gettempdir())):
            found.add(target)
    return found


def _scratch() -> set[str]:
    """Return what exchanges and shared memory keep outside the test's own directory."""
    sessions = os.path.join(f"filexchange-{os.getuid()}", "*")
    places = [os.path.join(base, sessions) for base in ("/dev/shm", tempfile.gettempdir())]
    return {name for place in (*places, "/dev/shm/psm_*") for name in glob.glob(place)}


@pytest.fixture(autouse=True)
def _nothing_left_behind(tmp_path: Path) -> Iterator[None]:
    if not os.path.isdir("/proc/self/fd"):
        yield
        return
    scratch = _scratch()
    files = _open_files()
    children = set(multiprocessing.active_children())
    yield
    gc.collect()
    assert set(multiprocessing.active_children()) - children == set()
    own = (*(lane.path for lane in lanes._default.values()), *_lasting)
    assert {name for name in _open_files() - files if not name.startswith(own or "-")} == set()
    assert _left(scratch) == set()


def _left(before: set[str]) -> set[str]:
    """Return what is left, once what tests in other processes have left is gone."""
    deadline = time.monotonic() + _PATIENCE
    while True:
        left = {name for name in _scratch() - before if _is_ours(name)}
        if not left or time.monotonic() > deadline:
            return left
        time.sleep(0.05)


def _is_ours(name: str) -> bool:
    """Return whether something is left by this test: by no living process but this one.

    The exchange that queues of this process share lives as long as the process.
    """
    if not os.path.isdir(name):
        return not _is_mapped(name) and os.path.exists(name)
    if name in {lane.path for lane in lanes._default.values()}:
        return False
    return name in participants._participants or not sweeping.facts(name).is_alive


def _is_mapped(name: str) -> bool:
    """Return whether some process uses a file; this one, and its children, do no more."""
    for maps in glob.glob("/proc/[0-9]*/maps"):
        try:
            with open(maps, encoding="utf-8") as file:
                if name in file.read():
                    return True
        except OSError:  # it has ended, or belongs to somebody else
            continue
    return False


@pytest.fixture
def mount(tmp_path: Path) -> Iterator[Callable[[str], Path]]:
    """Return a function that mounts an empty file system in memory and returns where it is.

    Its argument is an option of ``mount``, as in ``size=1m``.
    """
    with contextlib.ExitStack() as stack:

        def mounted(option: str) -> Path:
            place = Path(tempfile.mkdtemp(prefix="mount", dir=tmp_path))
            done = subprocess.run(
                ["mount", "-t", "tmpfs", "-o", option, "none", place],
                check=False,
                capture_output=True,
            )
            if done.returncode:
                pytest.skip(f"tmpfs cannot be mounted here: {done.stderr.decode().strip()}")
            stack.callback(subprocess.run, ["umount", place], check=True)
            return place

        yield mounted


class Companion:
    """Another process, forked from this one, that runs what it is told.

    Parameters
    ----------
    kept : dict, optional
        What it has from the beginning, by inheritance.
    """

    def __init__(self, kept: dict[str, Any]) -> None:
        context = multiprocessing.get_context("fork")
        self._connection, theirs = context.Pipe()
        self._process = context.Process(target=_obey, args=(theirs, self._connection, kept))
        self._process.start()
        theirs.close()
        self.pid: Any = self._process.pid
        self.exitcode: int | None = None

    def begin(self, function: Callable[..., Any], *args: Any) -> None:
        """Let it call ``function(kept, *args)``; `kept` is a dict of its own that stays."""
        self._connection.send((function, args))

    def result(self) -> Any:
        """Return what the function returned; EOFError if the process ended instead."""
        returned, error = self._connection.recv()
        if error is not None:
            raise error
        return returned

    def call(self, function: Callable[..., Any], *args: Any) -> Any:
        """Begin, and wait for the result."""
        self.begin(function, *args)
        return self.result()

    def kill(self) -> None:
        """End it by SIGKILL."""
        self._process.kill()
        self.join()

    def join(self) -> None:
        """Let it end, if it does not already, and wait."""
        if self.exitcode is None:
            self._connection.close()
            self._process.join()
            self.exitcode = self._process.exitcode
            self._process.close()


def _obey(connection: Any, theirs: Any, kept: dict[str, Any]) -> None:
    theirs.close()
    while True:
        try:
            function, args = connection.recv()
        except EOFError:
            return
        try:
            done = function(kept, *args), None
        except Exception as error:  # noqa: BLE001 - it is raised again over there
            done = None, error
        connection.send(done)


@pytest.fixture
def companion() -> Iterator[Callable[..., Companion]]:
    """Make other processes, which end with the test."""
    made: list[Companion] = []

    def make(kept: dict[str, Any] | None = None) -> Companion:
        made.append(Companion({} if kept is None else kept))
        return made[-1]

    yield make
    for each in made:
        each.join()


@pytest.fixture
def base(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Let exchanges be made in a directory of the test's own, and return it."""
    directory = tmp_path / "base"
    directory.mkdir()
    monkeypatch.setenv("FILEXCHANGE_DIR", str(directory))
    return directory


# Executors. They run as long as one module's tests, so that nothing of theirs is near the others.


@pytest.fixture(scope="session")
def ray_environment() -> Iterator[dict[str, str]]:
    """Return variables that let a Ray keep its files in a directory of its own."""
    # Not in pytest's directory: the path of a Unix socket may have 107 bytes.
    directory = tempfile.mkdtemp(prefix="fx-", dir="/tmp" if os.path.isdir("/tmp") else None)
    yield {
        "RAY_TMPDIR": directory,
        "RAY_AUTH_TOKEN": uuid.uuid4().hex,  # a process reads it once, else from the home directory
        "RAY_USAGE_STATS_ENABLED": "0",
    }
    shutil.rmtree(directory)


@pytest.fixture(scope="module")
def ray_cluster(ray_environment: dict[str, str]) -> Iterator[Any]:
    """Return the package, connected to a Ray of two workers."""
    ray = pytest.importorskip("ray", reason="it has no wheel for this Python")
    _lasting.extend([ray_environment["RAY_TMPDIR"], "/dev/shm/plasma"])
    others = psutil.Process().children()
    with pytest.MonkeyPatch.context() as patch:
        for name, value in ray_environment.items():
            patch.setenv(name, value)
        ray.init(
            address="local",
            num_cpus=2,
            include_dashboard=False,
            object_store_memory=128 << 20,
            log_to_driver=False,
            logging_level="ERROR",
        )
        daemons = [each for each in psutil.Process().children() if each not in others]
        processes = [*daemons, *(child for each in daemons for child in each.children())]
        yield ray
        ray.shutdown()
        assert psutil.wait_procs(processes, timeout=30)[1] == []
    del _lasting[-2:]


@pytest.fixture(scope="module")
def ray_executor(ray_cluster: Any) -> Iterator[concurrent.futures.Executor]:
    from filexchange.interop.ray import RayExecutor

    with RayExecutor() as executor:
        yield executor


@pytest.fixture(scope="module")
def dask_client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Return a client of a Dask of two worker processes."""
    import dask
    from distributed import Client, LocalCluster

    directory = str(tmp_path_factory.mktemp("dask"))
    options = {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": ":0"}
    _lasting.append(directory)
    with (
        dask.config.set(temporary_directory=directory),
        LocalCluster(processes=True, **options) as cluster,
        Client(cluster) as client,
    ):
        yield client
    _lasting.remove(directory)


@pytest.fixture(scope="module")
def dask_executor(dask_client: Any) -> concurrent.futures.Executor:
    # As if all functions were pure, Dask would run equal calls once.
    return dask_client.get_executor(pure=False)


def _warm(pool: concurrent.futures.ProcessPoolExecutor) -> concurrent.futures.Executor:
    """Start all workers, which else come with the tasks."""
    futures = []
    while len(pool._processes) < pool._max_workers:
        futures.append(pool.submit(os.getpid))
    concurrent.futures.wait(futures)
    return pool


@pytest.fixture(scope="module")
def threads() -> Iterator[concurrent.futures.Executor]:
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        yield pool


@pytest.fixture(scope="module")
def processes() -> Iterator[concurrent.futures.Executor]:
    context = multiprocessing.get_context("spawn")
    with concurrent.futures.ProcessPoolExecutor(2, context) as pool:
        yield _warm(pool)


@pytest.fixture(scope="module")
def filexchange_processes() -> Iterator[concurrent.futures.Executor]:
    context = multiprocessing.get_context("spawn")
    with fx.ProcessPoolExecutor(2, context) as pool:
        _lasting.append(pool._exchange.directory)
        yield _warm(pool)
        _lasting.pop()


@pytest.fixture(
    scope="module",
    params=["threads", "processes", "filexchange_processes", "dask_executor", "ray_executor"],
)
def any_executor(request: pytest.FixtureRequest) -> concurrent.futures.Executor:
    """Return each executor in turn, all of two workers."""
    return request.getfixturevalue(request.param)
