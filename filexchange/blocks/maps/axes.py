"""Which axes a function of blocks drops and adds, and what lengths its caller names for them."""

import operator
from collections.abc import Sequence
from typing import Any, Literal, SupportsIndex, TypeAlias

from numpy.lib.array_utils import normalize_axis_tuple

from filexchange.errors import UnsupportedOptionError

#: Of a block along an axis: its length, that of each block in turn, or whatever suits.
Wanted: TypeAlias = int | tuple[int, ...] | Literal["auto"]

#: For each axis of the result, which one of the inputs it is; None where the function adds it.
Kept: TypeAlias = tuple[int | None, ...]


def kept_axes(
    ndim: int, drop_axis: int | Sequence[int] | None, new_axis: int | Sequence[int] | None
) -> Kept:
    """Return the axes of what a function makes of blocks with `ndim` axes.

    Raises
    ------
    numpy.exceptions.AxisError
        If there is no such axis, which is a ValueError and an IndexError.

    Examples
    --------
    >>> kept_axes(3, drop_axis=1, new_axis=-1)
    (0, 2, None)
    """
    dropped = normalize_axis_tuple(() if drop_axis is None else drop_axis, ndim)
    kept: list[int | None] = [axis for axis in range(ndim) if axis not in dropped]
    added = [new_axis] if isinstance(new_axis, SupportsIndex) else list(new_axis or ())
    for place in sorted(normalize_axis_tuple(added, len(kept) + len(added))):
        kept.insert(place, None)
    return tuple(kept)


def wanted_lengths(name: str, given: Any, count: int) -> tuple[Wanted, ...]:
    """Return what an option says of each axis: a length, -1, the lengths of blocks, or "auto".

    Raises
    ------
    UnsupportedOptionError
        If it is none of these.

    Examples
    --------
    >>> wanted_lengths("chunks", (4, (3, 2), "auto"), 3), wanted_lengths("chunks", 5, 2)
    ((4, (3, 2), 'auto'), (5, 5))
    """
    if given is None or isinstance(given, str | SupportsIndex):
        given = (given,) * count
    try:
        wanted = tuple(_wanted(each) for each in given)
    except (TypeError, ValueError) as error:
        raise UnsupportedOptionError(
            f"{name}={given!r} is not a shape of blocks: give an int or, for each axis, an int, a "
            "tuple with the length of every block, -1 for the whole axis, or 'auto'"
        ) from error
    if len(wanted) != count:
        raise UnsupportedOptionError(
            f"{name}={given!r} does not fit {count} axes: give {count} lengths, -1 for a whole "
            "axis, or 'auto'"
        )
    return wanted


def _wanted(given: Any) -> Wanted:
    if given is None or (isinstance(given, str) and given == "auto"):
        return "auto"
    if isinstance(given, tuple | list):
        lengths = tuple(map(operator.index, given))
        if min(lengths, default=-1) < 0:
            raise ValueError("no lengths")
        return lengths
    length = operator.index(given)
    if length < 1 and length != -1:
        raise ValueError("no positive length")
    return length
