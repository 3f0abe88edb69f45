"""Arrays of an HDF5 file by name, without ever leaving the file.

HDF5 links may point to other files, and datasets may keep their data there. Links are followed
here only within the file, and only to data that lie in it.
"""

import errno
import posixpath
from typing import Any

import h5py

from filexchange import files
from filexchange.errors import ArrayExistsError, ArrayKeyError, BadArrayFileError
from filexchange.formats.base import choose_key

_MAX_LINKS = 16


def array_keys(file: h5py.File) -> list[str]:
    """Return the names of all arrays, sorted; one that has several names is listed once."""
    found: list[str] = []

    def visit(name: str, item: object) -> None:
        if isinstance(item, h5py.Dataset):
            found.append(name)

    file.visititems(visit)
    return sorted(found)


def find_dataset(file: h5py.File, path: str, key: str | None) -> h5py.Dataset:
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
    if not isinstance(item, h5py.Dataset):
        raise ArrayKeyError(
            f"{name!r} of {path!r} is a group, not an array: choose one of its arrays with key="
        )
    if item.external or item.is_virtual:
        raise _elsewhere(path, name)
    return item


def _resolve(file: h5py.File, path: str, name: str, links: int) -> Any:
    """Return the group or dataset of this name, None if there is none."""
    item: Any = file
    place = ""
    for step in name.strip("/").split("/"):
        if not isinstance(item, h5py.Group):
            return None
        link = item.get(step, getlink=True)
        if link is None:
            return None
        if isinstance(link, h5py.ExternalLink):
            raise _elsewhere(path, name)
        if isinstance(link, h5py.SoftLink):
            if not links:
                raise BadArrayFileError(f"{name!r} of {path!r} is a chain of too many links")
            target = posixpath.normpath(posixpath.join("/", place, link.path))
            item = file if target == "/" else _resolve(file, path, target, links - 1)
        else:
            item = item[step]
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
        if _has(group, step):
            group = _resolve(file, path, "/".join(groups[:depth]), _MAX_LINKS)
        else:
            group = group.create_group(step)
        if not isinstance(group, h5py.Group):
            raise ArrayExistsError(
                errno.EEXIST,
                "is not a group and cannot hold arrays: choose another key",
                "/".join(groups[:depth]),
            )
    if _has(group, last):
        raise files.exists_error(key)
    return group, last


def _has(group: h5py.Group, step: str) -> bool:
    # `step in group` is false for links that lead nowhere, whose names are taken all the same.
    return bool(group.id.links.exists(step.encode("utf-8", "surrogateescape")))
