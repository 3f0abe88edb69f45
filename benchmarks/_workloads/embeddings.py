"""Embeddings: rows of length 1, principal components, clusters, and the nearest of queries."""

from typing import Any

import numpy as np
from _outofcore.checks import sample
from _outofcore.formulas import unit_rows
from _outofcore.stored import row_slabs

import filexchange as fx
from _workloads import clusters, nearest
from _workloads.steps import Steps
from filexchange import blocks

COMPONENTS = 128


def run(steps: Steps) -> None:
    """Do all of it, one after the other."""
    raw = fx.open_array(steps.made("raw", (steps.length(1_400_000, 512), 768), "f2"))
    unit = _normalised(steps, raw)
    projected = _projected(steps, unit)
    clusters.run(steps, projected)
    nearest.run(steps, unit)


def _normalised(steps: Steps, raw: Any) -> Any:
    unit = steps.run(
        "L2 normalise",
        raw.nbytes,
        lambda: blocks.map_blocks(
            unit_rows, raw, out=steps.path("unit.npy"), chunks=(None, -1), **steps.options
        ),
    )
    rows = sample(len(raw))
    steps.check("unit rows", _rows(unit, rows), unit_rows(_rows(raw, rows)), 1e-3)
    return unit


def _projected(steps: Steps, unit: Any) -> Any:
    covariance = steps.run(
        "covariance", unit.nbytes, lambda: blocks.cov(unit, rowvar=False, **steps.options)
    )
    check_covariance(steps, unit, covariance)
    components = np.linalg.eigh(covariance)[1][:, : -COMPONENTS - 1 : -1].astype("f4")
    projected = steps.run(
        f"project on {COMPONENTS} components",
        unit.nbytes,
        lambda: blocks.matmul(unit, components, out=steps.path("projected.npy"), **steps.options),
    )
    rows = sample(len(unit))
    steps.check("projection", _rows(projected, rows), _rows(unit, rows) @ components, 1e-4)
    return projected


def check_covariance(steps: Steps, array: Any, covariance: Any) -> None:
    """Compare some columns with what NumPy computes of them."""
    columns = sample(array.shape[1], 16)
    part = np.concatenate([rows[:, columns] for _, rows in row_slabs(array.open("r"))])
    expected = np.cov(part.astype("f8"), rowvar=False)
    steps.check("covariance", covariance[np.ix_(columns, columns)], expected, 1e-9)


def _rows(array: Any, numbers: Any) -> Any:
    return np.concatenate([array[number : number + 1] for number in numbers])
