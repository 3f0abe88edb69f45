"""What arrays can travel, and the names of their dtypes in files and references.

A dtype is described as in the header of an ``.npy`` file: a string such as ``"<f4"``, or for
structured dtypes a list of ``[name, description]`` or ``[name, description, shape]`` in which
unnamed ``"|V<n>"`` entries are padding. The only addition are the names of the ``ml_dtypes``
package (``"bfloat16"``), which ``.npy`` itself would turn into ``"|V2"``.
"""

import functools
import re
from reprlib import repr as short
from typing import Any, TypeAlias

import numpy as np

from filexchange.aliases import Array, DType
from filexchange.errors import InvalidRefError, MissingDependencyError, UnsupportedArrayError

DTypeDescription: TypeAlias = str | list[Any]

_PLAIN = re.compile(
    r"[<>=|]?(?:[?bBhHiIlLqQefdgFDG]|[biufcSUV]\d{1,9}|[mM]8(?:\[\d{0,10}\w{1,2}\])?)"
)
_ML_NAME = re.compile(r"[a-z]+\d[a-z0-9_]*")
_MAX_DEPTH = 16


def as_array(obj: Any) -> Array:
    """Return `obj` as a plain ndarray that a file can hold.

    Subclasses without extra data (memmap, recarray, matrix) become plain arrays over the same
    memory; nothing is copied that already is an array.

    Raises
    ------
    UnsupportedArrayError
        For masked arrays and for dtypes that :func:`check_dtype` refuses.
    """
    check_unmasked(obj)
    array = obj if type(obj) is np.ndarray else np.asarray(obj)
    if array.dtype.type is np.record:  # a recarray: the same fields without the attribute access
        array = array.view(np.dtype((np.void, array.dtype)))
    check_dtype(array.dtype)
    return array


def check_unmasked(obj: Any) -> None:
    """Raise `UnsupportedArrayError` if `obj` is a masked array, whose mask would be lost."""
    if isinstance(obj, np.ma.MaskedArray):
        raise UnsupportedArrayError(
            "a masked array cannot be written to one file without losing its mask: save "
            "numpy.ma.getdata(x) and numpy.ma.getmaskarray(x) as two arrays, or x.filled(value)"
        )


def check_dtype(dtype: DType) -> None:
    """Raise `UnsupportedArrayError` unless elements of `dtype` are plain bytes of fixed size."""
    if dtype.hasobject:
        raise UnsupportedArrayError(
            f"dtype {dtype!r} holds Python objects, which only pickle could write: convert the "
            "array to a numeric dtype, to fixed-width strings (astype('U') or astype('S')), or "
            "to several arrays"
        )
    if dtype.kind == "T":
        raise UnsupportedArrayError(
            f"dtype {dtype!r} keeps its strings outside the array: convert it to fixed-width "
            "strings with astype('U') or astype('S')"
        )
    if dtype.itemsize == 0:
        raise UnsupportedArrayError(
            f"dtype {dtype!r} has elements of zero bytes: there is nothing to write"
        )
    _check_description(dtype)


# Arrays of the same few dtypes are checked again and again.
@functools.lru_cache(maxsize=256)
def _check_description(dtype: DType) -> None:
    """Raise `UnsupportedArrayError` unless `dtype` comes back from its description."""
    try:
        again = dtype_from_json(dtype_to_json(dtype))
    except (InvalidRefError, RecursionError) as error:
        raise UnsupportedArrayError(
            f"no file holds a dtype like this one of {dtype.itemsize} bytes ({error}): at most "
            f"{_MAX_DEPTH} structured dtypes can be within each other, so save the fields as "
            "several arrays"
        ) from error
    if again != dtype:
        raise UnsupportedArrayError(
            f"dtype {dtype!r} would come back as {again!r}: give each field a name"
        )


def is_plain(dtype: DType) -> bool:
    """Return whether :func:`check_dtype` accepts `dtype`.

    Examples
    --------
    >>> is_plain(np.dtype("f4")), is_plain(np.dtype(object))
    (True, False)
    """
    if dtype.isbuiltin == 1 and dtype.kind in "biufcmM":
        return True
    try:
        check_dtype(dtype)
    except UnsupportedArrayError:
        return False
    return True


def dtype_to_json(dtype: DType) -> DTypeDescription:
    """Describe `dtype` by a string or nested lists of strings and integers.

    Examples
    --------
    >>> dtype_to_json(np.dtype("float32"))
    '<f4'
    >>> dtype_to_json(np.dtype([("x", ">f8"), ("rgb", "u1", (3,))]))
    [['x', '>f8'], ['rgb', '|u1', [3]]]
    """
    if dtype.names is not None:
        return _fields_to_json(dtype)
    if dtype.subdtype is not None:
        raise UnsupportedArrayError(
            f"dtype {dtype!r} is a subarray; make its shape part of the array's shape"
        )
    if _is_foreign(dtype):
        if dtype.type.__module__.partition(".")[0] != "ml_dtypes":
            raise UnsupportedArrayError(
                f"dtype {dtype!r} comes from {dtype.type.__module__!r}: only NumPy's own dtypes "
                "and those of ml_dtypes have a name that another process can resolve"
            )
        return dtype.name
    return dtype.str


def _fields_to_json(dtype: DType) -> list[Any]:
    described: list[Any] = []
    end = 0
    if len(dtype.fields or ()) > len(dtype.names or ()):  # a field is there by its title, too
        raise UnsupportedArrayError(
            f"dtype {dtype!r} has fields with titles, for which files have no place: view the "
            "array as a dtype without them, and keep them in attrs"
        )
    for name, field, offset in _fields(dtype):
        if offset < end:
            raise UnsupportedArrayError(
                f"dtype {dtype!r} has fields that overlap or are out of order; copy the array "
                "with numpy.lib.recfunctions.repack_fields first"
            )
        if offset > end:
            described.append(["", f"|V{offset - end}"])
        base, shape = field.subdtype or (field, ())
        entry: list[Any] = [name, dtype_to_json(base)]
        described.append([*entry, list(shape)] if shape else entry)
        end = offset + field.itemsize
    if dtype.itemsize > end:
        described.append(["", f"|V{dtype.itemsize - end}"])
    return described


def dtype_from_json(description: Any) -> DType:
    """Return the dtype that :func:`dtype_to_json` described.

    Raises
    ------
    InvalidRefError
        If the description is malformed, or of a dtype that arrays here cannot have.
    MissingDependencyError
        If it names a dtype of ml_dtypes and that package is not installed.
    """
    if isinstance(description, str):
        return _plain_from_name(description)
    dtype = _dtype_from_json(description, 0)
    if dtype.itemsize == 0:
        raise InvalidRefError(f"dtype {short(description)} has elements of zero bytes")
    return dtype


def _dtype_from_json(description: Any, depth: int) -> DType:
    if isinstance(description, str):
        return _plain_from_name(description)
    if not isinstance(description, list) or not description or depth >= _MAX_DEPTH:
        raise InvalidRefError(f"{short(description)} does not describe a dtype")
    names, formats, offsets, end = [], [], [], 0
    for entry in description:
        name, field = _field_from_json(entry, depth)
        if name or field.kind != "V" or field.names is not None:
            names.append(name)
            formats.append(field)
            offsets.append(end)
        end += field.itemsize
    try:
        return _record(names, formats, offsets, end)
    except (ValueError, TypeError, OverflowError) as error:
        raise InvalidRefError(f"{short(description)} does not describe a dtype: {error}") from error


def _field_from_json(entry: Any, depth: int) -> tuple[str, DType]:
    match entry:
        case [str(name), described]:
            return name, _dtype_from_json(described, depth + 1)
        case [str(name), described, [*shape]] if all(type(n) is int and n >= 0 for n in shape):
            base = _dtype_from_json(described, depth + 1)
            try:
                return name, np.dtype((base, tuple(shape)))
            except (ValueError, TypeError, OverflowError) as error:
                raise InvalidRefError(f"{short(entry)} is not a field: {error}") from error
        case _:
            raise InvalidRefError(
                f"{short(entry)} is not a field: expected [name, dtype] or [name, dtype, shape]"
            )


@functools.lru_cache(maxsize=256)
def _plain_from_name(name: str) -> DType:
    if _PLAIN.fullmatch(name):
        try:
            dtype = np.dtype(name)
        except (TypeError, ValueError, OverflowError) as error:
            raise InvalidRefError(f"{name!r} is not a dtype: {error}") from error
        if dtype.itemsize == 0:
            raise InvalidRefError(f"dtype {name!r} has elements of zero bytes")
        return dtype
    if not _ML_NAME.fullmatch(name):
        raise InvalidRefError(
            f"{short(name)} is not a dtype that an array file can have: expected NumPy's form, "
            "such as '<f4', or a name of ml_dtypes, such as 'bfloat16'"
        )
    try:
        import ml_dtypes  # optional, and only for its own dtypes
    except ImportError as error:
        raise MissingDependencyError(
            f"dtype {name!r} needs the package ml_dtypes: pip install ml_dtypes"
        ) from error
    found = getattr(ml_dtypes, name, None)
    if not (isinstance(found, type) and issubclass(found, np.generic)):
        raise InvalidRefError(
            f"{name!r} is not a dtype of ml_dtypes {ml_dtypes.__version__}: "
            "pip install --upgrade ml_dtypes"
        )
    return np.dtype(found)


def storage_dtype(dtype: DType) -> DType:
    """Return the dtype of NumPy's own that holds the same bytes as `dtype`.

    The same object for all of NumPy's plain dtypes; ``V<n>`` in place of those of ml_dtypes.
    """
    if dtype.names is None:
        return np.dtype(f"V{dtype.itemsize}") if _is_foreign(dtype) else dtype
    names, formats, offsets = [], [], []
    for name, field, offset in _fields(dtype):
        base, shape = field.subdtype or (field, ())
        names.append(name)
        formats.append((storage_dtype(base), shape))
        offsets.append(offset)
    return _record(names, formats, offsets, dtype.itemsize)


def _fields(dtype: DType) -> list[tuple[str, DType, int]]:
    """Return name, dtype and offset of each field, in the order of `names`."""
    fields: Any = dtype.fields or {}
    return [(name, *fields[name][:2]) for name in dtype.names or ()]


def _is_foreign(dtype: DType) -> bool:
    """Return whether a dtype was registered with NumPy from outside."""
    return dtype.isbuiltin == 2  # noqa: PLR2004 - NumPy's mark of these


def _record(names: list[str], formats: list[Any], offsets: list[int], itemsize: int) -> DType:
    fields: Any = {"names": names, "formats": formats, "offsets": offsets, "itemsize": itemsize}
    dtype: DType = np.dtype(fields)
    return dtype
