"""Where a block is: ``block_id`` and ``block_info``, as Dask's functions know them."""

from collections.abc import Sequence
from typing import Any

from filexchange.aliases import DType, Shape, Slices
from filexchange.blocks.maps.blocking import Blocking
from filexchange.blocks.storage.broadcasting import own_part
from filexchange.blocks.storage.grid import region_shape
from filexchange.blocks.storage.sources import Source


def block_place(
    blocking: Blocking, number: int, sources: Sequence[Source], dtype: DType
) -> dict[str, Any]:
    """Return the place of a block, by the names of the keywords that tell it.

    Parameters
    ----------
    blocking : Blocking
    number : int
        Of the block.
    sources : sequence of Source
        The inputs. Of each it is told what the block is made from, without its overlap.
    dtype : dtype
        Of the result.
    """
    inside, outside = blocking.position(number)
    region = blocking.inputs.region(inside)
    info: dict[int | None, dict[str, Any]] = {}
    for index, source in enumerate(sources):
        facts = _facts(source.shape, region, inside, blocking.inputs.counts)
        info[index] = facts | {"dtype": source.dtype}
    result = blocking.outputs.region(outside)
    info[None] = {
        "shape": blocking.outputs.shape,
        "num-chunks": blocking.outputs.counts,
        "array-location": _ends(result),
        "chunk-location": outside,
        "chunk-shape": region_shape(result),
        "dtype": dtype,
    }
    return {"block_id": outside, "block_info": info}


def _facts(shape: Shape, region: Slices, position: Shape, counts: Shape) -> dict[str, Any]:
    skipped = len(counts) - len(shape)
    own = list(zip(shape, position[skipped:], counts[skipped:], strict=True))
    return {
        "shape": shape,
        "num-chunks": tuple(1 if length == 1 else count for length, _, count in own),
        "array-location": _ends(own_part(region, shape)),
        "chunk-location": tuple(0 if length == 1 else at for length, at, _ in own),
    }


def _ends(region: Slices) -> list[tuple[int, int]]:
    return [(part.start, part.stop) for part in region]
