"""Segments as a reader has them: leased, through a mapping that outlives the lease.

A lease is an open file description with a shared lock, owned by the object that the arrays over a
segment have as their base: with the last view, or the process, the kernel drops it. Mappings are
kept for the next message in the same segment, since making their pages known to a process costs
more than reading them. A mapping keeps the description that it was made from, and a lock on it:
those that are kept have a description of their own, never locked.
"""

import os
import threading
import weakref
from collections import OrderedDict
from typing import Any

import numpy as np

from filexchange import capabilities, files
from filexchange.aliases import Array

_OPEN = os.O_RDONLY | capabilities.OPEN_FLAGS | getattr(os, "O_NOFOLLOW", 0)

# Left to the rest of the program, and to the segments that it writes.
_SPARE_DESCRIPTORS = 512

_KEPT_MAPPINGS = 256
_CHECKED_AT_ONCE = 4


class Lease:
    """A reader's, or a writer's, hold on a segment: the base of all arrays over it.

    Attributes
    ----------
    path : str
        The segment's own name; it may be gone by now.
    is_constant : bool
        Whether what the arrays show is what the file holds, and stays so.
    filled : weakref.ref or None
        The array that is being filled, of `Exchange.empty`.
    """

    __slots__ = ("__weakref__", "_close", "_fd", "_memory", "filled", "is_constant", "path")

    def __init__(
        self,
        fd: int | None,
        memory: Array,
        path: str,
        *,
        is_constant: bool,
    ) -> None:
        self._fd = fd
        self._memory = memory
        self._close = os.close  # at the end of the interpreter, the module may be empty
        self.path = path
        self.is_constant = is_constant
        self.filled: weakref.ref[Array] | None = None
        if fd is not None:
            _live.add(fd)

    @property
    def address(self) -> int:
        """Where the segment begins in this process's memory."""
        return int(self._memory.__array_interface__["data"][0])

    @property
    def __array_interface__(self) -> dict[str, Any]:
        return self._memory.__array_interface__

    def __del__(self) -> None:
        if self._fd is not None:
            _live.discard(self._fd)
            self._close(self._fd)


_live: set[int] = set()


def live_leases() -> int:
    """Return how many leases this process has."""
    return len(_live)


class _Limit:
    """How many descriptors leases may have: as many as the system gives, when need be."""

    def __init__(self) -> None:
        self._known = 256

    def is_reached(self) -> bool:
        if len(_live) >= self._known:
            self._known = max(
                self._known, capabilities.raise_descriptor_limit() - _SPARE_DESCRIPTORS
            )
        return len(_live) >= self._known


_limit = _Limit()


def lease_of(array: Array) -> tuple[Lease, int] | None:
    """Return the lease that an array lives on, and the byte of the segment where it begins."""
    base: Any = array
    while isinstance(base, np.ndarray):
        base = base.base
    if isinstance(base, memoryview) and isinstance(base.obj, np.ndarray):
        found = lease_of(base.obj)
        base = None if found is None else found[0]
    if not isinstance(base, Lease):
        return None
    return base, int(array.__array_interface__["data"][0]) - base.address


def receive(claim: str, segment: str, *, private: bool = False) -> Array:
    """Lease a segment by a claim, which ends, and return its bytes, header and all.

    Parameters
    ----------
    claim : str
        A name that this call alone may use.
    segment : str
        The segment's own name.
    private : bool, optional
        Give a copy-on-write view, whose changes nobody else sees.

    Raises
    ------
    ArrayNotFoundError
        If the claim is gone.
    """
    try:
        return np.asarray(_lease(claim, segment, private=private))
    except OSError as error:
        raise files.named_error(error, claim) from error


def _lease(claim: str, segment: str, *, private: bool) -> Lease:
    fd = os.open(claim, _OPEN)
    try:
        capabilities.lock_shared(fd)
        status = os.fstat(fd)
        # A mapping of its own keeps the lock without a descriptor.
        keeps_lock = private or _limit.is_reached()
        if keeps_lock:
            access = files.ACCESS["c" if private else "r"]
            memory = capabilities.map_bytes(fd, status.st_size, access)
        else:
            memory = kept.get(claim, status, segment)
        # Not before it is locked: without name and lock it would be free to be written.
        capabilities.remove_open_file(claim)
    except BaseException:
        os.close(fd)
        raise
    if keeps_lock:
        os.close(fd)
    return Lease(None if keeps_lock else fd, memory, segment, is_constant=not private)


class Mappings:
    """Read-only mappings of segments, the most recently used ones.

    A mapping of a file that has lost its name keeps the memory of it, so those are let go of.
    """

    _lock: threading.Lock
    _kept: OrderedDict[tuple[int, int], tuple[str, Array]]

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """Begin anew, as in a forked child: a thread of the parent may have had the lock."""
        self._lock = threading.Lock()
        self._kept = OrderedDict()

    def get(self, name: str, status: os.stat_result, path: str) -> Array:
        """Return the bytes of a segment by any name that it has now; its own name is `path`."""
        identity = status.st_dev, status.st_ino
        with self._lock:
            found = self._kept.get(identity)
            if found is not None and found[0] == path:
                self._kept.move_to_end(identity)
                return found[1]
            fd = os.open(name, _OPEN)
            try:
                memory = capabilities.map_bytes(fd, status.st_size, files.ACCESS["r"])
            finally:
                os.close(fd)
            self._kept[identity] = path, memory
            self._drop_some()
            return memory

    def _drop_some(self) -> None:
        for identity in list(self._kept)[:_CHECKED_AT_ONCE]:
            if len(self._kept) > _KEPT_MAPPINGS or not os.path.lexists(self._kept[identity][0]):
                del self._kept[identity]
            else:
                self._kept.move_to_end(identity)

    def drop_gone(self) -> None:
        """Let go of all mappings of files that have lost their names.

        An exchange may end when the garbage collector comes, here while the lock is held: then
        they go one by one, with the next that are made.
        """
        if not self._lock.acquire(blocking=False):
            return
        try:
            for identity, (path, _) in list(self._kept.items()):
                if not os.path.lexists(path):
                    del self._kept[identity]
        finally:
            self._lock.release()

    def __len__(self) -> int:
        return len(self._kept)


kept = Mappings()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=kept.forget)
