"""What was measured, as values that do not change and turn into JSON and back."""

import dataclasses
import json
import statistics
from collections.abc import Collection, Mapping
from typing import Any, Literal, NamedTuple, get_args

from filexchange.benchmark.machine import Machine
from filexchange.errors import BadArrayFileError

#: Version of the JSON document.
SCHEMA = 2

#: ``warm``: written to the page cache and read from it. ``fsync``: written until the disk has it,
#: read from the page cache. ``cold``: as fsync, and read from the disk.
Cache = Literal["warm", "fsync", "cold"]
CACHES: tuple[Cache, ...] = get_args(Cache)

#: ``format``: files of a format. ``transport``: a way from one process to another, whatever it
#: uses. ``floor``: what the machine can do at best.
Role = Literal["format", "transport", "floor"]

#: What is timed, in seconds.
#:
#: write: the producer writes the array; of a transport, hands it over.
#: read: the consumer opens it and reads every byte.
#: slice: it opens it and reads a hundredth of the rows, contiguous, from the middle.
#: strided: a hundredth of the rows, evenly spaced.
#: rows: a hundredth of the rows, at random, sorted.
#: chunk: one chunk, or as much of a format that has none.
#: shared: several consumers read every byte at the same time, until the last one is done.
#: round_trip: from the start of writing until the consumer has read every byte and says so.
Access = Literal["write", "read", "slice", "strided", "rows", "chunk", "shared", "round_trip"]
ACCESSES: tuple[Access, ...] = get_args(Access)


class Case(NamedTuple):
    """One thing that is measured.

    Attributes
    ----------
    input : str
        Name of an input.
    way : str
        How it is exchanged: a format with its options as they are spelled on the command line
        (``npy``, ``zarr:zstd:5``), the name of a transport (``queue``, ``pickle``), or ``memcpy``
        and the like for a floor.
    directory : str
        Where files go; empty for what has none.
    cache : {"warm", "fsync", "cold"}
    role : {"format", "transport", "floor"}
    """

    input: str
    way: str
    directory: str
    cache: Cache = "warm"
    role: Role = "format"


class Spread(NamedTuple):
    """The median of some samples, and the ends of their range."""

    median: float
    low: float
    high: float


@dataclasses.dataclass(frozen=True, slots=True)
class CaseResult:
    """All measurements of one case, or why there are none.

    Attributes
    ----------
    case : Case
    seconds : mapping of str to tuple of float
        Samples of each access, in the order of the rounds. An access that means nothing for a
        case is not there.
    nbytes_on_disk : int or None
        What the files take; None if there are none.
    peak_memory : int or None
        Bytes of memory that producer and consumer had at most beside what they had before, and
        beside mapped files.
    error : str or None
        Why it failed. What was measured before is kept.
    """

    case: Case
    seconds: Mapping[str, tuple[float, ...]] = dataclasses.field(default_factory=dict)
    nbytes_on_disk: int | None = None
    peak_memory: int | None = None
    error: str | None = None

    @property
    def is_measured(self) -> bool:
        """Whether there are samples and no error."""
        return self.error is None and any(self.seconds.values())

    def spread(self, access: str) -> Spread | None:
        """Return the median and range of an access, None if it was not measured."""
        return spread(self.seconds.get(access, ()))


@dataclasses.dataclass(frozen=True, slots=True)
class Input:
    """One of the arrays that were exchanged.

    Attributes
    ----------
    name : str
        Unique in a run.
    kind : str
        Of synthetic data, or ``file``.
    shape, dtype, nbytes
        Of the array; the dtype as a string.
    """

    name: str
    kind: str
    shape: tuple[int, ...]
    dtype: str
    nbytes: int


@dataclasses.dataclass(frozen=True, slots=True)
class Place:
    """A directory that was written to, and its file system."""

    directory: str
    file_system: str
    device: str


@dataclasses.dataclass(frozen=True, slots=True)
class Results:
    """A whole run, or what there is of it so far.

    Attributes
    ----------
    machine : Machine
    inputs : tuple of Input
    places : tuple of Place
    cases : tuple of CaseResult
        Floors are among them.
    started : str
        ISO 8601, UTC.
    elapsed : float
        Seconds.
    complete : bool
        Whether every case has the samples that it was to have, or failed.
    """

    machine: Machine
    inputs: tuple[Input, ...]
    places: tuple[Place, ...]
    cases: tuple[CaseResult, ...]
    started: str
    elapsed: float = 0.0
    complete: bool = False

    @property
    def measured(self) -> tuple[CaseResult, ...]:
        """The cases that have samples and no error."""
        return tuple(result for result in self.cases if result.is_measured)

    def input(self, name: str) -> Input:
        """Return the input of that name."""
        return next(each for each in self.inputs if each.name == name)

    def to_pandas(self) -> Any:
        """Return a ``pandas.DataFrame`` with one row for each case and access.

        Columns are those of :class:`filexchange.benchmark.reporting.export.Row`.

        Raises
        ------
        MissingDependencyError
            If pandas is not installed.
        """
        from filexchange.benchmark.reporting import export  # noqa: PLC0415 - it is built on this

        return export.to_pandas(self)

    def plot(self) -> Any:
        """Return a ``matplotlib.figure.Figure`` of the largest array's measurements.

        Raises
        ------
        MissingDependencyError
            If matplotlib is not installed.
        """
        from filexchange.benchmark.reporting import plotting  # noqa: PLC0415 - it is built on this

        return plotting.plot(self)

    def _repr_html_(self) -> str:
        from filexchange.benchmark.reporting import html  # noqa: PLC0415 - it is built on this

        return html.summary(self)

    def to_json(self) -> dict[str, Any]:
        """Return everything as JSON values, with medians beside the samples."""
        document = dataclasses.asdict(self)
        document["schema"] = SCHEMA
        document["cases"] = [_case_to_json(result) for result in self.cases]
        plain: dict[str, Any] = json.loads(json.dumps(document))
        return plain

    @classmethod
    def from_json(cls, document: Any) -> "Results":
        """Return what :meth:`to_json` gave.

        Raises
        ------
        BadArrayFileError
            If it is something else.
        """
        if not isinstance(document, dict) or document.get("schema") != SCHEMA:
            raise BadArrayFileError(
                f"this is not a benchmark's JSON of schema {SCHEMA}: write it with "
                "`filexchange bench --json FILE`"
            )
        try:
            inputs = tuple(
                Input(**{**each, "shape": tuple(each["shape"])}) for each in document["inputs"]
            )
            names = {each.name for each in inputs}
            return cls(
                machine=Machine(**document["machine"]),
                inputs=inputs,
                places=tuple(Place(**each) for each in document["places"]),
                cases=tuple(_case_from_json(each, names) for each in document["cases"]),
                started=document["started"],
                elapsed=document["elapsed"],
                complete=document["complete"],
            )
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            raise BadArrayFileError(
                f"this benchmark's JSON is damaged ({type(error).__name__}: {error}): measure again"
            ) from error


def spread(values: tuple[float, ...]) -> Spread | None:
    """Return the median and range of some numbers, None if there are none.

    Examples
    --------
    >>> spread((3.0, 1.0, 2.0))
    Spread(median=2.0, low=1.0, high=3.0)
    """
    return Spread(statistics.median(values), min(values), max(values)) if values else None


def _case_to_json(result: CaseResult) -> dict[str, Any]:
    return {
        **result.case._asdict(),
        "seconds": {name: list(samples) for name, samples in result.seconds.items()},
        "median": {name: statistics.median(s) for name, s in result.seconds.items() if s},
        "nbytes_on_disk": result.nbytes_on_disk,
        "peak_memory": result.peak_memory,
        "error": result.error,
    }


def _case_from_json(document: Any, inputs: Collection[str]) -> CaseResult:
    case = Case(**{name: document[name] for name in Case._fields})
    known = {"input": inputs, "cache": CACHES, "role": get_args(Role)}
    for field, names in known.items():
        if document[field] not in names:
            raise ValueError(f"{field} {document[field]!r} is unknown")
    for access in document["seconds"]:
        if access not in ACCESSES:
            raise ValueError(f"access {access!r} is unknown")
    return CaseResult(
        case=case,
        seconds={
            name: tuple(float(sample) for sample in samples)
            for name, samples in document["seconds"].items()
        },
        nbytes_on_disk=document["nbytes_on_disk"],
        peak_memory=document["peak_memory"],
        error=document["error"],
    )
