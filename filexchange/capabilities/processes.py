"""The memory of processes."""

import ctypes
import sys

from filexchange.capabilities.libc import libc_function


def anonymous_memory(pid: int) -> int | None:
    """Return the bytes of memory that a process has beside mapped files, None if nobody knows."""
    if sys.platform != "linux":
        return None
    try:
        with open(f"/proc/{pid}/status", encoding="utf-8", errors="replace") as file:
            for line in file:
                if line.startswith("RssAnon:"):
                    return int(line.split()[1]) << 10
    except OSError:  # it has ended
        pass
    return None


def trim_memory() -> None:
    """Give memory back that was freed and kept to be used again, where the C library can."""
    malloc_trim = libc_function("malloc_trim") if sys.platform == "linux" else None
    if malloc_trim is not None:
        malloc_trim(ctypes.c_size_t(0))
