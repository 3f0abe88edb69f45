"""`Exchange`: the scratch directory that processes share.

::

    producer                          scratch directory               consumer
    ex.put(array) ── files.publish ──> <random>.npy ── map, lazily ──> ref[...]
         └───────────── ArrayRef, about 300 bytes, by any way ───────────┘
"""

from multiprocessing.context import BaseContext
from types import TracebackType
from typing import Any, Self

import numpy as np

from filexchange.aliases import PathLike
from filexchange.errors import UnsupportedArrayError
from filexchange.queues import Queue
from filexchange.ref import ArrayRef
from filexchange.scratch import ScratchDirectory


class Exchange:
    """A private scratch directory through which processes pass arrays.

    Parameters
    ----------
    directory : path-like, optional
        Where to make it. By default ``$FILEXCHANGE_DIR``, else ``/dev/shm`` if that has 2 GiB to
        spare, else the directory for temporary files.

    Raises
    ------
    UnsafeDirectoryError
        If the user's directory there belongs to someone else, or others may enter it.

    Notes
    -----
    The process that makes an exchange ends it: leaving the ``with`` statement removes all its
    files. Arrays that were mapped before stay valid as long as anything refers to them.

    It may be passed to other processes, pickled or by fork; there it is a participant that puts
    and gets, and its end removes nothing. All methods may be called from several threads.

    Examples
    --------
    >>> with fx.Exchange() as ex:
    ...     ref = ex.put(np.arange(5))
    ...     int(ref[-1])
    4
    """

    def __init__(self, directory: PathLike | None = None) -> None:
        self._scratch = ScratchDirectory(directory)

    @property
    def directory(self) -> str:
        """Path of the scratch directory, mode 0700."""
        return self._scratch.path

    def put(
        self,
        obj: Any,
        *,
        format: str = "npy",
        **options: Any,
    ) -> Any:
        """Write an array, or each array in nested containers, to the exchange.

        Parameters
        ----------
        obj : array_like or dict, list or tuple of such
            Containers may be nested; what is no array in them stays as it is.
        format : str, optional
            The fastest to exchange is ``"npy"``; compressed formats save space.
        **options
            ``chunks``, ``shards``, ``compression`` and ``attrs``, as for `save`.

        Returns
        -------
        ArrayRef, or the same containers with references in place of the arrays
            The files live until :meth:`release` or the end of the exchange.

        Raises
        ------
        ExchangeClosedError
            If the exchange has ended.
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
        written: list[ArrayRef] = []

        def put_one(array: Any) -> ArrayRef:
            ref = self._scratch.save(array, format, **options)
            written.append(ref)
            return ref

        try:
            if not isinstance(obj, dict | list | tuple):
                return put_one(obj)
            refs = _replace_arrays(obj, put_one)
            if not written:
                raise UnsupportedArrayError(
                    f"there is no array in {obj!r:.80}: pass numpy.asarray(x) to put a list of "
                    "numbers"
                )
        except BaseException:
            for ref in written:
                self._scratch.discard(ref)
            raise
        return refs

    def release(self, ref: ArrayRef) -> None:
        """Remove the file of a reference that :meth:`put` returned.

        Arrays that were mapped before stay valid; the reference cannot be read any more.

        Raises
        ------
        ExchangeError
            If the file is not one of this exchange.
        ArrayNotFoundError
            If it has been released already.
        """
        self._scratch.discard(ref)

    def queue(
        self, maxsize: int = 0, *, format: str = "npy", context: BaseContext | None = None
    ) -> Queue:
        """Return a queue whose arrays travel through this exchange.

        Parameters
        ----------
        maxsize : int, optional
            The most messages that may wait; no limit by default.
        format : str, optional
            Format of the arrays' files.
        context : multiprocessing context, optional
            The one whose processes will use it; the default context otherwise.

        Examples
        --------
        >>> with fx.Exchange() as ex:
        ...     queue = ex.queue()
        ...     queue.put({"frame": np.arange(6).reshape(2, 3), "time": 0.5})
        ...     message = queue.get()
        ...     queue.close()
        >>> message["frame"][1], message["time"]
        (array([3, 4, 5]), 0.5)
        """
        return Queue(self._scratch, maxsize, format=format, context=context)

    def close(self) -> None:
        """End the exchange; in the process that made it, remove all its files."""
        self._scratch.remove()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<Exchange in {self.directory!r}>"


def _replace_arrays(obj: Any, put: Any) -> Any:
    """Return containers like `obj` with ``put(array)`` for each array."""
    if isinstance(obj, np.ndarray):
        return put(obj)
    if isinstance(obj, dict):
        return {name: _replace_arrays(value, put) for name, value in obj.items()}
    if isinstance(obj, list):
        return [_replace_arrays(value, put) for value in obj]
    if isinstance(obj, tuple):
        values = [_replace_arrays(value, put) for value in obj]
        return type(obj)(*values) if hasattr(obj, "_fields") else tuple(values)
    return obj
