"""Arrays larger than memory: filexchange against its peers and what the disk can do.

python benchmarks/outofcore.py [--gb 4] [--limit 1G] [--only WORKLOAD,...] [--peers PEER,...]
    [--repeat 3] [--timeout 180] [--dir DIR] [--keep] [--json OUT]

Each run is a process of its own, which imports and starts what it needs before the clock. Where
this is root, it is in a memory cgroup with the limit and without swap, and the page cache is
dropped before; else that is said. The output is on the disk (fsync) when the clock stops, and is
checked after. Contenders take turns, and medians are shown; who is killed, fails or is late is not
run again. All have two workers, and half of the limit as a budget if they can be told.

Anonymous memory is the peak of the process and its children (RssAnon) less that at the start. The
floor is what `dd` takes for the same bytes in the same cgroup, and NumPy in RAM without a limit.
"""

import argparse
import contextlib
import glob
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator

import numpy as np
from _measure import (
    end_in_order,
    is_installed,
    machine,
    names_among,
    parse_size,
    taking_turns,
    versions,
    write_json,
)
from _outofcore import cgroup, contenders, watch
from _outofcore.checks import Check, WrongError
from _outofcore.contenders import ALL, FLOORS, PEERS, RAM
from _outofcore.figures import OK, Figure, Samples, show
from _outofcore.inputs import Array, make
from _outofcore.job import IRRELEVANT, Job
from _outofcore.watch import Measurement
from _outofcore.workloads import GIB, WORKLOADS, Workload

WORKERS = 2


class Inputs:
    """The input arrays of a workload, in a directory; workloads may share them."""

    def __init__(self, workload: Workload, nbytes: int, directory: str) -> None:
        self._arrays = workload.inputs(nbytes)
        self._stem = os.path.join(directory, f"{workload.inputs.__name__}-{nbytes}")

    def paths(self, form: str) -> dict[str, str]:
        """Return the path of each array in that form, which is made if it is not there."""
        return {name: make(array, form, f"{self._stem}-{name}") for name, array in self.arrays()}

    def arrays(self) -> Iterator[tuple[str, Array]]:
        yield from self._arrays.items()

    def remove(self) -> None:
        for path in glob.glob(f"{glob.escape(self._stem)}-*"):
            shutil.rmtree(path) if os.path.isdir(path) else os.unlink(path)


class Bench:
    """Runs contenders at one workload.

    Attributes
    ----------
    samples : dict
        What was measured, by contender.
    """

    def __init__(
        self, name: str, inputs: Inputs, place: watch.Place, options: argparse.Namespace
    ) -> None:
        self.name, self.workload, self.inputs = name, WORKLOADS[name], inputs
        self.samples: dict[str, Samples] = {}
        self._place, self._options = place, options
        self._check: Check | None = None

    def is_relevant(self, name: str) -> bool:
        return (
            not is_installed(ALL[name].needs) or contenders.load(name).WAYS[self.name] != IRRELEVANT
        )

    def run(self, name: str) -> None:
        """Add one run of a contender, unless it has failed before."""
        samples = self.samples.setdefault(name, Samples(name, []))
        if samples.state == OK:
            samples.runs.append(self._measured(name))

    def _measured(self, name: str) -> Measurement:
        if not is_installed(ALL[name].needs):
            return Measurement("not installed")
        contender = contenders.load(name)
        way = contender.WAYS[self.name]
        if isinstance(way, str):
            return Measurement(f"n/a: {way}")
        inputs = self.inputs.paths(self._form(contender.FORM, is_floor=name in FLOORS))
        with tempfile.TemporaryDirectory(prefix="out-", dir=self._options.dir) as directory:
            out = os.path.join(directory, "out")
            limit = self._options.limit
            job = Job(self.name, name, inputs, out, self._options.nbytes, limit // 2, WORKERS)
            place = self._place if ALL[name].is_limited else cgroup.Nowhere("not limited")
            found = watch.run(job, contender.BLAS_THREADS, place, limit, self._options.timeout)
            return found if name in FLOORS or found.state != OK else self._checked(job, found)

    def _form(self, preferred: str, *, is_floor: bool) -> str:
        forms = self.workload.forms
        return preferred if is_floor or preferred in forms else forms[0]

    def _checked(self, job: Job, found: Measurement) -> Measurement:
        if self._check is None:
            self._check = self.workload.check(self.inputs.paths("npy"), self._options.nbytes)
        results = job.scratch("results.npz")
        try:
            self._check.check(job.out, dict(np.load(results)) if os.path.exists(results) else {})
        except WrongError as error:
            return found._replace(state=f"wrong: {error}")
        return found


def measured(name: str, inputs: Inputs, place: watch.Place, options: argparse.Namespace) -> Figure:
    """Return the figures of one workload."""
    bench = Bench(name, inputs, place, options)
    floors = dict.fromkeys([*bench.workload.floor, RAM])
    relevant = [name for name in options.peers if bench.is_relevant(name)]
    for _, contender in taking_turns([*floors, *relevant], options.repeat - 1):
        bench.run(contender)
    return Figure(name, bench.workload.title, options.nbytes, bench.workload.floor, bench.samples)


def inputs_in_turn(options: argparse.Namespace) -> Iterator[tuple[str, Inputs]]:
    """Yield each workload with its inputs, which go when no later one needs them."""
    for number, name in enumerate(options.only):
        inputs = Inputs(WORKLOADS[name], options.nbytes, options.dir)
        later = {WORKLOADS[other].inputs for other in options.only[number + 1 :]}
        try:
            yield name, inputs
        except GeneratorExit:
            later.clear()
            raise
        finally:
            if not options.keep and WORKLOADS[name].inputs not in later:
                inputs.remove()


def conditions(place: watch.Place, limit: int) -> str:
    """Return in words what holds for all runs."""
    cold = "cold" if watch.can_drop_caches() else "warm (only root may drop it)"
    held = (
        f"no limit: {place.reason}"
        if isinstance(place, cgroup.Nowhere)
        else f"memory cgroup (version {place[0].number}) of {limit >> 20} MiB, no swap"
    )
    return f"page cache {cold}; {held}; budget {limit >> 21} MiB; {WORKERS} workers"


def parsed() -> argparse.Namespace:
    made = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    made.add_argument("--gb", type=float, default=4, help="GiB of the input, default 4")
    made.add_argument("--limit", type=parse_size, default=GIB, help="of memory, default 1G")
    for option, names in (("--only", list(WORKLOADS)), ("--peers", list(PEERS))):
        made.add_argument(
            option, type=names_among(names), default=names, help=f"of {', '.join(names)}"
        )
    made.add_argument("--repeat", type=int, default=3, help="runs of each, default 3")
    made.add_argument("--timeout", type=float, default=180, help="seconds of a run, default 180")
    made.add_argument("--dir", help="on the disk to be measured; the temporary one by default")
    made.add_argument("--keep", action="store_true", help="keep the inputs in --dir")
    made.add_argument("--json", metavar="OUT", help="'-' is standard output")
    options = made.parse_args()
    options.nbytes = int(options.gb * GIB)
    return options


def main() -> None:
    options = parsed()
    end_in_order()
    to_stderr = options.json == "-"
    place = cgroup.find()
    said = conditions(place, options.limit)
    print(said, file=sys.stderr if to_stderr else sys.stdout)
    figures, load = [], []
    with contextlib.ExitStack() as stack:
        if options.dir is None:
            options.dir = stack.enter_context(tempfile.TemporaryDirectory(prefix="outofcore-"))
        for name, inputs in inputs_in_turn(options):
            load.append(os.getloadavg()[0])
            figures.append(measured(name, inputs, place, options))
            show(figures[-1], to_stderr=to_stderr)
    write_json(
        options.json,
        {
            "machine": machine(),
            "versions": versions(["dask", "distributed", "cubed", "blosc2", "zarr", "h5py"]),
            "conditions": said,
            "load": load,
            "figures": [figure.document() for figure in figures],
        },
    )


if __name__ == "__main__":
    main()
