"""Functions of arrays in two worker processes: filexchange against its peers.

python benchmarks/executor.py [--sizes 1M,16M] [--only PEER,...] [--repeat 5] [--json OUT]
    [--plot OUT.svg]

32 arrays are passed to `mean` and to `a * 2`, and the parent reads one element of every page of
each result as it gets it, in order. Workers are started, and everything is imported, before; the
first round is not counted. Each round passes new array objects with changed values, and all results
are checked.

The limit is for one process: each array copied once into memory that is in use, the function
computed into memory that is in use, and its pages read. Two workers can be faster than that.
"""

import concurrent.futures
import multiprocessing as mp
import os
import shutil
import signal
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
from _measure import (
    LIMIT,
    OURS,
    Figure,
    LocalRay,
    end_in_order,
    is_installed,
    machine,
    parser,
    plot,
    show,
    size_name,
    stopped_at_end,
    taking_turns,
    versions,
    write_json,
)

import filexchange as fx

WORKERS = 2
ARRAYS = 32
PAGE = 4096

Function = Callable[[Any], Any]


def mean(a: Any) -> float:
    return float(a.mean())


def double(a: Any) -> Any:
    return a * 2


# The peers. Each passes arrays in the way that its documentation says is the fastest.


class Filexchange:
    """`map` of the executor."""

    name = OURS
    needs = ""
    executor = fx.ProcessPoolExecutor

    def __init__(self) -> None:
        self.pool: Any = None

    def start(self) -> None:
        # Workers that Ctrl-C has killed can keep the standard executor from ending.
        ignore = {"initializer": signal.signal, "initargs": (signal.SIGINT, signal.SIG_IGN)}
        self.pool = self.executor(WORKERS, mp.get_context("spawn"), **ignore)

    def map(self, function: Function, arrays: Sequence[Any]) -> Iterable[Any]:
        return self.pool.map(function, arrays)

    def stop(self) -> None:
        if self.pool is not None:
            self.pool.shutdown(cancel_futures=True)


class Standard(Filexchange):
    """`map` of the executor of the standard library."""

    name = "standard"
    executor = concurrent.futures.ProcessPoolExecutor


class Joblib:
    """`Parallel` with loky: large arguments by memory map, results as they come."""

    name = "joblib"
    needs = "joblib"

    def __init__(self) -> None:
        self.parallel: Any = None

    def start(self) -> None:
        import joblib

        self.delayed = joblib.delayed
        self.parallel = joblib.Parallel(WORKERS, return_as="generator", max_nbytes="64K")
        self.parallel.__enter__()

    def map(self, function: Function, arrays: Sequence[Any]) -> Iterable[Any]:
        return self.parallel(self.delayed(function)(array) for array in arrays)

    def stop(self) -> None:
        if self.parallel is not None:
            from joblib.externals.loky import get_reusable_executor

            self.parallel.__exit__(None, None, None)
            get_reusable_executor().shutdown(wait=True, kill_workers=True)


class Ray:
    """A task for each array, which Ray puts into its object store; results stay there."""

    name = "ray"
    needs = "ray"

    def __init__(self) -> None:
        self.local = LocalRay()

    def start(self) -> None:
        self.ray = self.local.start(WORKERS, 3 << 30)
        self.tasks = {function: self.ray.remote(function) for function in (mean, double)}

    def map(self, function: Function, arrays: Sequence[Any]) -> Iterable[Any]:
        pending = [self.tasks[function].remote(array) for array in arrays]
        pending.reverse()
        while pending:
            yield self.ray.get(pending.pop())

    def stop(self) -> None:
        self.local.stop()


class Dask:
    """Arrays scattered to the workers of a local cluster, futures mapped, results gathered."""

    name = "dask"
    needs = "distributed"

    def __init__(self) -> None:
        self.cluster: Any = None
        self.client: Any = None
        self.directory = ""

    def start(self) -> None:
        import dask
        import distributed

        self.directory = tempfile.mkdtemp(prefix="fxb-")
        dask.config.set({"temporary-directory": self.directory})
        self.cluster = distributed.LocalCluster(
            n_workers=WORKERS,
            threads_per_worker=1,
            dashboard_address=None,
            silence_logs="ERROR",
        )
        self.client = distributed.Client(self.cluster)

    def map(self, function: Function, arrays: Sequence[Any]) -> Iterable[Any]:
        scattered = self.client.scatter(list(arrays), direct=True, hash=False)
        return self.client.gather(self.client.map(function, scattered, pure=False), direct=True)

    def stop(self) -> None:
        for each in (self.client, self.cluster):
            if each is not None:
                each.close()
        if self.directory:
            shutil.rmtree(self.directory, ignore_errors=True)


PEERS = [Filexchange, Standard, Joblib, Ray, Dask]


class Limit:
    """Everything in this process, into memory that is in use."""

    name = LIMIT

    def __init__(self, array: Any) -> None:
        self._copy, self._result = np.ones_like(array), np.ones_like(array)

    def map(self, function: Function, arrays: Sequence[Any]) -> Iterable[Any]:
        for array in arrays:
            np.copyto(self._copy, array)
            if function is mean:
                yield mean(self._copy)
            else:
                yield np.multiply(self._copy, 2, out=self._result)


def touched(result: Any) -> Any:
    """Read one element of every page, and return something that tells whether all is right."""
    if isinstance(result, float):
        return result
    return float(result[:: PAGE // result.itemsize].sum()), float(result[-1])


def run(function: Function, nbytes: int, peers: Sequence[Any], rounds: int) -> Figure:
    shape = ARRAYS, nbytes // 8
    arrays = list(np.random.default_rng(0).integers(0, 1000, shape).astype(float))  # exact sums
    ways = [*peers, Limit(arrays[0])]
    samples: dict[str, list[float]] = {way.name: [] for way in ways}
    for counts, way in taking_turns(ways, rounds):
        for array in arrays:
            array[0] += 1
        seconds = once(way, function, arrays)
        if counts:
            samples[way.name].append(seconds)
    title = f"{ARRAYS} arrays on {WORKERS} workers; for one of them"
    work = f"{'a * 2' if function is double else 'mean'}, {size_name(nbytes)}"
    return Figure(title, work, nbytes, ARRAYS, samples)


def once(way: Any, function: Function, arrays: Sequence[Any]) -> float:
    """Return the seconds for all arrays, passed as objects that nobody has seen."""
    views = [array.view() for array in arrays]
    start = time.perf_counter()
    results = [touched(result) for result in way.map(function, views)]
    seconds = time.perf_counter() - start
    if results != [touched(function(array)) for array in arrays]:
        raise RuntimeError(f"wrong results by {way.name}")
    return seconds


def main() -> None:
    named = {peer.name: peer() for peer in PEERS}
    options = parser(__doc__, sizes="1M,16M", names=list(named), repeat=5).parse_args()
    end_in_order()
    chosen = [named[name] for name in options.only]
    peers = [peer for peer in chosen if is_installed(peer.needs)]
    missing = [peer.name for peer in chosen if peer not in peers]
    panels: dict[str, list[Figure]] = {"mean": [], "a * 2": []}
    load = []
    with stopped_at_end() as stop_later:
        for peer in peers:
            stop_later(peer)  # before it starts, which may be interrupted
            peer.start()
        for function, figures in zip((mean, double), panels.values(), strict=True):
            for nbytes in options.sizes:
                load.append(os.getloadavg()[0])
                figures.append(run(function, nbytes, peers, options.repeat))
    figures = [figure for each in panels.values() for figure in each]
    show(figures, missing, to_stderr=options.json == "-")
    write_json(
        options.json,
        {
            "machine": machine(),
            "versions": versions(["joblib", "ray", "distributed"]),
            "load": load,
            "figures": [figure._asdict() for figure in figures],
        },
    )
    plot(options.plot, f"{ARRAYS} arrays through {WORKERS} workers; for one of them", panels)


if __name__ == "__main__":
    main()
