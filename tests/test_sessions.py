"""Sessions: directories that live as long as somebody takes part, and not a moment longer."""

import errno
import multiprocessing
import os
import pickle
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import filexchange as fx
from filexchange import files, sessions, sweeping
from filexchange.errors import ArrayIOError, ExchangeClosedError, StorageFullError
from filexchange.sessions import Session

pytestmark = pytest.mark.usefixtures("base")

pytest.importorskip("fcntl", reason="a session's life is a lock of Unix")

N = 100_000


def entries(base: Path) -> list[str]:
    """Return the sessions of this user, dead or alive."""
    return os.listdir(base / f"filexchange-{os.getuid()}")


_OWNER = """
import pickle
import sys
import numpy as np
import filexchange as fx

ex = fx.Exchange()
ref = ex.put(np.full(100_000, 1, np.uint8))
message = ex.pack(np.full(100_000, 2, np.uint8))
print(ex.directory, pickle.dumps(ex).hex(), message.hex(), flush=True)
sys.stdin.read()
"""


class Owner:
    """A process, no relative of this one, that has an exchange with an array and a message."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", _OWNER],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        self.directory, *told = self._process.stdout.readline().split()
        self.exchange, self.message = map(bytes.fromhex, told)

    def kill(self) -> None:
        self._process.kill()
        self.wait()

    def wait(self) -> None:
        self._process.communicate()


@pytest.fixture
def owner() -> Any:
    made = Owner()
    yield made
    made.wait()


def test_living_session_is_never_swept(owner: Owner, base: Path) -> None:
    with fx.Exchange() as ex:
        assert ex.sweep() == []
        assert sweeping.sweep_sessions() == []
        assert set(entries(base)) == {Path(owner.directory).name, Path(ex.directory).name}
        found = sweeping.facts(owner.directory)
        assert (found.is_alive, found.pools, found.dead_pools) == (True, 1, 0)
        assert (found.segments, found.claims, found.held) == (2, 1, 1)


def test_session_ends_with_its_process(owner: Owner, base: Path) -> None:
    owner.wait()
    assert entries(base) == []


def test_next_exchange_removes_a_session_whose_processes_were_killed(
    owner: Owner, base: Path
) -> None:
    owner.kill()
    assert entries(base) == [Path(owner.directory).name]
    assert not sweeping.facts(owner.directory).is_alive
    with fx.Exchange() as ex:
        assert entries(base) == [Path(ex.directory).name]
    assert entries(base) == []


def _take_part(kept: dict[str, Any], exchange: bytes) -> int:
    kept["exchange"] = pickle.loads(exchange)
    return int(kept["exchange"].stats().segments)


def _sweep(kept: dict[str, Any]) -> list[str]:
    swept: list[str] = kept["exchange"].sweep()
    return swept


def _carry(kept: dict[str, Any], message: bytes) -> tuple[int, int]:
    ex = kept["exchange"]
    return int(ex.unpack(message)[-1]), int(ex.unpack(ex.pack(np.full(N, 3, np.uint8)))[-1])


def test_session_lives_on_with_a_participant_after_its_owner_was_killed(
    owner: Owner, base: Path, companion: Any
) -> None:
    participant = companion()
    assert participant.call(_take_part, owner.exchange) == 2
    owner.kill()
    with fx.Exchange() as ex:
        assert ex.sweep() == []
        assert set(entries(base)) == {Path(owner.directory).name, Path(ex.directory).name}
        (swept,) = participant.call(_sweep)
        assert os.path.dirname(swept) == os.path.join(owner.directory, "pools")
        assert participant.call(_carry, owner.message) == (2, 3)
        participant.join()
        assert ex.sweep() == [owner.directory]


def test_directory_of_a_session_being_removed_is_removed_by_the_next(base: Path) -> None:
    with fx.Exchange() as ex:
        dead = Path(ex.directory).parent / "dead-0123456789abcdef"
        (dead / "claims").mkdir(parents=True)
        (dead / "claims" / "x.segment.npy").touch()
        assert ex.sweep() == [str(dead)]
        assert entries(base) == [Path(ex.directory).name]


# A process that takes part, or begins to, and one that sweeps.


def _interrupted(monkeypatch: pytest.MonkeyPatch, name: str, act: Callable[[], Any]) -> list[Any]:
    """Let `act` happen just before the next call of a capability; return its results."""
    function = getattr(sessions.capabilities, name)
    results: list[Any] = []

    def interrupted(*args: Any) -> Any:
        monkeypatch.setattr(sessions.capabilities, name, function)
        results.append(act())
        return function(*args)

    monkeypatch.setattr(sessions.capabilities, name, interrupted)
    return results


def test_who_joins_while_the_session_is_swept_is_told_that_it_has_ended(
    owner: Owner, base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner.kill()
    # After `alive` has been opened, before it is locked.
    swept = _interrupted(monkeypatch, "lock_shared", sweeping.sweep_sessions)
    with pytest.raises(ExchangeClosedError, match="has been closed"):
        Session.join(owner.directory)
    assert swept == [[owner.directory]]
    assert entries(base) == []
    with pytest.raises(ExchangeClosedError):
        Session.join(owner.directory)


def test_who_joins_first_is_not_swept(
    owner: Owner, base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner.kill()
    joined = _interrupted(monkeypatch, "try_lock_alone", lambda: Session.join(owner.directory))
    assert sweeping.sweep_sessions() == []
    assert os.path.isdir(owner.directory)
    assert sweeping.sweep_sessions() == []
    joined.clear()
    assert sweeping.sweep_sessions() == [owner.directory]


def test_two_sweepers_do_not_meet(
    owner: Owner, base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner.kill()
    other = _interrupted(monkeypatch, "try_lock_alone", sweeping.sweep_sessions)
    assert sweeping.sweep_sessions() == []
    assert other == [[owner.directory]]
    assert entries(base) == []


def test_directory_that_another_process_removes_at_the_same_time_is_gone(
    owner: Owner, base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner.kill()
    unlink = os.unlink

    def be_slower(path: Any, **options: Any) -> None:
        try:
            unlink(path, **options)
        except IsADirectoryError:
            monkeypatch.setattr(os, "unlink", unlink)
            shutil.rmtree(path)
            raise

    monkeypatch.setattr(os, "unlink", be_slower)
    assert sweeping.sweep_sessions() == [owner.directory]
    assert entries(base) == []


def test_directory_that_a_file_comes_into_while_it_is_removed_is_removed(
    owner: Owner, base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner.kill()
    rmdir = os.rmdir

    def be_late(path: Any, **options: Any) -> None:
        if os.path.basename(path).startswith("dead-"):
            monkeypatch.setattr(os, "rmdir", rmdir)
            Path(path, "late").touch()
        rmdir(path, **options)

    monkeypatch.setattr(os, "rmdir", be_late)
    assert sweeping.sweep_sessions() == [owner.directory]
    assert entries(base) == []


@pytest.mark.parametrize("step", ["the directory is made", "the file is made", "it is opened"])
def test_session_that_is_swept_while_it_is_made_is_made_again(
    step: str, base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = sessions.os.open
    swept: list[Any] = []

    def sweep_at(path: str, flags: int, *args: Any) -> int:
        if not path.endswith("alive") or swept:
            return opened(path, flags, *args)
        if (step == "the directory is made") == bool(flags & os.O_CREAT):
            monkeypatch.setattr(sessions.os, "open", opened)
            swept.append(sweeping.sweep_sessions())
        return opened(path, flags, *args)

    if step == "it is opened":
        swept = _interrupted(monkeypatch, "lock_shared", sweeping.sweep_sessions)
    else:
        monkeypatch.setattr(sessions.os, "open", sweep_at)
    session = Session.create()
    assert [len(each) for each in swept] == [1]
    assert entries(base) == [Path(session.path).name]
    assert sorted(os.listdir(session.path)) == ["alive", "claims", "held", "pools"]
    assert sweeping.sweep_sessions() == []
    session.end()
    assert entries(base) == []


def test_pool_that_is_swept_while_it_is_made_is_made_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with fx.Exchange() as ex:
        swept = _interrupted(
            monkeypatch, "try_lock_alone", lambda: sweeping.sweep_pools(ex.directory)
        )
        assert (ex.put(np.ones(N))[:] == 1).all()
        assert [len(each) for each in swept] == [1]
        assert len(os.listdir(os.path.join(ex.directory, "pools"))) == 1
        assert ex.sweep() == []
        assert ex.stats().held == 1


def test_exchange_that_is_removed_by_hand_has_been_closed() -> None:
    ex = fx.Exchange()
    ex.put(np.zeros(N))
    files.remove(ex.directory)
    for put in (ex.put, ex.pack):
        with pytest.raises(ExchangeClosedError):
            put(np.zeros(N))
    ex.close()


# A process that takes part, and one that ends the exchange.


def test_who_joins_while_the_exchange_ends_is_told_so(
    owner: Owner, monkeypatch: pytest.MonkeyPatch
) -> None:
    # After `alive` has been locked.
    _interrupted(monkeypatch, "can_lease", owner.wait)
    with pytest.raises(ExchangeClosedError, match="has been closed"):
        Session.join(owner.directory)


@pytest.mark.parametrize("step", ["free_bytes", "try_lock_alone", "reserve", "link_or_copy"])
@pytest.mark.parametrize("way", ["put", "pack"])
def test_who_writes_first_while_the_exchange_ends_is_told_so(
    way: str, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    ex = fx.Exchange()
    ended = _interrupted(monkeypatch, step, ex.close)
    with pytest.raises(ExchangeClosedError, match="has been closed"):
        getattr(ex, way)(np.zeros(N))
    assert len(ended) == 1


def test_who_puts_while_the_exchange_ends_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    ex = fx.Exchange()
    ex.put(np.zeros(N))
    ended = _interrupted(monkeypatch, "lock_shared", ex.close)  # of what has just been put
    with pytest.raises(ExchangeClosedError, match="has been closed"):
        ex.put(np.zeros(N))
    assert len(ended) == 1


def test_put_that_fails_at_its_last_step_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    with fx.Exchange() as ex:
        ex.put(np.zeros(N))

        def fail() -> None:
            raise OSError(errno.ENFILE, os.strerror(errno.ENFILE))

        _interrupted(monkeypatch, "lock_shared", fail)
        with pytest.raises(ArrayIOError):
            ex.put(np.zeros(N))
        assert ex.stats().held == 1


def test_session_that_cannot_be_made_leaves_nothing(
    base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make = sessions.os.mkdir

    def fail(path: str, mode: int = 0o777) -> None:
        if path.endswith("pools"):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        make(path, mode)

    monkeypatch.setattr(sessions.os, "mkdir", fail)
    with pytest.raises(StorageFullError):
        fx.Exchange()
    assert entries(base) == []


# Pools of the dead, in living sessions.


def _send(kept: dict[str, Any], ex: fx.Exchange, value: int) -> bytes:
    kept["held"] = ex.put(np.full(N, value, np.uint8))
    return ex.pack(np.full(N, value, np.uint8))


def _see(kept: dict[str, Any]) -> int:
    return int(kept["held"][-1])


def test_pools_of_dead_participants_are_swept_and_those_of_living_ones_are_not(
    companion: Any,
) -> None:
    with fx.Exchange() as ex:
        dead, living = companion(), companion()
        messages = [each.call(_send, ex, value) for value, each in enumerate((dead, living))]
        ref = ex.put(np.full(N, 9, np.uint8))
        assert ex.sweep() == []
        assert ex.stats().segments == 5
        dead.kill()
        found = sweeping.facts(ex.directory)
        assert (found.pools, found.dead_pools) == (3, 1)
        (swept,) = ex.sweep()
        assert os.path.dirname(swept) == os.path.join(ex.directory, "pools")
        assert ex.sweep() == []
        assert ex.stats()[2:5] == (2, 0, 3)
        assert ex.stats().segments == 3
        assert [int(ex.unpack(each)[0]) for each in messages] == [0, 1]
        assert living.call(_see) == 1
        assert ref[0] == 9
        # The array that the dead one had put is the exchange's.
        assert sorted(int(np.load(path)[0]) for path in Path(ex.directory, "held").iterdir()) == [
            *(0, 1, 9)
        ]


def test_new_participant_sweeps_the_pools_of_the_dead(companion: Any) -> None:
    with fx.Exchange() as ex:
        first, second = companion(), companion()
        first.call(_send, ex, 1)
        first.kill()
        second.call(_send, ex, 2)
        found = sweeping.facts(ex.directory)
        assert (found.pools, found.dead_pools, found.segments) == (1, 0, 2)


# A session leader with all that it has started, killed at once.


def _lead(connection: Any) -> None:
    os.setsid()
    ex = fx.Exchange()
    context = multiprocessing.get_context("fork")
    messages = context.SimpleQueue()
    for _ in range(2):
        context.Process(target=_produce, args=(ex, messages)).start()
        context.Process(target=_consume, args=(ex, messages, connection)).start()
    ex.put(np.zeros(N))
    signal.pause()


def _produce(ex: fx.Exchange, messages: Any) -> None:
    for value in range(1 << 30):
        messages.put(ex.pack(np.full(N, value % 251, np.uint8)))


def _consume(ex: fx.Exchange, messages: Any, connection: Any) -> None:
    kept: list[Any] = []
    while True:
        kept = [*kept[-3:], ex.unpack(messages.get())]
        connection.send((ex.directory, len(np.unique(kept[-1]))))


def test_process_group_that_is_killed_leaves_nothing_that_the_next_exchange_does_not_remove(
    base: Path,
) -> None:
    receiving, sending = multiprocessing.Pipe(duplex=False)
    leader = multiprocessing.get_context("spawn").Process(target=_lead, args=(sending,))
    leader.start()
    assert leader.pid is not None
    sending.close()
    for _ in range(50):
        directory, values = receiving.recv()
        assert values == 1
    os.killpg(leader.pid, signal.SIGKILL)
    leader.join()
    assert leader.exitcode == -signal.SIGKILL
    leader.close()
    receiving.close()
    _wait_for_all_participants(directory)
    assert entries(base) == [os.path.basename(directory)]
    found = sweeping.facts(directory)
    assert not found.is_alive
    assert found.pools == found.dead_pools > 0
    code = (
        "import filexchange as fx, os\n"
        "ex = fx.Exchange()\n"
        "assert os.listdir(os.path.dirname(ex.directory)) == [os.path.basename(ex.directory)]"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    assert entries(base) == []


def _wait_for_all_participants(directory: str) -> None:
    """Wait until no process, a killed one that has not quite gone yet, takes part."""
    import fcntl

    with open(os.path.join(directory, "alive"), "rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
