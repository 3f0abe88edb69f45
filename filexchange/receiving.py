"""Arrays out of an exchange."""

import errno
import os
from collections.abc import Sequence
from typing import Literal, TypeAlias

import numpy as np

from filexchange import files, leases
from filexchange.aliases import Array
from filexchange.errors import ArrayNotFoundError, ExchangeError, UnsupportedOptionError
from filexchange.message import Sent
from filexchange.participants import Participant
from filexchange.ref import ArrayRef
from filexchange.sending import SegmentPlace, take_back
from filexchange.sessions import closed_error

#: How arrays are received: read-only, copy on write, or as copies.
ReceiveMode: TypeAlias = Literal["r", "c", "copy"]


def check_mode(mode: str) -> ReceiveMode:
    """Return `mode` if it is one."""
    if mode not in {"r", "c", "copy"}:
        raise UnsupportedOptionError(
            f"mode {mode!r} is none of 'r' (read-only, no copy), 'c' (writable, pages are copied "
            "when they are written) and 'copy' (an array of one's own)"
        )
    return mode  # type: ignore[return-value]


class Receiver:
    """Gets what any sender of the session has sent.

    Parameters
    ----------
    participant : Participant
    mode : {"r", "c", "copy"}
    """

    def __init__(self, participant: Participant, mode: ReceiveMode) -> None:
        self._participant = participant
        self._mode = mode

    def receive(self, sent: Sent) -> Sequence[Array]:
        """Take each claim, and return the bytes of arrays in segments, other arrays as they are."""
        memories: dict[str, Array] = {}
        try:
            return [
                self._of_file(each)
                if isinstance(each, ArrayRef)
                else self._of_segment(each, memories)
                for each in sent
            ]
        except BaseException:
            take_back(self._participant, sent)  # nobody else will
            raise

    def inline(self, data: bytes) -> bytes | bytearray:
        """Return the bytes that came inside a message, writable or not."""
        return data if self._mode == "r" else bytearray(data)

    def _of_segment(self, where: SegmentPlace, memories: dict[str, Array]) -> Array:
        claim, segment, offset, nbytes = where
        memory = memories.get(claim)
        if memory is None:
            memory = memories[claim] = self._lease(claim, segment)
        part: Array = memory[offset : offset + nbytes]
        return part.copy() if self._mode == "copy" else part

    def _lease(self, claim: str, segment: str) -> Array:
        session = self._participant.session
        path = self._path(claim)
        own = segment if os.path.isabs(segment) else self._participant.pools + segment
        try:
            return leases.receive(path, own, private=self._mode == "c")
        except ArrayNotFoundError as error:
            if not os.path.lexists(session.path):
                raise closed_error(session.path) from error
            raise ArrayNotFoundError(
                errno.ENOENT,
                "this message has been unpacked already, and a message is unpacked once: put it "
                "once for each receiver, or use Exchange.broadcast",
                path,
            ) from error

    def _of_file(self, ref: ArrayRef) -> Array:
        self._path(os.path.relpath(ref.path, self._participant.claims))
        if ref.offset is None or self._mode == "copy":
            array = ref.load()
        else:
            array = np.asarray(ref.open(self._mode))
        files.remove(ref.path)
        array.flags.writeable = self._mode != "r"
        return array

    def _path(self, claim: str) -> str:
        if os.sep in claim or claim in {"", ".", ".."}:
            raise ExchangeError(
                f"a message names {claim!r}, which is not a file of the exchange in "
                f"{self._participant.session.path!r}: unpack messages with the exchange that "
                "packed them"
            )
        return f"{self._participant.claims}{os.sep}{claim}"
