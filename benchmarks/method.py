"""Whether `filexchange bench` tells what one finds by hand, in fresh scripts.

python benchmarks/method.py [--size 64M] [--rounds 3] [--dir DIR] [--json OUT] [--show]

A round is one run of `filexchange bench` and, before or after it, a script for each format, in a
process of its own: with this package, and with the library that the format comes from. It writes
new files in a loop, reads one in a loop, and a hundredth of it, after a second of each that does
not count. The medians of each round are compared. The exit code is 1 if those of filexchange by
hand differ by more than a tenth.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from typing import Any, NamedTuple

import numpy as np
from _measure import machine, parse_size, report, size_name

import filexchange as fx
from filexchange.benchmark import Results, synthetic_array

TOLERANCE = 0.1
ACCESSES = ("write", "read", "slice")
# Processes of the benchmark have worked for a while, and so have those of the scripts: each
# operation goes on for so many seconds before anything counts. In a fresh process the first 20 or
# 30 writes of a compressed Zarr array of 16 MiB take a third longer, because the C library gives
# memory back to the system each time, until the process has let go of a large array once.
SETTLING = 1.0
# Samples of the benchmark, also where its budget has no room for them.
_FEWEST = 3
BENCH, OURS, LIBRARY = "bench", "filexchange", "library"

SCRIPT = """\
import json, os, shutil, statistics, time
import numpy as np
{imports}

array = np.load({input!r})
path = {path!r}


def remove():
    if os.path.isdir(path):
        shutil.rmtree(path)
    elif os.path.exists(path):
        os.remove(path)


def write():
    {write}


def read():
    {read}
    look_at(array)


def slice():
    {slice}
    look_at(array)


def look_at(array):
    np.add.reduce(array.reshape(-1).view("u8"))


def settle(action, before=lambda: None):
    until = time.perf_counter() + {settling}
    while time.perf_counter() < until:
        before()
        action()


def median_seconds(action, before=lambda: None):
    samples = []
    while len(samples) < {repeat} or sum(samples) < {at_least}:
        before()
        start = time.perf_counter()
        action()
        samples.append(time.perf_counter() - start)
    return statistics.median(samples)


settle(write, before=remove)
settle(read)
settle(slice)
print(
    json.dumps(
        dict(
            write=median_seconds(write, before=remove),
            read=median_seconds(read),
            slice=median_seconds(slice),
        )
    )
)
"""


class Hand(NamedTuple):
    """Lines of the scripts for one format; braces stand for rows and chunks."""

    way: str
    by: str
    suffix: str
    imports: str
    write: str
    read: str


HANDS = [
    Hand(
        way="npy",
        by=LIBRARY,
        suffix=".npy",
        imports="",
        write="np.save(path, array)",
        read="array = np.load(path, mmap_mode='r')[{rows}]",
    ),
    Hand(
        way="hdf5",
        by=LIBRARY,
        suffix=".h5",
        imports="import h5py",
        write="with h5py.File(path, 'w') as file: file['data'] = array",
        read="with h5py.File(path) as file: array = file['data'][{rows}]",
    ),
    Hand(
        way="zarr:zstd",
        by=LIBRARY,
        suffix=".zarr",
        imports="import zarr",
        write="zarr.create_array(path, shape=array.shape, dtype=array.dtype, chunks={chunks}, "
        "compressors=zarr.codecs.ZstdCodec())[...] = array",
        read="array = zarr.open_array(path, mode='r')[{rows}]",
    ),
    *(
        Hand(
            way=way,
            by=OURS,
            suffix=suffix,
            imports="import filexchange as fx",
            write=f"fx.save(path, array{options})",
            read="array = fx.open_array(path)[{rows}]",
        )
        for way, suffix, options in (
            ("npy", ".npy", ""),
            ("hdf5", ".h5", ""),
            ("zarr:zstd", ".zarr", ", compression='zstd'"),
        )
    ),
]
WAYS = list(dict.fromkeys(hand.way for hand in HANDS))


class Method:
    """The scripts and runs of one array, in one directory.

    Parameters
    ----------
    directory : str
    nbytes : int
        Of the array.
    repeat : int
        Of each script.
    settling : float
        Seconds of each operation in a script before anything counts, and at least of what does.
    budget : str
        Of each run of the benchmark.
    """

    def __init__(
        self, directory: str, nbytes: int, repeat: int, settling: float, budget: str
    ) -> None:
        self._directory = directory
        self._input = os.path.join(directory, "input.npy")
        self._repeat = repeat
        self._settling = settling
        self._budget = budget
        array = synthetic_array(nbytes)
        np.save(self._input, array)
        count = len(array) // 100
        begin = (len(array) - count) // 2
        self._rows = f"{begin}:{begin + count}"
        # What filexchange chooses is what the library is told.
        path = os.path.join(directory, "chunks.zarr")
        self._chunks = fx.save(path, array, compression="zstd").chunks

    def script(self, hand: Hand) -> str:
        """Return a script that writes and reads, and prints the seconds of each."""
        return SCRIPT.format(
            imports=hand.imports,
            input=self._input,
            path=os.path.join(self._directory, f"{hand.by}{hand.suffix}"),
            write=hand.write.format(chunks=self._chunks),
            read=hand.read.format(rows="..."),
            slice=hand.read.format(rows=self._rows),
            settling=self._settling,
            at_least=self._settling,
            repeat=self._repeat,
        )

    def by_hand(self, hand: Hand) -> dict[str, float]:
        """Run the script of a format; return the seconds of each access."""
        found: dict[str, float] = json.loads(_run("-c", self.script(hand)))
        return found

    def by_bench(self) -> dict[str, dict[str, float]]:
        """Run the benchmark; return the median seconds of each format and access."""
        out = os.path.join(self._directory, "bench.json")
        words = ["--formats", ",".join(WAYS), "--dir", self._directory, "--budget", self._budget]
        words += ["--access", ",".join(ACCESSES), "--repeat", str(_FEWEST)]
        words += ["--json", out, "--quiet"]
        _run("-m", "filexchange", "bench", self._input, *words)
        with open(out, encoding="utf-8") as file:
            results = Results.from_json(json.load(file))
        return {
            result.case.way: {name: statistics.median(s) for name, s in result.seconds.items()}
            for result in results.measured
            if result.case.role == "format"
        }

    def round(self, *, bench_first: bool) -> dict[tuple[str, str, str], float]:
        """Measure everything once; return seconds by format, access, and how."""
        found = {}
        steps = [None, *HANDS] if bench_first else [*reversed(HANDS), None]
        for hand in steps:
            if hand is None:
                for way, seconds in self.by_bench().items():
                    found |= {(way, access, BENCH): seconds[access] for access in ACCESSES}
            else:
                for access, seconds in self.by_hand(hand).items():
                    found[hand.way, access, hand.by] = seconds
        return found


def _run(*words: str) -> str:
    done = subprocess.run([sys.executable, *words], stdout=subprocess.PIPE, text=True, check=True)
    return done.stdout


def compared(rounds: list[dict[tuple[str, str, str], float]]) -> list[dict[str, Any]]:
    """Return the medians over all rounds, and those of the ratios within each."""
    figures = []
    for way, access in dict.fromkeys(key[:2] for key in rounds[0]):
        seconds = {
            by: [found[way, access, by] for found in rounds] for by in (BENCH, OURS, LIBRARY)
        }
        ratios = {
            by: [a / b for a, b in zip(seconds[BENCH], seconds[by], strict=True)]
            for by in (OURS, LIBRARY)
        }
        figures.append(
            {
                "way": way,
                "access": access,
                "seconds": seconds,
                "ratios": ratios,
                "agrees": abs(statistics.median(ratios[OURS]) - 1) <= TOLERANCE,
            }
        )
    return figures


def _row(figure: dict[str, Any]) -> list[str]:
    seconds, ratios = figure["seconds"], figure["ratios"]
    return [
        figure["way"],
        figure["access"],
        *(f"{statistics.median(seconds[by]) * 1e3:.2f}" for by in (BENCH, OURS)),
        f"{statistics.median(ratios[OURS]):.2f}",
        f"{min(ratios[OURS]):.2f} to {max(ratios[OURS]):.2f}",
        "yes" if figure["agrees"] else "NO",
        f"{statistics.median(seconds[LIBRARY]) * 1e3:.2f}",
        f"{statistics.median(ratios[LIBRARY]):.2f}",
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", type=parse_size, default=parse_size("64M"), help="default 64M")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--repeat", type=int, default=15, help="of each script, default 15")
    parser.add_argument("--settle", type=float, default=SETTLING, help="seconds of each, default 1")
    parser.add_argument("--budget", default="60s", help="of each run of the benchmark")
    parser.add_argument("--dir", help="where to write; the temporary directory by default")
    parser.add_argument("--show", action="store_true", help="print the scripts, and run nothing")
    parser.add_argument("--json", metavar="OUT", help="'-' is standard output")
    options = parser.parse_args()

    prefix = "filexchange-benchmark-"
    with tempfile.TemporaryDirectory(prefix=prefix, dir=options.dir) as directory:
        method = Method(directory, options.size, options.repeat, options.settle, options.budget)
        if options.show:
            for hand in HANDS:
                print(method.script(hand))
            return
        rounds = [method.round(bench_first=number % 2 == 0) for number in range(options.rounds)]
    figures = compared(rounds)
    report(
        f"{size_name(options.size)} of float32, new files, page cache warm: median ms of "
        f"{options.rounds} rounds, and median and range of the ratios of each round",
        [
            "format",
            "access",
            "bench",
            "filexchange",
            "ratio",
            "range",
            "agrees",
            "library",
            "ratio",
        ],
        [_row(figure) for figure in figures],
        {"machine": machine(), "size": options.size, "figures": figures},
        options.json,
    )
    sys.exit(0 if all(figure["agrees"] for figure in figures) else 1)


if __name__ == "__main__":
    main()
