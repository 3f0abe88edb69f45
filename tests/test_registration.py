"""`register`: plain multiprocessing carries large arrays by file.

Each test runs this file as a script, in a process of its own: registration is for good.
"""

import multiprocessing
import os
import pickle
import subprocess
import sys
from collections.abc import Callable
from multiprocessing.reduction import ForkingPickler
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import filexchange as fx
from filexchange import registration
from filexchange.leases import lease_of

LARGE = np.arange(200_000.0).reshape(500, 400)
SMALL = np.arange(10)

METHODS = [each for each in ("spawn", "fork") if each in multiprocessing.get_all_start_methods()]


def _came_by_file(array: Any) -> bool:
    return lease_of(array) is not None and not array.flags.writeable


def _answer(array: Any) -> tuple[bool, Any]:
    """Return, from another process, whether an array came there by file, and one to send back."""
    return _came_by_file(array), array * 2


def _check(answer: tuple[bool, Any], sent: Any, *, by_file: bool = True) -> None:
    came_by_file, array = answer
    assert came_by_file == by_file
    assert _came_by_file(array) == by_file
    assert array.dtype == sent.dtype
    assert np.array_equal(array, sent * 2)


def _run(context: Any, target: Callable[..., None], *args: Any) -> Any:
    process = context.Process(target=target, args=args, daemon=True)
    process.start()
    return process


def _end(process: Any) -> None:
    process.join()
    assert process.exitcode == 0
    process.close()


def _answer_queue(inbox: Any, outbox: Any) -> None:
    while (array := inbox.get()) is not None:
        outbox.put(_answer(array))


def queues_carry_arrays(context: Any) -> None:
    _check_queues(context, context.Queue(), context.Queue())


def simple_queues_carry_arrays(context: Any) -> None:
    _check_queues(context, context.SimpleQueue(), context.SimpleQueue())


def _check_queues(context: Any, outbox: Any, inbox: Any) -> None:
    process = _run(context, _answer_queue, outbox, inbox)
    for sent, by_file in ((LARGE, True), (SMALL, False), (LARGE.T, True), (LARGE[::2], True)):
        outbox.put(sent)
        _check(inbox.get(), sent, by_file=by_file)
    outbox.put(None)
    _end(process)


def _answer_pipe(connection: Any) -> None:
    connection.send(_answer(connection.recv()))
    connection.close()


def pipes_carry_arrays(context: Any) -> None:
    ours, theirs = context.Pipe()
    process = _run(context, _answer_pipe, theirs)
    ours.send(LARGE)
    _check(ours.recv(), LARGE)
    _end(process)


def pools_carry_arrays(context: Any) -> None:
    arrays = [LARGE + i for i in range(6)]
    with context.Pool(2) as pool:
        for answer, sent in zip(pool.map(_answer, arrays, chunksize=2), arrays, strict=True):
            _check(answer, sent)
        _check(pool.apply(_answer, (LARGE,)), LARGE)
        pool.close()
        pool.join()


def _answer_argument(array: Any, outbox: Any) -> None:
    outbox.put(_answer(array))


def arguments_of_processes_carry_arrays(context: Any) -> None:
    inbox = context.SimpleQueue()
    process = _run(context, _answer_argument, LARGE, inbox)
    came_by_file, array = inbox.get()
    # A forked child has its parent's memory; nothing is sent.
    assert came_by_file == (context.get_start_method() == "spawn")
    assert _came_by_file(array)
    assert np.array_equal(array, LARGE * 2)
    _end(process)


def received_arrays_are_passed_on_without_a_copy(context: Any) -> None:
    there, back = context.SimpleQueue(), context.SimpleQueue()
    process = _run(context, _pass_on, there, back)
    there.put(LARGE)
    place, array = back.get()
    found = lease_of(array)
    assert found is not None
    assert (found[0].path, found[1]) == place
    assert np.array_equal(array, LARGE)
    _end(process)


def _pass_on(inbox: Any, outbox: Any) -> None:
    array = inbox.get()
    found = lease_of(array)
    assert found is not None
    outbox.put(((found[0].path, found[1]), array))


def messages_outlive_the_process_that_sent_them(context: Any) -> None:
    there, back = context.SimpleQueue(), context.SimpleQueue()
    process = _run(context, _answer_once, there, back)
    there.put(LARGE)
    _end(process)
    _check(back.get(), LARGE)


def _answer_once(inbox: Any, outbox: Any) -> None:
    outbox.put(_answer(inbox.get()))


def process_that_outlives_the_exchange_uses_its_own(context: Any) -> None:
    with fx.Exchange() as ex:
        registration._received(ex._lane, ex.pack(LARGE))
        registration._use(ex._lane)
    for _ in range(2):
        received = ForkingPickler.loads(ForkingPickler.dumps(LARGE))
        assert _came_by_file(received)
        assert np.array_equal(received, LARGE)


def what_no_file_holds_is_pickled(context: Any) -> None:
    arrays = [
        np.array([{"a": 1}, None] * 50_000, dtype=object),
        np.ma.masked_array(LARGE, LARGE > 5),
        np.rec.array(np.zeros(50_000, "i4,f8")),
    ]
    for array in arrays:
        received = ForkingPickler.loads(ForkingPickler.dumps(array))
        assert type(received) is type(array)
        assert received.dtype == array.dtype
        assert received.tolist() == array.tolist()
        assert lease_of(np.asarray(received)) is None


def pickle_itself_is_as_before(context: Any) -> None:
    received = pickle.loads(pickle.dumps(LARGE))
    assert type(received) is np.ndarray
    assert received.flags.writeable
    assert lease_of(received) is None


SCENARIOS = [
    queues_carry_arrays,
    simple_queues_carry_arrays,
    pipes_carry_arrays,
    pools_carry_arrays,
    arguments_of_processes_carry_arrays,
    received_arrays_are_passed_on_without_a_copy,
    messages_outlive_the_process_that_sent_them,
    process_that_outlives_the_exchange_uses_its_own,
    what_no_file_holds_is_pickled,
    pickle_itself_is_as_before,
]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("scenario", [each.__name__ for each in SCENARIOS])
def test_registered(scenario: str, method: str, tmp_path: Path) -> None:
    run = subprocess.run(
        [sys.executable, __file__, scenario, method],
        env={**os.environ, "FILEXCHANGE_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (run.stderr, run.returncode) == ("", 0)
    assert [path for path in tmp_path.rglob("*") if path.parent != tmp_path] == []


if __name__ == "__main__":
    fx.register()
    fx.register()  # once is enough, and twice no harm
    globals()[sys.argv[1]](multiprocessing.get_context(sys.argv[2]))
