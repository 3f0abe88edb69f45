"""One long line of numbers: in order, its quantiles, a histogram, and the order of a part."""

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from _outofcore.checks import Sorted, fingerprint
from _outofcore.formulas import QUANTILES
from _outofcore.inputs import STEP, slabs

import filexchange as fx
from _workloads.steps import Steps
from filexchange import blocks

PART = 8


def run(steps: Steps) -> None:
    """Sort the line; what comes after is compared with the sorted one."""
    path = steps.made("line", (steps.length(1_000_000_000, 100_000),), "f4")
    line = fx.open_array(path)
    in_order = _in_order(steps, line)
    quantiles = steps.run(
        "five exact quantiles",
        line.nbytes,
        lambda: blocks.quantile(line, QUANTILES, **steps.options),
    )
    steps.check("quantiles", quantiles, [_between(in_order, q) for q in QUANTILES], 1e-6)
    counts, edges = steps.run(
        "histogram of 1000 bins",
        2 * line.nbytes,
        lambda: blocks.histogram(line, 1000, **steps.options),
    )
    ends = np.searchsorted(in_order, edges[1:-1])
    steps.check("histogram", counts, np.diff(ends, prepend=0, append=len(in_order)))
    _order(steps, line.part[: len(line) // PART])


def _in_order(steps: Steps, line: Any) -> Any:
    known = Sorted({"x": line.path}, line.nbytes)
    out = steps.path("sorted")
    steps.run("sort", line.nbytes, lambda: blocks.sort(line, out=f"{out}.npy", **steps.options))
    known.check(out, {})
    steps.checks.append("all elements are there, in order")
    return np.load(f"{out}.npy", mmap_mode="r")


def _between(in_order: Any, q: float) -> float:
    """Return the quantile of a sorted array, linear between two elements."""
    place = q * (len(in_order) - 1)
    low = math.floor(place)
    first, second = (float(each) for each in in_order[[low, min(low + 1, len(in_order) - 1)]])
    return first + (second - first) * (place - low)


def _order(steps: Steps, part: Any) -> None:
    path = steps.path("order.npy")
    steps.run(
        "argsort of a part", part.nbytes, lambda: blocks.argsort(part, out=path, **steps.options)
    )
    order, values = np.load(path, mmap_mode="r"), part.open("r")
    numbers = fingerprint(np.arange(each.start, each.stop) for each in slabs(len(part), STEP))
    steps.check(
        "each index once", fingerprint(order[each] for each in slabs(len(part), STEP)), numbers
    )
    steps.check("argsort is in order", all(_is_sorted(values, order)), True)


def _is_sorted(values: Any, order: Any) -> Iterator[bool]:
    last = -np.inf
    for each in slabs(len(order), STEP):
        taken = values[order[each]]
        yield bool(taken[0] >= last and (taken[1:] >= taken[:-1]).all())
        last = taken[-1]
