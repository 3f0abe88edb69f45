"""How far from the best `format="auto"` is, on arrays that tuning has not seen.

python benchmarks/auto.py [--dir DIR] [--for exchange,slices,archive] [--ordinary] [--json OUT]
                          [--seed N [--arrays 24]]

Tunes the file system of the directory (or takes the figures that stand in where nothing is tuned,
with --ordinary), then writes each array in every way there is and reads it in another process, in
turn. What the choice itself takes, with its look at the array, counts as a part of writing. Ratios
are to the best way, whatever that is:

exchange   seconds to write, and to read all of it in another process
slices     seconds to write, and to read 100 parts, 25 of each kind
archive    bytes on disk, times how much the way exceeds the time limit

The arrays are 14 that are named, or, with --seed, some that it draws: kind, dtype, size, and how
rough, rounded or sparse they are. A seed that nobody has tried is a blind test.
"""

import argparse
import os
import shutil
import statistics
import tempfile
import time
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from _held_out import NAMED, HeldOut, drawn
from _measure import machine, report

import filexchange as fx
from filexchange import files
from filexchange.benchmark.measuring.trees import nbytes_below
from filexchange.benchmark.profiling.reader import Reader
from filexchange.benchmark.profiling.tuning import tune
from filexchange.tuning import USES, WAYS, Use, Way, profiles
from filexchange.tuning.uses import costs


class Outcome(NamedTuple):
    """What was chosen for one array and use, and what was the best."""

    array: str
    use: Use
    chosen: str
    best: str
    ratio: float


def _outcomes(
    held_out: HeldOut, uses: tuple[Use, ...], rounds: int, directory: str, reader: Reader
) -> Iterator[Outcome]:
    array = held_out.make()
    seconds, nbytes = _measured(array, rounds, directory, reader)
    for use in uses:
        chosen = fx.recommend(array, for_=use, directory=directory)
        asking = statistics.median(_asking(array, use, directory) for _ in range(5))
        row = next(n for n, way in enumerate(WAYS) if _is(way, chosen))
        cost = costs(use, seconds, nbytes)
        best = int(np.argmin(cost))
        with_asking = seconds.copy()
        with_asking[row, 0] += asking
        ratio = costs(use, with_asking, nbytes)[row] / cost[best]
        yield Outcome(held_out.name, use, str(WAYS[row]), str(WAYS[best]), float(ratio))


def _is(way: Way, chosen: fx.Recommendation) -> bool:
    return (way.format, way.compression, way.is_sharded) == (
        chosen.format,
        chosen.compression,
        chosen.shards is not None,
    )


def _asking(array: Any, use: Use, directory: str) -> float:
    """Return the seconds that the choice takes."""
    from filexchange.tuning.limits import Words
    from filexchange.tuning.recommending import chosen
    from filexchange.tuning.subjects import Subject

    start = time.perf_counter()
    chosen(
        Subject(array.shape, array.dtype, array),
        Words("auto"),
        os.path.join(directory, "array"),
        for_=use,
    )
    return time.perf_counter() - start


def _warm_up(directory: str, reader: Reader) -> None:
    """Let both processes import what each way and each choice needs."""
    few = np.arange(4096).reshape(64, 64)
    _measured(few, 1, directory, reader)
    for use in USES:
        fx.recommend(few, for_=use, directory=directory)


def _measured(array: Any, rounds: int, directory: str, reader: Reader) -> tuple[Any, Any]:
    """Return the median seconds of each access in each way, and the bytes on disk."""
    samples: dict[Way, list[tuple[float, ...]]] = {way: [] for way in WAYS}
    nbytes = dict.fromkeys(WAYS, 0)
    for number in range(rounds):
        for way in WAYS if number % 2 else reversed(WAYS):
            if number and samples[way][0][0] > 0.5:
                continue
            path = os.path.join(directory, os.urandom(8).hex())
            start = time.perf_counter()
            ref = fx.save(path, array, format=way.format, **way.options)
            written = time.perf_counter() - start
            # Parts that take long are read once.
            kept = samples[way][0][2:] if number else ()
            kept = kept if sum(kept) > 0.05 else ()
            samples[way].append((written, *reader.read(ref, kept)))
            nbytes[way] = nbytes_below(path)
            files.remove(path)
    medians = [
        [statistics.median(each) for each in zip(*samples[way], strict=True)] for way in WAYS
    ]
    return np.array(medians), np.array([float(nbytes[way]) for way in WAYS])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--dir", help="where to write; the temporary directory by default")
    parser.add_argument("--for", dest="uses", default=",".join(USES), help="uses, with commas")
    parser.add_argument("--only", help="words of the arrays' names, separated by commas")
    parser.add_argument("--seed", type=int, help="draw the arrays; try one of your own")
    parser.add_argument("--arrays", type=int, default=24, help="how many are drawn, default 24")
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--profile", metavar="STATE", help="keep the profile below this directory")
    parser.add_argument("--ordinary", action="store_true", help="do not tune")
    parser.add_argument("--json", metavar="OUT", help="'-' is standard output")
    options = parser.parse_args()

    arrays = NAMED if options.seed is None else drawn(options.seed, options.arrays)
    uses: Any = tuple(options.uses.split(","))
    directory = tempfile.mkdtemp(prefix="filexchange-benchmark-", dir=options.dir)
    state = options.profile or os.path.join(directory, "state")
    os.environ["XDG_STATE_HOME"] = os.path.abspath(state)
    outcomes: list[Outcome] = []
    try:
        if not options.ordinary and profiles.profile_of(directory) is None:
            profiles.store(tune(directory))
        with Reader() as reader:
            _warm_up(directory, reader)
            for held_out in arrays:
                if options.only and not any(w in held_out.name for w in options.only.split(",")):
                    continue
                outcomes += _outcomes(held_out, uses, options.repeat, directory, reader)
    finally:
        shutil.rmtree(directory)

    ratios = {use: [each.ratio for each in outcomes if each.use == use] for use in uses}
    table = [
        [each.array, each.use, each.chosen, each.best, f"{each.ratio:.2f}"] for each in outcomes
    ]
    for use, each in ratios.items():
        table.append(
            [
                f"{len(each)} arrays",
                use,
                "worst, median",
                "",
                f"{max(each):.2f}, {statistics.median(each):.2f}",
            ]
        )
    report(
        "what auto chose, and its cost in times that of the best way",
        ["array", "use", "chosen", "best", "ratio"],
        table,
        {"machine": machine(), "outcomes": [each._asdict() for each in outcomes]},
        options.json,
    )


if __name__ == "__main__":
    main()
