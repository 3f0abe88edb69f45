"""The metadata documents of Zarr arrays: written in version 3, read in versions 2 and 3.

A document is checked before Zarr sees it, so that no codec that runs or unpickles what it finds
is ever made, and nothing is allocated on its word.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from zarr.core.metadata import ArrayV2Metadata, ArrayV3Metadata

from filexchange.aliases import Shape
from filexchange.errors import AttrsError, BadArrayFileError, UnsupportedArrayError
from filexchange.formats.base import StoredArray, WriteOptions
from filexchange.formats.growing import ENDLESS, check_chunked_growth, check_unit
from filexchange.formats.zarr_codecs import codec_documents, codec_names, grid, keeps_bytes
from filexchange.formats.zarr_dtypes import (
    data_type,
    dtype_note,
    handle_dtype,
    noted_dtype,
    shardable_dtype,
    spelled_as_integers,
)

#: Attribute in which filexchange keeps what Zarr has no field for.
RESERVED = "filexchange"

#: Bytes of the largest document that is read; consolidated ones describe whole hierarchies.
MAX_DOCUMENT = 64 << 20

GROUP: Mapping[str, Any] = MappingProxyType(
    {"zarr_format": 3, "node_type": "group", "attributes": {}}
)

_GROWS = "grows"
_MAX_NDIM = 64

# Filters may store elements as wider ones, bytes as doubles; codecs add a little to every chunk.
_MAX_GROWTH = 8
_OVERHEAD = 4096
_INDEX_ENTRY = 16 + _OVERHEAD


def encode(document: Mapping[str, Any]) -> bytes:
    """Return a document as the bytes of its file.

    Raises
    ------
    AttrsError
        If it is too large to be read again.
    """
    data = json.dumps(dict(document), indent=2, allow_nan=False).encode()
    if len(data) > MAX_DOCUMENT:
        raise AttrsError(
            f"attrs need {len(data)} bytes of Zarr metadata, and at most {MAX_DOCUMENT} are "
            "possible: save large metadata as an array"
        )
    return data


def decode(data: bytes, name: str) -> dict[str, Any]:
    """Return the document that the file `name` of a store holds.

    Raises
    ------
    BadArrayFileError
        If it is not a JSON object.
    """
    if len(data) > MAX_DOCUMENT:
        raise BadArrayFileError(f"{name!r} has more than {MAX_DOCUMENT} bytes of metadata")
    try:
        # NaN and infinities are not JSON; as strings they still are fill values.
        document = json.loads(data, parse_constant=str)
    except (ValueError, RecursionError) as error:
        raise BadArrayFileError(f"{name!r} is not JSON: {error}") from error
    if not isinstance(document, dict):
        raise BadArrayFileError(f"{name!r} is not a JSON object")
    return document


def array_document(shape: Shape, dtype: Any, options: WriteOptions) -> dict[str, Any]:
    """Return the document of a new array, of version 3.

    Raises
    ------
    UnsupportedOptionError
        If chunks or shards do not fit the shape or each other.
    AttrsError
        If `attrs` have the name that is reserved.
    """
    if RESERVED in options.attrs:
        raise AttrsError(f"attrs have {RESERVED!r}, which is reserved: use another name")
    chunks, shards = grid(options, shape, dtype.itemsize)
    handle = handle_dtype(dtype) if shards is None else shardable_dtype(handle_dtype(dtype))
    stored, note = data_type(handle), dtype_note(dtype, handle)
    return {
        "zarr_format": 3,
        "node_type": "array",
        "shape": list(shape),
        "data_type": stored.name,
        "chunk_grid": {
            "name": "regular",
            "configuration": {"chunk_shape": list(chunks if shards is None else shards)},
        },
        "chunk_key_encoding": {"name": "default", "configuration": {"separator": "/"}},
        "fill_value": stored.zero,
        "codecs": codec_documents(
            stored.endian, options.compression, dtype.itemsize, None if shards is None else chunks
        ),
        "attributes": {**options.attrs, **({RESERVED: note} if note else {})},
    }


def growing_document(item_shape: Shape, dtype: Any, options: WriteOptions) -> dict[str, Any]:
    """Return the document of a new array of no items; its chunks are those of an endless one."""
    check_chunked_growth(options)
    document = array_document((ENDLESS, *item_shape), dtype, options)
    check_unit(document["chunk_grid"]["configuration"]["chunk_shape"], dtype.itemsize)
    return grown(document, 0)


def grown(document: Mapping[str, Any], length: int) -> dict[str, Any]:
    """Return the document of an array that has another length, and says that it grows."""
    attributes = document.get("attributes", {})
    note = {**attributes.get(RESERVED, {}), _GROWS: True}
    return {
        **document,
        "shape": [length, *document["shape"][1:]],
        "attributes": {**attributes, RESERVED: note},
    }


def grows(metadata: ArrayV2Metadata | ArrayV3Metadata) -> bool:
    """Return whether an array is one that :func:`grown` has made."""
    note = metadata.attributes.get(RESERVED)
    return isinstance(note, dict) and bool(note.get(_GROWS))


def parse_array(
    document: dict[str, Any], key: str | None, path: str
) -> tuple[StoredArray, ArrayV2Metadata | ArrayV3Metadata]:
    """Return what the document of the array `key` in `path` says, in our words and in Zarr's.

    Raises
    ------
    BadArrayFileError, UnsupportedArrayError
        If it is malformed, or of elements that are not plain bytes. Zarr's own errors pass.
    """
    try:
        return _parse_array(document, key)
    except (BadArrayFileError, UnsupportedArrayError) as error:
        name = path if key is None else f"{path}:{key}"
        raise type(error)(f"{name!r} is not readable: {error}") from error


def _parse_array(
    document: dict[str, Any], key: str | None
) -> tuple[StoredArray, ArrayV2Metadata | ArrayV3Metadata]:
    shape = _checked_shape(document.get("shape"))
    attrs, note = _split_attributes(document.get("attributes", {}))
    compression = codec_names(document)
    document, implied = spelled_as_integers(document)
    metadata = _zarr_metadata(document)
    native = metadata.dtype.to_native_dtype()
    dtype = noted_dtype(native, implied or note)
    if dtype != native and dtype.newbyteorder("<") == native:
        metadata = replace(metadata, data_type=replace(metadata.dtype, endianness="big"))
    if math.prod(n or 1 for n in shape) * dtype.itemsize >= 1 << 63:
        raise BadArrayFileError(f"shape {shape} of {dtype.itemsize} bytes each exceeds any file")
    chunks, shards = metadata.chunks, metadata.shards
    if shards is not None and shardable_dtype(native) is not native:
        raise UnsupportedArrayError(
            "it has shards of raw bytes, which Zarr's Python package cannot read: write it without "
            "shards with the program that wrote it"
        )
    for unit in (chunks, shards or chunks):
        if any(n < 1 <= length for n, length in zip(unit, shape, strict=True)):
            raise BadArrayFileError(f"chunks {unit} have a length that is not positive")
    stored = StoredArray(
        key,
        shape,
        dtype,
        chunks=chunks,
        shards=shards,
        compression=compression,
        attrs=MappingProxyType(attrs),
    )
    return stored, metadata


def largest_file(metadata: ArrayV2Metadata | ArrayV3Metadata) -> int:
    """Return the most bytes that a chunk of an array, or a shard of them, takes in its file."""
    elements = math.prod(metadata.shards or metadata.chunks)
    index = _INDEX_ENTRY * elements // max(1, math.prod(metadata.chunks)) if metadata.shards else 0
    itemsize = metadata.dtype.to_native_dtype().itemsize
    return _MAX_GROWTH * elements * itemsize + index + _OVERHEAD


def lies_plain(metadata: ArrayV2Metadata | ArrayV3Metadata) -> bool:
    """Return whether the bytes of each chunk are those of its elements in memory, in C order."""
    if metadata.fill_value is None or metadata.shards is not None:
        return False
    if isinstance(metadata, ArrayV2Metadata):
        return metadata.order == "C" and not metadata.filters and metadata.compressor is None
    codecs = [codec.to_dict() for codec in metadata.codecs]
    return len(codecs) == 1 and keeps_bytes(codecs[0], metadata.dtype.to_native_dtype())


def _split_attributes(attributes: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the user's attrs and what filexchange has noted."""
    if not isinstance(attributes, dict):
        raise BadArrayFileError(f"its attributes are {type(attributes).__name__}, not an object")
    note = attributes.get(RESERVED, {})
    if not isinstance(note, dict):
        raise BadArrayFileError(f"its attribute {RESERVED!r} is {note!r}, not an object")
    return {name: value for name, value in attributes.items() if name != RESERVED}, note


def _checked_shape(shape: Any) -> Shape:
    if not isinstance(shape, list) or not all(type(n) is int and n >= 0 for n in shape):
        raise BadArrayFileError(f"shape {str(shape)[:80]} is not a list of lengths")
    if len(shape) > _MAX_NDIM:
        raise BadArrayFileError(f"it has {len(shape)} axes; at most {_MAX_NDIM} are possible")
    return tuple(shape)


def _zarr_metadata(document: dict[str, Any]) -> Any:
    if document.get("zarr_format") == 3:  # noqa: PLR2004 - the version
        if document.get("storage_transformers"):
            raise BadArrayFileError("it has storage transformers, which Zarr cannot undo")
        return ArrayV3Metadata.from_dict(document)
    if "|O" in json.dumps(document.get("dtype")):
        raise UnsupportedArrayError(
            "its elements are Python objects, which may run code when they are read: convert the "
            "array to a numeric dtype or to fixed-width strings with the program that wrote it"
        )
    if document.get("filters") == []:  # by others; Zarr would warn
        document = {**document, "filters": None}
    return ArrayV2Metadata.from_dict(document)
