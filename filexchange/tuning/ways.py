"""The ways to write an array that are chosen among: a format, and how it compresses."""

from typing import NamedTuple

from filexchange.errors import UnsupportedOptionError

_SHARDED = "sharded"


class Way(NamedTuple):
    """A format with its options.

    Examples
    --------
    >>> Way.parse("zarr:zstd:5"), str(Way("zarr", "zstd", sharded=True))
    (Way(format='zarr', compression='zstd:5', sharded=False), 'zarr:sharded:zstd')
    """

    format: str
    compression: str | None = None
    sharded: bool = False

    @classmethod
    def parse(cls, text: str) -> "Way":
        """Return what ``"format"``, ``"format:codec"`` or ``"format:sharded:codec"`` says."""
        name, *words = text.split(":")
        if not name:
            raise UnsupportedOptionError(f"{text!r} names no format: write it like zarr:zstd")
        codec = ":".join(word for word in words if word != _SHARDED)
        return cls(name, codec or None, _SHARDED in words)

    @property
    def is_chunked(self) -> bool:
        """Whether it cuts arrays into chunks."""
        return self.format == "zarr" or (self.format == "hdf5" and self.compression is not None)

    def __str__(self) -> str:
        words = [self.format, _SHARDED if self.sharded else None, self.compression]
        return ":".join(word for word in words if word)


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
