"""Ways as they are spelled."""

import pytest

from filexchange.benchmark import DEFAULT_WAYS
from filexchange.errors import UnsupportedOptionError
from filexchange.tuning import WAYS, Way

_LONG = "zarr:zip:sharded:zstd:5"


@pytest.mark.parametrize("text", sorted({*map(str, WAYS), *DEFAULT_WAYS, _LONG}))
def test_a_way_is_spelled_as_it_is_read(text: str) -> None:
    assert str(Way.parse(text)) == text


def test_what_goes_without_saying_is_left_out() -> None:
    assert Way.parse(" hdf5:contiguous ") == Way.parse("hdf5:none") == Way("hdf5")


def test_a_way_has_a_format() -> None:
    with pytest.raises(UnsupportedOptionError, match="like zarr:zstd"):
        Way.parse(":zstd")


def test_a_codec_and_none_exclude_each_other() -> None:
    with pytest.raises(UnsupportedOptionError, match="leave out"):
        Way.parse("npz:stored:deflate")
