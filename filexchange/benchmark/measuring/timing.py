"""Seconds as people write them, and how often something is done while it is timed."""

import re
import statistics
import time
from collections.abc import Iterator, Sequence

from filexchange.errors import UnsupportedOptionError

_TIME = re.compile(r"(?P<number>\d+(?:\.\d+)?)\s*(?P<unit>ms|s|min|m|h|)", re.IGNORECASE)
_UNITS = {"ms": 1e-3, "s": 1.0, "": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0}

# What is quick leaves the rest of its time to others, the more the shorter the time is.
_MOST, _MOST_A_SECOND = 16, 2000
# Memory that was freed comes back, and the CPU's caches fill, in about so many repetitions.
_SETTLING = 6
# Repetitions may take so many times the seconds that were asked for, to reach that number.
_PATIENCE = 4


def repeating(seconds: float) -> Iterator[int]:
    """Count, once at least, until so many seconds have passed.

    What is quick is done several times in a row, as by a caller who does nothing else. See
    :func:`steady`.

    Examples
    --------
    >>> list(repeating(0))
    [0]
    """
    start = time.perf_counter()
    for number in range(max(_MOST, int(_MOST_A_SECOND * seconds))):
        yield number
        passed = time.perf_counter() - start
        if passed >= seconds and (number > _SETTLING or passed >= _PATIENCE * seconds):
            return


def steady(seconds: Sequence[float]) -> float:
    """Return what something takes when it is done again and again: the median of the later half.

    Examples
    --------
    >>> steady([9.0, 5.0, 3.0, 3.1, 3.0])
    3.0
    """
    return statistics.median(seconds[len(seconds) // 2 :])


def parse_seconds(text: str) -> float:
    """Return the seconds that `text` means.

    Raises
    ------
    UnsupportedOptionError
        If it is no time.

    Examples
    --------
    >>> parse_seconds("60s"), parse_seconds("1.5 min"), parse_seconds("20")
    (60.0, 90.0, 20.0)
    """
    match = _TIME.fullmatch(text.strip())
    if match is None:
        raise UnsupportedOptionError(f"{text!r} is not a time: write it like 60s, 90 or 5m")
    return float(match["number"]) * _UNITS[match["unit"].lower()]
