"""`Recommendation`: what was chosen, what it is expected to cost, and why."""

import dataclasses
from typing import Any, NamedTuple

from filexchange import markup
from filexchange.aliases import ChunksLike
from filexchange.quantities import format_seconds
from filexchange.sizes import format_size
from filexchange.tuning.uses import Use
from filexchange.tuning.ways import Way

_SHOWN = 6


class Expected(NamedTuple):
    """What a way is expected to take.

    Attributes
    ----------
    way : str
        Format and codec, as in ``zarr:zstd``.
    write_s, read_s : float
        Seconds to write a new file, and to open and read all of it in another process.
    part_s : float
        Seconds to open it and read a hundredth of the rows, or a chunk.
    nbytes_on_disk : int
    cost : float
        What is compared: seconds, or for an archive bytes, more than there are where it takes too
        long.
    """

    way: str
    write_s: float
    read_s: float
    part_s: float
    nbytes_on_disk: int
    cost: float


@dataclasses.dataclass(frozen=True, slots=True)
class Recommendation:
    """How to write an array, and why.

    Attributes
    ----------
    format, compression, chunks, shards
        As for `save`.
    for_ : {"exchange", "archive", "slices"}
        The use it was chosen for.
    reasons : tuple of str
    expected : Expected or None
        None if the format was never measured.
    alternatives : tuple of Expected
        The others that were possible, the best one first.

    Examples
    --------
    >>> chosen = fx.recommend(np.zeros((1000, 1000)), for_="archive")
    >>> ref = fx.save("zeros", np.zeros((1000, 1000)), **chosen.options)
    >>> ref.format == chosen.format
    True
    """

    format: str
    compression: str | None
    chunks: ChunksLike
    shards: ChunksLike
    for_: Use
    reasons: tuple[str, ...]
    expected: Expected | None = None
    alternatives: tuple[Expected, ...] = ()

    @property
    def options(self) -> dict[str, Any]:
        """The arguments of `save` and `create_array`."""
        return {
            "format": self.format,
            "compression": self.compression,
            "chunks": self.chunks,
            "shards": self.shards,
        }

    @property
    def way(self) -> str:
        """All of it in short, as in ``zarr:sharded:zstd``."""
        return str(Way(self.format, self.compression, () if self.shards is None else ("sharded",)))

    def __str__(self) -> str:
        lines = [f"{self.way} for {self.for_}", *(f"  - {reason}" for reason in self.reasons)]
        rows = self._rows()
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        for row in rows:
            first, *others = (cell.rjust(width) for cell, width in zip(row, widths, strict=True))
            lines.append(f"  {first.strip().ljust(widths[0])}  {'  '.join(others)}")
        return "\n".join(lines)

    def _rows(self) -> list[list[str]]:
        """Return the heading and a row for each way that is shown; none if nothing is known."""
        if self.expected is None:
            return []
        rows = [["", "write", "read", "part", "on disk"]]
        for each in (self.expected, *self.alternatives[: _SHOWN - 1]):
            times = [format_seconds(s) for s in (each.write_s, each.read_s, each.part_s)]
            rows.append([each.way, *times, format_size(each.nbytes_on_disk)])
        return rows

    def _repr_html_(self) -> str:
        """Return what notebooks show: the choice, the reasons, and a table of what was compared."""
        compared = self._rows()
        return markup.card(
            f"{self.way} for {self.for_}",
            {
                **{name: value for name, value in self.options.items() if value is not None},
                "why": markup.Lines(self.reasons),
            },
            picture=markup.figures(compared) if compared else "",
        )
