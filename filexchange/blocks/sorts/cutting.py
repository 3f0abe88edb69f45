"""Where the runs in a file are cut for each range of the result, found as it is asked for."""

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from filexchange.aliases import Array
from filexchange.blocks.kernels.sortedruns import SortedRuns
from filexchange.blocks.sorts.runs import Runs
from filexchange.blocks.storage.flat import check_unchanged, read_spans
from filexchange.ref import ArrayRef


def read_parts(ref: ArrayRef, spans: Sequence[tuple[int, int]]) -> Array:
    """Return parts of a flat file, one after another."""
    check_unchanged(ref, "r")
    return read_spans(ref.path, ref.stored.offset or 0, ref.dtype, spans)


@dataclass(slots=True)
class Cutting:
    """Tells, by its number, the parts of runs that a range of the result consists of.

    Attributes
    ----------
    runs : Runs
    keys : ArrayRef
        The file of runs.
    samples : ArrayRef
        Of all of them, as `Runs.samples` says.

    Notes
    -----
    For one thread. It keeps samples of one lane, and reads those of the next when that begins.
    """

    runs: Runs
    keys: ArrayRef
    samples: ArrayRef
    _lane: int = field(default=-1)
    _starts: list[int] = field(default_factory=list)
    _cut: Callable[[int], list[int]] = field(default=lambda _: [])

    def __call__(self, number: int) -> list[tuple[int, int]]:
        """Return where the parts begin and end in the file, in the order of the runs."""
        runs = self.runs
        lane, place = divmod(number, runs.ranges)
        if lane != self._lane:
            self._begin(lane)
        begins = self._cut(place * runs.width)
        ends = self._cut(min((place + 1) * runs.width, runs.lane))
        spans = zip(self._starts, begins, ends, strict=True)
        return [(at + begin, at + end) for at, begin, end in spans if begin < end]

    def _begin(self, lane: int) -> None:
        spans, first = self.runs.of_lane(lane), lane * self.runs.per_lane
        starts = [start for start, _ in spans]
        samples = [
            self.samples[region][0]
            for region in self.runs.sample_regions()[first : first + len(spans)]
        ]

        def read(parts: Sequence[tuple[int, int]]) -> list[Array]:
            spans = [
                (at + start, at + stop) for at, (start, stop) in zip(starts, parts, strict=True)
            ]
            ends = np.cumsum([stop - start for start, stop in parts])
            return np.split(read_parts(self.keys, spans), ends[:-1])

        lengths = [stop - start for start, stop in spans]
        cutting = SortedRuns(lengths, samples, self.runs.step, read)
        self._lane, self._starts = lane, starts
        # The end of a range is where the next one begins.
        self._cut = functools.lru_cache(2)(cutting.at)
