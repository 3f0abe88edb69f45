"""The formats by name and by suffix, imported on first use.

Other packages add theirs with an entry point in the group ``filexchange.formats`` whose value is
a subclass of `Format`, or at run time with :func:`register_format`.
"""

import importlib
import os
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from filexchange.errors import FormatError, MissingDependencyError, UnknownFormatError
from filexchange.formats.base import Format

ENTRY_POINT_GROUP = "filexchange.formats"


class _BuiltIn(NamedTuple):
    module: str
    cls: str
    suffixes: tuple[str, ...]
    requirement: str


_BUILT_IN = {
    "hdf5": _BuiltIn(
        "filexchange.formats.hdf5",
        "Hdf5Format",
        (".h5", ".hdf5", ".he5", ".nxs"),
        "h5py hdf5plugin",
    ),
    "npy": _BuiltIn("filexchange.formats.npy", "NpyFormat", (".npy",), "numpy"),
    "npz": _BuiltIn("filexchange.formats.npz", "NpzFormat", (".npz",), "numpy"),
    "raw": _BuiltIn("filexchange.formats.raw", "RawFormat", (".raw", ".bin", ".dat"), "numpy"),
    "zarr": _BuiltIn("filexchange.formats.zarr", "ZarrFormat", (".zarr.zip", ".zarr"), "zarr"),
}

# Instances have no state, so threads that race here store equal ones.
_loaded: dict[str, Format] = {}


def get_format(name: str) -> Format:
    """Return the format of this name.

    Raises
    ------
    UnknownFormatError
        If there is none.
    MissingDependencyError
        If the package it needs is not installed.

    Examples
    --------
    >>> get_format("npy").supports_mmap
    True
    """
    found = _loaded.get(name)
    if found is None:
        found = _loaded[name] = _load(name)
    return found


def _load(name: str) -> Format:
    if name in _BUILT_IN:
        module, cls, _, requirement = _BUILT_IN[name]
        return _import(name, lambda: getattr(importlib.import_module(module), cls), requirement)
    for entry_point in _entry_points():
        if entry_point.name == name:
            package = entry_point.dist.name if entry_point.dist is not None else entry_point.module
            return _import(name, entry_point.load, package)
    raise UnknownFormatError(
        f"there is no format {name!r}; available: {', '.join(available_formats())}"
    )


def _import(name: str, load: Callable[[], type[Format]], requirement: str) -> Format:
    try:
        return load()()
    except ImportError as error:
        raise MissingDependencyError(
            f"format {name!r} could not be imported ({error}): pip install {requirement}"
        ) from error


def _entry_points() -> Iterable[Any]:
    from importlib.metadata import entry_points  # noqa: PLC0415 - slow, and rarely needed

    return entry_points(group=ENTRY_POINT_GROUP)


def register_format(cls: type[Format]) -> type[Format]:
    """Add a format for this process; usable as a class decorator.

    A package should declare an entry point instead, so that every process finds it.

    Raises
    ------
    FormatError
        If another format has its name.

    Examples
    --------
    >>> from filexchange.formats.npy import NpyFormat
    >>> @fx.register_format
    ... class GridFormat(NpyFormat):
    ...     name = "npy-grid"
    ...     suffixes = (".grid",)
    >>> fx.save("a.grid", np.eye(2)).format
    'npy-grid'
    """
    if cls.name in available_formats() and type(_loaded.get(cls.name)) is not cls:
        raise FormatError(f"there is a format {cls.name!r} already; choose another name")
    _loaded[cls.name] = cls()
    return cls


def available_formats() -> tuple[str, ...]:
    """Return the names of all formats, sorted; their packages need not be installed.

    Examples
    --------
    >>> available_formats()
    ('hdf5', 'npy', 'npz', 'raw', 'zarr')
    """
    return tuple(sorted({*_BUILT_IN, *_loaded, *(point.name for point in _entry_points())}))


def format_of(path: str) -> Format:
    """Return the format that the suffix of `path` chooses, or else the content of what is there.

    Raises
    ------
    UnknownFormatError
        If no format claims it.
    """
    by_suffix = format_by_suffix(path)
    if by_suffix is not None:
        return by_suffix
    if os.path.lexists(path):
        for name in (*_BUILT_IN, *_others()):
            if _can(name, lambda fmt: fmt.recognizes(path)):
                return get_format(name)
    known = ", ".join(suffix for built_in in _BUILT_IN.values() for suffix in built_in.suffixes)
    raise UnknownFormatError(
        f"the suffix of {path!r} belongs to no format: pass format=, or use one of {known}"
    )


def format_by_suffix(path: str) -> Format | None:
    """Return the format that the suffix of `path` chooses, None if it belongs to none."""
    lowered = os.path.basename(os.path.normpath(path)).lower()
    for name, built_in in _BUILT_IN.items():
        if lowered.endswith(built_in.suffixes):
            return get_format(name)
    # Plug-ins are looked for on disk, which takes long.
    for name in _others() if "." in lowered else ():
        if _can(name, lambda fmt: lowered.endswith(fmt.suffixes)):
            return get_format(name)
    return None


def _others() -> list[str]:
    return [name for name in available_formats() if name not in _BUILT_IN]


def formats_that(has: Callable[[Format], bool]) -> str:
    """Return the names of the formats with a capability, for error messages."""
    return ", ".join(repr(name) for name in available_formats() if _can(name, has))


def _can(name: str, has: Callable[[Format], bool]) -> bool:
    try:
        return has(get_format(name))
    except MissingDependencyError:  # what is not installed can do nothing here
        return False
