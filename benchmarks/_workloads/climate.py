"""Climatology of each hour of the day, the anomaly from it, and its mean along each latitude."""

from typing import Any

import numpy as np
from _outofcore.checks import sample

import filexchange as fx
from _workloads.steps import Steps
from filexchange import blocks


def run(steps: Steps) -> None:
    """Read the fields twice: for their mean, and for all that comes from it."""
    shape = (steps.length(365, 2), 24, 181, 360)
    fields = fx.open_array(steps.made("fields", shape, "f4"))
    climatology = steps.run(
        "climatology",
        fields.nbytes,
        lambda: blocks.mean(fields, axis=0, **steps.options).astype("f4"),
    )
    anomalies = fx.create_array(steps.path("anomalies.npy"), shape=shape, dtype="f4")
    zonal = steps.run(
        "anomaly and zonal mean",
        fields.nbytes,
        lambda: blocks.map_blocks(
            anomaly_and_zonal_mean,
            fields,
            climatology,
            out=steps.path("zonal.npy"),
            dtype="f4",
            drop_axis=3,
            args=(anomalies,),
            **steps.options,
        ),
    )
    _check(steps, fields, climatology, anomalies, zonal)


def anomaly_and_zonal_mean(fields: Any, climatology: Any, anomalies: Any, block_info: Any) -> Any:
    """Write the anomaly of a block where it belongs, and return its mean along longitudes.

    Results of one map have one shape; the one that is as large as the input is written from here,
    each block to a region of its own.
    """
    found = fields - climatology
    place = tuple(slice(*ends) for ends in block_info[0]["array-location"])
    anomalies[place] = found
    return found.mean(axis=3)


def _check(steps: Steps, fields: Any, climatology: Any, anomalies: Any, zonal: Any) -> None:
    latitudes = sample(181, 4)
    bands = np.stack([fields[:, :, latitude] for latitude in latitudes], axis=2)
    steps.check("climatology", climatology[:, latitudes], bands.mean(axis=0, dtype="f8"), 1e-5)
    for day in sample(fields.shape[0], 8):
        expected = fields[day] - climatology
        steps.check(f"anomaly of day {day}", anomalies[day], expected)
        steps.check(f"zonal mean of day {day}", zonal[day], expected.mean(axis=2), 1e-5)
