"""Where the runs of an external sort lie, how long they are, and what memory that takes."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

from filexchange.aliases import Shape, Slices
from filexchange.blocks.storage.grid import Grid, region_shape
from filexchange.geometry import block_shape

# Runs of this many bytes are enough; longer ones only where there would be more of them than that.
_RUN_BYTES, _ENOUGH = 32 << 20, 64

# Blocks that are under way at a time, as far as the budget goes.
_AT_A_TIME = (4, 2, 1)

# What a sample takes beside two copies of its element: its order, run, place, and what it stands
# for. And how many elements are held, for each that a cut looks at.
_SAMPLE_BYTES, _CUT_COPIES = 160, 6


@dataclass(frozen=True, slots=True)
class Costs:
    """Bytes of memory for each element.

    Attributes
    ----------
    run, merge : int
        While a run is made, and while a range is merged.
    element : int
        Bytes of an element of a run.
    """

    run: int
    merge: int
    element: int


@dataclass(frozen=True, slots=True)
class Runs:
    """Runs that follow one another in C order, and ranges of the result.

    Attributes
    ----------
    grid : Grid
        Regions of the source, each of which is contiguous in C order.
    lane : int
        So many elements are sorted for themselves; no run has elements of two lanes.
    width : int
        Elements of a range.
    step : int
        Elements between two samples.
    """

    grid: Grid
    lane: int
    width: int
    step: int

    @property
    def lanes(self) -> int:
        """How many lanes there are."""
        return math.prod(self.grid.shape) // self.lane

    @property
    def per_lane(self) -> int:
        """How many runs a lane has."""
        return len(self.grid) // self.lanes

    @property
    def ranges(self) -> int:
        """How many ranges a lane has."""
        return -(-self.lane // self.width)

    def span(self, number: int) -> tuple[int, int]:
        """Return where a run begins and ends among all elements."""
        region, start = self.grid[number], 0
        for part, length in zip(region, self.grid.shape, strict=True):
            start = start * length + part.start
        return start, start + math.prod(region_shape(region))

    def of_lane(self, lane: int) -> list[tuple[int, int]]:
        """Return where the runs of a lane begin and end."""
        first = lane * self.per_lane
        return [self.span(first + i) for i in range(self.per_lane)]

    def regions(self) -> list[Slices]:
        """Return where all runs lie in the file of runs."""
        return [(slice(*self.span(i), 1),) for i in range(len(self.grid))]

    @property
    def samples(self) -> Shape:
        """Shape of the samples of all runs, one below another; those of shorter runs end before."""
        return len(self.grid), self._sampled(math.prod(self.grid.block))

    def sample_regions(self) -> list[Slices]:
        """Return where the samples of each run lie among those of all."""
        lengths = [stop - start for start, stop in map(self.span, range(len(self.grid)))]
        return [
            (slice(i, i + 1, 1), slice(0, self._sampled(length), 1))
            for i, length in enumerate(lengths)
        ]

    def _sampled(self, length: int) -> int:
        return -(-length // self.step)

    def memory(self, costs: Costs) -> tuple[int, int]:
        """Return the bytes for a run that is made, and for a range that is merged."""
        samples = self.lane // self.step + self.per_lane
        index = samples * (2 * costs.element + _SAMPLE_BYTES)
        cut = _CUT_COPIES * self.per_lane * self.step * costs.element
        run = costs.run * math.prod(self.grid.block) + costs.element * self.samples[1]
        return run, costs.merge * self.width + index + cut


def arranged(shape: Shape, lane: int, unit: int, read: int, costs: Costs, budget: int) -> Runs:
    """Return runs and ranges that suit the budget, or those that need the least memory.

    They do not depend on the number of workers.

    Parameters
    ----------
    shape : tuple of int
        Of the source, which has elements.
    lane : int
        All elements, or those of the last axis.
    unit, read : int
        Ranges consist of whole ones of so many elements; runs too, where they are longer.
    costs : Costs
    budget : int

    Examples
    --------
    >>> runs = arranged((1 << 28,), 1 << 28, 1, 1, Costs(4, 4, 4), 256_000_000)
    >>> runs.per_lane, runs.width, max(runs.memory(Costs(4, 4, 4)))
    (32, 8388608, 45329936)
    """
    found = list(_choices(shape, lane, unit, read, costs))
    for share in _AT_A_TIME:
        for runs in found:
            if share * max(runs.memory(costs)) <= budget:
                return runs
    return min(found, key=lambda runs: max(runs.memory(costs)))


def _choices(shape: Shape, lane: int, unit: int, read: int, costs: Costs) -> Iterator[Runs]:
    """Yield arrangements with ever shorter runs."""
    total = math.prod(shape)
    wanted = min(_ENOUGH, -(-total * costs.element // _RUN_BYTES))
    parts = 1 << (max(0, wanted * lane // total - 1)).bit_length()
    while parts < 2 * lane:
        length = -(-lane // parts)
        if length >= read:
            length -= length % read
        block = block_shape(shape, 1, length)
        if lane < total:
            block = (*(1,) * (len(shape) - 1), length)
        width = min(lane, max(unit, length - length % unit))
        # So the samples take as much memory as a cut.
        sample = 2 * costs.element + _SAMPLE_BYTES
        step = math.isqrt(length * sample // (_CUT_COPIES * costs.element))
        yield Runs(Grid(shape, block), lane, width, max(1, min(step, length)))
        parts *= 2
