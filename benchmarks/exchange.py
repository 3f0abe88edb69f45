"""One array to a process that sums it: filexchange against what one would do by hand.

python benchmarks/exchange.py [--mb 64] [--repeat 15] [--json OUT]

The time runs from the start of the hand-over until the consumer's answer is back. Both processes
are started, and everything imported, before. Page cache and memory are warm.
"""

import argparse
import multiprocessing as mp
import os
import statistics
import tempfile
from multiprocessing.shared_memory import SharedMemory
from typing import Any

import numpy as np
from _measure import machine, memcpy_seconds, report, timed

import filexchange as fx


def _consume(queue: Any, answers: Any, kind: str) -> None:
    answers.put("ready")
    while (message := queue.get()) is not None:
        if kind == "shared_memory":
            name, shape, dtype = message
            block = SharedMemory(name)
            total = _sum(np.ndarray(shape, dtype, block.buf))
            block.close()
        elif kind == "np.save":
            total = _sum(np.load(message, mmap_mode="r"))
        else:
            total = _sum(message)
        answers.put(total)


def _sum(array: Any) -> int:
    return int(array.reshape(-1).view("u8").sum())


def _by_shared_memory(queue: Any, answers: Any, array: Any) -> int:
    block = SharedMemory(create=True, size=array.nbytes)
    np.copyto(np.ndarray(array.shape, array.dtype, block.buf), array)
    queue.put((block.name, array.shape, array.dtype.str))
    total = answers.get()
    block.close()
    block.unlink()
    return int(total)


def _by_np_save(queue: Any, answers: Any, array: Any, directory: str) -> int:
    path = os.path.join(directory, os.urandom(8).hex() + ".npy")
    np.save(path, array)
    queue.put(path)
    total = answers.get()
    os.unlink(path)
    return int(total)


def _by_queue(queue: Any, answers: Any, array: Any) -> int:
    queue.put(array)
    return int(answers.get())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--mb", type=int, default=64, help="size of the array in MiB")
    parser.add_argument("--repeat", type=int, default=15)
    parser.add_argument("--json", metavar="OUT", help="'-' is standard output")
    options = parser.parse_args()

    array = np.random.default_rng(0).random(options.mb << 17)
    expected = _sum(array)
    context = mp.get_context("spawn")
    with (
        fx.Exchange() as ex,
        fx.Exchange(tempfile.gettempdir()) as on_disk,
        tempfile.TemporaryDirectory() as disk,
        tempfile.TemporaryDirectory(dir=os.path.dirname(ex.directory)) as tmpfs,
    ):
        ways = {
            "filexchange queue, tmpfs": (ex.queue(context=context), "queue", _by_queue, ()),
            "filexchange queue, disk": (on_disk.queue(context=context), "queue", _by_queue, ()),
            "multiprocessing.Queue": (context.Queue(), "queue", _by_queue, ()),
            "shared_memory by hand": (context.Queue(), "shared_memory", _by_shared_memory, ()),
            "np.save by hand, tmpfs": (context.Queue(), "np.save", _by_np_save, (tmpfs,)),
            "np.save by hand, disk": (context.Queue(), "np.save", _by_np_save, (disk,)),
        }
        answers = {name: context.Queue() for name in ways}
        consumers = []
        for name, (queue, kind, _, _) in ways.items():
            consumers.append(context.Process(target=_consume, args=(queue, answers[name], kind)))
            consumers[-1].start()
        for name in ways:
            answers[name].get()
        samples: dict[str, list[float]] = {name: [] for name in ways}
        for number in range(options.repeat + 1):
            for name, (queue, _, send, more) in ways.items():
                totals: list[int] = []
                seconds = timed(lambda: totals.append(send(queue, answers[name], array, *more)))
                assert totals == [expected], name
                if number:
                    samples[name].append(seconds)
        for queue, *_ in ways.values():
            queue.put(None)
        for consumer in consumers:
            consumer.join()
    limit = memcpy_seconds(array.nbytes) + statistics.median(
        timed(lambda: _sum(array)) for _ in range(9)
    )
    medians = {name: statistics.median(values) for name, values in samples.items()}
    report(
        f"{options.mb} MiB float64 to another process, which sums it; median of {options.repeat}",
        ["way", "ms", "GB/s", "to the limit"],
        [
            [
                name,
                f"{value * 1e3:.1f}",
                f"{array.nbytes / value / 1e9:.2f}",
                f"{value / limit:.1f}",
            ]
            for name, value in sorted(medians.items(), key=lambda item: item[1])
        ]
        + [["limit: one memcpy and one sum", f"{limit * 1e3:.1f}", "", "1.0"]],
        {"machine": machine(), "mb": options.mb, "limit_s": limit, "samples": samples},
        options.json,
    )


if __name__ == "__main__":
    main()
