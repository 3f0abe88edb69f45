"""Where to cut sorted runs, so that what is between two cuts can be merged by itself.

An external sort makes runs that fit the memory and sorts them; cuts them all at the same ranks of
the whole; and merges, range by range, the pieces of all runs. Both passes read and write everything
once, in any order and in parallel.
"""

from collections.abc import Callable, Sequence

import numpy as np

from filexchange.aliases import Array
from filexchange.blocks.kernels.internalsort import stable_order


def sample(run: Array, step: int) -> Array:
    """Return every `step`-th element of a sorted run, beginning with the first.

    Examples
    --------
    >>> sample(np.array([1, 2, 3, 5, 8]), 2)
    array([1, 3, 8])
    """
    return run[::step].copy()


class SortedRuns:
    """Sorted runs of which elements are read when they are needed, and few then.

    Parameters
    ----------
    lengths : sequence of int
        Number of elements of each run.
    samples : sequence of ndarray
        Of each run, as :func:`sample` gives it.
    step : int
        Between the elements of the samples.
    read : callable
        ``read(spans)`` returns, for each run, its elements from a start to a stop.

    Notes
    -----
    The order of all elements is that of a stable sort: by value, then by run, then by place. So
    equal elements may be cut anywhere, and ranges have exactly the size they should. A cut reads
    up to ``2 * step`` elements of each run. Safe in threads if `read` is.

    After Varman, Scheufler, Iyer and Ricard, "Merging Multiple Lists on Hierarchical-Memory
    Multiprocessors", 1991.

    Examples
    --------
    >>> runs = [np.array([1, 4, 4, 9]), np.array([2, 4, 4, 4])]
    >>> samples = [sample(run, 2) for run in runs]
    >>> def read(spans):
    ...     return [run[start:stop] for run, (start, stop) in zip(runs, spans)]
    >>> SortedRuns([4, 4], samples, 2, read).at(4)
    [3, 1]
    """

    def __init__(
        self,
        lengths: Sequence[int],
        samples: Sequence[Array],
        step: int,
        read: Callable[[Sequence[tuple[int, int]]], list[Array]],
    ) -> None:
        self._lengths = np.array(lengths, np.int64)
        self._step = step
        self._read = read
        sizes = [len(each) for each in samples]
        order = stable_order(np.concatenate(samples))
        self._runs = np.repeat(np.arange(len(sizes)), sizes)[order]
        places = np.concatenate([step * np.arange(size) for size in sizes])[order]
        # How many elements come up to each sample: at least it, and all that the sample of its
        # run before it stands for; at most those before the next sample of each run.
        self._least = np.cumsum(np.where(places == 0, 1, step))
        self._most = np.cumsum(np.minimum(step, self._lengths[self._runs] - places))

    def at(self, rank: int) -> list[int]:
        """Return where to cut each run, so that `rank` elements come before all cuts."""
        # The cut is after the elements up to some sample, and within those up to another.
        low = self._counts(int(np.searchsorted(self._most, rank, "right")))
        low = np.where(low == 0, 0, (low - 1) * self._step + 1)
        inside = int(np.searchsorted(self._least, rank, "left")) + 1
        high = np.minimum(self._counts(inside) * self._step, self._lengths)
        if inside > len(self._least):
            high = self._lengths
        parts = self._read(list(zip(low.tolist(), high.tolist(), strict=True)))
        return [int(cut) for cut in low + _cuts(parts, rank - int(low.sum()))]

    def _counts(self, samples: int) -> Array:
        """Return how many of the first samples each run has."""
        return np.bincount(self._runs[:samples], minlength=len(self._lengths))


def _cuts(parts: list[Array], rank: int) -> Array:
    """Return where to cut sorted arrays, so that `rank` elements come before all cuts."""
    sizes = np.array([len(part) for part in parts])
    if rank == sizes.sum():
        return sizes
    value = np.partition(np.concatenate(parts), rank)[rank]
    before = np.array([np.searchsorted(part, value, "left") for part in parts])
    equal = np.array([np.searchsorted(part, value, "right") for part in parts]) - before
    # Equal elements come in the order of the runs.
    left = rank - before.sum() - (np.cumsum(equal) - equal)
    cuts: Array = before + np.clip(left, 0, equal)
    return cuts
