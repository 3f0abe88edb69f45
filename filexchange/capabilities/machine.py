"""The machine, the user and the limits of this process."""

import functools
import os
import platform
import stat
import sys
from typing import NamedTuple

_UNLIMITED = 1 << 60


def shared_memory_dir() -> str | None:
    """Return the directory where POSIX shared memory has names, or None."""
    return "/dev/shm" if sys.platform == "linux" and os.path.isdir("/dev/shm") else None  # noqa: S108 - not for temporary files


def available_memory() -> int:
    """Return the bytes of memory that can be had without swapping or reaching a cgroup's limit."""
    import psutil  # noqa: PLC0415 - costs as much to import as a hundred references

    free = int(psutil.virtual_memory().available)
    limited = memory_limit()
    return free if limited is None else min(free, limited)


def memory_limit() -> int | None:
    """Return the bytes that the control groups of this process leave it, None without a limit.

    Page cache counts as used there, although the kernel gives it back: it is taken off.
    """
    left = [
        limit - used
        for directory in _memory_groups()
        if (limit := _read_number(directory, "memory.max", "memory.limit_in_bytes")) is not None
        and limit < _UNLIMITED
        and (used := _used_memory(directory)) is not None
    ]
    return max(0, min(left)) if left else None


def limit_memory(room: int) -> bool:
    """Let this process add no more than so many bytes of memory; return whether the system can.

    What is beyond is a MemoryError, and not the end of some process. Mapped files do not count.
    """
    if sys.platform != "linux":
        return False
    import resource  # noqa: PLC0415 - not on every system

    with open("/proc/self/status", encoding="ascii") as file:
        used = next(int(line.split()[1]) << 10 for line in file if line.startswith("VmData"))
    soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
    limits = [used + room, *(each for each in (soft, hard) if each != resource.RLIM_INFINITY)]
    resource.setrlimit(resource.RLIMIT_DATA, (min(limits), hard))
    return True


@functools.cache
def _memory_groups() -> tuple[str, ...]:
    """Return the directories of this process's memory control group and those above it."""
    if sys.platform != "linux":
        return ()
    try:
        with open("/proc/self/cgroup", encoding="utf-8") as file:
            entries = [line.rstrip("\n").split(":", 2) for line in file]
    except OSError:  # no control groups in this kernel, or no /proc
        return ()
    for _, controllers, path in entries:
        if controllers == "" or "memory" in controllers.split(","):
            root = "/sys/fs/cgroup" + ("/memory" if controllers else "")
            names = path.strip("/").split("/") if path.strip("/") else []
            found = ["/".join([root, *names[:depth]]) for depth in range(len(names), -1, -1)]
            if controllers or os.path.exists(f"{root}/cgroup.controllers"):
                return tuple(directory for directory in found if os.path.isdir(directory))
    return ()


def _read_number(directory: str, *names: str) -> int | None:
    for name in names:
        try:
            with open(f"{directory}/{name}", encoding="ascii") as file:
                return int(file.read())
        except (OSError, ValueError):  # not there in this version, or "max"
            continue
    return None


def _used_memory(directory: str) -> int | None:
    used = _read_number(directory, "memory.current", "memory.usage_in_bytes")
    if used is None:
        return None
    try:
        with open(f"{directory}/memory.stat", encoding="ascii") as file:
            statistics = dict(line.split() for line in file)
    except (OSError, ValueError):
        return used
    return used - int(statistics.get("inactive_file", 0))


def free_bytes(directory: str) -> int:
    """Return the bytes that this user can still write below `directory`."""
    import psutil  # noqa: PLC0415 - see available_memory

    return int(psutil.disk_usage(directory).free)


def processor_name() -> str:
    """Return the model of the processor, as far as the system tells; else ``"unknown"``."""
    if sys.platform == "linux":
        with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as file:
            for line in file:
                if line.startswith("model name"):
                    return line.partition(":")[2].strip()
    return platform.processor() or "unknown"


class FileSystem(NamedTuple):
    """What a directory is on; ``"unknown"`` for what cannot be told."""

    type: str
    device: str
    mount: str


def file_system(directory: str) -> FileSystem:
    """Return the file system of a directory."""
    import psutil  # noqa: PLC0415 - see available_memory

    real = os.path.join(os.path.realpath(directory), "")
    mounts = [
        part
        for part in psutil.disk_partitions(all=True)
        if real.startswith(os.path.join(part.mountpoint, ""))
    ]
    if not mounts:
        return FileSystem("unknown", "unknown", "unknown")
    found = max(mounts, key=lambda part: len(part.mountpoint))
    return FileSystem(found.fstype, found.device, found.mountpoint)


def raise_descriptor_limit() -> int:
    """Let this process open as many files as it may; return how many those are."""
    if sys.platform == "win32":
        return 1 << 20
    import resource  # noqa: PLC0415 - not on Windows

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        except (ValueError, OSError):  # macOS has a lower limit than it says
            return soft
    return hard if hard != resource.RLIM_INFINITY else 1 << 20


def user_id() -> str:
    """Return what tells this user from others in a shared temporary directory."""
    return str(os.getuid()) if hasattr(os, "getuid") else os.environ.get("USERNAME", "user")


def is_private(status: os.stat_result) -> bool:
    """Return whether nobody but this user can enter a directory of this status.

    Windows keeps temporary directories inside the user's profile, and has no such modes.
    """
    if not hasattr(os, "getuid"):
        return True
    return status.st_uid == os.getuid() and not stat.S_IMODE(status.st_mode) & 0o077
