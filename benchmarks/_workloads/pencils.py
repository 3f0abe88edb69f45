"""Hourly fields of a year, as ERA5 has them at one degree, from pancakes to pencils."""

from _outofcore.checks import Rechunked
from _outofcore.inputs import Array, make

from _workloads.steps import Steps
from filexchange import blocks


def run(steps: Steps) -> None:
    """Rechunk a Zarr array from one day in a chunk to the whole year of 16 by 16 places."""
    hours = 24 * steps.length(365)
    fields = Array((hours, 181, 360), "f4", (24, 181, 360))
    stem = steps.path("pancakes")
    pancakes = make(fields, "zarr", stem)
    known = Rechunked({"x": make(fields, "npy", stem)}, fields.nbytes)
    chunks = (hours, Rechunked.PENCIL, Rechunked.PENCIL)
    out = steps.path("pencils")
    steps.run(
        "rechunk",
        fields.nbytes,
        lambda: blocks.rechunk(pancakes, chunks, out=f"{out}.zarr", **steps.options),
    )
    known.check(out, {})
    steps.checks.append("all elements are there, those of 64 hours in their places")
