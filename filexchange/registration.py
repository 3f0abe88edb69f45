"""`register`: plain ``multiprocessing`` queues, pipes and pools carry large arrays by file."""

import pickle
from multiprocessing.reduction import ForkingPickler
from typing import Any

import numpy as np

from filexchange.aliases import Array
from filexchange.dtypes import is_plain
from filexchange.errors import ExchangeClosedError
from filexchange.lanes import Lane, default_lane
from filexchange.message import INLINE_BELOW
from filexchange.received import ReceivedArray


def register() -> None:
    """Let everything that ``multiprocessing`` pickles carry large arrays by file.

    Call it once where processes are started, before arrays are sent. Plain queues, pipes, pools
    and arguments of processes then carry arrays of 96 KiB and more through segments of an exchange
    of this process. Processes that it forks, and those that receive an array, send theirs through
    the same exchange, and may end before these are received. Arrays arrive read-only.

    Notes
    -----
    What is sent must be received once, while the process that registered lives: a message that
    nobody reads keeps its segment until then. ``register`` has no effect on ``pickle`` itself.

    Examples
    --------
    >>> import multiprocessing
    >>> fx.register()
    >>> receiving, sending = multiprocessing.Pipe(duplex=False)
    >>> sending.send(np.ones(1_000_000))  # 8 MB, of which the pipe carries a few hundred bytes
    >>> received = receiving.recv()
    >>> float(received.sum()), received.flags.writeable
    (1000000.0, False)
    >>> receiving.close(); sending.close()
    """
    _use(default_lane() if _lane is None else _lane)


_lane: Lane | None = None


def _use(lane: Lane) -> None:
    global _lane  # noqa: PLW0603 - what is registered is one for the process, too
    _lane = lane
    for cls in (np.ndarray, ReceivedArray):
        ForkingPickler.register(cls, _reduce)


def _reduce(array: Array) -> Any:
    if array.nbytes < INLINE_BELOW or not is_plain(array.dtype):
        # Not by protocol 5, whose buffers those who pickle by default cannot take.
        return array.__reduce_ex__(pickle.DEFAULT_PROTOCOL)
    if _lane is not None:
        try:
            return _received, (_lane, *_lane.pack(array))
        except ExchangeClosedError:
            pass  # this process has outlived the one that registered
    _use(default_lane())
    return _received, (_lane, *default_lane().pack(array))


def _received(lane: Lane, packed: bytes) -> Any:
    if _lane is None:
        _use(lane)
    return lane.unpack(packed, "r")
