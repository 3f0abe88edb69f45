"""The shape of blocks, as far as nobody has asked for one."""

import math
from collections.abc import Sequence

from filexchange.aliases import Shape
from filexchange.blocks.maps.blocking import Request
from filexchange.blocks.maps.overlapping import Overlap
from filexchange.blocks.storage.sources import Source
from filexchange.blocks.storage.targets import Layout
from filexchange.geometry import BLOCK_BYTES, block_shape

# Blocks whose runs in the file would be shorter than the former have up to the latter.
_RUN_BYTES = 4 << 10
_WIDE_BYTES = 64 << 20


def chosen_block_shape(
    request: Request,
    sources: Sequence[Source],
    layouts: Sequence[Layout],
    overlap: Overlap,
    budget: int,
) -> Shape:
    """Return the shape of blocks of the inputs that make whole chunks of all outputs.

    Of whole chunks of an input, where outputs have none. `budget` is the bytes that all blocks
    under way of one array may have.
    """
    dtypes = [*(source.dtype for source in sources), *(each.dtype for each in layouts)]
    itemsize = max(dtype.itemsize for dtype in dtypes)
    fixed = [each.chunks for each in layouts if request.is_open or not each.is_new]
    written = [each for each in fixed if each is not None]
    read = [s.chunks for s in sources if s.chunks is not None and s.shape == request.shape][:1]
    units = _asked(request, (1,) * len(request.shape))
    if written:
        units = _asked(request, _unit(request, written))
    elif read:
        wished = _asked(request, read[0])
        # They are read several times, rather than refused, where blocks of whole ones are too much.
        units = wished if math.prod(wished) * itemsize <= budget else units
    lengths = tuple(max(1, length) for length in request.shape)
    return chosen_shape(_asked(request, lengths), units, overlap.depth, itemsize, budget)


def _asked(request: Request, lengths: Shape) -> Shape:
    """Return the lengths that the caller asked for, and these for the other axes."""
    return tuple(
        wanted if isinstance(wanted, int) else max(1, min(length, n))
        for wanted, length, n in zip(request.blocks, lengths, request.shape, strict=True)
    )


def _unit(request: Request, written: Sequence[Shape]) -> Shape:
    """Return what blocks consist of if those of the result are to consist of whole chunks."""
    units = [1] * len(request.shape)
    for place, (axis, wanted) in enumerate(zip(request.kept, request.results, strict=True)):
        if axis is not None and wanted == "auto":
            units[axis] = math.lcm(*(chunks[place] for chunks in written))
    return tuple(units)


def chosen_shape(limits: Shape, units: Shape, depth: Shape, itemsize: int, budget: int) -> Shape:
    """Return the shape of blocks of about 16 MiB.

    It does not depend on the number of workers, and nor do results.

    Parameters
    ----------
    limits : tuple of int
        Longest lengths.
    units : tuple of int
        What lengths are multiples of, unless they are the longest.
    depth : tuple of int
        What blocks are read with beside themselves, on both sides of each axis.
    itemsize : int
    budget : int
        Bytes that all blocks under way may have.

    Examples
    --------
    >>> chosen_shape((4000, 8000), (1, 1), (0, 0), 4, 1 << 30)
    (524, 8000)
    >>> chosen_shape((4000, 8000), (1, 1), (9, 9), 4, 1 << 30)
    (1024, 2048)
    """
    most = max(1, min(BLOCK_BYTES, budget // 8))
    if any(depth):
        return _thick(limits, units, depth, most // itemsize)
    shape = block_shape(limits, itemsize, most, units)
    if limits and shape[-1] < limits[-1] and shape[-1] * itemsize < _RUN_BYTES:
        return block_shape(limits, itemsize, max(most, min(_WIDE_BYTES, budget // 4)), units)
    return shape


def _thick(limits: Shape, units: Shape, depth: Shape, most: int) -> Shape:
    """Return a block that is long along each axis for what is read beside it."""
    shape = [max(1, min(pair)) for pair in zip(units, limits, strict=True)]
    while True:
        left = [axis for axis, length in enumerate(shape) if length < limits[axis]]
        if not left:
            return tuple(shape)
        axis = max(left, key=lambda axis: (depth[axis] / shape[axis], axis))
        longer = [*shape]
        longer[axis] = min(limits[axis], 2 * shape[axis])
        if math.prod(n + 2 * d for n, d in zip(longer, depth, strict=True)) > most:
            return tuple(shape)
        shape = longer
