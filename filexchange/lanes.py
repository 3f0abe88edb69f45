"""`Lane`: packs and unpacks messages of one exchange, in whatever process it finds itself."""

import os
import threading
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from filexchange import message
from filexchange.errors import UnsupportedOptionError
from filexchange.manners import Manner
from filexchange.participants import Participant, participant
from filexchange.receiving import ReceiveMode, Receiver
from filexchange.remembering import Remembered
from filexchange.sending import FileSender, SegmentSender, take_back


@dataclass(frozen=True, slots=True)
class Lane:
    """How arrays travel in an exchange: a value, which processes pass to each other.

    Attributes
    ----------
    path : str
        The session's directory.
    capacity : int or None
        The most bytes of segments of each process.
    inline_below : int
        Arrays of fewer bytes travel inside the message.
    manner : Manner or None
        How large arrays are written: None to segments. Those that are not ``npy`` get a file each.
    """

    path: str
    capacity: int | None = None
    inline_below: int = message.INLINE_BELOW
    manner: Manner | None = None

    def __post_init__(self) -> None:
        if self.manner is not None:
            self.manner.check_anywhere()  # an error here, not at the first message
        capacity = 1 if self.capacity is None else self.capacity
        if not _is_whole(self.inline_below, 0) or not _is_whole(capacity, 1):
            raise UnsupportedOptionError(
                f"inline_below={self.inline_below!r} and capacity={self.capacity!r}: give whole "
                "numbers of bytes, a capacity of at least 1"
            )

    def in_manner(self, manner: Manner) -> "Lane":
        """Return one whose arrays are written in a manner."""
        return replace(self, manner=None if manner.is_plain_npy else manner)

    @property
    def participant(self) -> Participant:
        """What this process has in the exchange."""
        return participant(self.path, self.capacity)

    def pack(
        self,
        obj: Any,
        *,
        receivers: int = 1,
        timeout: float | None = None,
        remembered: Remembered | None = None,
        most_bytes: int | None = None,
    ) -> list[bytes]:
        """Return a message with `obj` for each of `receivers`; see `Exchange.pack`.

        No message has more than `most_bytes`; longer ones go by file, like a large array.
        """
        sender = self._sender(timeout, remembered)
        packed = message.pack(obj, sender, receivers=receivers, inline_below=self.inline_below)
        if most_bytes is not None:
            try:
                for number, each in enumerate(packed):
                    if len(each) > most_bytes:
                        packed[number] = message.shorten(each, sender)
            except BaseException:
                for each in packed:
                    self.discard(each)
                raise
        return packed

    def _sender(self, timeout: float | None, remembered: Remembered | None) -> message.Sender:
        segments = SegmentSender(self.participant, timeout, remembered)
        if self.manner is None:
            return segments
        return FileSender(self.participant, self.manner, segments)

    def unpack(self, packed: bytes, mode: ReceiveMode) -> Any:
        """Return the object of a message, which can be unpacked once; see `Exchange.unpack`."""
        return message.unpack(packed, Receiver(self.participant, mode))

    def discard(self, packed: bytes) -> None:
        """Give up a message that nobody will unpack."""
        here = self.participant
        take_back(here, message.places(packed, Receiver(here, "r")))


_default: dict[int, Lane] = {}
_making = threading.Lock()


def default_lane() -> Lane:
    """Return the lane of this process's own exchange, made on first use, ended with it."""
    with _making:
        if os.getpid() not in _default:  # a forked child makes its own
            _default.clear()
            made = Participant.create(None, None)
            _default[os.getpid()] = Lane(made.session.path)
        return _default[os.getpid()]


def _after_fork() -> None:
    global _making  # noqa: PLW0603 - a thread of the parent may have had it
    _making = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


def _is_whole(value: Any, least: int) -> bool:
    return isinstance(value, int | np.integer) and int(value) >= least
