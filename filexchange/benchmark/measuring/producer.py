"""The process that writes, and lets the consumers read."""

from collections.abc import Mapping, Sequence
from multiprocessing.connection import Connection
from typing import Any

import numpy as np

from filexchange import capabilities
from filexchange.aliases import Array
from filexchange.benchmark.measuring.consumer import leave_interrupts_to_the_parent
from filexchange.benchmark.measuring.inputs import Source
from filexchange.benchmark.measuring.jobs import GONE, Job, Outcome, Ready, Register, Settle, reason
from filexchange.benchmark.measuring.transports import Endpoint
from filexchange.benchmark.measuring.visits import (
    Consumers,
    FloorVisit,
    FormatVisit,
    Loaded,
    TransportVisit,
    Visit,
)
from filexchange.formats import register_format

_FEW = slice(0, 2)


def produce(
    parent: Connection,
    consumers: Sequence[Connection],
    sources: Mapping[str, Source],
    endpoints: Mapping[tuple[str, str], Endpoint],
) -> None:
    """Visit each case that `parent` sends, until one of the processes is gone.

    It answers `Ready`, and then an `Outcome`.
    """
    leave_interrupts_to_the_parent()
    producer = _Producer(Consumers(consumers), sources, endpoints)
    try:
        parent.send(producer.consumers.answers())  # all have imported what they need
        while True:
            parent.send(producer.next_visit(parent))
    except GONE:
        return
    finally:
        for endpoint in endpoints.values():
            endpoint.close()


class _Producer:
    def __init__(
        self,
        consumers: Consumers,
        sources: Mapping[str, Source],
        endpoints: Mapping[tuple[str, str], Endpoint],
    ) -> None:
        self.consumers = consumers
        self._sources = sources
        self._endpoints = endpoints
        self._loaded: dict[str, Loaded] = {}
        self._prepared: set[Any] = set()

    def next_visit(self, parent: Connection) -> Outcome:
        try:
            job = parent.recv()  # fails if a plug-in's class is nowhere in this process
            visit = self._visit(job, self._load(job.case.input))
            self._prepare(job)
            if job.watches_memory:
                self.consumers.ask_all(Settle())
                capabilities.trim_memory()
        except GONE:
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, the results show it
            parent.send(Ready())
            return Outcome({}, error=reason(error))
        parent.send(Ready())
        failed = None
        try:
            visit.run()
        except GONE:
            raise
        except Exception as error:  # noqa: BLE001 - as above
            failed = reason(error)
        return Outcome(dict(visit.samples), visit.nbytes_on_disk, failed, visit.is_broken)

    def _load(self, name: str) -> Loaded:
        if name not in self._loaded:
            self._loaded[name] = Loaded(self._sources[name].load())
        return self._loaded[name]

    def _visit(self, job: Job, loaded: Loaded) -> Visit:
        if job.case.role == "floor":
            return FloorVisit(job, loaded)
        if job.case.role == "transport":
            endpoint = self._endpoints[job.case.way, job.case.directory]
            return TransportVisit(job, endpoint, loaded, self.consumers)
        return FormatVisit(job, loaded, self.consumers)

    def _prepare(self, job: Job) -> None:
        """Let all processes import what a way needs, which is no part of what is measured."""
        key = job.case.role, job.case.way, job.case.directory
        if key in self._prepared or job.case.role == "floor":
            return
        if job.case.role == "transport":
            self._endpoints[job.case.way, job.case.directory].prepare()
        else:
            self._rehearse(job)
        self._prepared.add(key)  # what has failed is to say so for the next array as well

    def _rehearse(self, job: Job) -> None:
        if job.plugin is not None:
            register_format(job.plugin)
            self.consumers.ask_all(Register(job.plugin))
        few = _few(self._load(job.case.input).array)
        rehearsal = FormatVisit(
            job._replace(seconds=0.0, part_seconds=0.0), Loaded(few), self.consumers
        )
        try:
            rehearsal.run()
        except GONE:
            raise
        except Exception:
            # Some formats cannot have so few elements. What is wrong otherwise, the visit tells.
            if rehearsal.is_broken:
                raise


def _few(array: Array) -> Array:
    return np.array(array[(_FEW,) * array.ndim], order="C")
