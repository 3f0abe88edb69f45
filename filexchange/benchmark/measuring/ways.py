"""What is written in a benchmark: ways that were checked, by the names of the command line."""

from typing import Any, NamedTuple

from filexchange import arrays
from filexchange.aliases import Array
from filexchange.formats import Format, get_format
from filexchange.options import unsupported, write_options
from filexchange.ref import ArrayRef
from filexchange.tuning.ways import Way

_ZIP_SUFFIX = ".zip"
_NOTHING: dict[str, Any] = dict.fromkeys(("chunks", "shards", "compression"))


class Recipe(NamedTuple):
    """How files are written: made by :meth:`of`, or by hand with any arguments of `save`.

    Attributes
    ----------
    name : str
        What results call it.
    format : str
    suffix : str
        Of the files.
    options : dict
        More arguments of :func:`filexchange.save`.

    Examples
    --------
    >>> recipe = Recipe.of("zarr:sharded:zstd:5")
    >>> recipe.format, recipe.options
    ('zarr', {'shards': 'auto', 'compression': 'zstd:5'})
    >>> recipe.save("a.zarr", np.zeros((10, 10))).compression
    'zstd:5'
    """

    name: str
    format: str
    suffix: str
    options: dict[str, Any]

    @classmethod
    def of(cls, text: str) -> "Recipe":
        """Return how files of a way are written that is spelled as :meth:`Way.parse` says.

        Raises
        ------
        UnknownFormatError, UnsupportedOptionError
            If there is no such format, or it has no such layout, codec or level.
        """
        way = Way.parse(text)
        fmt = get_format(way.format)
        write_options(fmt, attrs=None, **{**_NOTHING, **way.options})
        return cls(text.strip(), way.format, _suffix(fmt, zipped=way.is_zipped), way.options)

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
