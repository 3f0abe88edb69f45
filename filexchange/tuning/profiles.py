"""Profiles: what was measured on a file system of this machine, in a file of the user's state.

They are in ``$XDG_STATE_HOME/filexchange``, ``~/.local/state/filexchange`` unless set. A profile
that is damaged, or of another version, is as good as none, and says so once.
"""

import dataclasses
import errno
import functools
import hashlib
import json
import os
import platform
import re
import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np

from filexchange import capabilities, files
from filexchange.aliases import Array, PathLike
from filexchange.capabilities import FileSystem
from filexchange.errors import ArrayAccessError
from filexchange.tuning.uses import ACCESSES
from filexchange.tuning.ways import Way

#: Version of the JSON document.
SCHEMA = 1

_STATE_VARIABLE = "XDG_STATE_HOME"
_ORDINARY = os.path.join(os.path.dirname(__file__), "ordinary.json")
_MOST_BYTES = 4 << 20
_DIGITS = 4


class ProfileWarning(UserWarning):
    """What was remembered of a file system cannot be used; the choice goes by other figures."""


@dataclasses.dataclass(frozen=True, slots=True)
class Measured:
    """An array that was written to make a profile.

    Attributes
    ----------
    kind : str
    itemsize : int
    fractions : mapping of str to float
        What a probe of it said.
    """

    kind: str
    itemsize: int
    fractions: Mapping[str, float]


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Profile:
    """What the ways cost on one file system.

    Attributes
    ----------
    directory : str
        Where it was measured.
    file_system : FileSystem
    machine : mapping
        Facts about the machine; ``"node"`` is its name.
    made : str
        When, ISO 8601, UTC.
    elapsed : float
        Seconds that it took.
    ways : tuple of Way
    inputs : tuple of Measured
    sizes : tuple of int
        Bytes of the arrays, rising.
    seconds : ndarray
        Of ways, inputs, sizes and :data:`~filexchange.tuning.uses.ACCESSES`.
    nbytes : ndarray
        On disk, of ways, inputs and sizes, without `overhead`.
    overhead : ndarray
        Bytes on disk of each way beside its elements.
    inline_below : int or None
        Bytes from which on arrays are faster by segment than inside messages.
    segments : mapping of int to float
        Seconds of a round trip by segment, by bytes of the array.
    """

    directory: str
    file_system: FileSystem
    machine: Mapping[str, Any]
    made: str
    elapsed: float
    ways: tuple[Way, ...]
    inputs: tuple[Measured, ...]
    sizes: tuple[int, ...]
    seconds: Array
    nbytes: Array
    overhead: Array
    inline_below: int | None = None
    segments: Mapping[int, float] = dataclasses.field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Return everything as JSON values."""
        return {
            "schema": SCHEMA,
            "directory": self.directory,
            "file_system": self.file_system._asdict(),
            "machine": dict(self.machine),
            "made": self.made,
            "elapsed": round(self.elapsed, 1),
            "sizes": list(self.sizes),
            "inputs": [
                {
                    "kind": each.kind,
                    "itemsize": each.itemsize,
                    "fractions": {name: _rounded(x) for name, x in each.fractions.items()},
                }
                for each in self.inputs
            ],
            "accesses": list(ACCESSES),
            "ways": {
                str(way): {
                    "overhead": int(self.overhead[number]),
                    "nbytes": self.nbytes[number].astype(int).tolist(),
                    "seconds": _all_rounded(self.seconds[number].tolist()),
                }
                for number, way in enumerate(self.ways)
            },
            "inline_below": self.inline_below,
            "segments": {str(n): _rounded(s) for n, s in self.segments.items()},
        }

    @classmethod
    def from_json(cls, document: Any) -> "Profile":
        """Return what :meth:`to_json` gave.

        Raises
        ------
        ValueError
            If it is something else; the message tells what.
        """
        if not isinstance(document, dict) or document.get("schema") != SCHEMA:
            raise ValueError(f"it is not of schema {SCHEMA}")
        try:
            made = cls._from_json(document)
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"{type(error).__name__}: {error}") from error
        shape = (len(made.ways), len(made.inputs), len(made.sizes))
        if 0 in shape or list(made.sizes) != sorted(set(made.sizes)) or made.sizes[0] < 1:
            raise ValueError("it has no ways, inputs or sizes")
        if (made.seconds.shape, made.nbytes.shape) != ((*shape, len(ACCESSES)), shape):
            raise ValueError("its figures are not as many as it says")
        positive = made.seconds.min() > 0 and made.nbytes.min() >= 0 and made.overhead.min() >= 0
        others = [x for each in made.inputs for x in each.fractions.values()]
        others += [x for pair in made.segments.items() for x in pair]
        if not positive or not np.isfinite(made.seconds).all() or not all(x > 0 for x in others):
            raise ValueError("its figures are not all positive")
        return made

    @classmethod
    def _from_json(cls, document: dict[str, Any]) -> "Profile":
        if document["accesses"] != list(ACCESSES):
            raise ValueError(f"its accesses are not {', '.join(ACCESSES)}")
        ways = document["ways"]
        inline_below = document["inline_below"]
        return cls(
            directory=str(document["directory"]),
            file_system=FileSystem(**document["file_system"]),
            machine=dict(document["machine"]),
            made=str(document["made"]),
            elapsed=float(document["elapsed"]),
            ways=tuple(map(Way.parse, ways)),
            inputs=tuple(
                Measured(
                    str(each["kind"]),
                    int(each["itemsize"]),
                    {str(name): float(x) for name, x in each["fractions"].items()},
                )
                for each in document["inputs"]
            ),
            sizes=tuple(map(int, document["sizes"])),
            seconds=np.array([each["seconds"] for each in ways.values()], float),
            nbytes=np.array([each["nbytes"] for each in ways.values()], float),
            overhead=np.array([each["overhead"] for each in ways.values()], float),
            inline_below=None if inline_below is None else int(inline_below),
            segments={int(n): float(s) for n, s in document["segments"].items()},
        )


def _rounded(value: float) -> float:
    return float(f"{value:.{_DIGITS}g}")


def _all_rounded(values: Any) -> Any:
    return list(map(_all_rounded, values)) if isinstance(values, list) else _rounded(values)


def state_directory() -> str | None:
    """Return the directory where profiles are; None for users without a home."""
    home = os.environ.get(_STATE_VARIABLE, "")
    if not os.path.isabs(home):
        home = os.path.join(os.path.expanduser("~"), ".local", "state")
    return os.path.join(home, "filexchange") if os.path.isabs(home) else None


def make_state_directory() -> str:
    """Make the directory where profiles are, unless it is there, and return it.

    Raises
    ------
    ArrayAccessError
        If there can be none, or nothing can be written to it.
    """
    directory = state_directory() or ""
    try:
        os.makedirs(directory, 0o700, exist_ok=True)
        if not os.access(directory, os.W_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    except OSError as error:
        raise ArrayAccessError(
            error.errno or errno.EACCES,
            f"profiles cannot be kept here ({error.strerror}): set ${_STATE_VARIABLE} to a "
            "directory that you can write",
            directory,
        ) from error
    return directory


def _profile_name(file_system: FileSystem) -> str:
    identity = json.dumps([platform.node(), *file_system])
    name = re.sub(r"[^a-z0-9]+", "-", file_system.type.lower()).strip("-")
    digest = hashlib.sha256(identity.encode()).hexdigest()[:12]
    return f"profile-{name}-{digest}.json"


def store(profile: Profile) -> str:
    """Write a profile, which takes the place of an older one, and return its path.

    Raises
    ------
    ArrayAccessError, StorageFullError
        If the state directory cannot be written to.
    """
    path = os.path.join(make_state_directory(), _profile_name(profile.file_system))
    with (
        files.publish(path, overwrite=True) as aside,
        open(aside, "x", encoding="utf-8") as file,
    ):
        json.dump(profile.to_json(), file)
    forget()
    return path


# Threads that race here read the same file, and store the same profile.
_known: dict[tuple[str, int], Profile | None] = {}


def forget() -> None:
    """Read profiles anew when they are asked for next."""
    _known.clear()


def profile_of(directory: PathLike) -> Profile | None:
    """Return the profile of the file system of a directory, None if there is none.

    It is read once in a process. One that is damaged, or of another version, is a `ProfileWarning`
    and None; and so is a directory that is not there, without one.
    """
    try:
        device = os.stat(directory).st_dev
    except OSError:
        return None
    state = state_directory()
    if state is None:
        return None
    key = state, device
    if key not in _known:
        name = _profile_name(capabilities.file_system(os.fspath(directory)))
        _known[key] = _read(os.path.join(state, name))
    return _known[key]


def _read(path: str) -> Profile | None:
    try:
        with open(path, encoding="utf-8") as file:
            return Profile.from_json(json.loads(file.read(_MOST_BYTES)))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError, RecursionError) as error:
        warnings.warn(
            f"the profile {path!r} is not used ({error}): write a new one with `filexchange tune`",
            ProfileWarning,
            stacklevel=2,
        )
        return None


@functools.cache
def ordinary() -> Profile:
    """Return what stands in for a missing profile: figures of an ordinary machine and disk."""
    with open(_ORDINARY, encoding="utf-8") as file:
        return Profile.from_json(json.load(file))
