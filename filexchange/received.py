"""`ReceivedArray`: what comes out of an exchange, read-only, and says so."""

import functools
import operator
from collections.abc import Callable
from typing import Any, ClassVar, Literal

import numpy as np

from filexchange.aliases import Array
from filexchange.errors import ReadOnlyError

_CHANGING = (
    *("__setitem__", "fill", "put", "sort", "partition", "setfield", "resize"),
    *("__iadd__", "__isub__", "__imul__", "__itruediv__", "__ifloordiv__", "__imod__"),
    *("__ipow__", "__imatmul__", "__iand__", "__ior__", "__ixor__", "__ilshift__", "__irshift__"),
)


class ReceivedArray(np.ndarray[Any, Any]):
    """An ndarray over memory that other processes read too, and therefore read-only.

    It is an ndarray in all but its answer to those who write to it: `ReadOnlyError`, a ValueError
    that tells how to get a writable one. What is computed from it, and its copies, are plain
    ndarrays. Its views are of this class, and keep the memory from being used again. Inside of
    objects of other classes, such as data frames, arrays are plain ndarrays, read-only too.

    Examples
    --------
    >>> with fx.Exchange() as ex:
    ...     received = ex.unpack(ex.pack(np.arange(3)))
    >>> type(received + 1) is np.ndarray
    True
    >>> received[0] = 7  # doctest: +ELLIPSIS
    Traceback (most recent call last):
        ...
    filexchange.errors.ReadOnlyError: this array is shared with other processes and read-only: ...
    """

    __slots__ = ()

    # Results of operations with other arrays are of their class.
    __array_priority__: ClassVar[float] = -100.0

    def __array_wrap__(
        self, array: Array, context: Any = None, return_scalar: bool = False, /
    ) -> Any:
        return array[()] if return_scalar else array.view(np.ndarray)

    def copy(self, order: Literal["K", "A", "C", "F"] | None = "C") -> Array:  # type: ignore[override]
        """Return an ndarray of one's own."""
        return np.array(self, order=order, copy=True)

    def astype(self, *args: Any, **options: Any) -> Array:
        """Return an ndarray of one's own of another dtype."""
        return np.asarray(self).astype(*args, **options)

    def __copy__(self) -> Array:  # type: ignore[override]
        return self.copy()

    def __deepcopy__(self, memo: dict[int, Any] | None, /) -> Array:  # type: ignore[override]
        return self.copy()

    def __reduce_ex__(self, protocol: Any, /) -> Any:
        return np.asarray(self).__reduce_ex__(protocol)


def marked(obj: Any) -> Any:
    """Return an object with its read-only arrays as `ReceivedArray`, where a user will find them.

    That is the object itself, and what dicts, lists and tuples of it hold. Objects of other
    classes keep the plain arrays that they were made with, which some insist on.
    """
    return _Marker().marked(obj)


class _Marker:
    """What was one object is one still, and what contains itself is gone through once."""

    def __init__(self) -> None:
        self._done: dict[int, Any] = {}
        self._kept: list[Any] = []  # whose ids must not become those of others meanwhile

    def marked(self, obj: Any) -> Any:
        kind = type(obj)
        if kind not in _LOOKED_INTO:
            return obj
        if id(obj) not in self._done:
            self._kept.append(obj)
            self._done[id(obj)] = obj
            self._done[id(obj)] = self._new(obj, kind)
        return self._done[id(obj)]

    def _new(self, obj: Any, kind: type) -> Any:
        if kind is np.ndarray:
            return obj if obj.flags.writeable else obj.view(ReceivedArray)
        if kind is tuple:
            values = tuple(map(self.marked, obj))
            return obj if all(map(operator.is_, values, obj)) else values
        for key, value in obj.items() if kind is dict else enumerate(obj):
            if type(value) in _LOOKED_INTO:
                obj[key] = self.marked(value)
        return obj


_LOOKED_INTO = {np.ndarray, dict, list, tuple}


def _guarded(change: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(change, assigned=("__name__",))  # not its examples
    def guarded(self: ReceivedArray, *args: Any, **options: Any) -> Any:
        if not self.flags.writeable:
            raise ReadOnlyError(
                "this array is shared with other processes and read-only: change a copy of it "
                '(array.copy()), or receive writable arrays with mode="c" (pages are copied when '
                'they are written) or mode="copy"'
            )
        return change(self, *args, **options)

    return guarded


for _name in _CHANGING:
    setattr(ReceivedArray, _name, _guarded(getattr(np.ndarray, _name)))
