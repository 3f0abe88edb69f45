"""Arrays in nested containers: found, and replaced by what stands for them."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from filexchange.aliases import Array


def arrays_in(obj: Any) -> Iterator[Array]:
    """Yield the arrays in nested dicts, lists and tuples, in the order of :func:`replaced`.

    Examples
    --------
    >>> [array.size for array in arrays_in({"a": np.ones(3), "b": [np.ones(2), "day 1"]})]
    [3, 2]
    """
    if isinstance(obj, np.ndarray):
        yield obj
    elif isinstance(obj, dict):
        for value in obj.values():
            yield from arrays_in(value)
    elif isinstance(obj, list | tuple):
        for value in obj:
            yield from arrays_in(value)


def replaced(obj: Any, others: Iterator[Any]) -> Any:
    """Return containers like `obj` with the next of `others` in place of each array.

    Examples
    --------
    >>> replaced({"a": np.ones(3), "b": [np.ones(2), "day 1"]}, iter("xy"))
    {'a': 'x', 'b': ['y', 'day 1']}
    """
    if isinstance(obj, np.ndarray):
        return next(others)
    if isinstance(obj, dict):
        return {name: replaced(value, others) for name, value in obj.items()}
    if isinstance(obj, list):
        return [replaced(value, others) for value in obj]
    if isinstance(obj, tuple):
        values = [replaced(value, others) for value in obj]
        return type(obj)(*values) if hasattr(obj, "_fields") else tuple(values)
    return obj
