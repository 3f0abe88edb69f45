"""Names for functions and values that change when what they do changes."""

import functools
import hashlib
import types
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from filexchange.errors import UnsupportedOptionError

_Add = Callable[[bytes], None]


def token(value: Any) -> str:
    """Return a digest of a value, the same in every process.

    Of a function: its code and constants, defaults, what it closes over, and the functions and
    plain values of its own module that it uses by name. Comments and line numbers do not count.

    Raises
    ------
    UnsupportedOptionError
        If some part cannot be named.

    Examples
    --------
    >>> token(lambda x: x + 1) == token(lambda x: x + 1), token(1) == token(1.0)
    (True, False)
    """
    digest = hashlib.blake2b(digest_size=16)
    _feed(digest.update, value, ())
    return digest.hexdigest()


def _feed(add: _Add, value: Any, outer: tuple[int, ...]) -> None:
    """Add a value; `outer` are the ids of what it is a part of, for what refers to itself."""
    if id(value) in outer:
        add(b"again")
        return
    outer = (*outer, id(value))
    add(type(value).__qualname__.encode() + b":")
    if value is None or isinstance(value, bool | int | float | complex | str | bytes):
        add(repr(value).encode())
    elif isinstance(value, np.ndarray):
        add(f"{value.dtype.str}{value.shape}".encode())
        _feed(add, value.tolist() if value.dtype.hasobject else value.tobytes(), outer)
    elif isinstance(value, list | tuple):
        _feed_all(add, value, outer)
    elif isinstance(value, set | frozenset):
        _feed_all(add, sorted(map(token, value)), outer)
    elif isinstance(value, dict):
        _feed_all(add, value.items(), outer)
    elif isinstance(value, types.FunctionType):
        _feed_function(add, value, outer)
    elif isinstance(value, types.CodeType):
        _feed_all(add, (value.co_code, value.co_consts, value.co_names), outer)
    elif isinstance(value, types.ModuleType):
        add(value.__name__.encode())
    elif isinstance(value, type | types.BuiltinFunctionType | np.ufunc):
        add(f"{getattr(value, '__module__', '')}.{value.__name__}".encode())
    elif isinstance(value, functools.partial):
        _feed_all(add, (value.func, value.args, value.keywords), outer)
    elif isinstance(value, types.MethodType):
        _feed_all(add, (value.__func__, value.__self__), outer)
    else:
        _feed_object(add, value, outer)


def _feed_all(add: _Add, values: Iterable[Any], outer: tuple[int, ...]) -> None:
    for each in values:
        _feed(add, each, outer)
        add(b",")
    add(b";")


def _feed_function(add: _Add, function: types.FunctionType, outer: tuple[int, ...]) -> None:
    code = function.__code__
    cells = [cell.cell_contents for cell in function.__closure__ or ()]
    used = [function.__globals__[name] for name in code.co_names if name in function.__globals__]
    theirs = [each for each in used if _belongs(each, function.__module__)]
    add(f"{function.__module__}.{function.__qualname__}".encode())
    _feed_all(add, (code, function.__defaults__, function.__kwdefaults__, cells, theirs), outer)


def _belongs(value: Any, module: str) -> bool:
    """Return whether a global is a plain value, or a function of the same module."""
    if isinstance(value, types.FunctionType):
        return value.__module__ == module
    return value is None or isinstance(value, bool | int | float | complex | str | bytes | tuple)


def _feed_object(add: _Add, value: Any, outer: tuple[int, ...]) -> None:
    try:
        found = value.__reduce_ex__(4)
    except TypeError as error:
        raise UnsupportedOptionError(
            f"resume= has to know later whether {value!r} is still the same, and cannot tell "
            f"({error}): use a function of a module, and arguments that can be pickled"
        ) from error
    if isinstance(found, str):
        add(f"{type(value).__module__}.{found}".encode())
        return
    function, args, *state = found
    _feed_all(add, (function, args), outer)
    _feed_all(add, (list(each) if hasattr(each, "__next__") else each for each in state), outer)
