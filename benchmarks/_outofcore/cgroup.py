"""A memory cgroup of one's own, version 1 or 2, to run a process in."""

import contextlib
import itertools
import os
from collections.abc import Iterator
from typing import NamedTuple

MOUNTS = "/proc/self/mounts"
MEMBERSHIP = "/proc/self/cgroup"


class Version(NamedTuple):
    """The names of the files of one version of the interface."""

    number: int
    limits: dict[str, int | None]  # what is set; None stands for the limit
    peak: str
    kills: str


V1 = Version(
    1,
    {"memory.limit_in_bytes": None, "memory.memsw.limit_in_bytes": None},
    "memory.max_usage_in_bytes",
    "memory.oom_control",
)
V2 = Version(2, {"memory.max": None, "memory.swap.max": 0}, "memory.peak", "memory.events")


class Group(NamedTuple):
    """A group that exists."""

    version: Version
    path: str

    @property
    def members(self) -> str:
        """A process joins by writing its number to this file."""
        return os.path.join(self.path, "cgroup.procs")

    def processes(self) -> list[int]:
        return [int(line) for line in _read(self.members).split()]

    def peak(self) -> int | None:
        """Return the most memory that was charged, page cache included."""
        path = os.path.join(self.path, self.version.peak)
        return int(_read(path)) if os.path.exists(path) else None  # version 2 since Linux 5.19

    def kills(self) -> int:
        """Return how many processes the kernel has killed."""
        fields = dict(
            line.split() for line in _read(os.path.join(self.path, self.version.kills)).splitlines()
        )
        return int(fields.get("oom_kill", 0))


class Nowhere:
    """No cgroup can be made here, and why."""

    def __init__(self, reason: str) -> None:
        self.reason = reason


def find() -> tuple[Version, str] | Nowhere:
    """Return where groups with a limit can be made."""
    if not os.path.exists(MEMBERSHIP):
        return Nowhere("this system has no cgroups")
    if os.geteuid() != 0:
        return Nowhere("only root may make a memory cgroup")
    for version, parent in _candidates():
        if _can_hold(version, parent):
            return version, parent
    return Nowhere("no cgroup here lets a child have a memory limit")


@contextlib.contextmanager
def made(place: tuple[Version, str], limit: int) -> Iterator[Group]:
    """Yield a new group with that limit and no swap; its processes must have ended at the end."""
    version, parent = place
    group = Group(version, os.path.join(parent, f"outofcore-{os.getpid()}-{next(_numbers)}"))
    os.mkdir(group.path)
    try:
        for name, value in version.limits.items():
            path = os.path.join(group.path, name)
            if os.path.exists(path):  # a kernel may be without accounting of swap
                _write(path, str(limit if value is None else value))
        yield group
    finally:
        os.rmdir(group.path)


_numbers = itertools.count()


def _candidates() -> Iterator[tuple[Version, str]]:
    """Yield the places to try: version 1 at its mount, version 2 from here to the root."""
    own = _own_paths()
    for line in _read(MOUNTS).splitlines():
        _, mount, kind, options, *_ = line.split()
        if kind == "cgroup" and "memory" in options.split(","):
            yield V1, mount
        elif kind == "cgroup2":
            path = own.get("", "/")
            while True:
                yield V2, os.path.join(mount, path.lstrip("/")).rstrip("/")
                if path == "/":
                    break
                path = os.path.dirname(path)


def _own_paths() -> dict[str, str]:
    lines = (line.split(":", 2) for line in _read(MEMBERSHIP).splitlines())
    return {controllers: path for _, controllers, path in lines}


def _can_hold(version: Version, parent: str) -> bool:
    if version is V1:
        return os.access(parent, os.W_OK)
    if "memory" not in _read(os.path.join(parent, "cgroup.controllers")).split():
        return False
    control = os.path.join(parent, "cgroup.subtree_control")
    with contextlib.suppress(OSError):  # it has processes itself: try the one above
        _write(control, "+memory")
    return "memory" in _read(control).split()


def _read(path: str) -> str:
    with open(path, encoding="ascii") as file:
        return file.read()


def _write(path: str, text: str) -> None:
    with open(path, "w", encoding="ascii") as file:
        file.write(text)
