"""The header of an ``.npy`` array, written and read without NumPy.

The format is that of NumPy's NEP 1, versions 1 to 3. Two things are ours and within it: the data
start at a multiple of 4096 bytes of the file, so that they can be mapped alone, and what ``.npy``
has no words for (attrs, the dtypes of ml_dtypes) stands as JSON in a comment in the padding, which
``numpy.load`` passes over.

The reader is strict and takes no memory: a header is at most 64 KiB, and its grammar is literals
without arithmetic, so that nothing in it is evaluated.
"""

import copy
import functools
import json
import math
import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, NoReturn

from filexchange import capabilities
from filexchange.aliases import Attrs, DType, Order, Shape
from filexchange.dtypes import dtype_from_json, dtype_to_json, storage_dtype
from filexchange.errors import (
    AttrsError,
    BadArrayFileError,
    InvalidRefError,
    MissingDependencyError,
    UnsupportedArrayError,
)
from filexchange.geometry import is_possible
from filexchange.literals import LiteralError, Literals

#: Data start at a multiple of this many bytes: the page size of most machines.
ALIGNMENT = 4096

MAGIC = b"\x93NUMPY"

# numpy.load refuses headers of more than 10,000 characters; up to a page of them is padding.
_MAX_WRITTEN = 10_000 - ALIGNMENT
_MAX_READ = 1 << 16
_KEYS = {"descr", "fortran_order", "shape"}
_VERSIONS = {(1, 0): (2, "latin1"), (2, 0): (4, "latin1"), (3, 0): (4, "utf-8")}
_FIXED = len(MAGIC) + 2
_ROOM = re.compile(r"""['"]shape['"]\s*:\s*\( +[0-9]""")


@dataclass(frozen=True, slots=True)
class Header:
    """What an ``.npy`` header says.

    Attributes
    ----------
    shape, dtype, order
        Of the array.
    size : int
        Bytes of the header: where the data start.
    attrs : mapping
        The user's attrs, from our comment; empty in files by others.
    grows : bool
        Whether there is room in front of the first length, as `npylength` makes it: the array may
        have become longer since somebody read this header, and is the same array all the same.
    """

    shape: Shape
    dtype: DType
    order: Order
    size: int
    attrs: Attrs = field(default_factory=dict)
    grows: bool = False

    @property
    def nbytes(self) -> int:
        """Bytes of the data."""
        return math.prod(self.shape) * self.dtype.itemsize


def encode(
    shape: Shape,
    dtype: DType,
    *,
    order: Order = "C",
    attrs: Attrs | None = None,
    start: int = 0,
    spare: int = 0,
) -> bytes:
    """Return the header of an array that begins at byte `start` of its file.

    The data that follow it begin at a multiple of 4096 bytes of the file. At least `spare` bytes
    of the header are padding.

    Raises
    ------
    AttrsError, UnsupportedArrayError
        If `attrs`, or the fields of `dtype`, are too many: numpy.load reads at most 10,000 bytes
        of header.

    Examples
    --------
    >>> import io
    >>> import numpy as np
    >>> header = encode((2,), np.dtype("<i4"))
    >>> len(header), np.load(io.BytesIO(header + bytes(8)))
    (4096, array([0, 0], dtype=int32))
    """
    logical, stored = dtype_to_json(dtype), dtype_to_json(storage_dtype(dtype))
    text = f"{{'descr': {_descr(stored)}, 'fortran_order': {order == 'F'}, 'shape': {shape!r}, }}"
    note: dict[str, Any] = {"dtype": logical} if logical != stored else {}
    if attrs:
        note["attrs"] = dict(attrs)
    if note:
        # ASCII only, and no newline, so that it is a comment in every version.
        text = f"{text}  # {json.dumps(note)}"
    version, size_bytes = ((1, 0), 2) if text.isascii() else ((3, 0), 4)
    body = text.encode("utf-8")
    before = start + _FIXED + size_bytes
    if len(body) >= _MAX_WRITTEN:
        if len(body) - (len(json.dumps(note["attrs"])) if attrs else 0) >= _MAX_WRITTEN:
            raise UnsupportedArrayError(
                f"the header of an .npy array holds {_MAX_WRITTEN} bytes, which a dtype of "
                f"{dtype.itemsize} bytes with {len(dtype.names or ())} fields exceeds: use format "
                "'zarr' or 'raw'"
            )
        raise AttrsError(
            f"the header of an .npy array holds {_MAX_WRITTEN} bytes, and dtype and attrs need "
            f"{len(body)}: formats 'hdf5' and 'zarr' hold more"
        )
    padding = spare + -(before + len(body) + spare + 1) % ALIGNMENT
    length = len(body) + padding + 1
    return b"".join(
        (MAGIC, bytes(version), length.to_bytes(size_bytes, "little"), body, b" " * padding, b"\n")
    )


def fits(shape: Shape, dtype: DType, attrs: Attrs) -> bool:
    """Return whether :func:`encode` has room for all of it."""
    try:
        encode(shape, dtype, attrs=attrs)
    except (AttrsError, UnsupportedArrayError):
        return False
    return True


def _descr(described: Any) -> str:
    """Return a JSON description of a dtype as the Python literal that NumPy writes."""
    if isinstance(described, str):
        return repr(described)
    fields = []
    for name, dtype, *shape in described:
        parts = [repr(name), _descr(dtype), *(repr(tuple(lengths)) for lengths in shape)]
        fields.append(f"({', '.join(parts)})")
    return f"[{', '.join(fields)}]"


def read(fd: int, path: str) -> Header:
    """Return the header at the beginning of a file.

    Raises
    ------
    BadArrayFileError
        If it is not a valid header; nothing is allocated on its word.
    """

    def read_bytes(count: int, offset: int) -> bytes:
        buffer = bytearray(count)
        done = capabilities.read_at(fd, memoryview(buffer), offset)
        return bytes(buffer[:done])

    return decode(read_bytes, path)


def decode(read_bytes: Callable[[int, int], bytes], path: str) -> Header:
    """Return the header that ``read_bytes(count, offset)`` reads; see :func:`read`."""
    data = read_bytes(ALIGNMENT, 0)
    if not data.startswith(MAGIC):
        _bad(path, f"it does not begin with {MAGIC!r}, so it is not an .npy array")
    version = tuple(data[len(MAGIC) : _FIXED])
    if version not in _VERSIONS:
        _bad(path, f"version {version} of the .npy format is unknown; 1.0, 2.0 and 3.0 are known")
    size_bytes, encoding = _VERSIONS[version]
    begin = _FIXED + size_bytes
    length = int.from_bytes(data[_FIXED:begin], "little")
    if length > _MAX_READ:
        _bad(path, f"its header claims {length} bytes; at most {_MAX_READ} are accepted")
    size = begin + length
    if size > len(data):
        data += read_bytes(size - len(data), len(data))
    if len(data) < size or len(data) < begin:
        _bad(path, f"it is truncated: {len(data)} bytes, and its header alone has {size}")
    try:
        header = _parse(data[begin:size], encoding, size)
    except (LiteralError, InvalidRefError) as error:
        raise BadArrayFileError(f"{path!r} has a bad .npy header: {error}") from error
    if not header.attrs:
        return header
    # What is kept for the next file with this header must not change with what users do to theirs.
    return replace(header, attrs=MappingProxyType(copy.deepcopy(header.attrs)))


def _bad(path: str, reason: str) -> NoReturn:
    raise BadArrayFileError(f"{path!r} is not readable: {reason}")


# A consumer meets the same few headers again and again.
@functools.lru_cache(maxsize=128)
def _parse(raw: bytes, encoding: str, size: int) -> Header:
    try:
        text = raw.decode(encoding)
    except UnicodeDecodeError as error:
        raise LiteralError(f"it is not {encoding}") from error
    tokens = Literals(text)
    fields = tokens.value(0)
    tokens.expect("end")
    if not isinstance(fields, dict) or fields.keys() != _KEYS:
        raise LiteralError(f"it is not a dict of {sorted(_KEYS)}")
    shape, fortran = fields["shape"], fields["fortran_order"]
    if not isinstance(shape, tuple) or any(type(n) is not int for n in shape):
        raise LiteralError(f"shape {shape!r} is not a tuple of integers")
    if type(fortran) is not bool:
        raise LiteralError(f"fortran_order {fortran!r} is neither True nor False")
    described = _as_json(fields["descr"])
    if _has_objects(described):
        raise LiteralError(
            "its elements are Python objects, which may run code when they are read. If you trust "
            "it, read it with numpy.load(path, allow_pickle=True), and save what it gives in "
            "numeric dtypes or fixed-width strings"
        )
    dtype = dtype_from_json(described)
    note = _read_note(tokens.note)
    if not is_possible(shape, dtype.itemsize):
        raise LiteralError(
            f"shape {shape} of {dtype.itemsize} bytes each: arrays have at most 64 axes and less "
            "than 2**63 bytes"
        )
    return Header(
        shape=shape,
        dtype=_logical(note.get("dtype"), dtype),
        order="F" if fortran else "C",
        size=size,
        attrs=note.get("attrs") or {},
        grows=_ROOM.search(text) is not None,
    )


def _as_json(descr: Any) -> Any:
    """Return a ``descr`` literal as nested lists, without the titles that fields may have."""
    if not isinstance(descr, list):
        return descr
    fields = []
    for entry in descr:
        if not isinstance(entry, tuple) or not entry:
            raise LiteralError(f"field {entry!r} is not a tuple")
        name, *rest = entry
        if isinstance(name, tuple) and len(name) == 2:  # noqa: PLR2004 - (title, name)
            name = name[1]
        fields.append(
            [name, *(_as_json(part) if isinstance(part, list) else part for part in rest)]
        )
        if isinstance(fields[-1][-1], tuple):
            fields[-1][-1] = list(fields[-1][-1])
        elif len(rest) == 2 and type(rest[1]) is int:  # noqa: PLR2004 - a shape of one axis
            fields[-1][-1] = [rest[1]]
    return fields


def _has_objects(described: Any) -> bool:
    if isinstance(described, list):
        return any(map(_has_objects, described))
    return isinstance(described, str) and described in {"|O", "O"}


def _read_note(text: str) -> dict[str, Any]:
    """Return our JSON comment; any other comment says nothing to us."""
    try:
        note = json.loads(text) if text.strip() else {}
    except (ValueError, RecursionError):
        return {}
    if not isinstance(note, dict) or not isinstance(note.get("attrs", {}), dict):
        return {}
    return note


def _logical(described: Any, stored: DType) -> DType:
    """Return the dtype a comment names, if its bytes are what the header says they are."""
    if described is None:
        return stored
    try:
        dtype = dtype_from_json(described)
    except MissingDependencyError:
        raise
    except InvalidRefError as error:
        raise LiteralError(f"its comment names a dtype that is none: {error}") from error
    if dtype_to_json(storage_dtype(dtype)) != dtype_to_json(stored):
        raise LiteralError(f"its comment names dtype {dtype}, but it stores {stored}")
    return dtype
