"""HDF5's compression filters by name: its own, and those of the hdf5plugin package."""

import importlib
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import h5py
from h5py import h5p

from filexchange.errors import MissingDependencyError
from filexchange.formats.base import Compression

#: Codecs that can be written, and their levels.
COMPRESSIONS: Mapping[str, range | None] = MappingProxyType(
    {
        "gzip": range(10),
        "lzf": None,
        "zstd": range(1, 23),
        "lz4": None,
        "blosc": range(10),
        "blosc-lz4": range(10),
        "blosc-zstd": range(10),
        "blosc2-zstd": range(10),
        "bitshuffle": None,
        "bitshuffle-zstd": range(1, 23),
    }
)

# Of hdf5plugin.
_CLASSES = {
    "zstd": "Zstd",
    "lz4": "LZ4",
    "blosc": "Blosc",
    "blosc2": "Blosc2",
    "bitshuffle": "Bitshuffle",
}

_NAMES = {
    1: "gzip",
    2: "shuffle",
    3: "fletcher32",
    4: "szip",
    5: "nbit",
    6: "scaleoffset",
    307: "bzip2",
    32000: "lzf",
    32001: "blosc",
    32004: "lz4",
    32008: "bitshuffle",
    32013: "zfp",
    32015: "zstd",
    32026: "blosc2",
}
_BLOSC_CODECS = ("blosclz", "lz4", "lz4hc", "snappy", "zlib", "zstd")
_BITSHUFFLE_ZSTD = 3


def creation_options(compression: Compression | None) -> dict[str, Any]:
    """Return the arguments of ``create_dataset`` for a codec."""
    if compression is None:
        return {}
    name, level = compression
    if name in {"gzip", "lzf"}:
        return {"compression": name, "compression_opts": level}
    hdf5plugin = _hdf5plugin(f"compression {name!r}")
    codec, _, inner = name.partition("-")
    cname = {} if codec in {"zstd", "lz4"} else {"cname": inner or "lz4"}
    clevel = {} if level is None else {"clevel": level}
    return dict(getattr(hdf5plugin, _CLASSES[codec])(**cname, **clevel))


def describe_filters(properties: h5p.PropDCID) -> str | None:
    """Return the names of a dataset's filters in the order they apply, None if there are none.

    Examples
    --------
    >>> with h5py.File("a.h5", "w") as file:
    ...     x = file.create_dataset("x", (9,), "f4", compression="gzip", shuffle=True)
    ...     describe_filters(x.id.get_create_plist())
    'shuffle+gzip:4'
    """
    return "+".join(_describe(*found) for found in _filters(properties)) or None


def _filters(properties: h5p.PropDCID) -> list[tuple[int, tuple[int, ...], bytes]]:
    found = [properties.get_filter(i) for i in range(properties.get_nfilters())]
    return [(code, values, name) for code, _, values, name in found]


def _describe(code: int, values: tuple[int, ...], name: bytes) -> str:
    known = _NAMES.get(code) or name.decode("ascii", "replace") or f"filter {code}"
    match known, values:
        case "gzip" | "zstd", [level, *_]:
            return f"{known}:{level}"
        case "blosc" | "blosc2", [_, _, _, _, level, _, inner, *_] if inner < len(_BLOSC_CODECS):
            return f"{known}-{_BLOSC_CODECS[inner]}:{level}"
        case "bitshuffle", [_, _, _, _, inner, level, *_] if inner == _BITSHUFFLE_ZSTD:
            return f"{known}-zstd:{level}"
        case _:
            return known


def require_filters(properties: h5p.PropDCID, path: str) -> None:
    """Make sure that the dataset's filters can be undone.

    Raises
    ------
    MissingDependencyError
    """
    for code, values, name in _filters(properties):
        if h5py.h5z.filter_avail(code):
            continue
        _hdf5plugin(f"reading {path!r}")  # its import registers the filters
        if not h5py.h5z.filter_avail(code):
            raise MissingDependencyError(
                f"{path!r} is compressed with the HDF5 filter {_describe(code, values, name)} "
                f"({code}), which neither HDF5 nor hdf5plugin has: install the filter's own plugin"
            )


def _hdf5plugin(purpose: str) -> Any:
    try:
        return importlib.import_module("hdf5plugin")
    except ImportError as error:
        raise MissingDependencyError(
            f"{purpose} needs the package hdf5plugin: pip install hdf5plugin"
        ) from error
