"""How far codecs shrink an array, from a small sample of it."""

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from filexchange import files
from filexchange.aliases import Array, Indexable, Shape
from filexchange.errors import MissingDependencyError
from filexchange.geometry import block_shape
from filexchange.tuning.ways import Way

#: Where in the array the sample is taken, from 0 to 1, and the bytes of each of its parts.
_PLACES, _MIDDLE = (0.1, 0.5, 0.9), (0.5,)
QUICK_BYTES, FULL_BYTES = 16 << 10, 128 << 10

#: Bytes of a longer part that zstd is tried on where a sample is asked everything: unlike codecs
#: that cut chunks into blocks, it finds what was the same far before.
LONG_BYTES = 512 << 10

#: What a sample is asked first. What neither shrinks, no codec does.
QUICK = ("lz4", "zstd")

#: All that a sample can be asked; each stands for the ways of :data:`FAMILIES`.
FULL = (*QUICK, "shuffle-zstd:1", "shuffle-zstd", "bitshuffle-zstd", "lzf")
_HARDLY = 0.98

_FAMILIES = {
    "blosc-lz4": "lz4",
    "blosc-zstd:1": "shuffle-zstd:1",
    "blosc-zstd": "shuffle-zstd",
    "blosc2-zstd": "shuffle-zstd",
    "bitshuffle-zstd": "bitshuffle-zstd",
    "lzf": "lzf",
    "zstd": "zstd",
    "gzip": "zstd",
    "deflate": "zstd",
}

_NO_SHUFFLE, _SHUFFLE, _BITSHUFFLE = 0, 1, 2
_LARGEST_ITEM = 255


def family(way: Way) -> str | None:
    """Return what tells how far a way shrinks an array, None for ways that do not compress."""
    return None if way.compression is None else _FAMILIES.get(way.compression, "zstd")


def tried(way: Way) -> str | None:
    """Return what of :data:`FULL` is the very codec of a way, None if none is.

    Those of HDF5 and zip files are others, or cut chunks otherwise.
    """
    return family(way) if way.format == "zarr" else None


def probe(source: Indexable, names: Sequence[str] = FULL) -> dict[str, float]:
    """Return what is left, from 0 to about 1, of a sample that is compressed in several ways.

    Parameters
    ----------
    source : array or lazy array
    names : sequence of str
        Of :data:`FULL`.

    Returns
    -------
    dict of str to float
        Empty if there is nothing to compress, or no codec to do it with.

    Notes
    -----
    The sample is at most 48 KiB for :data:`QUICK`, which takes less than 1 ms. For everything it
    is 384 KiB, and 512 KiB for zstd, which takes 3 to 20 ms.

    Examples
    --------
    >>> sorted(probe(np.zeros((1000, 1000)), QUICK))
    ['lz4', 'zstd']
    """
    is_quick = set(names) <= set(QUICK)
    samples = _sample(source, QUICK_BYTES if is_quick else FULL_BYTES)
    if not any(samples):
        return {}
    itemsize = source.dtype.itemsize
    found: dict[str, float] = {}
    for name in names:
        if len(found) > len(QUICK) and min(found.values()) > _HARDLY:
            found[name] = min(found.values())
            continue
        try:
            compress = _codec(name, itemsize)
        except MissingDependencyError:
            return {}
        found[name] = _left(compress, samples)
        if name == "zstd" and not is_quick and len(samples) > 1:
            found[name] *= _reach(compress, source)
    return found


def _left(compress: Callable[[bytes], bytes], samples: Sequence[bytes]) -> float:
    return sum(len(compress(data)) for data in samples) / sum(map(len, samples))


def _reach(compress: Callable[[bytes], bytes], source: Indexable) -> float:
    """Return how much less is left of a long part than of the same in pieces."""
    long = _sample(source, LONG_BYTES, _MIDDLE)[0]
    pieces = [long[start : start + FULL_BYTES] for start in range(0, len(long), FULL_BYTES)]
    return _left(compress, [long]) / _left(compress, pieces)


def _sample(source: Indexable, most: int, places: Sequence[float] = _PLACES) -> list[bytes]:
    """Return the elements of some blocks, as they would be written."""
    shape = source.shape
    if 0 in shape:
        return []
    whole = tuple(slice(0, length) for length in shape)
    if _nbytes(shape, source.dtype.itemsize) <= most * len(places):
        return [_elements(source[whole])]
    block = block_shape(shape, source.dtype.itemsize, most)
    return [_elements(source[_at(place, block, shape)]) for place in places]


def _nbytes(shape: Shape, itemsize: int) -> int:
    return functools.reduce(int.__mul__, shape, itemsize)


def _at(place: float, block: Shape, shape: Shape) -> tuple[slice, ...]:
    starts = [int((length - n) * place) for n, length in zip(block, shape, strict=True)]
    return tuple(slice(start, start + n) for start, n in zip(starts, block, strict=True))


def _elements(block: Any) -> bytes:
    array: Array = np.ascontiguousarray(block)
    return bytes(files.as_bytes(array)) if array.size else b""


@functools.lru_cache(maxsize=256)
def _codec(name: str, itemsize: int) -> Callable[[bytes], bytes]:
    """Return a function that compresses, of what Zarr brings along.

    Raises
    ------
    MissingDependencyError
    """
    try:
        from numcodecs import blosc, zstd  # noqa: PLC0415 - slow, and not always needed
    except ImportError as error:
        raise MissingDependencyError(
            f"a probe needs the codecs of numcodecs ({error}): pip install zarr"
        ) from error
    if name == "zstd":
        compressed: Callable[[bytes], bytes] = functools.partial(zstd.compress, level=3)
        return compressed
    whole = 1 < itemsize <= _LARGEST_ITEM
    shuffle = _SHUFFLE if whole else _BITSHUFFLE
    codec, level, shuffle = {
        "lz4": ("lz4", 5, shuffle),
        "lzf": ("blosclz", 5, _NO_SHUFFLE),
        "shuffle-zstd:1": ("zstd", 1, shuffle),
        "shuffle-zstd": ("zstd", 5, shuffle),
        "bitshuffle-zstd": ("zstd", 3, _BITSHUFFLE),
    }[name]
    typesize = itemsize if itemsize <= _LARGEST_ITEM else 1

    def compress(data: bytes) -> bytes:
        made: bytes = blosc.Blosc(codec, level, shuffle).encode(
            np.frombuffer(data, f"V{typesize}" if len(data) % typesize == 0 else "u1")
        )
        return made

    return compress
