"""On-disk formats, one a module."""

from filexchange.formats.base import Compression, Format, StoredArray, WriteOptions
from filexchange.formats.flat import source_chunks
from filexchange.formats.registry import (
    available_formats,
    format_of,
    formats_that,
    get_format,
    register_format,
)

__all__ = [
    "Compression",
    "Format",
    "StoredArray",
    "WriteOptions",
    "available_formats",
    "format_of",
    "formats_that",
    "get_format",
    "register_format",
    "source_chunks",
]
