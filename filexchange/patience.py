"""The time that is left of a timeout."""

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
