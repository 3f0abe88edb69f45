"""Sizes in bytes as people write them: ``16MB``, ``1GiB``, ``500k``."""

import re

from filexchange.errors import UnsupportedOptionError

_SIZE = re.compile(
    r"(?P<number>\d+(?:\.\d+)?)\s*(?P<prefix>[kmgt]?)(?P<binary>i?)b?", re.IGNORECASE
)
_PREFIXES = ("", "k", "m", "g", "t")


def parse_size(text: str) -> int:
    """Return the bytes that `text` means: a number, with ``k``, ``MB``, ``GiB`` and so on.

    ``k``, ``M``, ``G`` and ``T`` are powers of 1000, with an ``i`` powers of 1024; case and the
    final ``B`` do not matter.

    Raises
    ------
    UnsupportedOptionError
        If it is not a size of at least one byte.

    Examples
    --------
    >>> parse_size("16MB"), parse_size("1GiB"), parse_size("1.5k"), parse_size("4096")
    (16000000, 1073741824, 1500, 4096)
    """
    match = _SIZE.fullmatch(text.strip())
    prefix = match["prefix"].lower() if match else ""
    size = (
        int(float(match["number"]) * (1024 if match["binary"] else 1000) ** _PREFIXES.index(prefix))
        if match and (prefix or not match["binary"])
        else 0
    )
    if size < 1:
        raise UnsupportedOptionError(
            f"size {text!r} is not a number of bytes: write it like 500k, 16MB, 1.5GB or 1GiB"
        )
    return size


def format_size(nbytes: float) -> str:
    """Return `nbytes` with three digits and a unit, in powers of 1000.

    Examples
    --------
    >>> format_size(280), format_size(16_000_000), format_size(1 << 30)
    ('280 B', '16.0 MB', '1.07 GB')
    """
    if nbytes < 999.5:  # noqa: PLR2004 - what rounds to 1000 is written with the next unit
        return f"{nbytes:.0f} B"
    for unit in ("kB", "MB", "GB", "TB"):
        nbytes /= 1000
        if nbytes < 999.5 or unit == "TB":  # noqa: PLR2004 - as above
            break
    return f"{nbytes:.{max(0, 2 - (nbytes >= 9.995) - (nbytes >= 99.95))}f} {unit}"  # noqa: PLR2004 - three digits
