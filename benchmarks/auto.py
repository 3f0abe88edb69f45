"""How far from the best `format="auto"` is, on arrays that tuning has not seen.

python benchmarks/auto.py [--dir DIR] [--for exchange,slices,archive] [--ordinary] [--json OUT]

Tunes the file system of the directory (or takes the figures that stand in where nothing is tuned,
with --ordinary), then writes each array in every way there is and reads it in another process, in
turn. What the choice itself takes, with its look at the array, counts as a part of writing. Ratios
are to the best way, whatever that is:

exchange   seconds to write, and to read all of it in another process
slices     seconds to write, and to read 100 parts, 25 of each kind
archive    bytes on disk, times the square of how much the way exceeds the time limit
"""

import argparse
import os
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
from _measure import KIB, MIB, machine, report

import filexchange as fx
from filexchange import files
from filexchange.benchmark.measuring.trees import nbytes_below
from filexchange.benchmark.profiling.reader import Reader
from filexchange.benchmark.profiling.tuning import tune
from filexchange.tuning import USES, WAYS, Use, Way, profiles
from filexchange.tuning.uses import costs


class HeldOut(NamedTuple):
    """An array that tuning has not seen."""

    name: str
    make: Callable[[], Any]


def _elevation() -> Any:
    """Return the elevation grid that comes with matplotlib, as often as makes some MiB."""
    from matplotlib import cbook

    grid = cbook.get_sample_data("jacksboro_fault_dem.npz")["elevation"]
    return np.ascontiguousarray(np.tile(grid, (6, 8)).astype("i2"))


def _walks(nbytes: int, dtype: str) -> Any:
    steps = np.random.default_rng(1).normal(size=nbytes // np.dtype(dtype).itemsize)
    return steps.cumsum().reshape(-1, 32).astype(dtype)


def _spectra(nbytes: int) -> Any:
    waves = np.random.default_rng(2).normal(size=(nbytes // 8 // 512, 512))
    return np.fft.fft(waves).astype("c8")


def _blobs(side: int) -> Any:
    rows, columns = np.ogrid[:side, :side]
    return ((rows // 37) ** 2 + (columns // 53) ** 2) % 251 > 125


def _stack(frames: int) -> Any:
    light = 200 + 150 * np.sin(np.arange(640) / 60)[:, None] * np.cos(np.arange(480) / 45)
    return np.random.default_rng(3).poisson(light, (frames, 640, 480)).astype("u2")


def _table(rows: int) -> Any:
    made = np.zeros(rows, [("time", "M8[s]"), ("sensor", "u2"), ("value", "f4")])
    random = np.random.default_rng(4)
    made["time"] = np.datetime64("2024-01-01") + np.arange(rows)
    made["sensor"] = random.integers(0, 40, rows)
    made["value"] = random.normal(20, 5, rows).round(1)
    return made


def _few_values(nbytes: int) -> Any:
    values = np.zeros(nbytes // 4, "f4").reshape(-1, 256)
    random = np.random.default_rng(5)
    where = random.integers(0, values.size, values.size // 200)
    values.reshape(-1)[where] = random.normal(size=len(where))
    return values


ARRAYS = (
    HeldOut("elevation int16, 12 MiB", _elevation),
    HeldOut(
        "embeddings float16, 5 MiB",
        lambda: np.random.default_rng(6).normal(size=(3500, 768)).astype("f2"),
    ),
    HeldOut("random walks float64, 3 MiB", lambda: _walks(3 * MIB, "f8")),
    HeldOut("random walks float32, 200 KiB", lambda: _walks(200 * KIB, "f4")),
    HeldOut("spectra complex64, 24 MiB", lambda: _spectra(24 * MIB)),
    HeldOut("mask bool, 16 MiB", lambda: _blobs(4096)),
    HeldOut("camera frames uint16, 30 MiB", lambda: _stack(50)),
    HeldOut(
        "bytes uint8, 40 MiB", lambda: np.random.default_rng(7).integers(0, 256, (40, MIB), "u1")
    ),
    HeldOut("records, 1.3 MiB", lambda: _table(100_000)),
    HeldOut(
        "sorted keys int64, 2 MiB",
        lambda: np.sort(np.random.default_rng(8).integers(0, 1 << 40, 256 * KIB)),
    ),
    HeldOut("few values float32, 20 MiB", lambda: _few_values(20 * MIB)),
    HeldOut(
        "words U12, 1 MiB", lambda: np.array([f"station {n % 97:03}" for n in range(22_000)], "U12")
    ),
    HeldOut("zeros float64, 100 KiB", lambda: np.zeros((100, 128))),
    HeldOut("random float64, 30 KiB", lambda: np.random.default_rng(9).random((60, 64))),
)


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
    from filexchange.tuning.reasons import Subject
    from filexchange.tuning.recommending import chosen

    start = time.perf_counter()
    chosen(
        Subject(array.shape, array.dtype, array),
        Words("auto"),
        os.path.join(directory, "array"),
        for_=use,
    )
    return time.perf_counter() - start


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
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--profile", metavar="STATE", help="keep the profile below this directory")
    parser.add_argument("--ordinary", action="store_true", help="do not tune")
    parser.add_argument("--json", metavar="OUT", help="'-' is standard output")
    options = parser.parse_args()

    uses: Any = tuple(options.uses.split(","))
    directory = tempfile.mkdtemp(prefix="filexchange-benchmark-", dir=options.dir)
    state = options.profile or os.path.join(directory, "state")
    os.environ["XDG_STATE_HOME"] = os.path.abspath(state)
    outcomes: list[Outcome] = []
    try:
        if not options.ordinary and profiles.profile_of(directory) is None:
            profiles.store(tune(directory))
        with Reader() as reader:
            for held_out in ARRAYS:
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
