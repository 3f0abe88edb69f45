"""Items collected into the units that a format writes at once."""

import numpy as np

from filexchange.aliases import Array
from filexchange.blocks.growth.items import Items
from filexchange.formats import Growing


class Units:
    """What is appended to an array: whole units go to the file, the rest waits for more.

    Parameters
    ----------
    growing : Growing
        The array; its length may end within a unit.
    rest : ndarray
        The items of that unit.
    durable : bool
        Whether items are on the disk before readers see them, which is then only at :meth:`flush`.

    Examples
    --------
    Units of 4 items, of which 3 are in the file: a batch of 6 completes one and another.

    .. code-block:: text

        file   |a b c|            write  |a b c d|e f g h|
        batch        |d e f g h i|       wait            |i|
    """

    def __init__(self, growing: Growing, rest: Array, *, durable: bool) -> None:
        self._growing = growing
        self._durable = durable
        self._written = growing.length - len(rest)
        self._count = len(rest)
        self._waiting = np.empty((0, *rest.shape[1:]), rest.dtype)
        if len(rest):
            self._waiting = self._room()
            self._waiting[: len(rest)] = rest

    @property
    def length(self) -> int:
        """Items of the array, those that wait included."""
        return self._written + self._count

    def append(self, items: Items) -> None:
        """Add items, all or none: if it raises, the array is what it was."""
        unit = self._growing.unit
        missing = -self._count % unit
        rest = (self._count + len(items)) % unit
        whole = len(items) - rest
        if whole < missing:
            self._wait(items[0 : len(items)])
            return
        # What waits stays as it is until all is written: only then is the end of the batch put
        # in its place.
        try:
            tail = items[whole : len(items)]
            written = self._write(items, missing, whole)
            if written > self._growing.length and not self._durable:
                self._growing.show(written)
        except BaseException:
            self._growing.take_back(max(self._written, self._growing.length))
            raise
        self._written, self._count = written, 0
        self._wait(tail)

    def _write(self, items: Items, missing: int, whole: int) -> int:
        """Write the unit that `missing` items complete, and whole units; return up to where."""
        written = self._written
        if missing:
            self._waiting[self._count :] = items[0:missing]
            self._growing.write(written, self._waiting)
            written += self._growing.unit
        for begin, end in items.pieces(missing, whole, self._growing.unit):
            self._growing.write(written, items[begin:end])
            written += end - begin
        return written

    def flush(self) -> None:
        """Let readers see all items."""
        if self._growing.length == self.length:
            return
        if self._count:
            self._growing.write(self._written, self._waiting[: self._count])
        if self._durable:
            self._growing.sync()
        self._growing.show(self.length)
        if self._durable:
            self._growing.sync()

    def _wait(self, items: Array) -> None:
        if len(items) and not len(self._waiting):
            self._waiting = self._room()
        self._waiting[self._count : self._count + len(items)] = items
        self._count += len(items)

    def _room(self) -> Array:
        """Return the memory of one unit."""
        return np.empty((self._growing.unit, *self._waiting.shape[1:]), self._waiting.dtype)
