"""How often something is done while it is timed."""

import time
from collections.abc import Iterator

_MOST = 15


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
        if time.perf_counter() - start >= seconds:
            return
