"""Real workloads, each from random input to a checked result, with the public functions alone.

python benchmarks/workloads.py [--scale 1] [--only WORKLOAD,...] [--memory 512MB] [--dir DIR]
    [--json OUT]

At scale 1 a workload has one to four GB; another scale makes the longest axis longer or shorter.
Files are made, used and removed one workload after the other, and need up to 13 GB at scale 1.
Every step of every workload is compared with NumPy on samples, or with what must hold of its
result, and the first one that is wrong ends the script.

Seconds are from call to return, to the page cache and not to the disk. GB/s are of what is read,
each pass counted. MiB are the peak of anonymous memory (RssAnon) of the process and its children
above that of the idle program, with the input to functions and their results; `--memory` is for
the blocks under way, and `features` needs 372MB or more. What one workload leaves to the allocator
counts for the next: figures of memory are of one at a time.
"""

import argparse
import importlib
import os
import tempfile

import zarr  # noqa: F401  what is imported is no memory of a step
from _measure import MIB, end_in_order, machine, names_among, report, versions
from _workloads.steps import Figure, Steps, memory_now

#: Modules of `_workloads`, and what they are about.
WORKLOADS = {
    "pencils": "ERA5, a year of hourly fields at one degree: pancakes to pencils",
    "climate": "ERA5: climatology, anomaly and zonal mean",
    "embeddings": "1.4 million embeddings of 768 float16",
    "features": "140000 rows of 3504 float16",
    "images": "10000 images of 224 x 224 x 3 bytes",
    "line": "1e9 float32",
}


def measured(name: str, options: argparse.Namespace, idle: int | None) -> Steps:
    """Run one workload in a directory of its own."""
    with tempfile.TemporaryDirectory(prefix=f"{name}-", dir=options.dir) as directory:
        steps = Steps(name, directory, options.scale, options.memory, idle)
        importlib.import_module(f"_workloads.{name}").run(steps)
        return steps


def row(figure: Figure) -> list[str]:
    added = "" if figure.added is None else f"{figure.added / MIB:.0f}"
    speed = f"{figure.nbytes / figure.seconds / 1e9:.2f}"
    gigabytes = f"{figure.nbytes / 1e9:.3f}"
    return [f"{figure.workload}: {figure.step}", gigabytes, f"{figure.seconds:.2f}", speed, added]


def parsed() -> argparse.Namespace:
    made = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    made.add_argument("--scale", type=float, default=1.0, help="of the sizes, default 1")
    names = list(WORKLOADS)
    made.add_argument("--only", type=names_among(names), default=names, help=", ".join(names))
    made.add_argument("--memory", default="512MB", help="the budget, default 512MB")
    made.add_argument("--dir", help="on the disk to be used; the temporary one by default")
    made.add_argument("--json", metavar="OUT", help="'-' is standard output")
    return made.parse_args()


def main() -> None:
    options = parsed()
    end_in_order()
    load, idle = os.getloadavg()[0], memory_now()
    done = {name: measured(name, options, idle) for name in options.only}
    figures = [figure for steps in done.values() for figure in steps.figures]
    report(
        f"scale {options.scale:g}, budget {options.memory}, all results checked",
        ["step", "GB", "s", "GB/s", "MiB"],
        [row(figure) for figure in figures],
        {
            "machine": machine(),
            "versions": versions(["zarr"]),
            "scale": options.scale,
            "memory": options.memory,
            "load": load,
            "checks": {name: steps.checks for name, steps in done.items()},
            "figures": [figure._asdict() for figure in figures],
        },
        options.json,
    )


if __name__ == "__main__":
    main()
