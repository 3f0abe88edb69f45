"""The workloads: what goes in, how the result is checked, and what nothing can be faster than."""

import math
from collections.abc import Callable, Mapping
from typing import NamedTuple

from _outofcore import checks
from _outofcore.contenders import COPY, RAM, READ, WRITE
from _outofcore.inputs import Array

GIB = 1 << 30


class Workload(NamedTuple):
    """One thing to do.

    Attributes
    ----------
    title : str
    inputs : callable
        From the size of the whole in bytes to the arrays, by name.
    check : callable
        From the paths of the inputs, and the size of the whole, to an object that checks outputs.
    floor : tuple of str
        The measurements whose sum is the floor.
    forms : tuple of str
        The forms that the input may have; the first for contenders whose own is not among them.
    """

    title: str
    inputs: Callable[[int], dict[str, Array]]
    check: Callable[[Mapping[str, str], int], checks.Check]
    floor: tuple[str, ...]
    forms: tuple[str, ...] = ("npy", "zarr", "b2nd")


#: Chunks are this part of the whole, but for those of `pancakes`: 32 MiB of 4 GiB.
PART = 128


def table(nbytes: int) -> dict[str, Array]:
    """Return the main input: float32 (131072, 8192) for 4 GiB."""
    columns = 8192
    rows = nbytes // (4 * columns)
    return {"x": Array((rows, columns), "f4", (max(1, rows // PART), columns))}


def pancakes(nbytes: int) -> dict[str, Array]:
    """Return hourly fields of a year, as wide as ERA5 at one degree, 24 in a chunk."""
    hours, longitudes = 8760, 360
    latitudes = max(checks.Rechunked.PENCIL, round(nbytes / (4 * hours * longitudes)))
    shape = hours, latitudes, longitudes
    return {"x": Array(shape, "f4", (24, min(181, latitudes), longitudes))}


def line(nbytes: int) -> dict[str, Array]:
    """Return 1e9 float32 for 4 GiB."""
    length = int(1e9 * nbytes / (4 * GIB))
    return {"x": Array((length,), "f4", (length // PART,))}


def squares(nbytes: int) -> dict[str, Array]:
    """Return two square float32 matrices; with their product they are three quarters of it all."""
    n = math.isqrt(nbytes // 16) // 256 * 256
    return {name: Array((n, n), "f4", (n // 8, n // 8)) for name in ("a", "b")}


def embeddings(nbytes: int) -> dict[str, Array]:
    rows = nbytes // (2 * 768)
    return {"x": Array((rows, 768), "f2", (rows // PART, 768))}


def image(nbytes: int) -> dict[str, Array]:
    """Return a square complex64 matrix whose side has small factors only."""
    n = math.isqrt(nbytes // 8)
    while n % 64 or not _is_smooth(n):
        n -= 1
    return {"x": Array((n, n), "c8", (n // PART, n))}


def _is_smooth(n: int) -> bool:
    for prime in (2, 3, 5):
        while n % prime == 0:
            n //= prime
    return n == 1


def frames(nbytes: int) -> dict[str, Array]:
    """Return frames of a camera with 16 bits, which are in memory and are sent again and again."""
    side = 2048
    return {"x": Array((8, side, side), "u2", (1, side, side))}


WORKLOADS = {
    "moments": Workload("mean and std over axis 0", table, checks.Moments, (READ,)),
    "map": Workload("sqrt(abs(x)) * 2 + 1 to a new file", table, checks.Mapped, (COPY,)),
    "transpose": Workload("transpose to a new file", table, checks.Transposed, (COPY,)),
    "rechunk": Workload(
        "rechunk Zarr from pancakes (24, 181, 360) to pencils (8760, 16, 16)",
        pancakes,
        checks.Rechunked,
        (COPY,),
        ("zarr", "b2nd"),
    ),
    "sort": Workload("sort float32 to a new file", line, checks.Sorted, (RAM, COPY, COPY)),
    "quantiles": Workload("five exact quantiles", line, checks.Quantiles, (READ,)),
    "matmul": Workload("product of two square float32 matrices", squares, checks.Product, (RAM,)),
    "normalise": Workload(
        "unit rows of 768 float16 to a new file", embeddings, checks.Normalised, (COPY,)
    ),
    "fft": Workload(
        "FFT of rows, transpose, FFT of rows, complex64", image, checks.Transformed, (COPY, COPY)
    ),
    "append": Workload(
        "append frames (2048, 2048) uint16, two live readers", frames, checks.Appended, (WRITE,)
    ),
}
