"""The caller's function of blocks, with what it gets beside them."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from filexchange.aliases import Array, DType
from filexchange.blocks.storage.sources import Source
from filexchange.errors import BlockShapeError, UnsupportedOptionError

_PLACES = frozenset({"block_info", "block_id"})


@dataclass(frozen=True, slots=True)
class Call:
    """A function with the arguments that are the same for all blocks.

    Attributes
    ----------
    func : callable
    args : tuple
    kwargs : dict
    wanted : frozenset of str
        Which of the keywords that tell a block's place it has.
    """

    func: Callable[..., Any]
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    wanted: frozenset[str]

    @classmethod
    def to(
        cls, func: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any] | None
    ) -> "Call":
        """Return the call of a function that gets these after its blocks."""
        try:
            names = frozenset(inspect.signature(func).parameters)
        except (TypeError, ValueError):  # ufuncs and other functions in C
            names = frozenset()
        return cls(func, tuple(args), dict(kwargs or {}), names & _PLACES)

    def blocks(self, inputs: Sequence[Array], place: Mapping[str, Any], count: int) -> list[Array]:
        """Return the blocks that the function returns, which are `count`."""
        told = {name: place[name] for name in self.wanted}
        found = self.func(*inputs, *self.args, **self.kwargs, **told)
        blocks = [np.asarray(each) for each in (found if isinstance(found, tuple) else (found,))]
        if len(blocks) != count:
            raise BlockShapeError(
                f"{self.func!r} returned {len(blocks)} blocks for {count} outputs: return a tuple "
                "of as many arrays as out= has entries"
            )
        return blocks


def result_dtypes(call: Call, sources: Sequence[Source], dtype: Any, count: int) -> list[DType]:
    """Return the dtypes of the outputs: the given ones, or those for blocks of one element.

    Raises
    ------
    UnsupportedOptionError
        If there are not as many, or the function fails for such blocks.
    BlockShapeError
        If it returns not as many blocks as there are outputs.
    """
    given = list(dtype) if isinstance(dtype, list | tuple) else [dtype] * count
    if len(given) != count:
        raise UnsupportedOptionError(f"there are {len(given)} dtypes for {count} outputs")
    if None not in given:
        return [np.dtype(each) for each in given]
    ones = [source.sample for source in sources]
    try:
        with np.errstate(all="ignore"):
            found = call.blocks(ones, {"block_id": (), "block_info": {}}, count)
    except BlockShapeError:
        raise
    except Exception as error:
        raise UnsupportedOptionError(
            f"the dtype of {call.func!r} is not known, because it failed for blocks of ones "
            f"({type(error).__name__}: {error}): pass dtype="
        ) from error
    return [
        block.dtype if each is None else np.dtype(each)
        for each, block in zip(given, found, strict=True)
    ]
