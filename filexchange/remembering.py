"""Arrays that were sent and may be sent again: unchanged ones travel by a new claim."""

import threading
import weakref
from collections import OrderedDict
from typing import NamedTuple

from filexchange import capabilities, files
from filexchange.aliases import Array
from filexchange.leases import lease_of
from filexchange.segments import Segment

_MOST_ARRAYS = 8


class _Sent(NamedTuple):
    array: weakref.ref[Array]
    memory: Array  # of the segment, with a lease
    offset: int


class Remembered:
    """The arrays that were sent last, with a lease on the segments that they are in.

    An array is the same if it is the same object, and its bytes are still those in the segment:
    they are compared, which costs about as much as copying them, and no space. Threads share it.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._sent: OrderedDict[int, _Sent] = OrderedDict()

    def find(self, array: Array) -> tuple[str, int, Array] | None:
        """Return segment and byte of an array that was sent before and has not changed.

        The third value has a lease on the segment: without it, and when it is forgotten here, the
        segment may be written again. Keep it until the segment has another name.
        """
        with self._lock:
            found = self._sent.get(id(array))
        if found is None or found.array() is not array or not _is_dense(array):
            return None
        before = found.memory[found.offset : found.offset + array.nbytes]
        lease = lease_of(before)
        if lease is None or not capabilities.are_equal(files.as_bytes(array), before.data):
            return None
        with self._lock:
            if id(array) in self._sent:
                self._sent.move_to_end(id(array))
        return lease[0].path, found.offset, before

    def keep(self, array: Array, segment: Segment, offset: int, *, most_bytes: int) -> None:
        """Remember an array that has just been written to a segment, which is still taken.

        Not more than `most_bytes` of segments are kept from being written again.
        """
        if segment.size > most_bytes or not _is_dense(array):
            return
        memory = segment.lease()
        with self._lock:
            self._sent[id(array)] = _Sent(weakref.ref(array), memory, offset)
            self._sent.move_to_end(id(array))
            self._forget_some(most_bytes)

    def _forget_some(self, most_bytes: int) -> None:
        for key, sent in list(self._sent.items()):
            if sent.array() is None:
                del self._sent[key]
        while len(self._sent) > _MOST_ARRAYS or self._nbytes() > most_bytes:
            self._sent.popitem(last=False)

    def _nbytes(self) -> int:
        return sum(sent.memory.nbytes for sent in self._sent.values())

    def forget(self) -> None:
        """Let go of all leases."""
        with self._lock:
            self._sent.clear()


def _is_dense(array: Array) -> bool:
    return bool(array.flags.c_contiguous or array.flags.f_contiguous)
