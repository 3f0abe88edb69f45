"""Which bytes of a file a region of an array has, as few ranges."""

from filexchange.aliases import Shape, Slices
from filexchange.regions import NewAxis, Region, Span

Range = tuple[int, int]

# The kernel goes through the locks of a file one by one.
_MOST_RANGES = 1024


def run_of(region: Slices, shape: Shape) -> int | None:
    """Return the position of a region's first element, if its elements follow each other.

    Parameters
    ----------
    region : tuple of slice
        One an axis, with its bounds in the array and a positive step.
    shape : tuple of int
        Of the array, which is in C order.

    Examples
    --------
    >>> run_of((slice(2, 4, 1), slice(0, 10, 1)), (5, 10))
    20
    >>> run_of((slice(2, 3, 1), slice(4, 9, 1)), (5, 10))
    24
    >>> run_of((slice(2, 4, 1), slice(4, 9, 1)), (5, 10)) is None
    True
    """
    first, elements, whole = 0, 1, True
    for part, length in zip(reversed(region), reversed(shape), strict=True):
        count = len(range(part.start, part.stop, part.step))
        if count > 1 and (part.step != 1 or not whole):
            return None
        first += part.start * elements
        elements *= length
        whole = whole and count == length
    return first


def byte_ranges(region: Region, strides: Shape, itemsize: int) -> list[Range]:
    """Return ascending, disjoint ``(start, length)`` ranges that cover a region.

    Exactly its bytes where these make at most 1024 ranges; otherwise also some between them, never
    some outside of what the outermost axes select.

    Parameters
    ----------
    region : Region
    strides : tuple of int
        Bytes between elements along each axis of the whole array.
    itemsize : int

    Examples
    --------
    >>> whole = Region.whole((4, 10))
    >>> byte_ranges(whole[1:3], (80, 8), 8)
    [(80, 160)]
    >>> byte_ranges(whole[:2, 5:], (80, 8), 8)
    [(40, 40), (120, 40)]
    """
    items = [item for item in region.items if not isinstance(item, NewAxis)]
    if 0 in region.shape:
        return []
    ranges = [(0, itemsize)]
    for stride, item in sorted(zip(strides, items, strict=True), key=_stride):
        span = Span(item, 1, 1) if isinstance(item, int) else item
        starts = sorted(stride * (span.start + i * span.step) for i in (0, span.length - 1))
        first, last = starts[0], starts[-1]
        step = stride * abs(span.step)
        if len(ranges) == 1 and ranges[0][1] >= step:
            ranges = [(first + ranges[0][0], last - first + ranges[0][1])]
        elif span.length * len(ranges) <= _MOST_RANGES:
            ranges = [
                (begin + start, length)
                for begin in range(first, last + 1, step or 1)
                for start, length in ranges
            ]
        else:
            end = ranges[-1][0] + ranges[-1][1]
            ranges = [(first + ranges[0][0], last - first + end - ranges[0][0])]
    return _merged(ranges)


def _stride(pair: tuple[int, object]) -> int:
    return pair[0]


def _merged(ranges: list[Range]) -> list[Range]:
    merged: list[Range] = []
    for start, length in sorted(ranges):
        if merged and start <= sum(merged[-1]):
            begin = merged[-1][0]
            merged[-1] = begin, max(sum(merged[-1]), start + length) - begin
        else:
            merged.append((start, length))
    return merged
