"""Arrays of an HDF5 file by name, without ever leaving the file.

HDF5 links may point to other files, and datasets may keep their data there. Links are followed
here only within the file, and only to data that lie in it.
"""

import errno
import posixpath
from typing import Any, NamedTuple

import h5py
from h5py import h5d, h5f, h5g, h5l, h5o, h5p, h5s, h5t

from filexchange import files
from filexchange.errors import ArrayExistsError, ArrayKeyError, BadArrayFileError
from filexchange.formats.base import choose_key

_MAX_LINKS = 16


class Found(NamedTuple):
    """A dataset of an open file: its name, and what HDF5 says of it, asked once."""

    key: str
    id: h5d.DatasetID
    properties: h5p.PropDCID
    space: h5s.SpaceID
    type: h5t.TypeID


def array_keys(file: h5f.FileID) -> list[str]:
    """Return the names of all arrays, sorted; one that has several names is listed once."""
    found: list[str] = []

    def visit(name: bytes, info: h5o.ObjInfo) -> None:
        if info.type == h5o.TYPE_DATASET:
            found.append(_decoded(name))

    h5o.visit(file, visit, info=True)
    return sorted(found)


def find_dataset(file: h5f.FileID, path: str, key: str | None) -> Found:
    """Return the array `key`, or the only one there is if `key` is None.

    Raises
    ------
    ArrayKeyError
        If there is none of this name.
    BadArrayFileError
        If its data lie in other files.
    """
    name = choose_key(path, None, array_keys(file)) if key is None else key
    item = _resolve(file, path, name, _MAX_LINKS)
    if item is None:
        choose_key(path, name, [listed for listed in array_keys(file) if listed != name])
    if not isinstance(item, h5d.DatasetID):
        raise ArrayKeyError(
            f"{name!r} of {path!r} is a group, not an array: choose one of its arrays with key="
        )
    properties = item.get_create_plist()
    if properties.get_external_count() or properties.get_layout() == h5d.VIRTUAL:
        raise _elsewhere(path, name)
    return Found(name, item, properties, item.get_space(), item.get_type())


def _resolve(file: h5f.FileID, path: str, name: str, links: int) -> Any:
    """Return the group or dataset of this name, None if there is none."""
    item: Any = file
    place = ""
    for step in name.strip("/").split("/"):
        if not isinstance(item, h5g.GroupID) or not _has(item, step):
            return None
        kind = item.links.get_info(_encoded(step)).type
        if kind == h5l.TYPE_HARD:
            item = h5o.open(item, _encoded(step))
        elif kind == h5l.TYPE_SOFT:
            if not links:
                raise BadArrayFileError(f"{name!r} of {path!r} is a chain of too many links")
            link = _decoded(item.links.get_val(_encoded(step)))
            target = posixpath.normpath(posixpath.join("/", place, link))
            item = file if target == "/" else _resolve(file, path, target, links - 1)
        else:
            raise _elsewhere(path, name)
        place = f"{place}/{step}"
    return item


def _elsewhere(path: str, name: str) -> BadArrayFileError:
    return BadArrayFileError(
        f"the data of {name!r} in {path!r} lie in other files (an external link, external storage "
        "or a virtual dataset), which a reference to this file would not tell: open those files, "
        "or open it with h5py and save the dataset"
    )


def make_group(file: h5py.File, path: str, key: str) -> tuple[h5py.Group, str]:
    """Return the group that shall hold `key`, made where it is missing, and the name therein.

    Raises
    ------
    ArrayExistsError
        If the name, or the name of one of its groups, is taken.
    """
    *groups, last = key.split("/")
    group: Any = file
    for depth, step in enumerate(groups, 1):
        if _has(group.id, step):
            found = _resolve(file.id, path, "/".join(groups[:depth]), _MAX_LINKS)
            group = h5py.Group(found) if isinstance(found, h5g.GroupID) else None
        else:
            group = group.create_group(step)
        if group is None:
            raise ArrayExistsError(
                errno.EEXIST,
                "is not a group and cannot hold arrays: choose another key",
                "/".join(groups[:depth]),
            )
    if _has(group.id, last):
        raise files.exists_error(key)
    return group, last


def _has(group: h5g.GroupID, step: str) -> bool:
    # `step in group` is false for links that lead nowhere, whose names are taken all the same.
    return "\0" not in step and bool(group.links.exists(_encoded(step)))


def _encoded(name: str) -> bytes:
    return name.encode("utf-8", "surrogateescape")


def _decoded(name: bytes) -> str:
    return name.decode("utf-8", "surrogateescape")
