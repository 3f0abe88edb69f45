"""The ways to write an array: a format, how it is laid out, and how it compresses."""

from typing import Any, NamedTuple

from filexchange.errors import UnsupportedOptionError

_CHUNKED, _SHARDED, _ZIPPED = "chunked", "sharded", "zip"
_LAYOUTS = {_CHUNKED, _SHARDED, _ZIPPED}
# What every format does unless told otherwise; a spelling may say so.
_PLAIN = {"contiguous", "stored", "none"}


class Way(NamedTuple):
    """A format with its options, as they are spelled; whether there are such is not checked.

    Examples
    --------
    >>> Way.parse("zarr:zstd:5"), str(Way("zarr", "zstd", ("sharded",)))
    (Way(format='zarr', compression='zstd:5', layouts=()), 'zarr:sharded:zstd')
    """

    format: str
    compression: str | None = None
    layouts: tuple[str, ...] = ()

    @classmethod
    def parse(cls, text: str) -> "Way":
        """Return what a spelling means: ``format[:layout][:codec[:level]]``.

        Layouts are ``chunked`` of HDF5, and ``sharded`` and ``zip`` of Zarr; ``contiguous``,
        ``stored`` and ``none`` say that there is neither layout nor codec, which there is not
        unless it is named.

        Raises
        ------
        UnsupportedOptionError
            If it names no format, or a codec and that there is none.
        """
        format, *words = text.strip().split(":")
        if not format:
            raise UnsupportedOptionError(f"{text!r} names no format: write it like zarr:zstd")
        codec = ":".join(word for word in words if word not in _LAYOUTS | _PLAIN)
        if codec and _PLAIN.intersection(words):
            raise UnsupportedOptionError(
                f"{text!r} names a codec, {codec!r}, and that there is none: leave out one of them"
            )
        return cls(format, codec or None, tuple(word for word in words if word in _LAYOUTS))

    @property
    def options(self) -> dict[str, Any]:
        """The arguments of `save` beside the format."""
        options = {
            "chunks": "auto" if _CHUNKED in self.layouts else None,
            "shards": "auto" if self.is_sharded else None,
            "compression": self.compression,
        }
        return {name: value for name, value in options.items() if value is not None}

    @property
    def is_chunked(self) -> bool:
        """Whether it cuts arrays into chunks."""
        asked = self.compression is not None or _CHUNKED in self.layouts
        return self.format == "zarr" or (self.format == "hdf5" and asked)

    @property
    def is_sharded(self) -> bool:
        """Whether its chunks lie in shards."""
        return _SHARDED in self.layouts

    @property
    def is_zipped(self) -> bool:
        """Whether all of it is in one file, as the suffix tells."""
        return _ZIPPED in self.layouts

    def __str__(self) -> str:
        return ":".join(word for word in (self.format, *self.layouts, self.compression) if word)


#: All that can be chosen; of those that are as good as each other, the first one is. Not among
#: them is ``raw``, whose files do not tell what they hold.
WAYS = tuple(
    map(
        Way.parse,
        (
            "npy",
            "hdf5",
            "npz",
            "zarr",
            "zarr:blosc-lz4",
            "zarr:blosc-zstd:1",
            "zarr:zstd",
            "zarr:sharded:zstd",
            "zarr:blosc-zstd",
            "hdf5:lzf",
            "hdf5:blosc2-zstd",
            "hdf5:bitshuffle-zstd",
            "hdf5:gzip",
            "npz:deflate",
        ),
    )
)
