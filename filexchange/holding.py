"""Arrays that an exchange holds until they are released, in segments or in files."""

import contextlib
import os
import weakref
from collections.abc import Sequence
from typing import Any

import numpy as np

from filexchange import arrays, files, npyheader
from filexchange.aliases import Array, Attrs, Indexable, Order, Shape
from filexchange.errors import ArrayNotFoundError, ExchangeError
from filexchange.formats import StoredArray, memory_order, nbytes_of
from filexchange.leases import lease_of
from filexchange.manners import Manner
from filexchange.participants import Participant
from filexchange.ref import ArrayRef
from filexchange.segments import HEADER_BYTES, place
from filexchange.sending import SweptError, link, new_file, publishable, save_in, taken, write
from filexchange.sessions import closed_error


def hold(
    participant: Participant, sources: Sequence[Indexable], manner: Manner, timeout: float | None
) -> list[ArrayRef]:
    """Write arrays in the manner that is asked for, and return a reference to each.

    Those that are to be ``npy`` share a segment, the others have a file each. If one cannot be
    written, none stays.
    """
    settled = [manner.in_exchange(participant.held, each) for each in sources]
    refs: dict[int, ArrayRef] = {}
    try:
        for number, each in enumerate(settled):
            if not each.is_npy:
                refs[number] = save_in(participant, participant.held, sources[number], each)
        rest = [number for number in range(len(sources)) if number not in refs]
        if rest:
            attrs = settled[rest[0]].options.attrs
            held = _in_segment(participant, [sources[number] for number in rest], attrs, timeout)
            refs.update(zip(rest, held, strict=True))
    except BaseException:
        for ref in refs.values():
            files.remove(ref.path)
        raise
    return [refs[number] for number in range(len(sources))]


def _in_segment(
    participant: Participant, sources: Sequence[Indexable], attrs: Attrs, timeout: float | None
) -> list[ArrayRef]:
    """Write arrays to one segment, and return a reference to each; what is in one is not copied.

    The segment of a single array is an ``.npy`` of it, that of several one of bytes.
    """
    try:
        return _hold(participant, sources, attrs, timeout)
    except SweptError:  # it will not be found again, but copied
        return _in_segment(participant, sources, attrs, timeout)


def _hold(
    participant: Participant, sources: Sequence[Indexable], attrs: Attrs, timeout: float | None
) -> list[ArrayRef]:
    spots = [publishable(each) if isinstance(each, np.ndarray) else None for each in sources]
    fresh = [each for each, spot in zip(sources, spots, strict=True) if spot is None]
    with contextlib.ExitStack() as stack:
        if fresh:
            header = b""
            offsets, nbytes = place([nbytes_of(each) for each in fresh])
            if len(fresh) == 1:
                header = _header(fresh[0], attrs)
                offsets, nbytes = [len(header)], nbytes + len(header) - HEADER_BYTES
            segment = stack.enter_context(taken(participant, nbytes, timeout))
            if header:
                segment.write_header(header)
            else:
                segment.describe_bytes()
            for each, offset in zip(fresh, offsets, strict=True):
                write(segment, each, offset)
            written = iter(offsets)
            spots = [spot or (segment.path, next(written)) for spot in spots]
        refs: list[ArrayRef] = []
        try:
            for each, spot in zip(sources, spots, strict=True):
                if spot is not None:
                    refs.append(_held(participant, each, *spot, attrs))
        except BaseException:
            for ref in refs:
                files.remove(ref.path)
            raise
        return refs


def _header(array: Indexable, attrs: Attrs) -> bytes:
    return npyheader.encode(array.shape, array.dtype, order=memory_order(array), attrs=attrs)


def _held(
    participant: Participant, array: Indexable, segment: str, offset: int, attrs: Attrs
) -> ArrayRef:
    path = os.path.join(participant.held, participant.new_name())
    link(participant, segment, path)
    stored = StoredArray(
        None, tuple(array.shape), array.dtype, memory_order(array), offset, attrs=attrs
    )
    try:
        with files.opened(path) as fd:
            header = npyheader.read(fd, path)
    except ArrayNotFoundError as error:
        raise closed_error(participant.session.path) from error
    except BaseException:
        files.remove(path)
        raise
    told = header.shape, header.dtype, header.order, header.size
    is_npy = told == (stored.shape, stored.dtype, stored.order, stored.offset)
    return ArrayRef(path, "npy" if is_npy else "raw", stored)


def empty(
    participant: Participant,
    shape: int | Shape,
    dtype: Any,
    order: Order,
    timeout: float | None,
) -> Array:
    """Return a writable array in a segment, which nobody uses until the array is gone or sent."""
    lengths, made = arrays.new_layout(shape, dtype)
    if 0 in lengths:
        return np.empty(lengths, made, order)
    header = npyheader.encode(lengths, made, order=order)
    nbytes = StoredArray(None, lengths, made).nbytes
    with taken(participant, nbytes + len(header) - HEADER_BYTES, timeout) as segment:
        segment.write_header(header)
        array = np.ndarray(lengths, made, segment.lease(), len(header), order=order)
        found = lease_of(array)
        if found is not None:
            found[0].filled = weakref.ref(array)
        return array


def shared(participant: Participant, shape: int | Shape, dtype: Any) -> ArrayRef:
    """Make an array of zeros in a file of its own, which all may write to."""
    lengths, made = arrays.new_layout(shape, dtype)
    return new_file(
        participant,
        participant.held,
        ".npy",
        lambda path: arrays.create_array(path, shape=lengths, dtype=made),
    )


def release(participant: Participant, ref: ArrayRef) -> None:
    """Let go of an array that is held."""
    name = os.path.basename(ref.path)
    if name in {"", ".", ".."} or ref.path != os.path.join(participant.held, name):
        raise ExchangeError(
            f"{ref.path!r} is not held by the exchange in {participant.session.path!r}: only what "
            "was put into this exchange can be released"
        )
    files.check_exists(ref.path)
    files.remove(ref.path)
