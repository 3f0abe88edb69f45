"""Where in a file the elements of a stored array, or of a region of it, lie as in memory."""

from filexchange.aliases import Shape
from filexchange.formats import StoredArray
from filexchange.ranges import Range, byte_ranges
from filexchange.regions import NewAxis, Region


def stored_strides(stored: StoredArray) -> tuple[int, ...]:
    """Return the bytes between elements along each axis of the whole array.

    Examples
    --------
    >>> stored_strides(StoredArray(None, (3, 4), np.dtype("f8"), "F"))
    (8, 24)
    """
    if stored.strides is not None:
        return stored.strides
    is_fortran = stored.order == "F"
    shape: Shape = stored.shape if is_fortran else stored.shape[::-1]
    strides, step = [], stored.dtype.itemsize
    for length in shape:
        strides.append(step)
        step *= length
    return tuple(strides if is_fortran else strides[::-1])


def region_offset(stored: StoredArray, region: Region) -> int | None:
    """Return the byte of the file where the first element of a region begins.

    Examples
    --------
    >>> stored = StoredArray(None, (3, 4), np.dtype("f8"), offset=128)
    >>> region_offset(stored, Region.whole((3, 4))[1:, ::-1])
    184
    """
    if stored.offset is None:
        return None
    items = [item for item in region.items if not isinstance(item, NewAxis)]
    starts = (item if isinstance(item, int) else item.start for item in items)
    return stored.offset + sum(
        start * step for start, step in zip(starts, stored_strides(stored), strict=True)
    )


def region_strides(stored: StoredArray, region: Region) -> tuple[int, ...] | None:
    """Return the bytes between elements along each axis of a region.

    Examples
    --------
    >>> stored = StoredArray(None, (3, 4), np.dtype("f8"), offset=128)
    >>> region_strides(stored, Region.whole((3, 4))[1:, None, ::-1])
    (32, 0, -8)
    """
    if stored.offset is None:
        return None
    steps = iter(stored_strides(stored))
    strides = []
    for item in region.items:
        if isinstance(item, NewAxis):
            strides.append(0)
        elif isinstance(item, int):
            next(steps)
        else:
            strides.append(item.step * next(steps))
    return tuple(strides)


def region_ranges(stored: StoredArray, region: Region) -> list[Range]:
    """Return which bytes of the file a region has; none if it is not mapped."""
    begin = stored.offset
    if begin is None:
        return []
    found = byte_ranges(region, stored_strides(stored), stored.dtype.itemsize)
    return [(begin + start, length) for start, length in found]
