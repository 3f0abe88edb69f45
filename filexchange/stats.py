"""What there is in an exchange: `ExchangeStats`."""

from typing import NamedTuple

from filexchange.participants import Participant
from filexchange.sizes import format_size
from filexchange.sweeping import facts


class ExchangeStats(NamedTuple):
    """What there is in an exchange.

    Attributes
    ----------
    segments, nbytes : int
        Files that are used again and again, of all processes, and the bytes on disk of all there
        is in the exchange.
    claims, leases, held : int
        Messages under way, segments that readers have, and arrays that were put.
    taken : int
        How often this process has written to a segment.
    reuse_rate : float
        How many of these times the segment was there already, from 0 to 1.
    capacity : int or None
        The most bytes of segments of this process; None before it has written.

    Examples
    --------
    >>> with fx.Exchange() as ex:
    ...     waiting = ex.pack(np.ones(100_000))
    ...     stats = ex.stats()
    >>> stats.segments, stats.claims, stats.leases
    (1, 1, 0)
    """

    segments: int
    nbytes: int
    claims: int
    leases: int
    held: int
    taken: int
    reuse_rate: float
    capacity: int | None

    def _repr_html_(self) -> str:
        """Return what notebooks show."""
        from filexchange import markup  # noqa: PLC0415 - only notebooks need it

        return markup.card("ExchangeStats", rows_of(self))


def rows_of(stats: ExchangeStats) -> dict[str, object]:
    """Return what people want to know, by what it is called."""
    rows: dict[str, object] = {
        "on disk": format_size(stats.nbytes),
        "segments": f"{stats.segments}, of which {stats.leases} are being read",
        "messages under way": stats.claims,
        "arrays held": stats.held,
    }
    if stats.capacity is not None:
        rows["written by this process"] = (
            f"{stats.taken} segments, {stats.reuse_rate:.0%} of them there already"
        )
        rows["limit of this process"] = format_size(stats.capacity)
    return rows


def stats_of(participant: Participant) -> ExchangeStats:
    """Return what there is now, with what this process has written."""
    pool = participant.pool if participant.has_pool else None
    found = facts(participant.session.path)
    return ExchangeStats(
        segments=found.segments,
        nbytes=found.nbytes,
        claims=found.claims,
        leases=found.leases,
        held=found.held,
        taken=0 if pool is None else pool.taken,
        reuse_rate=0.0 if pool is None or not pool.taken else pool.reused / pool.taken,
        capacity=None if pool is None else pool.capacity,
    )
