"""Few choices that serve all: one way for as many inputs, directories and caches as it can."""

from collections.abc import Collection, Hashable, Mapping, Sequence
from typing import TypeVar

G = TypeVar("G", bound=Hashable)


def cover(winners: Mapping[G, Collection[str]], order: Sequence[str]) -> dict[str, list[G]]:
    """Return choices with the groups that each is for, the one that serves most groups first.

    Parameters
    ----------
    winners : mapping of group to names
        Those that are equally good in a group.
    order : sequence of str
        All names. Of those that serve equally many groups the first is taken, so that runs with
        the same winners end with the same choice.

    Notes
    -----
    The greedy algorithm for set cover: always take what serves most of the groups that are left.

    Examples
    --------
    >>> cover({1: {"npy", "raw"}, 2: {"npy"}, 3: {"zarr"}}, ["raw", "npy", "zarr"])
    {'npy': [1, 2], 'zarr': [3]}
    """
    left = dict(winners)
    found: dict[str, list[G]] = {}
    while left:
        serves = {name: [group for group in left if name in left[group]] for name in order}
        name = max(order, key=lambda each: len(serves[each]))
        found[name] = serves[name]
        left = {group: names for group, names in left.items() if group not in serves[name]}
    return found
