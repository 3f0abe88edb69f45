"""`Exchange`: the scratch directory that processes share.

::

    producer                        segment, a file                       consumer
    put(obj)   ── one copy in ──>  header | array | array  <── mapped ──  get()
       │                            │ claim: a hard link                     │
       └── message, a few hundred ──┼─ bytes, by any way ────────────────────┤
                                    └ lease: a lock, as long as a view lives ┘

A segment without claim and lease is written again: its pages are there already, and making new
ones is what costs.
"""

import contextlib
import os
from collections.abc import Mapping, Sequence
from multiprocessing.context import BaseContext
from types import TracebackType
from typing import Any, Literal, Self

from filexchange import holding, leases
from filexchange.aliases import Array, ChunksLike, Order, PathLike, Shape
from filexchange.errors import ExchangeClosedError, UnsupportedArrayError
from filexchange.lanes import Lane
from filexchange.manners import Manner
from filexchange.message import INLINE_BELOW
from filexchange.nesting import arrays_in, replaced
from filexchange.options import AUTO
from filexchange.participants import Participant
from filexchange.queues import Queue, broadcast
from filexchange.receiving import ReceiveMode, check_mode
from filexchange.ref import ArrayRef
from filexchange.sessions import base_directories, base_directory, roomy_directories
from filexchange.sources import as_source
from filexchange.stats import ExchangeStats, rows_of, stats_of
from filexchange.sweeping import sweep_pools, sweep_sessions
from filexchange.tuning.places import fastest_directory, tuned_inline_below
from filexchange.tuning.uses import Use


class Exchange:
    """A private scratch directory through which processes pass arrays.

    Parameters
    ----------
    directory : path-like, optional
        Where to make it. By default ``$FILEXCHANGE_DIR``, else ``/dev/shm`` if that has 2 GiB to
        spare, else the directory for temporary files. ``"auto"`` takes of these the one that
        ``filexchange tune`` has found the fastest.
    capacity : int, optional
        The most bytes of segments of each process that writes. When all are in use, who puts
        waits. By default half of what is free there, of the disk and, on tmpfs, of the memory
        that the machine and its control groups leave this process.
    inline_below : int or "auto", optional
        Arrays of fewer bytes travel inside messages. By default 96 KiB, about where both ways
        take the same time; ``"auto"`` is what ``filexchange tune`` has found, if it has.

    Raises
    ------
    UnsafeDirectoryError
        If the user's directory there belongs to someone else, or others may enter it.

    Notes
    -----
    The process that makes an exchange ends it: leaving the ``with`` statement removes all its
    files. Arrays that were received before stay valid as long as anything refers to them. If that
    process is killed, the next one that makes an exchange removes what it left.

    It may be passed to other processes, pickled or by fork; there it is a participant that puts
    and gets, and its end removes nothing. All methods may be called from several threads.

    Examples
    --------
    >>> with fx.Exchange() as ex:
    ...     ref = ex.put(np.arange(5))
    ...     int(ref[-1])
    4
    """

    def __init__(
        self,
        directory: PathLike | None = None,
        *,
        capacity: int | None = None,
        inline_below: int | Literal["auto"] = INLINE_BELOW,
    ) -> None:
        if directory == AUTO:
            directory = fastest_directory(roomy_directories())
        least: Any = _inline_below(directory) if inline_below == AUTO else inline_below
        Lane("", capacity, least)  # wrong values are errors before anything is made
        self._made: Participant | None = Participant.create(directory, capacity)
        self._lane = Lane(self._made.session.path, capacity, least)

    @property
    def directory(self) -> str:
        """Path of the scratch directory, mode 0700."""
        return self._lane.path

    def put(
        self,
        obj: Any,
        *,
        format: str = "npy",
        chunks: ChunksLike = None,
        shards: ChunksLike = None,
        compression: str | None = None,
        attrs: Mapping[str, Any] | None = None,
        for_: Use = "exchange",
        explain: bool = False,
        timeout: float | None = None,
    ) -> Any:
        """Write an array, or the arrays in nested containers, to the exchange, which holds them.

        Parameters
        ----------
        obj : array_like or dict, list or tuple of such
            Containers may be nested; what is no array in them stays as it is. An array of
            :meth:`empty`, or one that came out of an exchange, is not copied.
        format : str, optional
            The fastest to exchange is ``"npy"``; compressed formats save space. ``"auto"``
            chooses for each array, as :func:`recommend` does, but knows that ``npy`` stands for
            segments here.
        chunks, shards, compression, attrs, for_, explain
            As for `save`.
        timeout : float, optional
            Seconds to wait for a free segment; without end by default.

        Returns
        -------
        ArrayRef, or the same containers with references in place of the arrays
            The arrays live until :meth:`release` or the end of the exchange, and after that as
            long as somebody has a view of them.

        Raises
        ------
        ExchangeClosedError
            If the exchange has ended.
        ExchangeFullError
            If no segment came free in time.
        UnsupportedArrayError
            For arrays that no file can hold, and containers without an array.
        StorageFullError
            If the scratch directory is full; nothing of `obj` was left there.

        Examples
        --------
        >>> with fx.Exchange() as ex:
        ...     refs = ex.put({"image": np.zeros((2, 3)), "labels": [np.ones(4), "day 1"]})
        ...     refs["image"].shape, refs["labels"][0].shape, refs["labels"][1]
        ((2, 3), (4,), 'day 1')
        """
        manner = Manner(format, compression, chunks, shards, attrs, for_, explain)
        if not isinstance(obj, dict | list | tuple):
            return self._hold([obj], manner, timeout)[0]
        found = list(arrays_in(obj))
        if not found:
            raise UnsupportedArrayError(
                f"there is no array in {obj!r:.80}: pass numpy.asarray(x) to put a list of numbers"
            )
        return replaced(obj, iter(self._hold(found, manner, timeout)))

    def _hold(self, given: Sequence[Any], manner: Manner, timeout: float | None) -> list[ArrayRef]:
        with contextlib.ExitStack() as stack:
            sources = [stack.enter_context(as_source(each)) for each in given]
            return holding.hold(self._lane.participant, sources, manner, timeout)

    def empty(
        self,
        shape: int | Shape,
        dtype: Any = float,
        *,
        order: Order = "C",
        timeout: float | None = None,
    ) -> Array:
        """Return an array in a segment, to be filled and then put without a copy.

        Parameters
        ----------
        shape : int or tuple of int
        dtype : dtype_like, optional
        order : {"C", "F"}, optional
        timeout : float, optional
            Seconds to wait for a free segment; without end by default.

        Returns
        -------
        numpy.ndarray
            Writable, its values what was there before. When it is put, as a whole, into this
            exchange or a queue of it, it becomes read-only; views that were taken of it before do
            not, and must not be written to any more.

        Examples
        --------
        >>> with fx.Exchange() as ex:
        ...     out = ex.empty((2, 3), "f4")
        ...     out[:] = 7
        ...     ref = ex.put(out)
        ...     ref[:], out.flags.writeable
        (array([[7., 7., 7.],
               [7., 7., 7.]], dtype=float32), False)
        """
        return holding.empty(self._lane.participant, shape, dtype, order, timeout)

    def shared(self, shape: int | Shape, dtype: Any = float) -> ArrayRef:
        """Make an array of zeros that all processes may write to.

        Parameters
        ----------
        shape : int or tuple of int
        dtype : dtype_like, optional

        Returns
        -------
        ArrayRef
            Of mode ``"r+"``: ``ref.open()`` gives each process an ndarray over the same memory,
            ``ref.lock(region)`` one that nobody else who asks has meanwhile. It lives until
            :meth:`release` or the end of the exchange.

        Examples
        --------
        >>> with fx.Exchange() as ex:
        ...     total = ex.shared((4,), "i8")
        ...     with total.lock() as sums:  # in any process
        ...         sums += 2
        ...     total[:]
        array([2, 2, 2, 2])
        """
        return holding.shared(self._lane.participant, shape, dtype)

    def release(self, ref: ArrayRef) -> None:
        """Let go of an array that :meth:`put` or :meth:`shared` returned.

        Views of it stay valid; the reference cannot be read any more.

        Raises
        ------
        ExchangeError
            If the file is not one of this exchange.
        ArrayNotFoundError
            If it has been released already.
        """
        holding.release(self._lane.participant, ref)

    def queue(
        self,
        maxsize: int = 0,
        *,
        mode: ReceiveMode = "r",
        format: str = "npy",
        compression: str | None = None,
        for_: Use = "exchange",
        context: BaseContext | None = None,
    ) -> Queue:
        """Return a queue whose arrays travel through this exchange.

        Parameters
        ----------
        maxsize, mode, format, compression, for_, context
            As for `Queue`.

        Examples
        --------
        >>> with fx.Exchange() as ex:
        ...     queue = ex.queue()
        ...     queue.put({"frame": np.arange(6).reshape(2, 3), "time": 0.5})
        ...     message = queue.get()
        ...     queue.close()
        >>> message["frame"][1], message["time"]
        (ReceivedArray([3, 4, 5]), 0.5)
        """
        return Queue(
            maxsize,
            mode=mode,
            context=context,
            format=format,
            compression=compression,
            for_=for_,
            lane=self._lane,
        )

    def broadcast(
        self,
        obj: Any,
        queues: Sequence[Queue],
        *,
        block: bool = True,
        timeout: float | None = None,
    ) -> None:
        """Put an object into several queues of this exchange; its arrays are written once.

        Each receiver has a claim of its own on the same memory: a segment, whatever the formats of
        the queues. If a queue has no room in time,
        those before it have the object and those after it have not.

        Raises
        ------
        queue.Full
            If a queue has no room, at once or after `timeout` seconds.
        ExchangeError
            If a queue is not one of this exchange.

        Examples
        --------
        >>> with fx.Exchange() as ex:
        ...     queues = [ex.queue() for _ in range(3)]
        ...     ex.broadcast(np.ones(100_000), queues)
        ...     sums = [float(queue.get().sum()) for queue in queues]
        ...     for queue in queues:
        ...         queue.close()
        >>> sums
        [100000.0, 100000.0, 100000.0]
        """
        broadcast(self._lane, obj, queues, block, timeout)

    def pack(self, obj: Any, *, timeout: float | None = None) -> bytes:
        """Return an object as a message for any transport, with its large arrays in a segment.

        Parameters
        ----------
        obj : object
            Anything picklable.
        timeout : float, optional
            Seconds to wait for a free segment; without end by default.

        Returns
        -------
        bytes
            To be unpacked once, by :meth:`unpack`, in any process that has the exchange. Until
            then, or the end of the exchange, its arrays take up space.

        Examples
        --------
        >>> with fx.Exchange() as ex:
        ...     packed = ex.pack({"x": np.zeros(1_000_000)})
        ...     len(packed) < 1000, ex.unpack(packed)["x"].shape
        (True, (1000000,))
        """
        return self._lane.pack(obj, timeout=timeout)[0]

    def unpack(self, message: bytes, *, mode: ReceiveMode = "r") -> Any:
        """Return the object of a message that :meth:`pack` returned, in this or another process.

        Parameters
        ----------
        message : bytes
            Unpickled here: from a process that you trust.
        mode : {"r", "c", "copy"}, optional
            How arrays arrive: read-only and shared; writable, with pages copied when they are
            written; or as arrays of one's own.

        Raises
        ------
        ArrayNotFoundError
            If it was unpacked already.
        ExchangeClosedError
            If the exchange has ended.
        """
        return self._lane.unpack(message, check_mode(mode))

    def stats(self) -> ExchangeStats:
        """Return what there is in the exchange now.

        Examples
        --------
        >>> with fx.Exchange() as ex:
        ...     for _ in range(10):
        ...         _ = ex.unpack(ex.pack(np.ones(100_000)))
        ...     ex.stats().segments, ex.stats().claims, ex.stats().reuse_rate
        (1, 0, 0.9)
        """
        return stats_of(self._lane.participant)

    def sweep(self) -> list[str]:
        """Remove what the dead have left, and the free segments of this process.

        Returns
        -------
        list of str
            The directories that were removed: of dead processes in this exchange, and of dead
            exchanges of this user.
        """
        here = self._lane.participant
        if here.has_pool:
            here.pool.trim()
        leases.kept.drop_gone()
        base = os.path.dirname(os.path.dirname(self.directory))
        return [*sweep_pools(self.directory), *sweep_sessions({*base_directories(), base})]

    def close(self) -> None:
        """End the exchange and remove all its files, if it was made here; may be called twice.

        A pickled exchange, or a forked child's, is not the one that was made.
        """
        if self._made is not None and self._made.is_here:
            self._made.end()
            leases.kept.drop_gone()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def __getstate__(self) -> Lane:
        return self._lane

    def __setstate__(self, lane: Lane) -> None:
        self._lane = lane
        self._made = None

    def __repr__(self) -> str:
        return f"<Exchange in {self.directory!r}>"

    def _repr_html_(self) -> str:
        """Return what notebooks show: the directory, and what is in it now."""
        from filexchange import markup  # noqa: PLC0415 - only notebooks need it

        try:
            rows = rows_of(self.stats())
        except ExchangeClosedError:
            rows = {"state": "ended"}
        return markup.card("Exchange", {"directory": self.directory, **rows})


def _inline_below(directory: PathLike | None) -> int:
    """Return from how many bytes on arrays are to go by segment, as far as that is known."""
    found = tuned_inline_below(base_directory() if directory is None else directory)
    return INLINE_BELOW if found is None else found
