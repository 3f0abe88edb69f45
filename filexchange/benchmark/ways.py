"""Formats with their options, by the names that the command line has for them."""

from typing import Any, NamedTuple

from filexchange import arrays
from filexchange.aliases import Array
from filexchange.errors import UnsupportedOptionError
from filexchange.formats import Format, get_format
from filexchange.options import unsupported, write_options
from filexchange.ref import ArrayRef

# What words of a spelling mean beside codecs.
_PLAIN = {"contiguous", "stored", "none"}
_CHUNKED, _SHARDED, _ZIPPED = "chunked", "sharded", "zip"
_LAYOUTS = {*_PLAIN, _CHUNKED, _SHARDED, _ZIPPED}
_ZIP_SUFFIX = ".zip"


class Way(NamedTuple):
    """How an array is written to a file.

    Attributes
    ----------
    name : str
        As it is spelled: see :meth:`parse`.
    format : str
    suffix : str
        Of the files.
    options : dict
        More arguments of :func:`filexchange.save`.

    Examples
    --------
    >>> way = Way.parse("zarr:sharded:zstd:5")
    >>> way.format, way.options
    ('zarr', {'shards': 'auto', 'compression': 'zstd:5'})
    >>> way.save("a.zarr", np.zeros((10, 10))).compression
    'zstd:5'
    """

    name: str
    format: str
    suffix: str
    options: dict[str, Any]

    @classmethod
    def parse(cls, text: str) -> "Way":
        """Return what a spelling means: ``format[:layout][:codec[:level]]``.

        Layouts are ``contiguous`` and ``chunked`` of HDF5, ``sharded`` and ``zip`` of Zarr,
        ``stored`` of npz; ``none`` says that nothing is compressed, which nothing is anyway
        unless there is a codec.

        Raises
        ------
        UnknownFormatError, UnsupportedOptionError
            If there is no such format, or it has no such layout, codec or level.
        """
        name = text.strip()
        format, *words = name.split(":")
        fmt = get_format(format)
        layouts = [word for word in words if word in _LAYOUTS]
        codec = ":".join(word for word in words if word not in _LAYOUTS) or None
        if codec and _PLAIN.intersection(layouts):
            raise UnsupportedOptionError(
                f"{name!r} names a codec, {codec!r}, and that there is none: leave out one of them"
            )
        options: dict[str, Any] = {
            "chunks": "auto" if _CHUNKED in layouts else None,
            "shards": "auto" if _SHARDED in layouts else None,
            "compression": codec,
        }
        write_options(fmt, attrs=None, **options)
        given = {option: value for option, value in options.items() if value is not None}
        return cls(name, format, _suffix(fmt, zipped=_ZIPPED in layouts), given)

    def save(self, path: str, array: Array) -> ArrayRef:
        """Write an array to a new file, and return the reference to it."""
        return arrays.save(path, array, format=self.format, **self.options)

    @property
    def plugin(self) -> type[Format] | None:
        """The format's class if it is not one of this package, which every process has."""
        cls = type(get_format(self.format))
        return None if cls.__module__.startswith("filexchange.formats.") else cls


def _suffix(fmt: Format, *, zipped: bool) -> str:
    fitting = [each for each in fmt.suffixes if each.endswith(_ZIP_SUFFIX) == zipped]
    if fitting:
        return fitting[0]
    if zipped:
        raise unsupported(
            fmt, "zip files", lambda f: any(each.endswith(_ZIP_SUFFIX) for each in f.suffixes)
        )
    return next(iter(fmt.suffixes), "")


#: Every format as it writes by default, laid out otherwise, and compressed. What compresses
#: slowly is last.
DEFAULT_WAYS = (
    "npy",
    "raw",
    "npz",
    "hdf5",
    "hdf5:chunked",
    "zarr",
    "zarr:sharded",
    "zarr:zip",
    "hdf5:lzf",
    "hdf5:bitshuffle",
    "hdf5:blosc2-zstd",
    "zarr:blosc",
    "zarr:zstd",
    "hdf5:gzip",
    "npz:deflate",
)
