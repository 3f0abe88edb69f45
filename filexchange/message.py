"""Messages between processes: any picklable object, with its arrays left in files.

::

    pack(obj)    ndarray ── save ──> file        the rest ── pickle ──> bytes with references
    unpack(msg)  ndarray <── map ─── file        the rest <── pickle ── bytes with references

Messages are pickled, as everything that ``multiprocessing`` carries: unpack only what your own
processes have packed.
"""

import io
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np

from filexchange.aliases import Array
from filexchange.errors import UnsupportedArrayError
from filexchange.ref import ArrayRef


def pack(obj: Any, put: Callable[[Array], ArrayRef]) -> bytes:
    """Return `obj` as bytes in which every array is a reference.

    Parameters
    ----------
    obj : object
        Anything picklable. Arrays may stand anywhere in it; one that occurs twice is put once.
        What no file can hold (object dtypes, masked arrays) is pickled like other objects.
    put : callable
        Writes an array to a file. If packing fails, the caller removes what was put so far.
    """
    stream = io.BytesIO()
    _Pickler(stream, put).dump(obj)
    return stream.getvalue()


def unpack(message: bytes, get: Callable[[ArrayRef], Array]) -> Any:
    """Return the object that :func:`pack` packed, its arrays as `get` gives them."""
    return _Unpickler(io.BytesIO(message), get).load()


class _Pickler(pickle.Pickler):
    def __init__(self, stream: io.BytesIO, put: Callable[[Array], ArrayRef]) -> None:
        super().__init__(stream, protocol=5)
        self._put = put
        # The arrays are kept as well, lest one that is freed meanwhile leaves its id to another.
        self._refs: dict[int, tuple[Array, ArrayRef]] = {}

    def persistent_id(self, obj: Any) -> ArrayRef | None:
        if type(obj) is not np.ndarray and type(obj) is not np.memmap:
            return None
        if id(obj) not in self._refs:
            try:
                self._refs[id(obj)] = obj, self._put(obj)
            except UnsupportedArrayError:  # pickle can hold it, and tells if it cannot
                return None
        return self._refs[id(obj)][1]


class _Unpickler(pickle.Unpickler):
    def __init__(self, stream: io.BytesIO, get: Callable[[ArrayRef], Array]) -> None:
        super().__init__(stream)
        self._get = get
        self._arrays: dict[ArrayRef, Array] = {}

    def persistent_load(self, pid: ArrayRef) -> Array:
        if pid not in self._arrays:
            self._arrays[pid] = self._get(pid)
        return self._arrays[pid]
