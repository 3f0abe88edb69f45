"""One visit of a case, as the producer makes it."""

import os
import time
from collections import defaultdict
from collections.abc import Sequence
from multiprocessing.connection import Connection
from typing import Any, Protocol

from filexchange import files
from filexchange.aliases import Array
from filexchange.benchmark.measuring import floors, trees
from filexchange.benchmark.measuring.accesses import READS, Selection, checksum, selection
from filexchange.benchmark.measuring.jobs import Explore, Job, Read, Receive, answer
from filexchange.benchmark.measuring.timing import repeating
from filexchange.benchmark.measuring.transports import Endpoint
from filexchange.benchmark.measuring.ways import Recipe
from filexchange.benchmark.results import Access
from filexchange.errors import BadArrayFileError, ExchangeError
from filexchange.ref import ArrayRef

#: Samples in seconds of each access.
Samples = defaultdict[str, list[float]]

_ALL = Selection()


class Loaded:
    """An array of the producer, and the checksums of its parts."""

    def __init__(self, array: Array) -> None:
        self.array = array
        self._checksums: dict[str, int] = {}

    def check(self, part: Selection, found: int) -> None:
        """Raise unless a checksum is that of this part of the array."""
        name = str(part)
        if name not in self._checksums:
            self._checksums[name] = checksum(part.of(self.array))
        if self._checksums[name] != found:
            raise BadArrayFileError("the bytes that arrived are not those that were sent")


class Consumers:
    """The processes that read, as the producer asks them."""

    def __init__(self, connections: Sequence[Connection]) -> None:
        self._connections = tuple(connections)

    @property
    def first(self) -> Connection:
        """The one that reads where one is enough."""
        return self._connections[0]

    def ask(self, wish: Any) -> Any:
        """Return the answer of the first one."""
        self.first.send(wish)
        return answer(self.first)

    def ask_all(self, wish: Any) -> list[Any]:
        """Return the answers of all of them, once the last one has given it."""
        for connection in self._connections:
            connection.send(wish)
        return self.answers()

    def answers(self) -> list[Any]:
        """Return the next answer of each."""
        return list(map(answer, self._connections))


class Visit(Protocol):
    """One visit of a case.

    Attributes
    ----------
    samples : defaultdict of str to list of float
        Seconds of each access.
    nbytes_on_disk : int or None
    is_broken : bool
        Whether the consumer may be out of step with the producer.
    """

    samples: Samples
    nbytes_on_disk: int | None
    is_broken: bool

    def run(self) -> None:
        """Do it; what was measured before something failed is in `samples`."""


class FloorVisit:
    """Copy memory, or write and read a plain file."""

    nbytes_on_disk: int | None = None
    is_broken = False

    def __init__(self, job: Job, loaded: Loaded) -> None:
        self._job = job
        self._loaded = loaded
        self.samples: Samples = defaultdict(list)

    def run(self) -> None:
        """Do it."""
        case, array = self._job.case, self._loaded.array
        if case.way == floors.MEMCPY:
            self.samples.update(floors.memcpy(array, self._job.seconds))
        else:
            self.samples.update(floors.dd(array, self._job.scratch, case.cache, self._job.seconds))


class FormatVisit:
    """Write files, and let consumers read them."""

    def __init__(self, job: Job, loaded: Loaded, consumers: Consumers) -> None:
        if job.way is None:
            raise ExchangeError(f"case {job.case} has no format")
        self._job = job
        self._way: Recipe = job.way
        self._loaded = loaded
        self._consumers = consumers
        self._path = ""
        self.samples: Samples = defaultdict(list)
        self.nbytes_on_disk: int | None = None
        self.is_broken = False

    def run(self) -> None:
        """Do it; what was measured before something failed is in `samples`."""
        try:
            for _ in repeating(self._job.seconds):
                ref, write = self._write()
                self._keep("write", write)
            self.nbytes_on_disk = trees.nbytes_below(self._path)
            for number in repeating(self._job.seconds if self._is_timed("round_trip") else 0):
                if number > 0:
                    ref, write = self._write()
                self._keep("round_trip", write + self._hand_over(ref, checks=number == 0))
            self._explore(ref)
            self._share(ref)
        finally:
            files.remove(self._path)

    def _write(self) -> tuple[ArrayRef, float]:
        """Write a new file, and return how long it took."""
        files.remove(self._path)
        name = os.urandom(8).hex() + self._way.suffix
        self._path = os.path.join(self._job.scratch, name)
        start = time.perf_counter()
        ref = self._way.save(self._path, self._loaded.array)
        if self._job.case.cache != "warm":
            trees.sync(self._path)
        return ref, time.perf_counter() - start

    def _hand_over(self, ref: ArrayRef, *, checks: bool) -> float:
        """Let a consumer read the file, and return how long it took."""
        self._cool()
        start = time.perf_counter()
        self._consumers.ask(Read(ref, checks))
        seconds = time.perf_counter() - start
        if checks:
            self._loaded.check(_ALL, answer(self._consumers.first))
        return seconds

    def _explore(self, ref: ArrayRef) -> None:
        stored = ref.shape, ref.chunks, ref.dtype.itemsize
        selections = {
            access: selection(access, *stored) for access in READS if self._is_timed(access)
        }
        is_cold = self._job.case.cache == "cold"
        whole, part = (0, 0) if is_cold else (self._job.seconds, self._job.part_seconds)
        wish = Explore(ref, selections, whole, part, is_cold)
        for access, (seconds, found) in self._consumers.ask(wish).items():
            self.samples[access] += seconds
            self._loaded.check(selections[access], found)

    def _share(self, ref: ArrayRef) -> None:
        if not self._is_timed("shared"):
            return
        is_cold = self._job.case.cache == "cold"
        # Pages stay in the cache as long as a consumer has them mapped, and it may still have
        # when the next round begins.
        self.is_broken = True
        for number in repeating(0 if is_cold else self._job.seconds):
            self._cool()
            start = time.perf_counter()
            self._consumers.ask_all(Read(ref, checks=number == 0, reopens=True))
            self._keep("shared", time.perf_counter() - start)
            if number == 0:
                for found in self._consumers.answers():
                    self._loaded.check(_ALL, found)
        self.is_broken = False

    def _cool(self) -> None:
        if self._job.case.cache == "cold":
            trees.evict(self._path)

    def _is_timed(self, access: Access) -> bool:
        return access in self._job.accesses

    def _keep(self, access: Access, seconds: float) -> None:
        if self._is_timed(access):
            self.samples[access].append(seconds)


class TransportVisit:
    """Send arrays, and let the consumer read them."""

    nbytes_on_disk: int | None = None
    # Until it has ended well nobody knows what the consumer waits for.
    is_broken = True

    def __init__(self, job: Job, endpoint: Endpoint, loaded: Loaded, consumers: Consumers) -> None:
        self._job = job
        self._endpoint = endpoint
        self._loaded = loaded
        self._consumers = consumers
        self.samples: Samples = defaultdict(list)

    def run(self) -> None:
        """Do it; what was measured before something failed is in `samples`."""
        consumer, endpoint = self._consumers.first, self._endpoint
        endpoint.begin(Receive(self._job.case.way, self._job.case.directory), consumer)
        for number in repeating(self._job.seconds):
            start = time.perf_counter()
            sent = endpoint.send(self._loaded.array, consumer)
            handed_over = time.perf_counter() - start
            try:
                endpoint.wait(sent, consumer)
                round_trip = time.perf_counter() - start
                if endpoint.hands_over:
                    self.samples["write"].append(handed_over)
                self.samples["round_trip"].append(round_trip)
                if number == 0:
                    self._loaded.check(_ALL, endpoint.checksum(sent, consumer))
            finally:
                endpoint.forget(sent)
        endpoint.end(consumer)
        self.is_broken = False
