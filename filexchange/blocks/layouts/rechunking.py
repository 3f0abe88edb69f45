"""The same array in other chunks."""

import math
from collections.abc import Mapping
from typing import Any, Unpack

from filexchange.aliases import ChunksLike, Shape
from filexchange.blocks.execution.options import Options, Settings
from filexchange.blocks.layouts.rearranging import rearrange
from filexchange.blocks.layouts.routes import Lie
from filexchange.blocks.storage.sources import as_source
from filexchange.blocks.storage.targets import layout
from filexchange.geometry import block_shape
from filexchange.tuning.uses import Use


def rechunk(
    a: Any,
    chunks: ChunksLike,
    *,
    out: Any,
    shards: ChunksLike = None,
    compression: str | None = None,
    attrs: Mapping[str, Any] | None = None,
    for_: Use = "exchange",
    overwrite: bool = False,
    **options: Unpack[Options],
) -> Any:
    """Write an array to a file in other chunks.

    Parameters
    ----------
    a : ArrayRef, path, ndarray or lazy array
    chunks : int, tuple of int or "auto"
        Of the output, -1 for a whole axis.
    out : path or ArrayRef
        A path, or an array that is there already and has chunks of its own.
    shards, compression, attrs, for_ : optional
        Of a new file, as in `save`. The codec that ``"auto"`` chooses suits any values.
    overwrite, **options
        As of :func:`map_blocks`.

    Returns
    -------
    ArrayRef

    Raises
    ------
    MemoryBudgetError
        If a chunk or shard does not fit `memory`; nothing was read.
    StorageFullError
        If a temporary file is needed and there is no room for it.

    Notes
    -----
    In one pass where blocks that fit the budget consist of whole chunks of both, or of the output
    at little cost; else in two, with a temporary file beside the output, in which each element is
    written and read once more. The plan tells. No two tasks write to one chunk or shard.

    Examples
    --------
    >>> from filexchange import blocks
    >>> a = fx.save("a.zarr", np.arange(24).reshape(4, 6), chunks=(1, 6))
    >>> blocks.rechunk(a, (-1, 2), out="b.zarr", compression="zstd").chunks
    (4, 2)
    """
    source = as_source(a)
    target = layout(
        out,
        source.shape,
        source.dtype,
        chunks,
        shards=shards,
        compression=compression,
        attrs=attrs,
        for_=for_,
    )
    order = tuple(range(len(source.shape)))
    settings = Settings(**options)
    return rearrange("rechunk", source, order, target, whole_units, settings, overwrite=overwrite)


def whole_units(read: Lie, written: Lie, most: int) -> list[Shape]:
    """Return blocks of whole chunks of the output, and of both where these are not too large."""
    ones = (1,) * len(read.shape)
    own = written.unit or ones
    both = tuple(math.lcm(a, b) for a, b in zip(read.unit or ones, own, strict=True))
    both = tuple(map(min, both, written.shape))
    units = [own, both] if math.prod(both) <= most else [own]
    return [block_shape(written.shape, 1, most, unit) for unit in units]
