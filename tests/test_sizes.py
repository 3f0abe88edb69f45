"""Sizes as people write and read them."""

import pytest

from filexchange.errors import UnsupportedOptionError
from filexchange.sizes import format_size, parse_size


@pytest.mark.parametrize(
    ("text", "nbytes"),
    [
        ("1", 1),
        ("500k", 500_000),
        ("500 kB", 500_000),
        (" 16mb ", 16_000_000),
        ("2KiB", 2048),
        ("1.5GiB", 3 << 29),
        ("2T", 2 * 10**12),
        ("7B", 7),
    ],
)
def test_sizes_with_units_are_bytes(text: str, nbytes: int) -> None:
    assert parse_size(text) == nbytes


@pytest.mark.parametrize("text", ["", "MB", "-1MB", "0", "0.1", "1e6", "16 megs", "3iB", "1,5MB"])
def test_what_is_no_size_is_named_with_examples(text: str) -> None:
    with pytest.raises(UnsupportedOptionError, match=r"size .* 16MB"):
        parse_size(text)


@pytest.mark.parametrize(
    ("nbytes", "text"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.00 kB"),
        (9_994, "9.99 kB"),
        (9_996, "10.0 kB"),
        (99_960, "100 kB"),
        (999_600, "1.00 MB"),
        (16_000_000, "16.0 MB"),
        (5 * 10**15, "5000 TB"),
    ],
)
def test_three_digits_are_shown(nbytes: int, text: str) -> None:
    assert format_size(nbytes) == text
