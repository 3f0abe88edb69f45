"""Seconds as people write them, and how often something is done while it is timed."""

import re
import time
from collections.abc import Iterator

from filexchange.errors import UnsupportedOptionError

_TIME = re.compile(r"(?P<number>\d+(?:\.\d+)?)\s*(?P<unit>ms|s|min|m|h|)", re.IGNORECASE)
_UNITS = {"ms": 1e-3, "s": 1.0, "": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0}

_MOST = 15
# Of three times the median is one that is not the first.
_FEW = 3
# What takes longer finds the CPU's caches no better the second time.
_SLOW_SECONDS = 0.03


def repeating(seconds: float) -> Iterator[int]:
    """Count, once at least, until so many seconds have passed.

    What is quick is done several times in a row, as by a caller who does nothing else; its first
    time there is after something else has used the CPU's caches. The median tells.

    Examples
    --------
    >>> list(repeating(0))
    [0]
    """
    start = time.perf_counter()
    for number in range(_MOST):
        yield number
        passed = time.perf_counter() - start
        if passed >= seconds and (not seconds or number >= _FEW - 1 or passed >= _SLOW_SECONDS):
            return


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
