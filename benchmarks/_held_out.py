"""Arrays that tuning has not seen: a few that are named, and any number that a seed draws.

A seed nobody has tried yet is a blind test: neither figures nor rules can have been fitted to it.
"""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
from _measure import KIB, MIB

_SMALLEST, _LARGEST = 16 * KIB, 48 * MIB
_SIDE = 1024


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


NAMED = (
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


def drawn(seed: int, count: int) -> Iterator[HeldOut]:
    """Yield arrays of random kinds, dtypes and sizes from 16 KiB to 48 MiB."""
    for number in range(count):
        random = np.random.default_rng([seed, number])
        name = list(_FAMILIES)[random.integers(len(_FAMILIES))]
        dtype = np.dtype(random.choice(_FAMILIES[name].dtypes))
        nbytes = int(np.exp(random.uniform(np.log(_SMALLEST), np.log(_LARGEST))))
        size = f"{nbytes / MIB:.1f} MiB" if nbytes > MIB else f"{nbytes // KIB} KiB"
        draw = _FAMILIES[name].draw

        def make(
            draw: Any = draw, random: Any = random, dtype: Any = dtype, n: int = nbytes
        ) -> Any:
            values = draw(random, max(1, n // dtype.itemsize))
            return np.ascontiguousarray(values).astype(dtype, copy=False)

        yield HeldOut(f"{seed}.{number} {name} {dtype}, {size}", make)


class _Family(NamedTuple):
    """A kind of data: what dtypes it has, and how one of it is drawn, of about so many elements."""

    dtypes: tuple[str, ...]
    draw: Callable[[np.random.Generator, int], Any]


def _sides(count: int) -> tuple[int, int]:
    columns = min(_SIDE, max(1, int(count**0.5)))
    return max(1, count // columns), columns


def _landscape(random: np.random.Generator, count: int) -> Any:
    """Return noise with a random power law, as terrain, clouds and weather have, of 0 to 1."""
    rows, columns = _sides(count)
    exponent = random.uniform(1, 4)
    length = min(rows, _SIDE)
    across, along = np.fft.fftfreq(length)[:, None], np.fft.rfftfreq(columns)[None]
    amplitude = np.maximum(np.hypot(across, along), 1 / max(length, columns)) ** (-exponent / 2)
    # Longer than wide: the next panels are others that are as rough.
    panels = []
    while len(panels) * length < rows:
        phases = np.exp(2j * np.pi * random.random(amplitude.shape))
        panels.append(np.fft.irfft2(amplitude * phases, (length, columns)))
    field = np.concatenate(panels)[:rows]
    field -= field.min()
    return field / (field.max() or 1)


def _measured_field(random: np.random.Generator, count: int) -> Any:
    field = _landscape(random, count) * 10 ** random.uniform(-2, 4)
    return field.round(int(random.integers(0, 4))) if random.random() < 0.5 else field


def _terrain(random: np.random.Generator, count: int) -> Any:
    return _landscape(random, count) * random.integers(60, 9000)


def _photographs(random: np.random.Generator, count: int) -> Any:
    return random.poisson(_landscape(random, count) * random.integers(2, 230)).clip(0, 255)


def _segmentation(random: np.random.Generator, count: int) -> Any:
    return (_landscape(random, count) * random.integers(2, 120)).astype("i8")


def _threshold(random: np.random.Generator, count: int) -> Any:
    field = _landscape(random, count)
    return field > np.quantile(field, random.uniform(0.02, 0.98))


def _scattered(random: np.random.Generator, count: int) -> Any:
    values = np.zeros(_sides(count))
    where = random.integers(0, values.size, int(values.size * 10 ** -random.uniform(0.5, 4)) + 1)
    values.reshape(-1)[where] = random.normal(0, 100, len(where))
    return values


def _clock(random: np.random.Generator, count: int) -> Any:
    steps = random.exponential(10 ** random.uniform(0, 5), count)
    return (steps + 1).astype("i8").cumsum()


def _series(random: np.random.Generator, count: int) -> Any:
    columns = int(random.choice([1, 4, 30, 200]))
    values = random.normal(size=(max(1, count // columns), columns)).cumsum(axis=0)
    return values.round(int(random.integers(0, 4))) if random.random() < 0.5 else values


def _vectors(random: np.random.Generator, count: int) -> Any:
    length = int(random.choice([64, 384, 1536]))
    values = random.normal(size=(max(1, count // length), length))
    return values / np.linalg.norm(values, axis=1, keepdims=True)


def _noise(random: np.random.Generator, count: int) -> Any:
    return random.random(_sides(count)) * 2 ** random.integers(1, 8)


def _codes(random: np.random.Generator, count: int) -> Any:
    return random.zipf(random.uniform(1.2, 3), count).clip(0, 100)


def _tones(random: np.random.Generator, count: int) -> Any:
    at = np.arange(count) / random.uniform(10, 1000)
    return np.sin(at) * 3000 + random.normal(0, 10 ** random.uniform(-2, 2), count)


def _transformed(random: np.random.Generator, count: int) -> Any:
    return np.fft.fft2(_landscape(random, count))


def _padded(random: np.random.Generator, count: int) -> Any:
    values = _noise(random, count) * 100
    values[int(len(values) * random.uniform(0.1, 0.9)) :] = 0
    return values


_FAMILIES = {
    "measured field": _Family(("f4", "f8", "f2"), _measured_field),
    "terrain": _Family(("i2", "i4", "f4"), _terrain),
    "photographs": _Family(("u1", "u2"), _photographs),
    "segmentation": _Family(("u1", "u2", "i4", "i8"), _segmentation),
    "threshold": _Family(("?", "u1"), _threshold),
    "scattered values": _Family(("f4", "f8", "i4"), _scattered),
    "clock": _Family(("i8", "M8[us]", "f8"), _clock),
    "time series": _Family(("f4", "f8"), _series),
    "vectors": _Family(("f2", "f4"), _vectors),
    "noise": _Family(("f4", "f8", "u1"), _noise),
    "codes": _Family(("i8", "i4", "u1", "S8"), _codes),
    "tones": _Family(("i2", "f4", "f8"), _tones),
    "transformed": _Family(("c8", "c16"), _transformed),
    "padded": _Family(("f4", "u2"), _padded),
}
