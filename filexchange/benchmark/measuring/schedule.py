"""Which case is measured next: in rounds, until the figures are steady or the time is over."""

import math
import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence

# Rounds after which a case may be steady, and after which it is measured no more.
_FEWEST, _MOST = 5, 40
# Half the width of the interval that the median lies in, relative to it.
_STEADY = 0.05
# Samples that tell how much they spread. To have them, a case may take more than its share.
_FEW = 3
_MOST_SHARES = 4
#: The seconds for which what is quick is repeated in one visit, at least. Parts are several, and
#: take a small share of a round trip; so have they of the time.
LOOP, PART_LOOP = 0.008, 0.0027
# At most, where the budget has more than `_VISITS` visits of every case need.
_LONGEST_LOOP, _VISITS = 0.2, 8


class Budget:
    """Time that passes.

    Parameters
    ----------
    seconds : float
    clock : callable, optional
    """

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.seconds = seconds
        self._clock = clock
        self._start = clock()

    @property
    def elapsed(self) -> float:
        """Seconds since the beginning."""
        return self._clock() - self._start

    @property
    def left(self) -> float:
        """Seconds that there still are; negative when there are none."""
        return self.seconds - self.elapsed


class Turn:
    """A case in the schedule.

    Attributes
    ----------
    position : int
        Of the case.
    visits : int
        How often it was measured.
    cost, spent : float
        Seconds that the last time took, and all times.
    is_done : bool
        Whether it need not be measured again: it failed, or its figures are steady.
    """

    def __init__(self, position: int) -> None:
        self.position = position
        self.visits = 0
        self.cost = 0.0
        self.spent = 0.0
        self.is_done = False

    def took(self, seconds: float) -> None:
        """Take down one measurement."""
        self.visits += 1
        self.cost = seconds
        self.spent += seconds


def turns(cases: Sequence[int], budget: Budget, repeat: int) -> Iterator[Turn]:
    """Yield cases to be measured, and expect :meth:`Turn.took` before the next one.

    Every case is measured once at first. Then come rounds, forwards and backwards in turn, so that
    a drift of the machine hits all alike. In a round those are measured that have taken no more
    time than the average until then: slow cases take part in few rounds, and get as much of the
    budget as the others do. Only for its first few samples a case may take several times that.

    Parameters
    ----------
    cases : sequence of int
        Their positions.
    budget : Budget
        Nothing is begun that would take longer than what is left of it.
    repeat : int
        Each case is measured so often after the first time, whatever the budget says.
    """
    waiting = [Turn(position) for position in cases]
    for turn in waiting:
        if repeat or budget.left > 0:
            yield turn
    backwards = False
    while True:
        waiting = [turn for turn in waiting if not turn.is_done]
        open_ones = [turn for turn in waiting if _may_begin(turn, budget, repeat)]
        if not open_ones:
            return
        fair = max(0.0, budget.left) / len(open_ones)
        average = statistics.fmean(turn.spent for turn in open_ones)
        for turn in reversed(open_ones) if backwards else open_ones:
            is_due = turn.spent <= average or (
                turn.visits <= _FEW and turn.cost <= _MOST_SHARES * fair
            )
            if _must(turn, repeat) or (is_due and _may_begin(turn, budget, repeat)):
                yield turn
        backwards = not backwards


def _must(turn: Turn, repeat: int) -> bool:
    return turn.visits <= repeat and repeat > 0


def _may_begin(turn: Turn, budget: Budget, repeat: int) -> bool:
    return _must(turn, repeat) or (turn.visits > 0 and turn.cost < budget.left)


def loop_seconds(share: float, shortest: float) -> float:
    """Return for how long what is quick is repeated in one visit of a case.

    Processor, allocator and page cache settle only in a long loop, but many visits, which see more
    of what the machine does meanwhile, come first.

    Parameters
    ----------
    share : float
        Seconds of the budget that each access of each case has.
    shortest : float
        Seconds that it takes whatever the budget is.

    Examples
    --------
    >>> loop_seconds(0.05, LOOP), loop_seconds(0.8, LOOP), loop_seconds(9, LOOP)
    (0.008, 0.1, 0.2)
    """
    return min(max(share / _VISITS, shortest), _LONGEST_LOOP)


def is_steady(seconds: Mapping[str, Sequence[float]], repeat: int) -> bool:
    """Return whether more samples would change no median by much.

    Examples
    --------
    >>> is_steady({"read": [1.0, 1.01, 1.0, 0.99, 1.0]}, repeat=1)
    True
    >>> is_steady({"read": [1.0, 1.5, 1.0, 2.0, 1.0]}, repeat=1)
    False
    """
    fewest = min(map(len, seconds.values()), default=0)
    if fewest < max(_FEWEST, repeat):
        return False
    return fewest >= max(_MOST, repeat) or all(map(_is_steady, seconds.values()))


def _is_steady(samples: Sequence[float]) -> bool:
    low, middle, high = statistics.quantiles(samples, n=4)
    # What McGill, Tukey and Larsen draw as the notch of a box plot.
    notch = 1.57 * (high - low) / math.sqrt(len(samples))
    return notch <= _STEADY * middle
