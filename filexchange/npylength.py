"""The first length of an ``.npy`` array, changed in place while others read the file.

A length is the last thing that is written: what lies in front of it is complete. Readers may come
at any moment, ``numpy.load`` among them, and must never meet a length that was not written.
Decimal digits that are written by ``pwrite`` do not give that: a reader can meet some of the new
ones with some of the old ones. What does is one store of eight bytes, at a multiple of eight, to a
shared mapping of the page. So there is room for a length of any size in the header, in front of
its digits, and they end at a multiple of eight bytes of the file::

    {'descr': '<u2', 'fortran_order': False, 'shape': (                         17, 2048, 2048), }
                                                              ^       ^       ^

Lengths below 10**8 change by one store. Others may take two, the last digits first: a reader that
comes in between meets a length that is too small, for which everything is there.
"""

import mmap
import re
from typing import Any

import numpy as np

from filexchange import capabilities, npyheader
from filexchange.errors import BadArrayFileError, UnsupportedOptionError

_WORD = 8

# Of a shape in a header: what stands in front of its first length, and the length.
_SHAPE = re.compile(rb"""['"]shape['"]\s*:\s*\((?P<first> *[0-9]+)""")

# As many digits as a length can have, and those of numpy.save, which leaves room for 21 with no
# regard to where they end.
_MAX_DIGITS, _MIN_DIGITS = 20, 13

#: Padding that a header needs for any length.
SPARE = _MAX_DIGITS + _WORD


def with_room(header: bytes, path: str) -> bytes:
    """Return a header of the same size and meaning, with room for a growing first length.

    Raises
    ------
    UnsupportedOptionError
        If its padding is too small.

    Examples
    --------
    >>> header = npyheader.encode((5, 2), np.dtype("<f4"))
    >>> with_room(header, "a.npy")[51:91]
    b"'shape': (                          5, 2"
    """
    begin, end = _place(header)
    if not end % _WORD and end - begin > _MIN_DIGITS:
        return header
    text = header.rstrip(b" \n")
    padding = len(header) - len(text) - 1
    new_end = min(end + padding, begin + SPARE - 1) // _WORD * _WORD
    if new_end - begin < _MIN_DIGITS or new_end < end:
        raise UnsupportedOptionError(
            f"the header of {path!r} has no room for a longer array: {padding} bytes are left in "
            "it. Copy it to a file that has, with filexchange.blocks.writer"
        )
    length = header[begin:end].strip().rjust(new_end - begin)
    return (header[:begin] + length + text[end:]).ljust(len(header) - 1) + b"\n"


def _place(header: bytes) -> tuple[int, int]:
    """Return where the first length stands in a header, with the room in front of it."""
    found = _parsed(header)
    for match in _SHAPE.finditer(header):
        begin, end = match.span("first")
        other = str((found.shape[0] + 1) % 10).encode()
        # The words may also stand in the name of a field, or in attrs.
        changed = header[: end - 1] + other + header[end:]
        try:
            shape = _parsed(changed).shape
        except BadArrayFileError:
            continue
        if shape[:1] != found.shape[:1] and shape[1:] == found.shape[1:]:
            return begin, end
    raise BadArrayFileError(f"there is no length to change in the header {header[:200]!r}")


def _parsed(header: bytes) -> npyheader.Header:
    return npyheader.decode(lambda count, start: header[start : start + count], "header")


class Length:
    """The length in the header of an open file, which begins with `header`.

    The header must be one of :func:`with_room`.
    """

    def __init__(self, fd: int, header: bytes) -> None:
        begin, end = _place(header)
        self._begin, self._end = begin, end
        self._map = capabilities.map_file(fd, len(header), mmap.ACCESS_WRITE, 0)
        self._words: Any = np.frombuffer(self._map, np.uint64, len(header) // _WORD)

    def set(self, length: int) -> None:
        """Change the length.

        Raises
        ------
        UnsupportedOptionError
            If it has more digits than there is room for.
        """
        digits = str(length).encode().rjust(self._end - self._begin)
        if len(digits) > self._end - self._begin:
            raise UnsupportedOptionError(
                f"the header has no room for a length of {length}: copy the array to another file"
            )
        first, last = self._begin // _WORD, self._end // _WORD
        text = self._words[first:last].tobytes()
        words = np.frombuffer(text[: self._begin % _WORD] + digits, np.uint64)
        for place in reversed(range(last - first)):
            if self._words[first + place] != words[place]:
                self._words[first + place] = words[place]

    def sync(self) -> None:
        """Have the length on the disk."""
        self._map.flush()

    def close(self) -> None:
        """Let go of the mapping."""
        self._words = None
        self._map.close()
