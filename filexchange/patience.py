"""The time that is left of a timeout, and pauses until it is over."""

import time


class Patience:
    """A timeout that several steps share.

    Examples
    --------
    >>> Patience(None).left() is None, Patience(0).left(), Patience(0).is_over
    (True, 0.0, True)
    """

    __slots__ = ("_end",)

    def __init__(self, timeout: float | None) -> None:
        self._end = None if timeout is None else time.monotonic() + timeout

    def left(self) -> float | None:
        """Return the seconds that are left, not less than 0; None without end."""
        return None if self._end is None else max(0.0, self._end - time.monotonic())

    @property
    def is_over(self) -> bool:
        """Whether no time is left."""
        return self._end is not None and time.monotonic() >= self._end


class Pauses:
    """Pauses between attempts, each twice as long as the one before.

    Parameters
    ----------
    first, longest : float
        In seconds.

    Examples
    --------
    >>> pauses = Pauses(1e-5, 2e-5)
    >>> for _ in range(3):
    ...     pauses.wait()
    """

    __slots__ = ("_longest", "_next")

    def __init__(self, first: float, longest: float) -> None:
        self._next, self._longest = first, longest

    def wait(self) -> None:
        """Sleep for the next pause."""
        time.sleep(self._next)
        self._next = min(2 * self._next, self._longest)
