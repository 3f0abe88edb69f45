"""The segments that one process writes, reused as their readers let go of them."""

import contextlib
import errno
import itertools
import logging
import os
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable, Iterator

from filexchange import capabilities, files
from filexchange.errors import ExchangeFullError, StorageFullError
from filexchange.segments import Segment, segment_size
from filexchange.sessions import OWNER, POOLS, Session, bury, closed_error, locked_directory
from filexchange.sizes import format_size
from filexchange.sweeping import sweep_pools

_log = logging.getLogger(__name__)

# How many segments of a size are asked whether they are free, from both ends of a list that has the
# last used at its end. Asking all for every message would take long where thousands are in use.
_LAST, _FIRST = 3, 8

# Descriptors and mappings that are kept open.
_KEPT_OPEN = 256

# There is no waiting for the first of many files to come free, so they are asked again and again.
_FIRST_PAUSE, _LONGEST_PAUSE = 50e-6, 5e-3
_PATIENCE = 10.0


class Pool:
    """The segments of one process in one session.

    Parameters
    ----------
    session : Session
    capacity : int, optional
        The most bytes of segments. By default half of what is free where they are: on tmpfs, of
        the memory too, and within the limits of this process's control group.

    Notes
    -----
    Threads share it. It belongs to the process that made it; a forked child makes its own.
    """

    def __init__(self, session: Session, capacity: int | None = None) -> None:
        self._session = session
        self._numbers = itertools.count()
        pools = session.directory(POOLS)
        try:
            self.capacity = _default_capacity(pools) if capacity is None else capacity
            self.path, self._owner = locked_directory(pools, OWNER, alone=session.can_lease)
        except FileNotFoundError as error:
            raise closed_error(session.path) from error
        self.nbytes = 0
        self.taken = 0
        self.reused = 0
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._segments: dict[int, deque[Segment]] = {}
        self._open: OrderedDict[Segment, None] = OrderedDict()

    def take(self, nbytes: int, timeout: float | None = None) -> Segment:
        """Return a segment of at least `nbytes` that nobody else uses; give it back by `give`.

        Raises
        ------
        ExchangeFullError
            If none came free within `timeout` seconds.
        StorageFullError
            If it cannot be had at all: by the pool's capacity, or by the disk's.
        """
        size = segment_size(nbytes)
        with self._alone():
            segment = self._reuse(size)
            if segment is not None:
                self._keep_open(segment)
                self.taken += 1
                return segment
        return self._wait_for(size, timeout)

    def _wait_for(self, size: int, timeout: float | None) -> Segment:
        if size > self.capacity:
            raise StorageFullError(
                errno.ENOSPC,
                f"a segment of {format_size(size)} exceeds the exchange's capacity of "
                f"{format_size(self.capacity)}: pass a larger capacity= or use another directory",
                self.path,
            )
        start, pause, patience = time.monotonic(), _FIRST_PAUSE, _PATIENCE
        while True:
            with self._alone():
                segment = self._reuse(size) or self._grow(size)
                if segment is not None:
                    self._keep_open(segment)
                    self.taken += 1
                    return segment
            waited = time.monotonic() - start
            if timeout is not None and waited >= timeout:
                raise ExchangeFullError(
                    f"no segment of {format_size(size)} came free in {timeout} s: "
                    f"{format_size(self.nbytes)} are in use and the capacity is "
                    f"{format_size(self.capacity)}; let consumers drop what they read, release "
                    "references, or pass a larger capacity="
                )
            if waited > patience:
                patience *= 10
                _log.warning(
                    "waiting since %.0f s for readers of %s to let go of a segment; %s of %s are "
                    "in use",
                    waited,
                    self._session.path,
                    format_size(self.nbytes),
                    format_size(self.capacity),
                )
            time.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)

    def give(self, segment: Segment) -> None:
        """Give a segment back; it is free once no message and no lease has it.

        Where there are no leases it is never used again, and lives by its other names.
        """
        segment.is_taken = False
        if not self._session.can_lease:
            segment.remove()
        elif self._ended.is_set():
            segment.close()

    def trim(self) -> int:
        """Remove all free segments and return the bytes that they had."""
        with self._alone():
            before = self.nbytes
            self._evict(before)
            return before - self.nbytes

    def __len__(self) -> int:
        return sum(map(len, self._segments.values()))

    def _reuse(self, size: int) -> Segment | None:
        if not self._session.can_lease:
            return None
        return self._reuse_of(size) or self._reuse_larger(size)

    def _reuse_larger(self, size: int) -> Segment | None:
        """Use a segment of up to twice the size rather than make a new one."""
        for other in sorted(known for known in self._segments if size < known <= 2 * size):
            segment = self._reuse_of(other)
            if segment is not None:
                return segment
        return None

    def _reuse_of(self, size: int) -> Segment | None:
        segments = self._segments.get(size)
        if not segments:
            return None
        segment = _find_last(segments, self._is_free) or _find_first(segments, self._is_free)
        if segment is not None:
            segments.append(segment)
            segment.is_taken = True
            self.reused += 1
        return segment

    def _is_free(self, segment: Segment) -> bool:
        if segment.is_taken:
            return False
        try:
            is_free = segment.is_free()
        except FileNotFoundError:  # with the session, or by somebody who tidies up
            return False
        if not is_free and segment not in self._open:
            segment.close()  # it was opened to ask, and there may be thousands to be asked
        return is_free

    def _grow(self, size: int) -> Segment | None:
        if self.nbytes + size > self.capacity:
            self._evict(self.nbytes + size - self.capacity)
        if self.nbytes + size > self.capacity:
            return None
        for retry in (False, True):
            try:
                path = os.path.join(self.path, f"{next(self._numbers)}{files.SEGMENT_SUFFIX}")
                with files.naming_errors(path):
                    segment = Segment(path, size)
            except StorageFullError:
                if retry:
                    if not self.nbytes:  # there is nothing of ours to wait for
                        raise
                    return None
                self._evict(self.nbytes)
                sweep_pools(self._session.path)
            except FileNotFoundError as error:
                raise closed_error(self._session.path) from error
            else:
                break
        if self._session.can_lease:
            self.nbytes += size
            self._segments.setdefault(size, deque()).append(segment)
        return segment

    def _evict(self, nbytes: int) -> None:
        """Remove free segments until `nbytes` are gone, or all that can be."""
        for size in sorted(self._segments, reverse=True):
            for segment in list(self._segments[size]):
                if nbytes <= 0:
                    return
                if not segment.is_taken and (segment.is_gone() or self._is_free(segment)):
                    self._segments[size].remove(segment)
                    self._open.pop(segment, None)
                    segment.remove()
                    self.nbytes -= size
                    nbytes -= size

    def _keep_open(self, segment: Segment) -> None:
        self._open[segment] = None
        self._open.move_to_end(segment)
        while len(self._open) > _KEPT_OPEN:
            oldest = next(iter(self._open))
            del self._open[oldest]
            if not oldest.is_taken:
                oldest.close()

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        """Have the segments for the block, and let go of them if the session ends meanwhile."""
        with self._lock:
            if self._ended.is_set():
                raise closed_error(self._session.path)
            try:
                yield
            finally:
                if self._ended.is_set():
                    self.abandon()

    def end(self) -> None:
        """Let go of everything, now or, if a thread is at it, when that is done.

        The session is gone. This may be called by the garbage collector, in a thread that has the
        lock, so it does not wait for it.
        """
        self._ended.set()
        if self._lock.acquire(blocking=False):
            try:
                self.abandon()
            finally:
                self._lock.release()

    def close(self) -> None:
        """Remove all segments; messages under way and readers keep theirs."""
        self.abandon()
        bury(self.path)

    def abandon(self) -> None:
        """Let go of all descriptors and of the lock that shows that the owner lives."""
        for segment in self._all():
            # Where others still write, at the end of a session, it is closed when it is given back.
            if not segment.is_taken or not self._ended.is_set():
                segment.close()
        self._segments.clear()
        self._open.clear()
        owner, self._owner = self._owner, -1
        if owner >= 0:
            os.close(owner)

    def _all(self) -> Iterable[Segment]:
        return itertools.chain.from_iterable(self._segments.values())


def _find_last(segments: deque[Segment], is_free: Callable[[Segment], bool]) -> Segment | None:
    """Take out one of the last used, whose bytes the processor still has at hand."""
    for position in range(-1, -min(_LAST, len(segments)) - 1, -1):
        segment = segments[position]
        if is_free(segment):
            del segments[position]
            return segment
    return None


def _find_first(segments: deque[Segment], is_free: Callable[[Segment], bool]) -> Segment | None:
    """Take out one of those used longest ago, the likeliest to be free."""
    for _ in range(min(_FIRST, len(segments) - _LAST)):
        if is_free(segments[0]):
            return segments.popleft()
        busy = segments.popleft()
        segments.insert(len(segments) - _LAST, busy)
    return None


def _default_capacity(path: str) -> int:
    free = capabilities.free_bytes(path)
    tmpfs = capabilities.shared_memory_dir()
    if tmpfs is not None and path.startswith(tmpfs):
        free = min(free, capabilities.available_memory())
    return free // 2
