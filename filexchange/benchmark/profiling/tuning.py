"""What `filexchange tune` does: measure the ways on one file system, and remember it.

Made-up arrays of a few kinds and sizes are written here and read in another process, with the page
cache warm. What takes long is not measured at the largest sizes, but reckoned from the smaller
ones.
"""

import datetime as dt
import errno
import os
import platform
import statistics
import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

from filexchange import arrays, capabilities, files
from filexchange.aliases import Array, PathLike
from filexchange.benchmark.machine import Machine
from filexchange.benchmark.measuring.scratch import scratch
from filexchange.benchmark.measuring.synthetic import synthetic_array
from filexchange.benchmark.measuring.trees import nbytes_below
from filexchange.benchmark.profiling.reader import Reader
from filexchange.benchmark.profiling.segments import crossing, segment_times
from filexchange.errors import StorageFullError
from filexchange.tuning.probing import probe
from filexchange.tuning.profiles import Measured, Profile
from filexchange.tuning.uses import ACCESSES
from filexchange.tuning.ways import WAYS, Way

#: Kinds and dtypes of the arrays; the first one is the one of the largest size. Two of them are
#: such that codecs take long: small integers, and rounded numbers of few bits.
INPUTS = (
    ("field", "f4"),
    ("random", "f4"),
    ("field", "u1"),
    ("images", "f2"),
    ("labels", "i4"),
    ("sparse", "f8"),
    ("images", "u2"),
    ("labels", "u1"),
)
SIZES = (64 << 10, 1 << 20, 8 << 20, 64 << 20)

_ROUNDS = {64 << 10: 5, 1 << 20: 3, 8 << 20: 2, 64 << 20: 2}
# What took so long at the size before is not done more than once, or at the largest size at all.
_LONG, _TOO_LONG = 0.04, 0.1

#: Seconds, unless told otherwise.
BUDGET = 30.0
_WARM_UP = (100, 100)
# One at a time, and what its format writes beside it before that is complete.
_LARGEST_FILES = 2


class _Key(NamedTuple):
    way: int
    input: int
    size: int


def tune(
    directory: PathLike,
    *,
    budget: float = BUDGET,
    on_progress: Callable[[float, str], object] | None = None,
) -> Profile:
    """Measure the ways to write arrays on the file system of a directory.

    Parameters
    ----------
    directory : path-like
        Files are written to a directory in it, which is removed afterwards.
    budget : float, optional
        Seconds after which nothing more is measured, but for a last round of what is under way.
    on_progress : callable, optional
        Called with the share that is done, from 0 to 1, and what is being measured.

    Returns
    -------
    Profile
        To be kept by :func:`filexchange.tuning.profiles.store`.

    Raises
    ------
    ArrayNotFoundError, ArrayAccessError
        If the directory is not there or not writable.
    StorageFullError
        If there is no room for files of twice the largest size, 128 MiB.
    ExchangeError
        If the other process ends early.

    Notes
    -----
    A process is started by spawn, so a script that calls
    this keeps the call below ``if __name__ == "__main__":``.
    """
    start = time.perf_counter()
    base = os.path.abspath(os.fspath(directory))
    report = on_progress or _be_quiet
    with scratch(base) as place, Reader() as reader:
        _check_room(place)
        ways = [way for way in WAYS if _works(way, place, reader)]
        figures = _Figures(ways)
        steps = list(_steps())
        for position, (size, number) in enumerate(steps):
            kind, dtype = INPUTS[number]
            report(position / len(steps), f"{kind} {dtype}, {size >> 10} KiB")
            if position < len(INPUTS) or time.perf_counter() < start + budget:
                array = synthetic_array(size, dtype, kind=kind)
                table = _Table(figures, SIZES.index(size), number, start + budget)
                table.measure(array, place, reader)
        report(1.0, "segments")
        segments, inline = segment_times(place)
        overhead = [_nbytes_of(way, np.zeros(1, "u1"), place) - 1 for way in ways]
    return Profile(
        directory=base,
        file_system=capabilities.file_system(base),
        machine=_machine(),
        made=dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        elapsed=time.perf_counter() - start,
        ways=tuple(ways),
        inputs=tuple(_measured(kind, dtype) for kind, dtype in INPUTS),
        sizes=SIZES,
        seconds=figures.seconds,
        nbytes=np.maximum(0, figures.nbytes - np.array(overhead)[:, None, None]),
        overhead=np.maximum(0, overhead),
        inline_below=crossing(segments, inline),
        segments=segments,
    )


def _check_room(place: str) -> None:
    """Refuse a file system where the largest files do not fit, before the small ones take time."""
    free, needed = capabilities.free_bytes(place), _LARGEST_FILES * SIZES[-1]
    if free < needed:
        raise StorageFullError(
            errno.ENOSPC,
            f"tuning writes up to {needed} bytes, and {free} are free: make room, or tune another "
            "directory",
            place,
        )


def _be_quiet(_share: float, _what: str) -> None:
    pass


def _steps() -> Iterator[tuple[int, int]]:
    """Yield size and number of the input of each measurement, what matters least at the end."""
    for size in SIZES[:-2]:
        for number in range(len(INPUTS)):
            yield size, number
    yield SIZES[-2], 0
    yield SIZES[-1], 0
    for number in range(1, len(INPUTS)):
        yield SIZES[-2], number


class _Figures:
    """What was measured, and what is reckoned where it was not."""

    def __init__(self, ways: list[Way]) -> None:
        self.ways = ways
        shape = (len(ways), len(INPUTS), len(SIZES))
        self._seconds = np.full((*shape, len(ACCESSES)), np.nan)
        self._nbytes = np.full(shape, np.nan)

    def keep(self, key: _Key, samples: list[tuple[float, ...]], nbytes: int) -> None:
        self._seconds[key] = [statistics.median_low(each) for each in zip(*samples, strict=True)]
        self._nbytes[key] = nbytes

    def took(self, key: _Key) -> float:
        """Return the seconds of the longest access at the size before; 0 if it is not known."""
        return float(self._seconds[key.way, key.input, key.size - 1].max()) if key.size else 0.0

    @property
    def seconds(self) -> Array:
        """Of ways, inputs, sizes and accesses."""
        return self._filled(self._seconds)

    @property
    def nbytes(self) -> Array:
        """Of ways, inputs and sizes."""
        return self._filled(self._nbytes)

    def _filled(self, measured: Array) -> Array:
        """Return figures with those that were not measured in proportion to the size before.

        By what the same way took more for other inputs, or else by the size.
        """
        filled = measured.copy()
        for size in range(1, len(SIZES)):
            growth = np.full_like(filled[:, :1, size], SIZES[size] / SIZES[size - 1])
            for way, number in np.ndindex(filled.shape[:2]):
                if not np.isnan(measured[way, number, size]).any():
                    growth[way] = measured[way, number, size] / filled[way, number, size - 1]
            missing = np.isnan(filled[:, :, size])
            filled[:, :, size][missing] = (filled[:, :, size - 1] * growth)[missing]
        return filled


class _Table:
    """One input of one size: all ways, round after round."""

    def __init__(self, figures: _Figures, size: int, number: int, deadline: float) -> None:
        self._figures = figures
        self._rounds = _ROUNDS[SIZES[size]]
        self._deadline = deadline
        is_largest = size == len(SIZES) - 1
        keys = [_Key(way, number, size) for way in range(len(figures.ways))]
        self._samples: dict[_Key, list[tuple[float, ...]]] = {
            key: [] for key in keys if not is_largest or figures.took(key) < _TOO_LONG
        }

    def measure(self, array: Array, place: str, reader: Reader) -> None:
        """Write and read an array in each way, in turn."""
        nbytes: dict[_Key, int] = {}
        for turn in range(self._rounds):
            order = list(self._samples) if turn % 2 else list(reversed(self._samples))
            for key in order:
                if turn and (self._figures.took(key) > _LONG or self._is_over()):
                    continue
                path = os.path.join(place, os.urandom(8).hex())
                start = time.perf_counter()
                ref = _save(path, self._figures.ways[key.way], array)
                written = time.perf_counter() - start
                # Parts that take long are read once: in formats with chunks that takes longest.
                kept = self._samples[key][0][2:] if turn else ()
                kept = kept if sum(kept) > _LONG else ()
                self._samples[key].append((written, *reader.read(ref, kept)))
                nbytes[key] = nbytes_below(path)
                files.remove(path)
        for key, found in self._samples.items():
            self._figures.keep(key, found, nbytes[key])

    def _is_over(self) -> bool:
        return time.perf_counter() > self._deadline


def _save(path: str, way: Way, array: Array) -> Any:
    return arrays.save(path, array, format=way.format, **way.options)


def _works(way: Way, place: str, reader: Reader) -> bool:
    """Return whether a way can be written and read here; what it imports is imported then."""
    path = os.path.join(place, os.urandom(8).hex())
    try:
        return all(reader.read(_save(path, way, np.zeros(_WARM_UP))))
    except ImportError:  # a package is missing
        return False
    finally:
        files.remove(path)


def _nbytes_of(way: Way, array: Array, place: str) -> int:
    path = os.path.join(place, os.urandom(8).hex())
    try:
        _save(path, way, array)
        return nbytes_below(path)
    finally:
        files.remove(path)


def _measured(kind: str, dtype: str) -> Measured:
    array = synthetic_array(SIZES[1], dtype, kind=kind)
    return Measured(f"{kind} {dtype}", array.itemsize, probe(array))


def _machine() -> dict[str, Any]:
    here = Machine.here()
    return {
        "node": platform.node(),
        "system": here.system,
        "processor": here.processor,
        "cpu_count": here.cpu_count,
        "python": here.python,
        "packages": here.packages,
    }
