"""Chunks, shards and codecs in the metadata of Zarr arrays."""

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any

from filexchange.aliases import ChunksLike, DType, Shape
from filexchange.errors import UnsupportedArrayError, UnsupportedOptionError
from filexchange.formats.base import Compression, WriteOptions
from filexchange.geometry import CHUNK_BYTES, block_shape, normalize_chunks

#: Bytes of a shard when the caller leaves it to us.
SHARD_BYTES = 64 << 20

COMPRESSIONS = MappingProxyType(
    {
        "zstd": range(23),
        "gzip": range(10),
        "blosc": range(10),
        "blosc-lz4": range(10),
        "blosc-zstd": range(10),
    }
)

_DEFAULT_LEVELS = {"zstd": 0, "gzip": 5}
_BLOSC_LEVEL = 5
_BLOSC_MAX_TYPESIZE = 255
_ENDIANS = {"<": "little", ">": "big"}
_LITTLE = MappingProxyType({"name": "bytes", "configuration": {"endian": "little"}})

# Codecs that arrange elements, or check them; all others change what an array takes on disk.
_LAYOUT = {"bytes", "endian", "transpose", "crc32c", "numcodecs.crc32c", "sharding_indexed"}
# Codecs that make objects of bytes; the first one runs what the bytes say.
_OBJECT_CODECS = {
    "pickle", "json2", "msgpack", "msgpack2", "vlen-utf8", "vlen-bytes", "vlen-array", "categorize"
}  # fmt: skip


def grid(options: WriteOptions, shape: Shape, itemsize: int) -> tuple[Shape, Shape | None]:
    """Return the chunks and shards of a new array.

    Raises
    ------
    UnsupportedOptionError
        If they do not fit `shape`, or shards are not multiples of the chunks.
    """
    if options.shards is None:
        return normalize_chunks(options.chunks, shape, itemsize), None
    shards = _normalize_shards(options.shards, options.chunks, shape, itemsize)
    if not shape:  # one element needs no shard, and Zarr cannot write one
        return (), None
    chunks = (
        _chunks_within(shards, shape, itemsize)
        if options.chunks is None
        else normalize_chunks(options.chunks, shape, itemsize)
    )
    # A shard as long as its axis may reach beyond it, as chunks do.
    rounded = tuple(
        -(-shard // chunk) * chunk if shard >= length else shard
        for shard, chunk, length in zip(shards, chunks, shape, strict=True)
    )
    if any(shard % chunk for shard, chunk in zip(rounded, chunks, strict=True)):
        raise UnsupportedOptionError(
            f"shards={options.shards!r} are not multiples of the chunks {chunks}: choose whole "
            "numbers of chunks along each axis, or shards='auto'"
        )
    return chunks, rounded


def _normalize_shards(shards: ChunksLike, chunks: ChunksLike, shape: Shape, itemsize: int) -> Shape:
    if shards == "auto":
        unit = normalize_chunks(chunks, shape, itemsize)
        return block_shape(shape, itemsize, SHARD_BYTES, unit)
    try:
        return normalize_chunks(shards, shape, itemsize)
    except UnsupportedOptionError as error:
        raise UnsupportedOptionError(f"shards={shards!r}: {error}") from error


def _chunks_within(shards: Shape, shape: Shape, itemsize: int) -> Shape:
    """Return chunks of about the usual size that fill the shards."""
    wanted = block_shape(shards, itemsize, CHUNK_BYTES)
    return tuple(
        most if shard >= length else _divisor(shard, most)
        for most, shard, length in zip(wanted, shards, shape, strict=True)
    )


def _divisor(shard: int, most: int) -> int:
    """Return the largest divisor of `shard` up to `most`, or `shard` if all are much smaller."""
    divisors = (n for n in range(most, most // 2, -1) if shard % n == 0)
    return next(divisors, shard)


def codec_documents(
    endian: str | None, compression: Compression | None, itemsize: int, shard_of: Shape | None
) -> list[dict[str, Any]]:
    """Return the ``codecs`` of a new array; `shard_of` is the chunk shape within shards."""
    codecs: list[dict[str, Any]] = [
        {"name": "bytes"} if endian is None else {**_LITTLE, "configuration": {"endian": endian}}
    ]
    if compression is not None:
        codecs.append(_compressor(compression, itemsize))
    if shard_of is None:
        return codecs
    configuration = {
        "chunk_shape": list(shard_of),
        "codecs": codecs,
        "index_codecs": [dict(_LITTLE), {"name": "crc32c"}],
        "index_location": "end",
    }
    return [{"name": "sharding_indexed", "configuration": configuration}]


def _compressor(compression: Compression, itemsize: int) -> dict[str, Any]:
    name, level = compression
    if not name.startswith("blosc"):
        level = _DEFAULT_LEVELS[name] if level is None else level
        checksum = {"checksum": False} if name == "zstd" else {}
        return {"name": name, "configuration": {"level": level, **checksum}}
    whole = 1 < itemsize <= _BLOSC_MAX_TYPESIZE
    configuration = {
        "cname": name.removeprefix("blosc").lstrip("-") or "lz4",
        "clevel": _BLOSC_LEVEL if level is None else level,
        "shuffle": "shuffle" if whole else "bitshuffle",
        "typesize": itemsize if whole else 1,
        "blocksize": 0,
    }
    return {"name": "blosc", "configuration": configuration}


def keeps_bytes(codec: Mapping[str, Any], dtype: DType) -> bool:
    """Return whether a codec leaves elements of a dtype as they are in memory.

    Examples
    --------
    >>> import numpy as np
    >>> codec = {"name": "bytes", "configuration": {"endian": "little"}}
    >>> keeps_bytes(codec, np.dtype("<f4")), keeps_bytes(codec, np.dtype(">f4"))
    (True, False)
    """
    order = dtype.str[0]
    endian = codec.get("configuration", {}).get("endian")
    return codec["name"] == "bytes" and (order == "|" or endian == _ENDIANS[order])


def codec_names(document: dict[str, Any]) -> str | None:
    """Return the codecs of an array as ``"name:level"``, several joined by ``"+"``.

    Raises
    ------
    UnsupportedArrayError
        If one of them makes Python objects.
    """
    return "+".join(map(_spelled, _codecs(document))) or None


def _codecs(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield name and configuration of each codec; malformed ones are Zarr's to refuse."""
    if document.get("zarr_format") == 3:  # noqa: PLR2004 - the version
        found = document.get("codecs")
    else:
        filters = document.get("filters")
        found = [*(filters if isinstance(filters, list) else []), document.get("compressor")]
    for codec in found if isinstance(found, list) else []:
        if isinstance(codec, str):
            codec = {"name": codec}  # noqa: PLW2901 - the short spelling of the same
        if not isinstance(codec, dict):
            continue
        name = str(codec.get("name", codec.get("id")))
        configuration = codec.get("configuration", codec)
        configuration = configuration if isinstance(configuration, dict) else {}
        if name.removeprefix("numcodecs.") in _OBJECT_CODECS:
            raise UnsupportedArrayError(
                f"its codec {name!r} makes Python objects, and may run code when they are read: "
                "convert the array to a numeric dtype or to fixed-width strings with the program "
                "that wrote it"
            )
        if name == "sharding_indexed":
            yield from _codecs({"zarr_format": 3, **configuration})
        elif name not in _LAYOUT:
            yield name.removeprefix("numcodecs."), configuration


def _spelled(codec: tuple[str, dict[str, Any]]) -> str:
    name, configuration = codec
    if name == "blosc":
        name = f"blosc-{configuration.get('cname', 'lz4')}"
    level = configuration.get("clevel", configuration.get("level"))
    return name if level is None else f"{name}:{level}"
