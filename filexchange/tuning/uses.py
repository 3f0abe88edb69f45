"""What an array is written for, and what a way to write it costs then."""

from typing import Any, Literal, TypeAlias, get_args

import numpy as np

from filexchange.aliases import Array
from filexchange.errors import UnsupportedOptionError

Use: TypeAlias = Literal["exchange", "archive", "slices"]
USES: tuple[Use, ...] = get_args(Use)

#: What is timed of each way, in this order: writing a new file; then, in another process with the
#: page cache warm, opening it and reading every byte; and opening it and reading a hundredth of
#: the rows from the middle, evenly spaced, at random; and one chunk.
ACCESSES = ("write", "read", "slice", "strided", "rows", "chunk")

#: How many parts are read of an array that is written for ``slices``: 25 of each kind.
SLICE_READS = 100

#: An archive may take so many times what the fastest way takes to write and read the array, and
#: always so many seconds. Bytes of a way that takes longer count for more, in proportion: a
#: limit without an edge, so that no small error in time decides about many bytes.
ARCHIVE_TIMES, ARCHIVE_SECONDS = 20, 0.05


def check_use(use: Any) -> Use:
    """Return `use` if it is one.

    Raises
    ------
    UnsupportedOptionError
    """
    if use not in USES:
        raise UnsupportedOptionError(f"for_={use!r} is no use: choose one of {', '.join(USES)}")
    checked: Use = use
    return checked


def costs(use: Use, seconds: Array, nbytes: Array) -> Array:
    """Return what each way costs: seconds, or bytes of an archive, more for ways out of time.

    Parameters
    ----------
    use : {"exchange", "archive", "slices"}
    seconds : ndarray
        Of each access along the last axis; ways along the first one.
    nbytes : ndarray
        Bytes on disk, of the shape of `seconds` without its last axis.

    Examples
    --------
    >>> seconds = np.array([[1.0, 2, 0, 0, 0, 0], [3.0, 9, 1, 1, 1, 1], [60.0, 60, 0, 0, 0, 0]])
    >>> nbytes = np.array([100.0, 60, 30])
    >>> [costs(use, seconds, nbytes).tolist() for use in ("exchange", "archive", "slices")]
    [[3.0, 12.0, 120.0], [100.0, 60.0, 60.0], [1.0, 103.0, 60.0]]
    """
    write, read = seconds[..., 0], seconds[..., 1]
    if use == "exchange":
        return write + read
    if use == "slices":
        parts: Array = write + SLICE_READS * seconds[..., 2:].mean(axis=-1)
        return parts
    limit = np.maximum((write + read).min(axis=0) * ARCHIVE_TIMES, ARCHIVE_SECONDS)
    weighed: Array = nbytes * np.maximum(1, (write + read) / limit)
    return weighed
