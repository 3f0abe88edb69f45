"""Stacks of images, read by imageio: the files of a directory, or the pages of one file."""

import os
from typing import Any

import numpy as np

from filexchange.aliases import Array
from filexchange.errors import (
    BadArrayFileError,
    MissingDependencyError,
    UnknownFormatError,
    UnsupportedArrayError,
)
from filexchange.formats import format_of

#: Of the files that are taken for images.
SUFFIXES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".gif", ".bmp", ".webp")


def find(path: str) -> tuple[str, ...]:
    """Return the image files that `path` is or, as a directory, has; none if it is something else.

    Those of a directory are in the order of their names.
    """
    if os.path.isfile(path):
        return (path,) if _is_image(path) else ()
    if not os.path.isdir(path) or is_array(path):
        return ()
    return tuple(os.path.join(path, name) for name in sorted(os.listdir(path)) if _is_image(name))


def read(paths: tuple[str, ...]) -> Array:
    """Return images as one array; if there are several, its first axis is that of the images.

    A file may hold one array that is a stack already.

    Raises
    ------
    MissingDependencyError
        If imageio is not installed.
    BadArrayFileError
        If it cannot read one of them.
    UnsupportedArrayError
        If they have different shapes or dtypes.
    """
    frames = [frame for path in paths for frame in _frames(path)]
    kinds = {(frame.shape, str(frame.dtype)) for frame in frames}
    if len(kinds) > 1:
        listed = ", ".join(f"{dtype} {shape}" for shape, dtype in sorted(kinds)[:4])
        raise UnsupportedArrayError(
            f"the images in {os.path.dirname(paths[0])!r} make no stack, for they differ: {listed}"
        )
    return frames[0] if len(frames) == 1 else np.stack(frames)


def is_array(path: str) -> bool:
    """Return whether the suffix of a path is that of a format."""
    try:
        format_of(path)
    except UnknownFormatError:
        return False
    return True


def _frames(path: str) -> list[Array]:
    imageio = _imageio()
    try:
        with open(path, "rb") as file:  # which imageio does not close if it cannot read it
            suffix = os.path.splitext(path)[1]
            return [np.asarray(frame) for frame in imageio.imiter(file, extension=suffix)]
    except Exception as error:  # the library behind it may raise anything
        why = str(error).partition("\n")[0]  # plug-ins that might help follow, and so do others
        raise BadArrayFileError(
            f"imageio cannot read the image {path!r} ({type(error).__name__}: {why}): repair it or "
            "take it away"
        ) from error


def _imageio() -> Any:
    try:
        import imageio.v3  # noqa: PLC0415 - need not be installed
    except ImportError as error:
        raise MissingDependencyError(
            "image stacks need the package imageio: pip install imageio"
        ) from error
    return imageio.v3


def _is_image(path: str) -> bool:
    return path.lower().endswith(SUFFIXES)
