"""What is measured: a format with a codec, and an array to write with it."""

import math
from typing import Any, NamedTuple

import numpy as np

from filexchange.aliases import Array
from filexchange.errors import UnsupportedOptionError
from filexchange.formats import get_format
from filexchange.geometry import BLOCK_BYTES
from filexchange.options import write_options

_SEED = 0
_NOISE = 1e-3
_WAVES = 3
_INTEGER_RANGE = 10_000


class Case(NamedTuple):
    """A format, and how it compresses.

    Examples
    --------
    >>> Case.parse("zarr:zstd:5")
    Case(format='zarr', compression='zstd:5')
    >>> str(Case("npy"))
    'npy'
    """

    format: str
    compression: str | None = None

    @classmethod
    def parse(cls, text: str) -> "Case":
        """Return what ``"format"``, ``"format:codec"`` or ``"format:codec:level"`` says.

        Raises
        ------
        UnknownFormatError, UnsupportedOptionError
            If there is no such format, or it has no such codec or level.
        """
        name, _, codec = text.strip().partition(":")
        case = cls(name, codec or None)
        write_options(get_format(name), None, None, case.compression, None)
        return case

    def __str__(self) -> str:
        return self.format if self.compression is None else f"{self.format}:{self.compression}"


#: Every format as it writes by default, and compressed where it can.
DEFAULT_CASES = (
    Case("npy"),
    Case("raw"),
    Case("npz"),
    Case("npz", "deflate"),
    Case("hdf5"),
    Case("hdf5", "gzip"),
    Case("zarr"),
    Case("zarr", "zstd"),
)


def synthetic_array(nbytes: int, dtype: Any = "float32") -> Array:
    """Return a two-dimensional array of about `nbytes`: a smooth field with a little noise.

    It is the same every time, and compresses about as well as measured data do.

    Parameters
    ----------
    nbytes : int
    dtype : dtype_like, optional
        A number type or bool.

    Raises
    ------
    UnsupportedOptionError
        For other dtypes.

    Examples
    --------
    >>> synthetic_array(4_000_000).shape
    (1000, 1000)
    """
    try:
        dtype = np.dtype(dtype)
    except TypeError as error:
        raise UnsupportedOptionError(
            f"dtype {dtype!r} is unknown ({error}): choose a number type such as float32 or int16"
        ) from error
    if dtype.kind not in "biufc":
        raise UnsupportedOptionError(
            f"there is no synthetic data of dtype {str(dtype)!r}: choose a number type such as "
            "float32 or int16, or measure a file of your own"
        )
    count = max(1, nbytes // dtype.itemsize)
    columns = math.isqrt(count)
    array = np.empty((count // columns, columns), dtype)
    random = np.random.default_rng(_SEED)
    x = np.sin(np.linspace(0, _WAVES * math.tau, columns, dtype="f4"))
    y = np.cos(np.linspace(0, _WAVES * math.tau, len(array), dtype="f4"))
    rows = max(1, BLOCK_BYTES // x.nbytes)
    for start in range(0, len(array), rows):
        block = y[start : start + rows, None] * x
        block += _NOISE * random.standard_normal(block.shape, dtype="f4")
        array[start : start + rows] = _scaled(block, dtype)
    return array


def _scaled(field: Array, dtype: np.dtype[Any]) -> Array:
    """Return a field of about -1 to 1 as values that fit `dtype`."""
    if dtype.kind == "b":
        return field > 0
    if dtype.kind in "iu":
        return (field.clip(-1, 1) + 1) * (min(_INTEGER_RANGE, int(np.iinfo(dtype).max)) / 2)
    return field
