"""`register`: plain ``multiprocessing`` queues, pipes and pools carry large arrays by file."""

import pickle
from multiprocessing.reduction import ForkingPickler
from typing import Any

import numpy as np

from filexchange.aliases import Array
from filexchange.dtypes import is_plain
from filexchange.lanes import Lane, default_lane
from filexchange.message import INLINE_BELOW
from filexchange.received import ReceivedArray


def register() -> None:
    """Let everything that ``multiprocessing`` pickles carry large arrays by file.

    Call it once where processes are started, before arrays are sent. Plain queues, pipes, pools
    and arguments of processes then carry arrays of 96 KiB and more through segments of an exchange
    of the sending process; processes that receive one send theirs likewise. They arrive read-only.

    Notes
    -----
    What is sent must be received once, while its sender lives: a message that nobody reads keeps
    its segment until the sender ends. ``register`` has no effect on ``pickle`` itself.

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
    for cls in (np.ndarray, ReceivedArray):
        ForkingPickler.register(cls, _reduce)


def _reduce(array: Array) -> Any:
    if array.nbytes < INLINE_BELOW or not is_plain(array.dtype):
        # Not by protocol 5, whose buffers those who pickle by default cannot take.
        return array.__reduce_ex__(pickle.DEFAULT_PROTOCOL)
    lane = default_lane()
    return _received, (lane, *lane.pack(array))


def _received(lane: Lane, packed: bytes) -> Any:
    register()
    return lane.unpack(packed, "r")
