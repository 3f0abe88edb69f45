"""Functions of the C library that Python does not have."""

import ctypes
import functools
import sys
from typing import Any

#: Whether the C library's offsets have 64 bits, as ctypes passes them here.
IS_64_BIT = sys.maxsize > 1 << 32


@functools.cache
def libc_function(name: str) -> Any:
    """Return a function of the C library, None where there is none; it sets ``get_errno``."""
    if sys.platform == "win32":
        return None
    return getattr(ctypes.CDLL(None, use_errno=True), name, None)
