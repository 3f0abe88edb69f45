"""How far blocks reach into their neighbors, and what they find beyond the edges: pure geometry."""

import math
import operator
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, SupportsIndex, TypeAlias

import numpy as np
from numpy.lib.array_utils import normalize_axis_index

from filexchange.aliases import DType, Shape, Slices
from filexchange.errors import UnsupportedOptionError

#: What is beyond the edges of an array: nothing, the array again in some way, or a number.
Boundary: TypeAlias = Any

_NAMES = ("none", "reflect", "nearest", "periodic")

#: Elements before something, and behind it.
Ends: TypeAlias = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Overlap:
    """How far blocks reach into their neighbors.

    Attributes
    ----------
    depth : tuple of int
        Elements on both sides of a block along each axis.
    boundary : tuple of (str or number)
        For each axis what is beyond its edges.
    """

    depth: Shape
    boundary: tuple[Boundary, ...]

    @classmethod
    def of(cls, shape: Shape, overlap: Any, boundary: Any) -> "Overlap":
        """Return what `overlap` and `boundary` of :func:`map_blocks` say of arrays of a shape.

        Raises
        ------
        UnsupportedOptionError
            If they do not fit it.
        """
        depth = tuple(map(_depth, _each_axis("overlap", overlap, len(shape), 0)))
        edges = tuple(map(_edge, _each_axis("boundary", boundary, len(shape), "none")))
        for axis, (own, length) in enumerate(zip(depth, shape, strict=True)):
            if own > length > 0:
                raise UnsupportedOptionError(
                    f"overlap={overlap!r} is more than axis {axis} has, {length}: give a depth "
                    "within the array, or another one for this axis with {axis: depth}"
                )
        return cls(tuple(min(pair) for pair in zip(depth, shape, strict=True)), edges)

    def check_numbers(self, dtype: DType) -> None:
        """Raise `UnsupportedOptionError` if a number beyond an edge is none of this dtype."""
        for edge, depth in zip(self.boundary, self.depth, strict=True):
            if isinstance(edge, str) or depth == 0:
                continue
            try:
                with np.errstate(invalid="raise"):
                    np.full((), edge, dtype)
            except (TypeError, ValueError, ArithmeticError) as error:
                raise UnsupportedOptionError(
                    f"boundary={edge!r} is no element of an array of {dtype}: {error}"
                ) from error

    def margins(self, region: Slices, shape: Shape) -> tuple[Ends, ...]:
        """Return how much more there is before and behind the region in the block that is read."""
        return tuple(
            (min(d, part.start), min(d, length - part.stop)) if edge == "none" else (d, d)
            for d, edge, part, length in zip(self.depth, self.boundary, region, shape, strict=True)
        )


def read_size(shape: Shape, depth: Shape) -> int:
    """Return how many elements a block of this shape has with its overlap."""
    return math.prod(n + 2 * d for n, d in zip(shape, depth, strict=True))


def widened(shape: Shape, margins: Sequence[Ends]) -> Shape:
    """Return the shape of a block with its margins."""
    return tuple(n + sum(ends) for n, ends in zip(shape, margins, strict=True))


def cut(margins: Sequence[Ends], shape: Shape) -> Slices:
    """Return the part of a block of a shape within its margins."""
    return tuple(
        slice(before, length - behind)
        for (before, behind), length in zip(margins, shape, strict=True)
    )


def _each_axis(name: str, given: Any, ndim: int, otherwise: Any) -> list[Any]:
    """Return what an option says of each axis: one for all, one each, or by the axis."""
    if isinstance(given, Mapping):
        found = [otherwise] * ndim
        for axis, value in given.items():
            found[normalize_axis_index(axis, ndim)] = value
        return found
    if not isinstance(given, tuple | list):
        return [given] * ndim
    if len(given) != ndim:
        raise UnsupportedOptionError(
            f"{name}={given!r} does not fit {ndim} axes: give one for all, {ndim}, or a dict "
            "with the axes that have one"
        )
    return list(given)


def _depth(given: Any) -> int:
    if isinstance(given, SupportsIndex) and operator.index(given) >= 0:
        return operator.index(given)
    raise UnsupportedOptionError(
        f"overlap has {given!r} for an axis: give a number of elements, 0 or more"
    )


def _edge(given: Any) -> Boundary:
    if given is None:
        return "none"
    is_number = isinstance(given, bool | int | float | complex | np.generic)
    if is_number or (isinstance(given, str) and given in _NAMES):
        return given
    raise UnsupportedOptionError(
        f"boundary has {given!r} for an axis: give a number, or one of {', '.join(_NAMES)}"
    )
