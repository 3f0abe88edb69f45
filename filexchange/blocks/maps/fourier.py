"""Fourier transforms, one axis after the other."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, Unpack

import numpy as np

from filexchange.aliases import Array
from filexchange.blocks.execution.options import Options, Settings
from filexchange.blocks.maps.applying import applied

#: How a Fourier transform is scaled, as NumPy calls it.
Norm: TypeAlias = Literal["backward", "ortho", "forward"]


def fft2(
    a: Any,
    axes: Sequence[int] = (-2, -1),
    *,
    norm: Norm | None = None,
    out: Any = None,
    overwrite: bool = False,
    **options: Unpack[Options],
) -> Any:
    """Return the two-dimensional Fourier transform; NumPy's `fft.fft2`.

    Parameters
    ----------
    a : ArrayRef, path, ndarray or lazy array
    axes : sequence of int, optional
        Those that are transformed, the last one first: two, or as many as there are.
    norm : {"backward", "ortho", "forward"}, optional
        As of NumPy.
    out, overwrite, **options
        As of :func:`apply_over_axes`.

    Returns
    -------
    ArrayRef or ndarray
        Complex, of single precision if `a` is.

    Examples
    --------
    >>> from filexchange import blocks
    >>> image = fx.save("image.npy", np.eye(4, dtype="f4"))
    >>> found = blocks.fft2(image, out="spectrum.npy", memory="64MB")
    >>> found.dtype, bool(np.allclose(found.load(), np.fft.fft2(np.eye(4))))
    (dtype('complex64'), True)
    """
    order = tuple(axes)[::-1]
    return applied("fft2", _Fourier(norm), a, order, out, None, overwrite, Settings(**options))


@dataclass(frozen=True, slots=True)
class _Fourier:
    norm: Norm | None

    def __call__(self, block: Array, axis: int) -> Array:
        return np.fft.fft(block, axis=axis, norm=self.norm)
