"""On-disk formats, one a module."""

from filexchange.formats.base import Compression, Format, Growing, StoredArray, WriteOptions
from filexchange.formats.blocks import copy_blocks
from filexchange.formats.chunkfiles import ChunkFiles
from filexchange.formats.flat import memory_order, nbytes_of, source_chunks
from filexchange.formats.registry import (
    available_formats,
    format_by_suffix,
    format_of,
    formats_that,
    get_format,
    register_format,
)

__all__ = [
    "ChunkFiles",
    "Compression",
    "Format",
    "Growing",
    "StoredArray",
    "WriteOptions",
    "available_formats",
    "copy_blocks",
    "format_by_suffix",
    "format_of",
    "formats_that",
    "get_format",
    "memory_order",
    "nbytes_of",
    "register_format",
    "source_chunks",
]
