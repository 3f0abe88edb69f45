"""Arrays that are made up: of a few kinds, which compress and slice differently.

They are the same every time, whatever machine makes them.
"""

import math
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np

from filexchange.aliases import Array, DType, Shape
from filexchange.errors import UnsupportedOptionError
from filexchange.geometry import block_shape, iter_blocks

_SEED = 0
_NOISE = 1e-3
_WAVES = 3
_INTEGER_RANGE = 10_000
_FILLED = 0.05
_IMAGE_SIDE = 512
_EMBEDDING_LENGTH = 768
_LABEL_SIDE = 64
_LABELS = 1000
_PHOTONS = 100
# Small enough to be made in the CPU's cache.
_BLOCK_BYTES = 1 << 20


class _Part(NamedTuple):
    """Places of an array, as open grids of indices along each axis."""

    grid: list[Array]
    shape: Shape
    random: np.random.Generator

    @property
    def lengths(self) -> Shape:
        return np.broadcast_shapes(*(axis.shape for axis in self.grid))


class Kind(NamedTuple):
    """One kind of synthetic data.

    Attributes
    ----------
    dtype : str
        What it has unless the caller chooses.
    shape : callable
        Returns the shape of about so many elements.
    fill : callable
        Returns the values of a part, of about -1 to 1.
    """

    dtype: str
    shape: Callable[[int], Shape]
    fill: Callable[[_Part], Array]


def _matrix(count: int) -> Shape:
    columns = max(1, math.isqrt(count))
    return max(1, count // columns), columns


def _stack(count: int) -> Shape:
    side = min(_IMAGE_SIDE, max(1, math.isqrt(count)))
    return max(1, count // side**2), side, side


def _vectors(count: int) -> Shape:
    length = min(_EMBEDDING_LENGTH, max(1, count))
    return max(1, count // length), length


def _waves(rows: Array, columns: Array, shape: Shape) -> Array:
    """Return a smooth field of -1 to 1."""
    across, along = (
        (axis * (_WAVES * math.tau / length)).astype("f4")
        for axis, length in zip((rows, columns), shape[-2:], strict=True)
    )
    waves: Array = np.cos(across) * np.sin(along)
    return waves


def _random(part: _Part) -> Array:
    return 2 * part.random.random(part.lengths, "f4") - 1


def _field(part: _Part) -> Array:
    rows, columns = part.grid
    field = _waves(rows, columns, part.shape)
    field += _NOISE * part.random.standard_normal(field.shape, "f4")
    return field


def _labels(part: _Part) -> Array:
    rows, columns = (axis // _LABEL_SIDE for axis in part.grid)
    # Any mixture of both that looks like no order to a codec.
    labels: Array = ((rows * 7919 + columns * 104_729) % _LABELS) * (2 / _LABELS) - 1
    return labels


def _sparse(part: _Part) -> Array:
    values = _random(part)
    return np.where(part.random.random(values.shape, "f4") < _FILLED, values, np.float32(0))


def _images(part: _Part) -> Array:
    frames, rows, columns = part.grid
    light = _PHOTONS * (1 + _waves(rows + 8 * frames, columns, part.shape))
    noise = np.sqrt(light) * part.random.standard_normal(light.shape, "f4")
    counts: Array = (light + noise).round() / (_INTEGER_RANGE / 2) - 1
    return counts


def _embeddings(part: _Part) -> Array:
    vectors = part.random.standard_normal(part.lengths, "f4")
    vectors /= np.float32(math.sqrt(part.shape[-1]))
    return vectors


#: The kinds by name.
#:
#: random: nothing compresses it. field: smooth, with a little noise, as simulated or measured
#: data are. labels: areas of the same integer. sparse: a twentieth of it is not zero. images: a
#: stack of frames with the noise of a camera. embeddings: normal vectors, one a row.
KINDS: Mapping[str, Kind] = MappingProxyType(
    {
        "random": Kind("float32", _matrix, _random),
        "field": Kind("float32", _matrix, _field),
        "labels": Kind("int32", _matrix, _labels),
        "sparse": Kind("float32", _matrix, _sparse),
        "images": Kind("uint16", _stack, _images),
        "embeddings": Kind("float32", _vectors, _embeddings),
    }
)


def synthetic_array(nbytes: int, dtype: Any = None, *, kind: str = "field") -> Array:
    """Return an array of about `nbytes` of one kind of data, the same every time.

    Parameters
    ----------
    nbytes : int
    dtype : dtype_like, optional
        A number type or bool; by default what is usual for the kind.
    kind : {"random", "field", "labels", "sparse", "images", "embeddings"}, optional

    Raises
    ------
    UnsupportedOptionError
        For other kinds and dtypes.

    Examples
    --------
    >>> synthetic_array(4_000_000).shape, synthetic_array(1_000_000, kind="images").dtype
    ((1000, 1000), dtype('uint16'))
    """
    shape, dtype = synthetic_layout(nbytes, dtype, kind)
    return made(kind, shape, dtype)


def made(kind: str, shape: Shape, dtype: DType) -> Array:
    """Return synthetic data of a layout that :func:`synthetic_layout` gave."""
    array = np.empty(shape, dtype)
    random = np.random.default_rng(_SEED)
    for block in iter_blocks(shape, block_shape(shape, 4, _BLOCK_BYTES)):
        grid = np.ix_(*(np.arange(part.start, part.stop) for part in block))
        array[block] = _scaled(KINDS[kind].fill(_Part(list(grid), shape, random)), dtype)
    return array


def synthetic_layout(nbytes: int, dtype: Any, kind: str) -> tuple[Shape, DType]:
    """Return shape and dtype of what :func:`synthetic_array` makes, without making it."""
    if kind not in KINDS:
        raise UnsupportedOptionError(
            f"there is no synthetic data of kind {kind!r}: choose of {', '.join(KINDS)}"
        )
    chosen = checked_dtype(KINDS[kind].dtype if dtype is None else dtype)
    return KINDS[kind].shape(max(1, nbytes // chosen.itemsize)), chosen


def checked_dtype(dtype: Any) -> DType:
    """Return a dtype that there can be synthetic data of."""
    try:
        made: DType = np.dtype(dtype)
    except TypeError as error:
        raise UnsupportedOptionError(
            f"dtype {dtype!r} is unknown ({error}): choose a number type such as float32 or int16"
        ) from error
    if made.kind not in "biufc":
        raise UnsupportedOptionError(
            f"there is no synthetic data of dtype {str(made)!r}: choose a number type such as "
            "float32 or int16, or measure a file of your own"
        )
    return made


def _scaled(values: Array, dtype: DType) -> Array:
    """Return values of about -1 to 1 as such that fit `dtype`."""
    if dtype.kind == "b":
        high: Array = values > values.mean()
        return high
    if dtype.kind in "iu":
        most = min(_INTEGER_RANGE, int(np.iinfo(dtype).max))
        return ((values.clip(-1, 1) + 1) * (most / 2)).round()
    return values
