"""What may be asked of a benchmark, and when a difference is an answer.

A difference counts when it is larger than a tenth *and* nearly every sample of the one is below
every sample of the other (the probability of superiority, which the statistic of Mann and Whitney
divided by the number of pairs estimates). Anything less may turn round in the next run, and is
called a tie.
"""

import bisect
import statistics
from collections.abc import Sequence
from typing import NamedTuple

from filexchange.benchmark.results import Access, CaseResult, Role

# Runs of one machine differ by this much in their medians.
_TIE = 1.1
# Sizes do not vary; what differs by less is a header.
_TIE_BYTES = 1.01
# Of three samples against three no pair may contradict, of five against five one may.
_AGREEING_PAIRS = 0.95
# From fewer samples nobody can tell how they spread.
_FEW = 3
_TIE_OF_FEW = 1.5


def is_clearly_less(better: Sequence[float], worse: Sequence[float]) -> bool:
    """Return whether times are less than others by more than noise.

    Examples
    --------
    >>> is_clearly_less([1.0, 1.1, 1.2], [2.0, 2.1, 2.2])
    True
    >>> is_clearly_less([1.0, 1.1, 2.5], [2.0, 2.1, 2.2])
    False
    >>> is_clearly_less([1.0, 1.0, 1.0], [1.05, 1.05, 1.05])
    False
    """
    few = min(len(better), len(worse)) < _FEW
    if statistics.median(worse) <= statistics.median(better) * (_TIE_OF_FEW if few else _TIE):
        return False
    ordered = sorted(worse)
    agreeing = sum(len(ordered) - bisect.bisect_right(ordered, value) for value in better)
    return agreeing >= _AGREEING_PAIRS * len(better) * len(worse)


class Question(NamedTuple):
    """What may be asked of a benchmark.

    Attributes
    ----------
    name, title : str
    role : {"format", "transport"}
        Who competes.
    access : str or None
        What is compared; None for the bytes on disk.
    """

    name: str
    title: str
    role: Role
    access: Access | None

    def samples(self, result: CaseResult) -> tuple[float, ...]:
        """Return what is compared of a case: less is better; empty if it was not measured."""
        if self.access is not None:
            return result.seconds.get(self.access, ())
        return () if result.nbytes_on_disk is None else (float(result.nbytes_on_disk),)

    def is_clear(self, better: Sequence[float], worse: Sequence[float]) -> bool:
        """Return whether samples are less than others by more than noise."""
        if self.access is None:
            return worse[0] > better[0] * _TIE_BYTES
        return is_clearly_less(better, worse)


ROUND_TRIP = Question("round_trip", "fastest round trip", "format", "round_trip")
SLICE = Question("slice", "fastest 1% slice", "format", "slice")
SMALLEST = Question("smallest", "smallest on disk", "format", None)
TRANSPORT = Question("transport", "fastest transport", "transport", "round_trip")

#: All of them, in the order in which they are answered.
QUESTIONS = (
    ROUND_TRIP,
    Question("write", "fastest write", "format", "write"),
    Question("read", "fastest read", "format", "read"),
    SLICE,
    Question("strided", "fastest strided slice", "format", "strided"),
    Question("rows", "fastest random rows", "format", "rows"),
    Question("chunk", "fastest chunk", "format", "chunk"),
    Question("shared", "fastest for all readers", "format", "shared"),
    SMALLEST,
    TRANSPORT,
)
