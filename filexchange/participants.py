"""One process's part in a session: its membership, and the pool of the segments that it writes."""

import os
import threading
from multiprocessing import util
from typing import Self

from filexchange import files
from filexchange.aliases import PathLike
from filexchange.pools import Pool
from filexchange.sessions import CLAIMS, HELD, POOLS, Session, base_directories
from filexchange.sweeping import sweep_pools, sweep_sessions

_CLOSE_PRIORITY = 0  # after queues have handed over what was put


class Participant:
    """What a process has in a session; there is one of it in each process, for all threads.

    Attributes
    ----------
    session : Session
    claims, held, pools : str
        The directories of messages under way, of what the exchange holds, and, with a separator
        at its end, of pools.
    """

    def __init__(self, session: Session, capacity: int | None) -> None:
        self.session = session
        self.claims = session.directory(CLAIMS)
        self.held = session.directory(HELD)
        self.pools = session.directory(POOLS) + os.sep
        self._capacity = capacity
        self._pid = os.getpid()
        self._lock = threading.Lock()
        self._pool: Pool | None = None
        self._at_exit: util.Finalize | None = None

    @classmethod
    def create(cls, base: PathLike | None, capacity: int | None) -> Self:
        """Make a session, after removing those whose processes are dead."""
        own = [] if base is None else [os.path.abspath(base)]
        sweep_sessions({*base_directories(), *own})
        session = Session.create(base)
        made = cls(session, capacity)
        _participants[session.path] = made
        return made

    @property
    def is_here(self) -> bool:
        """Whether this is the process that it belongs to, not a fork of it."""
        return self._pid == os.getpid()

    @property
    def pool(self) -> Pool:
        """The pool of this process, made when it first writes."""
        if self._pool is not None:
            return self._pool
        with self._lock:
            if self._pool is None:
                sweep_pools(self.session.path)
                self._pool = Pool(self.session, self._capacity)
                self._at_exit = util.Finalize(self, self._pool.close, exitpriority=_CLOSE_PRIORITY)
            return self._pool

    @property
    def has_pool(self) -> bool:
        """Whether this process has written anything."""
        return self._pool is not None

    def new_name(self) -> str:
        """Return a name for a segment that nobody has used before."""
        return os.urandom(12).hex() + files.SEGMENT_SUFFIX

    def abandon(self) -> None:
        """Let go, in a forked child, of what the parent has: it would seem to live on with it."""
        if self._pool is not None:
            self._pool.abandon()

    def end(self) -> None:
        """Remove the session, which this process made; may be called twice."""
        _participants.pop(self.session.path, None)
        self.session.end()
        self._let_go()

    def leave(self) -> None:
        """Let go of a session that its maker has removed."""
        _participants.pop(self.session.path, None)
        self.session.leave()
        self._let_go()

    def _let_go(self) -> None:
        if self._at_exit is not None:
            self._at_exit.cancel()
        if self._pool is not None:
            self._pool.end()


_participants: dict[str, Participant] = {}
_joining = threading.Lock()


def participant(path: str, capacity: int | None = None) -> Participant:
    """Return this process's part in the session at `path`; it joins if it has none.

    Raises
    ------
    ExchangeClosedError
        If the session has ended.
    """
    found = _participants.get(path)
    if found is not None and found.is_here:
        return found
    with _joining:
        found = _participants.get(path)
        if found is None or not found.is_here:
            _leave_ended()
            # A forked child keeps its parent's membership: the lock is theirs together.
            session = Session.join(path) if found is None else found.session
            found = _participants[path] = Participant(session, capacity)
        return found


def _leave_ended() -> None:
    """Leave what has ended, lest a process that joins many keeps something of each."""
    for each in list(_participants.values()):
        if each.is_here and not os.path.lexists(each.session.path):
            each.leave()


def _after_fork() -> None:
    global _joining  # noqa: PLW0603 - a thread of the parent may have had it
    _joining = threading.Lock()
    for each in _participants.values():
        each.abandon()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
