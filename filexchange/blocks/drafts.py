"""Outputs while they are filled, and how they become what the caller asked for."""

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from filexchange import files
from filexchange.blocks.targets import Layout, Target, is_path, write_unit
from filexchange.formats import Format, get_format
from filexchange.options import resolve_target, write_options
from filexchange.ref import ArrayRef

# Of a draft's name: what the file holds, for those that do not tell it.
_DESCRIPTION = ".json"


@dataclass(slots=True)
class Output:
    """What is filled, and what the caller of the operation gets in the end."""

    target: Target
    result: Any


@contextlib.contextmanager
def opened(layout: Layout, kept: str | None, *, overwrite: bool) -> Iterator[Output]:
    """Yield an output to be filled; a file appears at its path when it is complete.

    Parameters
    ----------
    layout : Layout
    kept : str or None
        Where a file is until it is complete if it is to stay there after an error, and to be filled
        further if it is there already.
    overwrite : bool
        Replace what is at the path.
    """
    if layout.out is None:
        array = np.empty(layout.shape, layout.dtype)
        yield Output(Target(array, None), array)
    elif is_path(layout.out):
        with _published(layout, kept, overwrite=overwrite) as output:
            yield output
    elif isinstance(layout.out, ArrayRef):
        with _filling(layout.out) as target:
            yield Output(target, layout.out)
    else:
        yield Output(Target(layout.out, None), layout.out)


@contextlib.contextmanager
def _published(layout: Layout, kept: str | None, *, overwrite: bool) -> Iterator[Output]:
    path, fmt = resolve_target(layout.out, None)
    is_staged = layout.is_staged(kept=kept is not None)
    with fmt.publishing(path, None, overwrite=overwrite) as aside, contextlib.ExitStack() as stack:
        place = kept or aside
        if is_staged and kept is None:
            place = files.partial_name(path)
            stack.callback(files.remove, place)
        draft = _draft(layout, get_format("npy") if is_staged else fmt, place, is_kept=bool(kept))
        with _filling(draft) as target:
            output = Output(target, draft)
            yield output
        stored = draft.stored
        if is_staged:
            with draft.opened("r") as source:
                stored = fmt.write(aside, None, source, write_options(fmt, *layout.options(fmt)))
        elif kept is not None:
            files.move(place, aside, overwrite=True)
    output.result = ArrayRef(path, fmt.name, stored)


def _draft(layout: Layout, fmt: Format, place: str, *, is_kept: bool) -> ArrayRef:
    """Return the file to be filled: what is there from before, or a new one."""
    description = place + _DESCRIPTION
    if is_kept and os.path.exists(description) and os.path.exists(place):
        with open(description, encoding="utf-8") as file:
            return ArrayRef.from_json(file.read())
    if is_kept:
        files.remove(place)
    stored = fmt.create(
        place, None, layout.shape, layout.dtype, write_options(fmt, *layout.options(fmt))
    )
    draft = ArrayRef(place, fmt.name, stored, mode="r+")
    if is_kept:
        with files.publish(description, overwrite=True) as aside, open(aside, "x") as file:
            file.write(draft.to_json())
    return draft


@contextlib.contextmanager
def _filling(ref: ArrayRef) -> Iterator[Target]:
    """Yield the target for a file; where it takes one writer, this process is the one."""
    unit = write_unit(ref)
    if unit is not None:
        yield Target(ref, unit)
        return
    with ref.opened("r+") as array:
        yield Target(array, None)
