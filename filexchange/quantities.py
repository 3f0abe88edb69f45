"""Times, rates and ratios as people read them, all with three digits."""


def format_seconds(seconds: float) -> str:
    """Return a time with its unit.

    Examples
    --------
    >>> format_seconds(0.0031416), format_seconds(2.5e-5), format_seconds(12)
    ('3.14 ms', '25.0 µs', '12.0 s')
    """
    for unit, scale in (("s", 1), ("ms", 1e3), ("µs", 1e6)):
        if seconds * scale >= 0.9995 or unit == "µs":  # noqa: PLR2004 - what rounds to 1
            break
    return f"{three_digits(seconds * scale)} {unit}"


def format_rate(bytes_per_second: float) -> str:
    """Return bytes per second in powers of 1000.

    Examples
    --------
    >>> format_rate(5.2e9), format_rate(120e6)
    ('5.20 GB/s', '120 MB/s')
    """
    unit, scale = ("GB/s", 1e9) if bytes_per_second >= 999.5e6 else ("MB/s", 1e6)  # noqa: PLR2004 - what rounds to 1000
    return f"{three_digits(bytes_per_second / scale)} {unit}"


def format_times(ratio: float) -> str:
    """Return how many times something is something else.

    Examples
    --------
    >>> format_times(2.0412), format_times(31.4)
    ('2.04x', '31.4x')
    """
    return f"{three_digits(ratio)}x"


def three_digits(value: float) -> str:
    """Return a number with three digits, and no more than two decimals.

    Examples
    --------
    >>> three_digits(3.14159), three_digits(31.4159), three_digits(31415.9)
    ('3.14', '31.4', '31416')
    """
    return f"{value:.{2 if value < 9.995 else 1 if value < 99.95 else 0}f}"  # noqa: PLR2004 - what rounds to 10.0 and 100
