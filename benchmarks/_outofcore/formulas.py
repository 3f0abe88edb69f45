"""The functions of blocks that all contenders are given, each the fastest that NumPy has."""

from typing import Any

import numpy as np

#: The same as `formula`, for those who compile expressions.
EXPRESSION = "sqrt(abs(x)) * 2 + 1"


def formula(x: Any) -> Any:
    """Return an element-wise function of `x`, with one temporary array: the result."""
    y = np.abs(x)
    np.sqrt(y, out=y)
    y *= 2
    y += 1
    return y


def unit_rows(x: Any) -> Any:
    """Return the rows of `x` over their length, computed in float32."""
    y = x.astype(np.float32)
    y /= np.sqrt(np.vecdot(y, y))[:, None]
    return y.astype(x.dtype)


def fft_rows(x: Any) -> Any:
    return np.fft.fft(x, axis=1)


QUANTILES = (0.01, 0.25, 0.5, 0.75, 0.99)
