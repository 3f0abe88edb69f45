"""Formats with their options, as they are spelled."""

from pathlib import Path

import numpy as np
import pytest

from filexchange.benchmark import DEFAULT_WAYS, Recipe
from filexchange.errors import UnknownFormatError, UnsupportedOptionError


@pytest.mark.parametrize("name", DEFAULT_WAYS)
def test_each_default_way_writes_what_its_name_says(name: str, tmp_path: Path) -> None:
    array = np.arange(1000.0).reshape(50, 20)
    way = Recipe.of(name)
    ref = way.save(str(tmp_path / f"a{way.suffix}"), array)
    format, *words = name.split(":")
    assert ref.format == format
    assert (ref.shards is not None) == ("sharded" in words)
    assert (ref.chunks is not None) == (format == "zarr" or (bool(words) and format == "hdf5"))
    codecs = {"lzf", "gzip", "bitshuffle", "blosc2-zstd", "blosc", "zstd", "deflate"}
    assert (ref.compression is not None) == bool(codecs.intersection(words))
    assert ref.path.endswith(".zip") == ("zip" in words)
    np.testing.assert_array_equal(ref.load(), array)


def test_layout_codec_and_level_go_together() -> None:
    way = Recipe.of(" zarr:zip:sharded:zstd:5 ")
    assert way.name == "zarr:zip:sharded:zstd:5"
    assert way.options == {"shards": "auto", "compression": "zstd:5"}
    assert way.suffix == ".zarr.zip"
    assert Recipe.of("zarr:none").options == Recipe.of("npz:stored").options == {}


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("hdf5:lzma", "lzma"),
        ("hdf5:gzip:99", "0 to 9"),
        ("npy:zstd", "hdf5"),
        ("npy:chunked", "zarr"),
        ("hdf5:sharded", "zarr"),
        ("hdf5:zip", "zarr"),
        ("zarr:none:zstd", "leave out"),
    ],
)
def test_what_a_format_has_not_is_refused(name: str, message: str) -> None:
    with pytest.raises(UnsupportedOptionError, match=message):
        Recipe.of(name)


def test_unknown_formats_are_refused() -> None:
    with pytest.raises(UnknownFormatError, match="parquet"):
        Recipe.of("parquet")
