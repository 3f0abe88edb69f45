"""Outputs while they are filled, and how they become what the caller asked for."""

import contextlib
import dataclasses
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from filexchange import files
from filexchange.blocks.storage.targets import Layout, Target, is_path, write_unit
from filexchange.formats import Format, get_format
from filexchange.options import resolve_target
from filexchange.ref import ArrayRef

# Beside a draft that is kept: what it holds, since not every file tells; and what it has become.
_DESCRIPTION, _PUBLISHED = ".ref.json", ".published.json"


@dataclass(slots=True)
class Output:
    """What is filled, and what the caller of the operation gets in the end.

    Attributes
    ----------
    target : Target or None
        None if a process before this one filled and published it, and then ended.
    result : ArrayRef, ndarray or other array
    """

    target: Target | None
    result: Any


@contextlib.contextmanager
def opened(layout: Layout, kept: str | None, *, overwrite: bool) -> Iterator[Output]:
    """Yield an output to be filled; a file appears at its path when it is complete.

    Parameters
    ----------
    layout : Layout
    kept : str or None
        Where a new file is until it is complete if it is to stay there after an error, and to be
        filled further if it is there already.
    overwrite : bool
        Replace what is at the path.
    """
    if layout.out is None:
        array = np.empty(layout.shape, layout.dtype)
        yield Output(Target(array, None), array)
    elif isinstance(layout.out, ArrayRef):
        with _filling(layout.out) as target:
            yield Output(target, layout.out)
    elif not is_path(layout.out):
        yield Output(Target(layout.out, None), layout.out)
    elif kept is None:
        with _published(layout, overwrite=overwrite) as output:
            yield output
    else:
        with _kept(layout, kept, overwrite=overwrite) as output:
            yield output


@contextlib.contextmanager
def _published(layout: Layout, *, overwrite: bool) -> Iterator[Output]:
    """Fill a hidden file that is gone if anything fails."""
    path, fmt = resolve_target(layout.out, None)
    with fmt.publishing(path, None, overwrite=overwrite) as aside, contextlib.ExitStack() as stack:
        if layout.is_staged(kept=False):
            place = files.partial_name(path)
            stack.callback(files.remove, place)
            draft = _created(layout, get_format("npy"), place)
        else:
            draft = _created(layout, fmt, aside)
        with _filling(draft) as target:
            output = Output(target, draft)
            yield output
        is_converted = draft.path != aside
        stored = _converted(draft, layout, fmt, aside) if is_converted else draft.stored
    output.result = ArrayRef(path, fmt.name, stored)


@contextlib.contextmanager
def _kept(layout: Layout, place: str, *, overwrite: bool) -> Iterator[Output]:
    """Fill a file that stays at its place until it is published."""
    path, fmt = resolve_target(layout.out, None)
    found = _published_before(path, place)
    if found is not None:
        yield Output(None, found)
        return
    fmt.check_place(path, overwrite=overwrite)
    draft = _kept_draft(layout, fmt, place)
    with _filling(draft) as target:
        output = Output(target, draft)
        yield output
    if layout.is_staged(kept=True):
        with fmt.publishing(path, None, overwrite=overwrite) as aside:
            output.result = ArrayRef(path, fmt.name, _converted(draft, layout, fmt, aside))
            _tell_published(place, aside, output.result)
    else:
        output.result = dataclasses.replace(draft, path=path, mode="r")
        _tell_published(place, place, output.result)
        with files.naming_errors(path):
            files.move(place, path, overwrite=overwrite)


def _created(layout: Layout, fmt: Format, place: str) -> ArrayRef:
    stored = fmt.create(place, None, layout.shape, layout.dtype, layout.options(fmt))
    return ArrayRef(place, fmt.name, stored, mode="r+")


def _kept_draft(layout: Layout, fmt: Format, place: str) -> ArrayRef:
    """Return the draft that is there from before, if it is complete as a file, or a new one."""
    told = _told(place + _DESCRIPTION)
    if told is not None and os.path.exists(place):
        _remove_partial(place)
        return ArrayRef.from_json(told["ref"])
    files.remove(place)
    draft = _created(layout, get_format("npy") if layout.is_staged(kept=True) else fmt, place)
    _tell(place + _DESCRIPTION, {"ref": draft.to_json()})
    return draft


def _remove_partial(place: str) -> None:
    """Remove what Zarr was writing to a directory when its process was killed: it is published."""
    for directory, _, names in os.walk(place):
        for name in names:
            if name.endswith(files.PARTIAL_SUFFIX):
                files.remove(os.path.join(directory, name))


def forget(place: str) -> None:
    """Remove a draft that was kept, and what is told of it."""
    # The description last: without it a draft is not filled further.
    for path in (place + _PUBLISHED, place, place + _DESCRIPTION):
        files.remove(path)


def _converted(draft: ArrayRef, layout: Layout, fmt: Format, aside: str) -> Any:
    with draft.opened("r") as source:
        return fmt.write(aside, None, source, layout.options(fmt))


def _tell_published(place: str, aside: str, result: ArrayRef) -> None:
    """Remember, before it is renamed, how the published file is recognized."""
    _tell(place + _PUBLISHED, {"inode": os.stat(aside).st_ino, "ref": result.to_json()})


def _published_before(path: str, place: str) -> ArrayRef | None:
    told = _told(place + _PUBLISHED)
    if told is None or not os.path.exists(path):
        return None
    is_it = os.stat(path).st_ino == told["inode"]
    return ArrayRef.from_json(told["ref"]) if is_it else None


def _tell(path: str, told: dict[str, Any]) -> None:
    with files.publish(path, overwrite=True) as aside, open(aside, "x", encoding="utf-8") as file:
        json.dump(told, file)


def _told(path: str) -> dict[str, Any] | None:
    """Return what is told, or None if there is nothing whole, as after a power failure."""
    if not os.path.exists(path):
        return None
    with files.naming_errors(path), open(path, encoding="utf-8") as file:
        text = file.read()
    try:
        found: dict[str, Any] = json.loads(text)
    except ValueError:
        return None
    return found


@contextlib.contextmanager
def _filling(ref: ArrayRef) -> Iterator[Target]:
    """Yield the target for a file; where it takes one writer, this process is the one."""
    unit = write_unit(ref)
    if unit is not None:
        yield Target(ref, unit)
        return
    with ref.opened("r+") as array:
        yield Target(array, None)
