"""What notebooks show of a reference: its metadata and its shape, without I/O."""

import math

from filexchange import drawing, markup
from filexchange.aliases import Mode
from filexchange.formats import StoredArray
from filexchange.regions import NewAxis, Region, Span
from filexchange.sizes import format_size


def to_html(path: str, format: str, stored: StoredArray, region: Region | None, mode: Mode) -> str:
    """Return the HTML of a reference that consists of these."""
    shape = stored.shape if region is None else region.shape
    rows: dict[str, object] = {"shape": shape}
    if region is not None:
        rows["part of"] = f"an array of shape {stored.shape}"
    rows["dtype"] = _dtype(stored)
    rows["size"] = format_size(math.prod(shape) * stored.dtype.itemsize)
    rows["format"] = format if stored.key is None else f"{format}, key {stored.key!r}"
    rows["layout"] = _layout(stored)
    if stored.shards is not None:
        rows["shards"] = stored.shards
    if stored.chunks is not None or stored.compression is not None:
        rows["compression"] = stored.compression or "none"
    if mode != "r":
        rows["mode"] = mode
    rows["path"] = path
    return markup.card(
        "ArrayRef",
        rows,
        folded={"attrs": stored.attrs, "fields": _fields(stored)},
        picture=drawing.array(
            stored.shape,
            stored.chunks,
            stored.shards,
            None if region is None else _bounds(region),
        ),
    )


def _dtype(stored: StoredArray) -> str:
    names = stored.dtype.names
    if names is None:
        return str(stored.dtype)
    return f"structured: {len(names)} fields in {stored.dtype.itemsize} bytes"


def _fields(stored: StoredArray) -> dict[str, object]:
    """Return the dtype of each field."""
    return {name: stored.dtype[name] for name in stored.dtype.names or ()}


def _layout(stored: StoredArray) -> str:
    if stored.chunks is None:
        order = "Fortran" if stored.order == "F" else "C"
        mapped = "" if stored.offset is None else f", mapped from byte {stored.offset}"
        return f"contiguous, {order} order{mapped}"
    counts = [-(-length // unit) for length, unit in zip(stored.shape, stored.chunks, strict=True)]
    return f"{math.prod(counts):,} chunks of {stored.chunks}"


def _bounds(region: Region) -> list[tuple[int, int]]:
    """Return where a region begins and ends along each axis of the stored array."""
    return [_ends(item) for item in region.items if not isinstance(item, NewAxis)]


def _ends(item: int | Span) -> tuple[int, int]:
    if isinstance(item, int):
        return item, item + 1
    last = item.start + item.step * max(0, item.length - 1)
    first, last = min(item.start, last), max(item.start, last)
    return first, last + min(1, item.length)
