"""Whether an output is right: `know` what is to come out, then `check` what did.

Each class is for one workload. What one knows is computed once, from the npy form of the inputs.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from _outofcore import stored
from _outofcore.formulas import QUANTILES, fft_rows, formula, unit_rows
from _outofcore.inputs import rows_of, slabs


class WrongError(Exception):
    """A result that is not what was asked for."""


class Check(ABC):
    """Compares an output with what the inputs, the paths of npy files, must give."""

    def __init__(self, inputs: Mapping[str, str], nbytes: int) -> None:
        self._paths = inputs
        self.nbytes = nbytes
        self.know()

    def know(self) -> None:  # noqa: B027 - some need nothing
        """Compute what is needed for all checks."""

    @abstractmethod
    def check(self, stem: str, results: Mapping[str, Any]) -> None:
        """Raise WrongError if the output, or the small results, are wrong."""

    def input(self, name: str) -> Any:
        """Return an input, mapped anew: what stays mapped stays in the page cache."""
        return np.load(self._paths[name], mmap_mode="r")

    @property
    def x(self) -> Any:
        return self.input("x")


class Moments(Check):
    """Mean and standard deviation over axis 0."""

    def know(self) -> None:
        total, squares = np.zeros(self.x.shape[1]), np.zeros(self.x.shape[1])
        for _, block in stored.row_slabs(self.x):
            wide = block.astype(np.float64)
            total += wide.sum(axis=0)
            squares += np.vecdot(wide, wide, axis=0)
        self.mean = total / len(self.x)
        self.std = np.sqrt(squares / len(self.x) - self.mean**2)

    def check(self, stem: str, results: Mapping[str, Any]) -> None:
        close(results["mean"], self.mean, 1e-5)
        close(results["std"], self.std, 1e-5)


class Blockwise(Check):
    """A function of each block of rows, compared everywhere."""

    function: Any
    tolerance: float

    def check(self, stem: str, results: Mapping[str, Any]) -> None:
        out = stored.open_output(stem)
        same_kind(out, self.x.shape, self.x.dtype)
        for rows, block in stored.row_slabs(out):
            for part in slabs(len(block), rows_of(self.x)):
                start = rows.start + part.start
                expected = type(self).function(self.x[start : start + len(block[part])])
                close(block[part], expected, self.tolerance)


class Mapped(Blockwise):
    """The element-wise function."""

    function, tolerance = formula, 1e-6


class Normalised(Blockwise):
    """Unit rows; float16 has three digits."""

    function, tolerance = unit_rows, 1e-3


class Transposed(Check):
    """All elements are there, and those of some rows are in their places."""

    def know(self) -> None:
        self._fingerprint = fingerprint(block for _, block in stored.row_slabs(self.x))
        self._sample = sample(len(self.x))
        self._rows = self.x[self._sample]

    def check(self, stem: str, results: Mapping[str, Any]) -> None:
        out = stored.open_output(stem)
        same_kind(out, self.x.shape[::-1], self.x.dtype)

        def blocks() -> Iterator[Any]:
            for rows, block in stored.row_slabs(out):
                equal(block[:, self._sample], self._rows[:, rows].T)
                yield block

        equal(fingerprint(blocks()), self._fingerprint)


class Rechunked(Check):
    """All elements are there, those of some times are in their places, the chunks as asked for."""

    PENCIL = 16

    def know(self) -> None:
        self._fingerprint = fingerprint(block for _, block in stored.row_slabs(self.x))
        self._sample = sample(len(self.x))
        self._times = self.x[self._sample]

    def check(self, stem: str, results: Mapping[str, Any]) -> None:
        out = stored.open_output(stem)
        same_kind(out, self.x.shape, self.x.dtype)
        equal(tuple(out.chunks), (len(self.x), self.PENCIL, self.PENCIL))

        def blocks() -> Iterator[Any]:
            for band in slabs(out.shape[1], self.PENCIL):
                block = np.asarray(out[:, band])
                equal(block[self._sample], self._times[:, band])
                yield block

        equal(fingerprint(blocks()), self._fingerprint)


class Sorted(Check):
    """All elements are there, in order.

    Zeros have no sign here: with AVX-512 `numpy.sort` itself turns some -0.0 to 0.0 and back.
    """

    def know(self) -> None:
        self._fingerprint = fingerprint(block + 0 for _, block in stored.row_slabs(self.x))

    def check(self, stem: str, results: Mapping[str, Any]) -> None:
        out = stored.open_output(stem)
        same_kind(out, self.x.shape, self.x.dtype)

        def blocks() -> Iterator[Any]:
            last = -np.inf
            for _, block in stored.row_slabs(out):
                if block[0] < last or (block[1:] < block[:-1]).any():
                    raise WrongError("not in order")
                last = block[-1]
                yield block + 0

        equal(fingerprint(blocks()), self._fingerprint)


class Quantiles(Check):
    """Linear interpolation between exact order statistics."""

    def know(self) -> None:
        self._expected = np.quantile(np.array(self.x), QUANTILES, overwrite_input=True)

    def check(self, stem: str, results: Mapping[str, Any]) -> None:
        close(results["quantiles"], self._expected, 1e-6)


class Product(Check):
    """A matrix product, multiplied by random vectors (Freivalds' algorithm)."""

    def know(self) -> None:
        a, b = self.input("a"), self.input("b")
        self._vectors = np.random.default_rng(0).standard_normal((b.shape[1], 4), np.float32)
        self._expected = times(a, times(b, self._vectors))

    def check(self, stem: str, results: Mapping[str, Any]) -> None:
        out = stored.open_output(stem)
        same_kind(out, (len(self.input("a")), self.input("b").shape[1]), np.dtype(np.float32))
        found = times(out, self._vectors)
        close(found, self._expected, 1e-4 * float(np.abs(self._expected).max()))


class Transformed(Check):
    """The 2-D Fourier transform, transposed: its energy, and some rows everywhere."""

    def know(self) -> None:
        n = self.x.shape[1]
        self._sample = sample(n, 8)
        waves = np.exp(np.outer(np.arange(n), self._sample) * (-2j * np.pi / n))
        columns = np.concatenate(
            [block @ waves.astype(np.complex64) for _, block in stored.row_slabs(self.x)]
        )
        self._rows = fft_rows(columns.T)
        self._energy = energy(self.x) * self.x.size

    def check(self, stem: str, results: Mapping[str, Any]) -> None:
        out = stored.open_output(stem)
        same_kind(out, self.x.shape[::-1], self.x.dtype)
        tolerance = 1e-4 * float(np.abs(self._rows).max())
        for number, expected in zip(self._sample, self._rows, strict=True):
            for rows in slabs(out.shape[0], (getattr(out, "chunks", None) or (1,))[0]):
                if rows.start <= number < rows.stop:
                    close(np.asarray(out[rows])[number - rows.start], expected, tolerance)
        close(energy(out), self._energy, 1e-4 * self._energy)


class Appended(Check):
    """All frames are there, and each reader has seen them all."""

    def know(self) -> None:
        self._totals = [int(frame.sum(dtype=np.uint64)) for frame in self.x]
        self._count = self.nbytes // self.x[0].nbytes

    def check(self, stem: str, results: Mapping[str, Any]) -> None:
        total = sum(self._totals[number % len(self.x)] for number in range(self._count))
        equal(results["totals"], np.full(len(results["totals"]), total))
        out = stored.open_output(stem)
        if out.ndim == 1:  # a file without a header
            out = out.reshape(-1, *self.x.shape[1:])
        for number in range(self._count):
            equal(np.asarray(out[number]), self.x[number % len(self.x)])


# What they are made of.


def fingerprint(blocks: Iterator[Any]) -> tuple[int, int]:
    """Return the sums of all elements' bits and of their squares, which no reordering changes."""
    first = second = 0
    for block in blocks:
        bits = np.ascontiguousarray(block).view(f"u{block.dtype.itemsize}").ravel()
        for part in slabs(len(bits), 1 << 20):
            wide = bits[part].astype(np.uint64)
            first += int(wide.sum())
            second += int((wide * wide).sum())  # wraps around, the same for all orders
    return first, second % 2**64


def sample(length: int, count: int = 64) -> Any:
    """Return some sorted indices."""
    chosen = np.random.default_rng(0).choice(length, min(count, length), replace=False)
    return np.sort(chosen)


def times(array: Any, vectors: Any) -> Any:
    return np.concatenate([block @ vectors for _, block in stored.row_slabs(array)])


def energy(array: Any) -> float:
    return sum(float(np.linalg.norm(block)) ** 2 for _, block in stored.row_slabs(array))


def same_kind(found: Any, shape: tuple[int, ...], dtype: Any) -> None:
    equal((tuple(found.shape), np.dtype(found.dtype)), (tuple(shape), dtype))


def equal(found: Any, expected: Any) -> None:
    if not np.all(found == expected):
        raise WrongError(f"{str(found)[:60]} instead of {str(expected)[:60]}")


def close(found: Any, expected: Any, tolerance: float) -> None:
    found, expected = np.asarray(found), np.asarray(expected)
    off = float(np.abs(found - expected).max()) if found.shape == expected.shape else np.inf
    if not off <= tolerance:
        raise WrongError(f"off by {off:.2g}")
