"""The most memory that processes had."""

from collections.abc import Sequence

from filexchange import capabilities


class MemoryWatch:
    """Watches how much more memory processes have than at the beginning.

    Mapped files do not count. What lasts less than a call of :meth:`look` to the next one is not
    seen.
    """

    def __init__(self, pids: Sequence[int]) -> None:
        self._pids = tuple(pids)
        self._before = self._now()
        self._most = 0

    def look(self) -> None:
        """Look how much it is now."""
        now = self._now()
        if now is not None and self._before is not None:
            self._most = max(self._most, now - self._before)

    @property
    def peak(self) -> int | None:
        """The most there was, in bytes; None where the system does not tell."""
        return None if self._before is None else self._most

    def _now(self) -> int | None:
        found = [capabilities.anonymous_memory(pid) for pid in self._pids]
        return None if None in found else sum(each for each in found if each is not None)
