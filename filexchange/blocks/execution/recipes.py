"""What an operation is, as far as its result depends on it, in JSON."""

import os
from collections.abc import Sequence
from typing import Any

import numpy as np

from filexchange import files
from filexchange.aliases import Slices
from filexchange.blocks.execution.tokens import token
from filexchange.blocks.storage.grid import Grid, UnevenGrid
from filexchange.blocks.storage.sources import Source
from filexchange.blocks.storage.targets import Layout
from filexchange.ref import ArrayRef

_VERSION = 2


def recipe(
    operation: str,
    function: Any,
    inputs: Sequence[Source],
    outputs: Sequence[Layout],
    regions: Sequence[Slices],
) -> dict[str, Any]:
    """Return what another process compares its own operation with, before it goes on with it.

    Neither workers nor memory are in it: results do not depend on them.

    Raises
    ------
    UnsupportedOptionError
        If a function, or what it is given, cannot be named.
    """
    return {
        "version": _VERSION,
        "operation": operation,
        "function": token(function),
        "inputs": [_input(each) for each in inputs],
        "outputs": [_output(each) for each in outputs],
        "blocks": _blocks(regions),
    }


def _input(source: Source) -> dict[str, Any]:
    array = source.array
    found: dict[str, Any] = {"shape": list(source.shape), "dtype": str(source.dtype)}
    if isinstance(array, ArrayRef):
        with files.naming_errors(array.path):
            size, modified = _stamp(array.path, array.key)
        region = None if array.region is None else token(array.region)
        return {
            "path": array.path,
            "key": array.key,
            "region": region,
            **found,
            "bytes": size,
            "modified": modified,
        }
    if isinstance(array, np.ndarray | bool | int | float | complex):
        return {**found, "content": token(array)}
    name = f"{type(array).__module__}.{type(array).__qualname__}"
    # Of others only Dask says what its arrays are made of.
    tokenize = getattr(array, "__dask_tokenize__", None)
    return {**found, "type": name, **({} if tokenize is None else {"content": token(tokenize())})}


def _stamp(path: str, key: str | None) -> tuple[int, int]:
    """Return the size of a file, or of an array in a directory, and when something last changed."""
    if not os.path.isdir(path):
        found = [os.stat(path)]
    else:
        # What is beside the array may be the output.
        place = os.path.join(path, key or "")
        found = [os.stat(place)]
        for directory, _, names in os.walk(place, onerror=_raise):
            found += [os.stat(os.path.join(directory, name)) for name in names]
    return sum(each.st_size for each in found), max(each.st_mtime_ns for each in found)


def _raise(error: OSError) -> None:
    raise error


def _output(output: Layout) -> dict[str, Any]:
    chunks = output.chunks
    out = output.out
    if isinstance(out, ArrayRef):
        place = {"key": out.key, "region": None if out.region is None else token(out.region)}
    else:
        place = {"compression": output.compression, "attrs": token(output.attrs)}
    return {
        "path": output.path,
        **place,
        "shape": list(output.shape),
        "dtype": str(output.dtype),
        "chunks": None if chunks is None else list(chunks),
    }


def _blocks(regions: Sequence[Slices]) -> dict[str, Any]:
    if isinstance(regions, Grid):
        return {"number": len(regions), "shape": list(regions.block)}
    if isinstance(regions, UnevenGrid):
        told = {"number": len(regions), "shape": list(regions.step)}
        return told if regions.is_even else {**told, "starts": token(list(regions.starts))}
    return {"number": len(regions), "regions": token([list(region) for region in regions])}
