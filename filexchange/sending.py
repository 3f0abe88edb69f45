"""Arrays into an exchange: into segments, or into files of any other format."""

import contextlib
import dataclasses
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from typing import TypeAlias

import numpy as np

from filexchange import capabilities, files
from filexchange.aliases import Array, Indexable
from filexchange.formats import copy_blocks, memory_order
from filexchange.leases import Lease, lease_of
from filexchange.manners import Manner, Settled
from filexchange.message import Sent
from filexchange.participants import Participant
from filexchange.ref import ArrayRef
from filexchange.remembering import Remembered
from filexchange.segments import Segment, place
from filexchange.sessions import closed_error

#: Where an array is in a segment: the name of the message's claim, to be used once; the segment's
#: own path, below the pools of the session; offset and bytes. A plain tuple pickles fastest.
SegmentPlace: TypeAlias = tuple[str, str, int, int]

#: A segment's own path, and the byte of it where an array begins.
Spot: TypeAlias = tuple[str, int]


class SweptError(Exception):
    """A segment of a dead process lost its name before it was given another one."""


class SegmentSender:
    """Writes all arrays of a message to one segment; what is in segments already is not copied.

    Parameters
    ----------
    participant : Participant
    timeout : float, optional
        Seconds to wait for a free segment.
    remembered : Remembered, optional
        Arrays that need not be written again as long as they have not changed.
    """

    def __init__(
        self,
        participant: Participant,
        timeout: float | None = None,
        remembered: Remembered | None = None,
    ) -> None:
        self._participant = participant
        self._timeout = timeout
        self._remembered = remembered

    def send(self, arrays: Sequence[Array], receivers: int) -> list[Sent]:
        """Write arrays, and claim them for each receiver."""
        try:
            return self._send(arrays, receivers)
        except SweptError:  # it will not be found again, but copied
            return self.send(arrays, receivers)

    def _send(self, arrays: Sequence[Array], receivers: int) -> list[Sent]:
        leases: list[Array] = []  # of segments that are found, until they have been claimed
        spots = [self._find(array, leases) for array in arrays]
        fresh = [array for array, spot in zip(arrays, spots, strict=True) if spot is None]
        if not fresh:
            return self._claim(spots, arrays, receivers)
        pool = self._participant.pool
        offsets, nbytes = place([array.nbytes for array in fresh])
        segment = pool.take(nbytes, self._timeout)
        try:
            segment.describe_bytes()
            for array, offset in zip(fresh, offsets, strict=True):
                write(segment, array, offset)
                if self._remembered is not None:
                    self._remembered.keep(array, segment, offset, most_bytes=pool.capacity // 4)
            written = iter(offsets)
            spots = [spot or (segment.path, next(written)) for spot in spots]
            return self._claim(spots, arrays, receivers)
        except FileNotFoundError as error:
            raise closed_error(self._participant.session.path) from error
        finally:
            # Not before it has the names of the claims: it would be free to be written.
            pool.give(segment)

    def _find(self, array: Array, leases: list[Array]) -> Spot | None:
        """Return segment and byte of an array that need not be written; add a lease on it."""
        spot = publishable(array)
        if spot is None and self._remembered is not None:
            found = self._remembered.find(array)
            if found is not None:
                leases.append(found[2])
                return found[:2]
        return spot

    def _claim(
        self, spots: Sequence[Spot | None], arrays: Sequence[Array], receivers: int
    ) -> list[Sent]:
        done: list[Sent] = []
        try:
            for _ in range(receivers):
                sent: Sent = []
                done.append(sent)
                claims: dict[str, tuple[str, str]] = {}
                for spot, array in zip(spots, arrays, strict=True):
                    if spot is None:
                        continue
                    path, offset = spot
                    if path not in claims:
                        claims[path] = self._claimed(path)
                    sent.append((*claims[path], offset, array.nbytes))
        except BaseException:
            for each in done:
                take_back(self._participant, each)
            raise
        return done

    def _claimed(self, path: str) -> tuple[str, str]:
        participant = self._participant
        name = participant.new_name()
        link(participant, path, f"{participant.claims}{os.sep}{name}")
        return name, path.removeprefix(participant.pools)


class FileSender:
    """Writes each array in the manner that is asked for: to a file of its own, or to a segment.

    Parameters
    ----------
    participant : Participant
    manner : Manner
    segments : SegmentSender
        For the arrays that are to be ``npy``.
    """

    def __init__(self, participant: Participant, manner: Manner, segments: SegmentSender) -> None:
        self._participant = participant
        self._manner = manner
        self._segments = segments

    def send(self, arrays: Sequence[Array], receivers: int) -> list[Sent]:
        """Write arrays, once for each receiver where a file cannot have several names."""
        directory = self._participant.claims
        settled = [self._manner.in_exchange(directory, array) for array in arrays]
        done: list[Sent] = [[None] * len(arrays) for _ in range(receivers)]
        try:
            inside = [n for n, each in enumerate(settled) if each.is_npy]
            if inside:
                found = self._segments.send([arrays[n] for n in inside], receivers)
                for sent, places in zip(done, found, strict=True):
                    for number, spot in zip(inside, places, strict=True):
                        sent[number] = spot
            for number, (array, each) in enumerate(zip(arrays, settled, strict=True)):
                if not each.is_npy:
                    first = save_in(self._participant, directory, array, each)
                    for sent in done:
                        sent[number] = first if sent is done[0] else _again(first)
        except BaseException:
            for sent in done:
                take_back(self._participant, [each for each in sent if each is not None])
            raise
        return done


def take_back(participant: Participant, sent: Sent) -> None:
    """Undo what a sender has sent to a receiver that will never hear of it."""
    for each in sent:
        name = os.path.basename(each.path if isinstance(each, ArrayRef) else each[0])
        files.remove(os.path.join(participant.claims, name))


def save_in(
    participant: Participant, directory: str, array: Indexable, settled: Settled
) -> ArrayRef:
    """Save an array to a new file of a directory of the session."""
    fmt, options = settled.format, settled.options
    return new_file(
        participant,
        directory,
        fmt.suffixes[-1],
        lambda path: ArrayRef(path, fmt.name, fmt.write(path, None, array, options)),
    )


def new_file(
    participant: Participant, directory: str, suffix: str, make: Callable[[str], ArrayRef]
) -> ArrayRef:
    """Return the reference to a file of a directory of the session, where it appears complete.

    Until then it is among what is this process's own, and goes with that if the process dies.
    """
    name = os.urandom(12).hex() + suffix
    path = os.path.join(directory, name)
    aside = os.path.join(participant.pool.path, name)
    try:
        with files.naming_errors(path):
            try:
                ref = make(aside)
                files.move(aside, path, overwrite=False)
            except BaseException:
                files.remove(aside)
                raise
    except FileNotFoundError as error:
        raise closed_error(participant.session.path) from error
    return dataclasses.replace(ref, path=path)


def _again(ref: ArrayRef) -> ArrayRef:
    directory, name = os.path.split(ref.path)
    path = os.path.join(directory, os.urandom(4).hex() + name)
    if os.path.isdir(ref.path):
        shutil.copytree(ref.path, path)
    else:
        capabilities.link_or_copy(ref.path, path)
    return ArrayRef(path, ref.format, ref.stored)


@contextlib.contextmanager
def taken(participant: Participant, nbytes: int, timeout: float | None) -> Iterator[Segment]:
    """Have a segment for the block, to write to it and to link it."""
    pool = participant.pool
    segment = pool.take(nbytes, timeout)
    try:
        yield segment
    finally:
        pool.give(segment)


def link(participant: Participant, segment: str, name: str) -> None:
    """Give a segment one more name.

    Raises
    ------
    ExchangeClosedError
    SweptError
        If it has none any more, for it was another process's, which is dead.
    """
    try:
        capabilities.link_or_copy(segment, name)
    except FileNotFoundError as error:
        if os.path.lexists(participant.session.path) and not os.path.lexists(segment):
            raise SweptError from error
        raise closed_error(participant.session.path) from error


def write(segment: Segment, array: Indexable, offset: int) -> None:
    """Copy an array, block by block if it is a lazy one, to a byte of a segment."""
    target = segment.array(array.shape, array.dtype, memory_order(array), offset)
    if isinstance(array, np.ndarray):
        target[...] = array
    else:
        copy_blocks(array, target, array.dtype, None)


def publishable(array: Array) -> Spot | None:
    """Return segment and byte of an array that is in one already, and will not change there.

    An array of `Exchange.empty` is made read-only with this.
    """
    found = lease_of(array)
    if found is None or not array.flags.forc:
        return None
    lease, offset = found
    if not lease.is_constant:
        if lease.filled is None or lease.filled() is not array:
            return None
        _freeze(lease, array)
    return (lease.path, offset) if os.path.lexists(lease.path) else None


def _freeze(lease: Lease, array: Array) -> None:
    """Make an array of `Exchange.empty` read-only."""
    base: object = array
    while isinstance(base, np.ndarray):
        base.flags.writeable = False
        base = base.base
    lease.is_constant = True
