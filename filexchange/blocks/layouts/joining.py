"""Arrays put together along an axis, file to file."""

import itertools
from collections.abc import Sequence
from typing import Any, Unpack

import numpy as np
from numpy.lib.array_utils import normalize_axis_index

from filexchange.aliases import DType
from filexchange.blocks.execution.options import FileOptions, new_file
from filexchange.blocks.layouts.rearranging import rearrange
from filexchange.blocks.layouts.rechunking import whole_units
from filexchange.blocks.storage.joined import Joined
from filexchange.blocks.storage.sources import Source, as_source
from filexchange.errors import UnsupportedArrayError, UnsupportedOptionError


def concatenate(
    arrays: Sequence[Any],
    axis: int = 0,
    *,
    out: Any,
    overwrite: bool = False,
    **options: Unpack[FileOptions],
) -> Any:
    """Write arrays one after the other along an axis; NumPy's `concatenate`.

    Parameters
    ----------
    arrays : sequence of ArrayRef, path, ndarray or lazy array
    axis : int, optional
    out : path or ArrayRef
    overwrite : bool, optional
    **options
        `chunks`, `shards`, `compression`, `attrs` and `for_` as of :func:`rechunk`, the others as
        of :func:`map_blocks`.

    Returns
    -------
    ArrayRef

    Raises
    ------
    MemoryBudgetError
        If a chunk or shard does not fit `memory`; nothing was read.
    UnsupportedOptionError
        If there are no arrays, or their shapes differ elsewhere than along `axis`.
    UnsupportedArrayError
        If no dtype is there for the values of all.

    Notes
    -----
    The dtype is that of ``numpy.result_type``. Passes, and what may be written at a time, are as of
    :func:`rechunk`; what the plan reads is counted as if chunks went on over the seams.

    Examples
    --------
    >>> from filexchange import blocks
    >>> a = fx.save("2024.npy", np.arange(4).reshape(2, 2))
    >>> b = fx.save("2025.npy", np.array([[0.5, 1.5]]))
    >>> blocks.concatenate([a, b], out="all.zarr").load()
    array([[0. , 1. ],
           [2. , 3. ],
           [0.5, 1.5]])
    """
    parts = _sources(arrays, "concatenate")
    first = parts[0].shape
    if not first:
        raise UnsupportedOptionError("arrays without axes are not concatenated: use stack")
    at = normalize_axis_index(axis, len(first))
    for part in parts:
        others = (*part.shape[:at], *part.shape[at + 1 :])
        if len(part.shape) != len(first) or others != (*first[:at], *first[at + 1 :]):
            raise UnsupportedOptionError(
                f"arrays of shapes {first} and {part.shape} are not concatenated along axis {at}: "
                "they need as many axes, and one length along each other one"
            )
    stops = tuple(itertools.accumulate(part.shape[at] for part in parts))
    joined = Joined.of(parts, (*first[:at], stops[-1], *first[at + 1 :]), _dtype(parts), at, stops)
    return _written(f"concatenate along axis {at}", joined, out, options, overwrite=overwrite)


def stack(
    arrays: Sequence[Any],
    axis: int = 0,
    *,
    out: Any,
    overwrite: bool = False,
    **options: Unpack[FileOptions],
) -> Any:
    """Write arrays of one shape along a new axis; NumPy's `stack`.

    Parameters
    ----------
    arrays : sequence of ArrayRef, path, ndarray or lazy array
    axis : int, optional
        Of the result.
    out, overwrite, **options
        As of :func:`concatenate`.

    Returns
    -------
    ArrayRef

    Raises
    ------
    MemoryBudgetError, UnsupportedArrayError
        As of :func:`concatenate`.
    UnsupportedOptionError
        If there are no arrays, or their shapes differ.

    Examples
    --------
    >>> from filexchange import blocks
    >>> blocks.stack([np.zeros(2, "i2"), np.ones(2, "i2")], axis=1, out="s.npy").load()
    array([[0, 1],
           [0, 1]], dtype=int16)
    """
    parts = _sources(arrays, "stack")
    first = parts[0].shape
    for part in parts:
        if part.shape != first:
            raise UnsupportedOptionError(
                f"arrays of shapes {first} and {part.shape} are not stacked: they need one shape"
            )
    at = normalize_axis_index(axis, len(first) + 1)
    stops = tuple(range(1, len(parts) + 1))
    joined = Joined.of(parts, (*first[:at], len(parts), *first[at:]), _dtype(parts), at, stops)
    return _written(f"stack along axis {at}", joined, out, options, overwrite=overwrite)


def _sources(arrays: Sequence[Any], operation: str) -> tuple[Source, ...]:
    parts = tuple(as_source(array) for array in arrays)
    if not parts:
        raise UnsupportedOptionError(f"{operation} needs at least one array")
    return parts


def _dtype(parts: Sequence[Source]) -> DType:
    dtypes = [part.dtype for part in parts]
    try:
        return np.result_type(*dtypes)
    except TypeError as error:
        raise UnsupportedArrayError(
            f"no dtype holds the values of {', '.join(map(str, dtypes))}: convert the arrays first"
        ) from error


def _written(
    operation: str, joined: Joined, out: Any, options: FileOptions, *, overwrite: bool
) -> Any:
    target, settings = new_file(out, joined.shape, joined.dtype, options)
    order = tuple(range(len(joined.shape)))
    return rearrange(operation, joined, order, target, whole_units, settings, overwrite=overwrite)
