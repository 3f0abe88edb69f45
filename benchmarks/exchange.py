"""Arrays to other processes: filexchange against its peers and the physical limit.

python benchmarks/exchange.py [--sizes 1K,64K,1M,16M,256M] [--parts PART,...] [--only PEER,...]
    [--repeat 9] [--json OUT] [--plot OUT.svg]

A round trip is: the producer hands an array over, the consumer reads every byte, drops the array
and answers with the sum, the producer cleans up what the message needed. The consumers are the same
processes for all peers, and answer all by the same kind of pipe (Ray has its own processes). They
are started, and everything is imported, before. The first round is not counted: page cache, memory
and mappings are warm. The first element differs from message to message, and each sum is checked.

The limit is one copy into memory that is in use, and one read of that, in one process.
"""

import functools
import itertools
import multiprocessing as mp
import os
import shutil
import signal
import tempfile
import time
from collections.abc import Callable, Sequence
from multiprocessing.shared_memory import SharedMemory
from typing import Any, NamedTuple

import numpy as np
from _measure import (
    LIMIT,
    MIB,
    OURS,
    Figure,
    LocalRay,
    end_in_order,
    is_installed,
    machine,
    parser,
    plot,
    show,
    size_name,
    stopped_at_end,
    taking_turns,
    versions,
    write_json,
)

import filexchange as fx

TMPFS = "/dev/shm"
FOREVER = 1e6
MESSAGES = 1000
CPUS = machine()["cpus"]

Read = Callable[[Any], int]


def read_all(array: Any) -> int:
    return int(array.sum())


def read_page(array: Any) -> int:
    return int(array[0])


# The peers. Each sends in the way that its documentation says is the fastest.


class Peer:
    """A way to hand arrays over, by default with a message through a pipe for each consumer.

    `place` puts an array where consumers can get at it and returns the message that says where;
    `tell` sends that; `take` is what a consumer does with it; `finish` cleans up when all have
    answered.
    """

    name = ""
    needs = ""  # a module
    is_placed = True  # an array that was placed once may be told again and again
    can_burst = True  # messages may wait

    def __init__(self) -> None:
        self.channels: list[Any] = []

    def start(self, context: Any, consumers: int, largest: int) -> None:
        self.channels = [context.SimpleQueue() for _ in range(consumers)]

    def place(self, array: Any) -> Any:
        return array

    def tell(self, message: Any, consumers: int) -> None:
        for channel in self.channels[:consumers]:
            channel.put(message)

    def send(self, array: Any, consumers: int) -> None:
        self.tell(self.place(array), consumers)

    @staticmethod
    def get(channel: Any) -> Any:
        return channel.get()

    @staticmethod
    def take(message: Any, read: Read) -> int:
        return read(message)

    def finish(self) -> None:
        pass

    def stop(self) -> None:
        self.finish()

    # Not to be changed but where consumers are not those of the team.

    def join(self, team: "Team") -> None:
        self.team = team

    def ready(self, read: Read, consumers: int, times: int) -> None:
        self.team.order(self.name, read, consumers, times)

    def totals(self, consumers: int, times: int) -> list[int]:
        return self.team.totals(consumers, times)


class Filexchange(Peer):
    """Put into a queue, or broadcast; placed by filling an array of `Exchange.empty`."""

    def __init__(self, name: str, directory: str | None) -> None:
        super().__init__()
        self.name = name
        self.directory = directory
        self.exchange: fx.Exchange | None = None

    def start(self, context: Any, consumers: int, largest: int) -> None:
        self.exchange = fx.Exchange(self.directory)
        self.channels = [self.exchange.queue(context=context) for _ in range(consumers)]

    def place(self, array: Any) -> Any:
        out = self.exchange.empty(array.shape, array.dtype)
        out[...] = array
        return out

    def tell(self, message: Any, consumers: int) -> None:
        if consumers == 1:
            self.channels[0].put(message)
        else:
            self.exchange.broadcast(message, self.channels[:consumers])

    def send(self, array: Any, consumers: int) -> None:
        self.tell(array, consumers)

    def stop(self) -> None:
        for channel in self.channels:
            channel.close()
            channel.cancel_join_thread()
        if self.exchange is not None:
            self.exchange.close()


class StandardQueue(Peer):
    """Pickled by a thread, through a pipe."""

    name = "mp.Queue"
    is_placed = False

    def start(self, context: Any, consumers: int, largest: int) -> None:
        self.channels = [context.Queue() for _ in range(consumers)]

    def stop(self) -> None:
        for channel in self.channels:
            channel.close()
            channel.cancel_join_thread()


class SimpleQueue(Peer):
    """Pickled by who puts it, through a pipe."""

    name = "mp.SimpleQueue"
    is_placed = False


class Block(Peer):
    """`shared_memory` as documented: create, copy, send the name, attach, close, unlink."""

    name = "shared_memory"

    def __init__(self) -> None:
        super().__init__()
        self.blocks: list[SharedMemory] = []

    def place(self, array: Any) -> Any:
        block = SharedMemory(create=True, size=array.nbytes)
        self.blocks.append(block)
        np.ndarray(array.shape, array.dtype, block.buf)[...] = array
        return block.name, array.shape, array.dtype.str

    @staticmethod
    def take(message: Any, read: Read) -> int:
        name, shape, dtype = message
        block = SharedMemory(name)
        total = read(np.ndarray(shape, dtype, block.buf))
        block.close()
        return total

    def finish(self) -> None:
        while self.blocks:
            block = self.blocks.pop()
            block.close()
            block.unlink()


class ReusedBlock(Block):
    """One block for all messages: all that is possible by hand, if only one is under way."""

    name = "reused block"
    can_burst = False

    def start(self, context: Any, consumers: int, largest: int) -> None:
        super().start(context, consumers, largest)
        self.blocks.append(SharedMemory(create=True, size=largest))

    def place(self, array: Any) -> Any:
        np.ndarray(array.shape, array.dtype, self.blocks[0].buf)[...] = array
        return self.blocks[0].name, array.shape, array.dtype.str

    @staticmethod
    def take(message: Any, read: Read) -> int:
        name, shape, dtype = message
        return read(np.ndarray(shape, dtype, attached(name).buf))

    def finish(self) -> None:
        pass

    def stop(self) -> None:
        super().finish()


@functools.cache
def attached(name: str) -> SharedMemory:
    return SharedMemory(name)


class SavedFile(Peer):
    """`np.save` to a new file, its path sent, `np.load` with a memory map, unlinked."""

    def __init__(self, name: str, directory: str) -> None:
        super().__init__()
        self.name = name
        self.parent = directory
        self.directory = ""
        self.numbers = itertools.count()
        self.paths: list[str] = []

    def start(self, context: Any, consumers: int, largest: int) -> None:
        super().start(context, consumers, largest)
        self.directory = tempfile.mkdtemp(prefix="filexchange-benchmark-", dir=self.parent)

    def place(self, array: Any) -> Any:
        path = os.path.join(self.directory, f"{next(self.numbers)}.npy")
        self.paths.append(path)
        self.save(path, array)
        return path

    @staticmethod
    def save(path: str, array: Any) -> None:
        np.save(path, array)

    @staticmethod
    def take(message: Any, read: Read) -> int:
        return read(np.load(message, mmap_mode="r"))

    def finish(self) -> None:
        while self.paths:
            os.unlink(self.paths.pop())

    def stop(self) -> None:
        if self.directory:
            shutil.rmtree(self.directory)


class Joblib(SavedFile):
    """`joblib.dump` to a new file, its path sent, `joblib.load` with a memory map, unlinked."""

    needs = "joblib"

    @staticmethod
    def save(path: str, array: Any) -> None:
        import joblib

        joblib.dump(array, path)

    @staticmethod
    def take(message: Any, read: Read) -> int:
        import joblib

        return read(joblib.load(message, mmap_mode="r"))


class FasterFifo(Peer):
    """Pickled into a circular buffer in shared memory, with 64 MiB to spare."""

    name = "faster-fifo"
    needs = "faster_fifo"
    is_placed = False

    def start(self, context: Any, consumers: int, largest: int) -> None:
        from faster_fifo import Queue

        rooms = [largest + 64 * MIB] + [64 * MIB] * (consumers - 1)  # only broadcast needs more
        self.channels = [Queue(max_size_bytes=room) for room in rooms]

    def tell(self, message: Any, consumers: int) -> None:
        for channel in self.channels[:consumers]:
            channel.put(message, timeout=10)  # it does not hear of Ctrl-C

    @staticmethod
    def get(channel: Any) -> Any:
        return channel.get(timeout=FOREVER)


class Torch(Peer):
    """A tensor in shared memory, whose descriptor travels through `torch`'s queue."""

    name = "torch"
    needs = "torch"

    def start(self, context: Any, consumers: int, largest: int) -> None:
        import torch.multiprocessing

        context = torch.multiprocessing.get_context("spawn")
        self.channels = [context.SimpleQueue() for _ in range(consumers)]

    def place(self, array: Any) -> Any:
        import torch

        return torch.from_numpy(array).share_memory_()

    @staticmethod
    def take(message: Any, read: Read) -> int:
        return read(message.numpy())


class Ray(Peer):
    """`ray.put` into the object store, a call of an actor, `ray.get` of its answer."""

    name = "ray"
    needs = "ray"

    def __init__(self) -> None:
        super().__init__()
        self.pending: list[Any] = []
        self.local = LocalRay()

    def start(self, context: Any, consumers: int, largest: int) -> None:
        self.ray = self.local.start(CPUS, max(4 * largest, 3 << 30))
        actor = self.ray.remote(num_cpus=0)(RayConsumer)
        self.actors = [actor.remote() for _ in range(consumers)]

    def place(self, array: Any) -> Any:
        return self.ray.put(array)

    def tell(self, message: Any, consumers: int) -> None:
        for actor in self.actors[:consumers]:
            self.pending.append(getattr(actor, self.read.__name__).remote(message))

    def ready(self, read: Read, consumers: int, times: int) -> None:
        self.read = read

    def totals(self, consumers: int, times: int) -> list[int]:
        pending, self.pending = self.pending, []
        return list(self.ray.get(pending))

    def stop(self) -> None:
        self.local.stop()


class RayConsumer:
    """The actor."""

    def read_all(self, array: Any) -> int:
        return read_all(array)

    def read_page(self, array: Any) -> int:
        return read_page(array)


def all_peers() -> list[Peer]:
    disk = tempfile.gettempdir()
    return [
        Filexchange(OURS, None),
        Filexchange(f"{OURS} disk", disk),
        StandardQueue(),
        SimpleQueue(),
        Block(),
        ReusedBlock(),
        SavedFile("np.save tmpfs", TMPFS if os.path.isdir(TMPFS) else disk),
        SavedFile("np.save disk", disk),
        Joblib("joblib", TMPFS if os.path.isdir(TMPFS) else disk),
        FasterFifo(),
        Torch(),
        Ray(),
    ]


class Limit:
    """One copy into memory that is in use, and one read of it; the seconds of both."""

    name = LIMIT

    def __init__(self, largest: int) -> None:
        self._memory = np.ones(largest, "u1")

    def measure(self, array: Any) -> tuple[float, float]:
        target = self._memory[: array.nbytes].view(array.dtype)
        start = time.perf_counter()
        np.copyto(target, array)
        copied = time.perf_counter()
        read_all(target)
        return copied - start, time.perf_counter() - copied


# The consumers.


class Team:
    """The consumer processes: each is told which peer sends next, and answers for it."""

    def __init__(self, peers: Sequence[Peer], context: Any, consumers: int) -> None:
        self._orders = [context.SimpleQueue() for _ in range(consumers)]
        self._answers = [context.SimpleQueue() for _ in range(consumers)]
        self._processes = []
        for number in range(consumers):
            ways = {each.name: (type(each), each.channels[number]) for each in peers}
            args = ways, self._orders[number], self._answers[number]
            self._processes.append(context.Process(target=consume, args=args, daemon=True))
        for peer in peers:
            peer.join(self)

    def start(self) -> None:
        for process in self._processes:
            process.start()
        for answers in self._answers:
            answers.get()

    def order(self, name: str, read: Read, consumers: int, times: int) -> None:
        for orders in self._orders[:consumers]:
            orders.put((name, read, times))
        self.totals(consumers, 1)  # they are there

    def totals(self, consumers: int, times: int) -> list[int]:
        return [answers.get() for answers in self._answers[:consumers] for _ in range(times)]

    def stop(self) -> None:
        for process in self._processes:
            if process.pid is not None:
                process.terminate()
                process.join()


def consume(ways: Any, orders: Any, answers: Any) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the producer ends this process
    for peer, _ in ways.values():
        if peer.needs:
            __import__(peer.needs)
    answers.put(0)
    while True:
        name, read, times = orders.get()
        peer, channel = ways[name]
        answers.put(0)
        for _ in range(times):
            answers.put(answer(peer, channel, read))


def answer(peer: type[Peer], channel: Any, read: Read) -> int:
    return peer.take(peer.get(channel), read)  # the message is gone when this returns


# The measurements.


class Case(NamedTuple):
    """What is measured in turn with all peers.

    Attributes
    ----------
    part : str
    nbytes : int
    trips : int
        Samples in a row, in each round.
    consumers : int
    messages : int
        Messages that are sent before the first answer is asked for.
    """

    part: str
    nbytes: int
    trips: int
    consumers: int = 1
    messages: int = 1

    @property
    def work(self) -> str:
        count = f" to {self.consumers}" if self.part == "broadcast" else ""
        return size_name(self.nbytes) + count


TITLES = {
    "round trip": "Round trip: one array to a consumer that reads every byte",
    "publish": "Publish without a copy: an array that is in place already, one page is read",
    "broadcast": "Broadcast: one array to several consumers that read every byte",
    "burst": f"Burst: {MESSAGES} messages as fast as possible; for one of them",
}


def cases(parts: Sequence[str], sizes: Sequence[int]) -> list[Case]:
    made = {
        "round trip": [Case("round trip", n, max(1, min(20, 128 * MIB // n))) for n in sizes],
        "publish": [Case("publish", n, 20) for n in (MIB, 256 * MIB)],
        "broadcast": [Case("broadcast", 16 * MIB, 2, consumers=n) for n in (1, 2, 4, 8)],
        "burst": [Case("burst", n, 1, messages=MESSAGES) for n in (MIB // 16, MIB)],
    }
    return [case for part in parts for case in made[part]]


def can(peer: Peer, case: Case) -> bool:
    return (peer.is_placed or case.part != "publish") and (peer.can_burst or case.part != "burst")


def run(case: Case, peers: Sequence[Peer], limit: Limit, rounds: int) -> Figure:
    array = np.random.default_rng(0).integers(-(2**62), 2**62, case.nbytes // 8)
    ways = [peer for peer in peers if can(peer, case)]
    samples: dict[str, list[float]] = {each.name: [] for each in (*ways, limit)}
    for counts, way in taking_turns([*ways, limit], rounds):
        if isinstance(way, Limit):
            seconds = [best_possible(case, *way.measure(array)) for _ in range(case.trips)]
        elif case.part == "publish":
            seconds = publish(way, case, array)
        else:
            seconds = hand_over(way, case, array)
        if counts:
            samples[way.name] += seconds
    if case.part == "publish":
        del samples[LIMIT]
    return Figure(TITLES[case.part], case.work, case.nbytes, case.messages, samples)


def best_possible(case: Case, copy: float, read: float) -> float:
    """Return the seconds that it would take if there were no hand-over, reading on all cores."""
    if case.part == "burst":
        return max(copy, read) * case.messages if CPUS > 1 else (copy + read) * case.messages
    return copy + read * case.consumers / min(case.consumers, CPUS)


def hand_over(peer: Peer, case: Case, array: Any) -> list[float]:
    """Send, get the answers and clean up, with another first element each time."""
    peer.ready(read_all, case.consumers, case.trips * case.messages)
    samples = []
    for _ in range(case.trips):
        array[0] += 1
        start = time.perf_counter()
        for _ in range(case.messages):
            peer.send(array, case.consumers)
        totals = peer.totals(case.consumers, case.messages)
        peer.finish()
        samples.append(time.perf_counter() - start)
        check(peer, totals, [read_all(array)] * case.consumers * case.messages)
    return samples


def publish(peer: Peer, case: Case, array: Any) -> list[float]:
    """Place an array, which is not timed, and pass it on several times."""
    peer.ready(read_page, 1, case.trips)
    array[0] += 1
    placed = peer.place(array)
    samples = []
    for _ in range(case.trips):
        start = time.perf_counter()
        peer.tell(placed, 1)
        totals = peer.totals(1, 1)
        samples.append(time.perf_counter() - start)
        check(peer, totals, [read_page(array)])
    del placed
    peer.finish()
    return samples


def check(peer: Peer, totals: list[int], expected: list[int]) -> None:
    if totals != expected:
        raise RuntimeError(f"{peer.name} answered {totals[:9]}, not {expected[:9]}")


def measured(
    chosen: Sequence[Case], peers: Sequence[Peer], repeat: int
) -> tuple[list[Figure], list[float]]:
    """Return the figures of all cases, and the load of the machine before each."""
    context = mp.get_context("spawn")
    consumers = max(case.consumers for case in chosen)
    largest = max(case.nbytes for case in chosen)
    figures, load = [], []
    with stopped_at_end() as stop_later:
        for peer in peers:
            stop_later(peer)  # before it starts, which may be interrupted
            peer.start(context, consumers, largest)
        team = Team([peer for peer in peers if not isinstance(peer, Ray)], context, consumers)
        stop_later(team)
        team.start()
        limit = Limit(largest)
        for case in chosen:
            load.append(os.getloadavg()[0])
            figures.append(
                run(case, peers, limit, max(1, repeat // 3 if case.messages > 1 else repeat))
            )
    return figures, load


def main() -> None:
    named = {peer.name: peer for peer in all_peers()}
    made = parser(__doc__, sizes="1K,64K,1M,16M,256M", names=list(named), repeat=9)
    made.add_argument("--parts", default=",".join(TITLES), help="default all: %(default)s")
    options = made.parse_args()
    end_in_order()
    chosen = [named[name] for name in options.only]
    peers = [peer for peer in chosen if is_installed(peer.needs)]
    missing = [peer.name for peer in chosen if peer not in peers]
    figures, load = measured(cases(options.parts.split(","), options.sizes), peers, options.repeat)
    show(figures, missing, to_stderr=options.json == "-")
    write_json(
        options.json,
        {
            "machine": machine(),
            "versions": versions(["joblib", "faster-fifo", "torch", "ray"]),
            "load": load,
            "figures": [figure._asdict() for figure in figures],
        },
    )
    trips = [figure for figure in figures if figure.part == TITLES["round trip"]]
    if trips:
        plot(options.plot, "One array to another process, which reads it", {"": trips})


if __name__ == "__main__":
    main()
