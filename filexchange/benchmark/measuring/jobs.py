"""What the processes of a benchmark tell each other."""

from collections.abc import Mapping
from multiprocessing.connection import Connection
from typing import Any, NamedTuple

from filexchange.benchmark.measuring.accesses import Selection
from filexchange.benchmark.measuring.ways import Recipe
from filexchange.benchmark.results import Access, Case
from filexchange.errors import ExchangeError
from filexchange.formats import Format

#: What a connection raises when the process at its other end is gone.
GONE = (EOFError, ConnectionError)


class Job(NamedTuple):
    """For the producer: one visit of a case.

    Attributes
    ----------
    case : Case
    scratch : str
        Where files go, in the case's directory.
    way : Recipe or None
        Of a format.
    plugin : type or None
        The format's class, if processes do not have it by themselves.
    accesses : frozenset of str
    seconds, part_seconds : float
        What is quicker is repeated for that long: all but reads of parts, and these.
    watches_memory : bool
        Whether the parent will look for the most memory; then freed memory is given back before.
    """

    case: Case
    scratch: str
    way: Recipe | None
    plugin: type[Format] | None
    accesses: frozenset[Access]
    seconds: float
    part_seconds: float
    watches_memory: bool


class Ready(NamedTuple):
    """The producer's first answer: all is imported and prepared, the clocks start."""


class Outcome(NamedTuple):
    """The producer's answer to a job.

    Attributes
    ----------
    seconds : mapping of str to list of float
        Of each access.
    nbytes_on_disk : int or None
    error : str or None
        Why it failed; then there may be something measured as well.
    is_broken : bool
        Whether the processes may be out of step by now, and must be replaced.
    """

    seconds: Mapping[str, list[float]]
    nbytes_on_disk: int | None = None
    error: str | None = None
    is_broken: bool = False


class Failure(NamedTuple):
    """A consumer's answer when it failed."""

    reason: str


class Register(NamedTuple):
    """For a consumer: a format that it does not have by itself."""

    plugin: type[Format]


class Settle(NamedTuple):
    """For a consumer: give freed memory back. It answers None."""


class Read(NamedTuple):
    """For a consumer: read all of an array that was just written.

    It answers None, and with `checks` afterwards the checksum.
    """

    ref: Any
    checks: bool
    reopens: bool = False


class Explore(NamedTuple):
    """For a consumer: time accesses to a file. It answers seconds and checksum of each."""

    ref: Any
    selections: Mapping[Access, Selection]
    seconds: float
    part_seconds: float
    is_cold: bool


class Receive(NamedTuple):
    """For a consumer: take arrays from a transport until one is None.

    It answers None to each, and after the first one its checksum.
    """

    way: str
    directory: str


class ConsumerError(ExchangeError):
    """A consumer failed; the message is its own."""


def answer(connection: Connection) -> Any:
    """Return the next answer of a consumer.

    Raises
    ------
    ConsumerError
        If it is why it failed.
    """
    found = connection.recv()
    if isinstance(found, Failure):
        raise ConsumerError(found.reason)
    return found


def reason(error: BaseException) -> str:
    """Return what is shown of an error."""
    if isinstance(error, ConsumerError):
        return str(error)
    return f"{type(error).__name__}: {error}".strip(": ")
