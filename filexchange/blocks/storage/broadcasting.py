"""Arrays of several shapes worked on as one: NumPy's broadcasting, region by region."""

from collections.abc import Sequence

import numpy as np

from filexchange.aliases import Shape, Slices
from filexchange.errors import UnsupportedOptionError


def broadcast_shape(shapes: Sequence[Shape]) -> Shape:
    """Return the shape that arrays of these shapes have together.

    Raises
    ------
    UnsupportedOptionError
        If they have none.
    """
    try:
        return np.broadcast_shapes(*shapes)
    except ValueError as error:
        raise UnsupportedOptionError(
            f"arrays of shapes {', '.join(map(str, shapes))} do not broadcast: each axis, counted "
            "from the last, needs one length, or 1"
        ) from error


def own_part(region: Slices, shape: Shape) -> Slices:
    """Return the part of an array of this shape that belongs to a region of the whole.

    Examples
    --------
    >>> own_part((slice(2, 4, 1), slice(0, 3, 1), slice(5, 9, 1)), (1, 20))
    (slice(0, 1, 1), slice(5, 9, 1))
    """
    own = region[len(region) - len(shape) :]
    return tuple(
        slice(0, 1, 1) if length == 1 else part for part, length in zip(own, shape, strict=True)
    )
