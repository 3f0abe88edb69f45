"""Channels: what is under a queue, by sockets and, where there are none, by the standard queue."""

import gc
import multiprocessing
import os
import queue
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import filexchange as fx
from filexchange import capabilities, channels

HAS_SOCKETS = hasattr(socket, "SOCK_SEQPACKET")
METHODS = ["spawn", "forkserver", "fork"]


@pytest.fixture(params=["sockets", "standard"])
def make(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    if request.param == "standard":
        monkeypatch.setattr(capabilities, "packet_sockets", lambda: None)
    elif not HAS_SOCKETS:
        pytest.skip("this system has no sockets that keep messages apart")
    return channels.make_channel


def _send_many(channel: Any, count: int) -> None:
    for number in range(count):
        channel.put(number.to_bytes(4, "little") * 100, True, None)
    channel.close()
    channel.join_thread()


@pytest.mark.parametrize("method", METHODS)
def test_everything_arrives_once_and_in_order(method: str, make: Callable[..., Any]) -> None:
    context: Any = multiprocessing.get_context(method)
    channel = make(0, context)
    sender = context.Process(target=_send_many, args=(channel, 3000))
    sender.start()
    received = [int.from_bytes(channel.get(True, 60)[:4], "little") for _ in range(3000)]
    sender.join()
    sender.close()
    channel.close()
    channel.join_thread()
    assert received == list(range(3000))


def test_more_than_the_socket_holds_waits_for_a_receiver(make: Callable[..., Any]) -> None:
    channel = make(0, None)
    for number in range(500):
        channel.put(bytes([number % 256]) * 10_000, True, None)
    for number in range(500):
        assert channel.get(True, 60) == bytes([number % 256]) * 10_000
    channel.close()
    channel.join_thread()


def test_room_is_counted(make: Callable[..., Any]) -> None:
    channel = make(2, None)
    channel.put(b"a", False, None)
    channel.put(b"b", True, 1)
    assert channel.full()
    assert channel.qsize() == 2
    with pytest.raises(queue.Full):
        channel.put(b"c", False, None)
    with pytest.raises(queue.Full):
        channel.put(b"c", True, 0.01)
    assert [channel.get(True, 60), channel.get(True, 60)] == [b"a", b"b"]
    with pytest.raises(queue.Empty):
        channel.get(False, None)
    with pytest.raises(queue.Empty):
        channel.get(True, 0.01)
    assert channel.empty()
    channel.close()
    channel.join_thread()


def test_closed_channel_says_so(make: Callable[..., Any]) -> None:
    channel = make(0, None)
    channel.close()
    channel.close()
    channel.join_thread()
    for use in (lambda: channel.put(b"", True, None), lambda: channel.get(True, None)):
        with pytest.raises(ValueError, match="is closed"):
            use()


def _work(tasks: Any, done: Any) -> None:
    for _ in range(5):
        done.put(tasks.get())
        tasks.task_done()


def test_join_waits_for_every_task() -> None:
    context: Any = multiprocessing.get_context("spawn")
    tasks, done = fx.Queue(context=context), fx.Queue(context=context)
    workers = [context.Process(target=_work, args=(tasks, done)) for _ in range(2)]
    for number in range(10):
        tasks.put(number)
    for worker in workers:
        worker.start()
    tasks.join()
    assert sorted(done.get(timeout=60) for _ in range(10)) == list(range(10))
    with pytest.raises(ValueError, match="too many"):
        tasks.task_done()
    for worker in workers:
        worker.join()
        worker.close()
    for each in (tasks, done):
        each.close()
        each.join_thread()


def _wait(tasks: Any, ready: Any) -> None:
    ready.send("waiting")
    tasks.get()


def test_consumer_killed_while_it_waits_takes_nothing_with_it() -> None:
    if not HAS_SOCKETS:
        pytest.skip("the standard queue is lost with its reader's lock")
    context: Any = multiprocessing.get_context("spawn")
    with fx.Exchange() as ex:
        tasks = ex.queue(context=context)
        here, there = context.Pipe()
        consumer = context.Process(target=_wait, args=(tasks, there))
        consumer.start()
        assert here.recv() == "waiting"
        os.kill(consumer.pid, signal.SIGKILL)
        consumer.join()
        consumer.close()
        tasks.put(np.arange(100_000))
        assert tasks.get(timeout=60)[-1] == 99_999
        for each in (here, there, tasks):
            each.close()


def test_what_was_put_is_handed_over_when_the_process_ends() -> None:
    # More than the socket holds: a thread has to be waited for.
    code = (
        "import multiprocessing, sys, filexchange as fx\n"
        "def put(queue):\n"
        "    for i in range(2000): queue.put(bytes([i % 256]) * 1000)\n"
        "if __name__ == '__main__':\n"
        "    context = multiprocessing.get_context('fork')\n"
        "    queue = fx.Queue(context=context)\n"
        "    child = context.Process(target=put, args=(queue,)); child.start()\n"
        "    got = [queue.get()[0] for _ in range(2000)]\n"
        "    child.join(); print(child.exitcode, got == [i % 256 for i in range(2000)])\n"
    )
    run = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert (run.stdout, run.stderr) == ("0 True\n", "")


def test_process_can_end_without_waiting_for_receivers() -> None:
    code = (
        "import filexchange as fx\n"
        "queue = fx.Queue()\n"
        "queue.cancel_join_thread()\n"
        "for i in range(2000): queue.put(bytes(1000))\n"
    )
    run = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, timeout=60)
    assert run.stderr == b""


def test_queue_is_inherited_and_not_sent() -> None:
    import pickle

    frames = fx.Queue()
    with pytest.raises(RuntimeError, match="inheritance"):
        pickle.dumps(frames)
    frames.close()


def test_main_that_ends_first_leaves_its_messages_to_its_children() -> None:
    code = (
        "import multiprocessing, os, numpy as np, filexchange as fx\n"
        "def get(queue, ready):\n"
        "    ready.recv()\n"  # until the parent is at its end, and has closed its side
        "    print(queue.get().sum())\n"
        "if __name__ == '__main__':\n"
        "    context = multiprocessing.get_context('fork')\n"
        "    queue = fx.Queue(context=context)\n"
        "    ready, go = context.Pipe(duplex=False)\n"
        "    context.Process(target=get, args=(queue, ready)).start()\n"
        "    queue.put(np.ones(100_000))\n"
        "    import weakref\n"
        "    class Last: pass\n"
        "    last = Last(); weakref.finalize(last, go.send, 'the hooks of weakref have run')\n"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True, timeout=60
    )
    assert (run.stdout, run.stderr) == ("100000.0\n", "")


def _get_with_default_timeout(tasks: Any, ready: Any) -> None:
    ready.send("waiting")
    ready.send(tasks.get(timeout=60))


def test_default_timeout_of_sockets_is_not_that_of_queues() -> None:
    context: Any = multiprocessing.get_context("spawn")
    tasks = fx.Queue(context=context)
    here, there = context.Pipe()
    socket.setdefaulttimeout(0.001)
    try:
        child = context.Process(target=_get_with_default_timeout, args=(tasks, there))
        child.start()
        assert here.recv() == "waiting"
        tasks.put("here")
        assert here.recv() == "here"
    finally:
        socket.setdefaulttimeout(None)
        child.join()
        child.close()
        for each in (here, there, tasks):
            each.close()


def test_dropped_channels_leave_neither_threads_nor_descriptors() -> None:
    def use() -> None:
        channel = channels.make_channel(0, None)
        for _ in range(200):
            channel.put(bytes(10_000), True, None)
        for _ in range(200):
            channel.get(True, 60)

    use()
    gc.collect()
    opened = len(os.listdir("/proc/self/fd"))
    threads = {each for each in threading.enumerate() if each.name == "queue feeder"}
    for _ in range(5):
        use()
    gc.collect()
    for each in {each for each in threading.enumerate() if each.name == "queue feeder"} - threads:
        each.join(60)
    assert len(os.listdir("/proc/self/fd")) <= opened


def test_who_waits_while_another_thread_closes_is_told_so() -> None:
    channel = channels.make_channel(0, None)
    if not isinstance(channel, channels.PacketChannel):
        pytest.skip("the standard queue is as it is")
    channel._writer.shutdown(socket.SHUT_RDWR)
    with pytest.raises(ValueError, match="is closed"):
        channel.get(True, None)
    with pytest.raises(BrokenPipeError):
        channel.put(b"x", True, None)
    assert channel.qsize() == 0
    channel.close()
