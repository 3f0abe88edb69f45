"""Names for functions and values that change when what they do changes."""

import copyreg
import functools
import hashlib
import pickle
import sys
import sysconfig
import types
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from filexchange import files
from filexchange.aliases import Array
from filexchange.errors import UnsupportedOptionError

_PLAIN = (bool, int, float, complex, str, bytes)
_CONTAINERS = (list, tuple, set, frozenset, dict, np.ndarray)

# Arrays that are not contiguous are copied so many bytes at a time.
_BYTES = 1 << 20

# What is installed changes with its version, and has what nobody can name.
_LIBRARIES = tuple(sysconfig.get_path(name) for name in ("stdlib", "purelib", "platlib"))


def token(value: Any) -> str:
    """Return a digest of a value, the same in every process.

    Of a function: its code and constants, defaults, what it closes over, and by name what it uses
    of its own module: functions, plain values, and outside of libraries classes, partial functions,
    arrays, lists, dicts and sets. Of a class outside of libraries: its functions and plain values.
    Comments and line numbers do not count.

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
    _Feeder(digest.update, {}).feed(value, ())
    return digest.hexdigest()


class _Feeder:
    """Adds values to a digest.

    Parameters
    ----------
    add : callable
    seen : dict
        Functions and classes by their ids, with the order in which they came: each is fed once,
        however many use it.
    """

    def __init__(self, add: Callable[[Any], None], seen: dict[int, tuple[int, Any]]) -> None:
        self.add = add
        self.seen = seen

    def feed(self, value: Any, outer: tuple[int, ...]) -> None:
        """Add a value; `outer` are the ids of what it is a part of, for what refers to itself."""
        if id(value) in outer:
            self.add(b"again")
            return
        outer = (*outer, id(value))
        self.add(type(value).__qualname__.encode() + b":")
        if isinstance(value, bytes):
            self.add(f"{len(value)}:".encode())
            self.add(value)
        elif value is None or isinstance(value, _PLAIN):
            self.add(repr(value).encode())
        elif type(value) in {np.ndarray, np.memmap}:
            self._array(value, outer)
        elif isinstance(value, list | tuple):
            self._all(value, outer)
        elif isinstance(value, set | frozenset):
            self._all(sorted(map(token, value)), outer)
        elif isinstance(value, dict):
            self._all(value.items(), outer)
        elif isinstance(value, types.FunctionType | type):
            self._once(value, outer)
        elif isinstance(value, types.CodeType):
            self._code(value, outer)
        elif isinstance(value, types.ModuleType):
            self.add(value.__name__.encode())
        elif isinstance(value, types.BuiltinFunctionType):
            self._builtin(value, outer)
        elif isinstance(value, functools.partial):
            self._all((value.func, value.args, value.keywords), outer)
        elif isinstance(value, types.MethodType):
            self._all((value.__func__, value.__self__), outer)
        else:
            self._object(value, outer)

    def _all(self, values: Iterable[Any], outer: tuple[int, ...]) -> None:
        for each in values:
            self.feed(each, outer)
            self.add(b",")
        self.add(b";")

    def _array(self, array: Array, outer: tuple[int, ...]) -> None:
        self.add(f"{array.dtype!r}{array.shape}".encode())
        if array.dtype.hasobject:
            self.feed(array.tolist(), outer)
        elif array.flags.c_contiguous:
            self.add(files.as_bytes(array))
        else:
            flags: Any = ["external_loop", "buffered", "zerosize_ok"]
            size = max(1, _BYTES // array.itemsize)
            for part in np.nditer(array, flags, order="C", buffersize=size):
                self.add(files.as_bytes(np.ascontiguousarray(part)))

    def _once(self, value: Any, outer: tuple[int, ...]) -> None:
        self.add(f"{value.__module__}.{value.__qualname__}".encode())
        if id(value) in self.seen:
            self.add(f"#{self.seen[id(value)][0]}".encode())
            return
        self.seen[id(value)] = len(self.seen), value
        if isinstance(value, types.FunctionType):
            self._function(value, outer)
        elif not _is_library(value.__module__):
            self._all((value.__bases__, _contents(value)), outer)

    def _function(self, function: types.FunctionType, outer: tuple[int, ...]) -> None:
        module, known = function.__module__, function.__globals__
        names = _names(function.__code__)
        used = {name: known[name] for name in names if name in known}
        theirs = {name: each for name, each in used.items() if _belongs(each, module)}
        cells = [_content(cell) for cell in function.__closure__ or ()]
        defaults = (function.__defaults__, function.__kwdefaults__)
        self._all((function.__code__, *defaults, cells, theirs), outer)

    def _code(self, code: types.CodeType, outer: tuple[int, ...]) -> None:
        count = code.co_argcount + code.co_kwonlyargcount
        arguments = (code.co_posonlyargcount, code.co_argcount, code.co_varnames[:count])
        content = (code.co_code, code.co_exceptiontable, code.co_consts, code.co_names)
        self._all((code.co_flags, arguments, *content), outer)

    def _builtin(self, function: types.BuiltinFunctionType, outer: tuple[int, ...]) -> None:
        self.add(f"{function.__module__}.{function.__qualname__}".encode())
        # A method of a built-in type, as of a dict.
        if not isinstance(function.__self__, types.ModuleType | None):
            self.feed(function.__self__, outer)

    def _object(self, value: Any, outer: tuple[int, ...]) -> None:
        found = _reduced(value)
        if isinstance(found, str):
            # Of what wraps a function, like a cache, the function.
            self.add(
                f"{type(value).__module__}.{getattr(value, '__module__', '')}.{found}".encode()
            )
            self.feed(getattr(value, "__wrapped__", None), outer)
            return
        function, args, *state = found
        self._all((function, args), outer)
        self._all((list(each) if hasattr(each, "__next__") else each for each in state), outer)


def _names(code: types.CodeType) -> list[str]:
    """Return the names that code uses, with those of the functions within."""
    inner = [each for each in code.co_consts if isinstance(each, types.CodeType)]
    return list(dict.fromkeys([*code.co_names, *(name for each in inner for name in _names(each))]))


def _content(cell: types.CellType) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # a name that has no value yet
        return cell.__class__


def _belongs(value: Any, module: str | None) -> bool:
    """Return whether a global is a value, or a function or class of the same module."""
    if isinstance(value, types.FunctionType):
        return value.__module__ == module
    if value is None or isinstance(value, (*_PLAIN, tuple)):
        return True
    if _is_library(module):
        return False
    if isinstance(value, type) or hasattr(value, "__wrapped__"):
        return bool(value.__module__ == module)
    return isinstance(value, (*_CONTAINERS, functools.partial, np.vectorize))


def _contents(cls: type) -> dict[str, Any]:
    """Return the functions and plain values of a class, without what Python adds."""
    found: dict[str, Any] = {}
    for name, value in vars(cls).items():
        if isinstance(value, staticmethod | classmethod):
            found[name] = type(value), value.__func__
        elif isinstance(value, property):
            found[name] = value.fget, value.fset, value.fdel
        elif isinstance(value, functools.cached_property):
            found[name] = value.func
        elif isinstance(value, types.FunctionType) or (
            not name.startswith("__") and isinstance(value, (*_PLAIN, *_CONTAINERS))
        ):
            found[name] = value
    return found


@functools.cache
def _is_library(module: str | None) -> bool:
    if module is None:
        return False
    package = module.partition(".")[0]
    if package == __name__.partition(".")[0] or package in sys.builtin_module_names:
        return True
    path = getattr(sys.modules.get(module), "__file__", None)
    return path is not None and path.startswith(_LIBRARIES)


def _reduced(value: Any) -> Any:
    """Return what pickle would make of an object."""
    try:
        if isinstance(value, np.ufunc) and value.__name__.endswith("(vectorized)"):
            raise TypeError("numpy.frompyfunc forgets its function")
        reduce = copyreg.dispatch_table.get(type(value))
        return value.__reduce_ex__(4) if reduce is None else reduce(value)
    except (TypeError, ValueError, AttributeError, RuntimeError, pickle.PickleError) as error:
        raise UnsupportedOptionError(
            f"resume= has to know later whether {value!r} is still the same, and cannot tell "
            f"({error}): use a function of a module, and arguments that can be pickled"
        ) from error
