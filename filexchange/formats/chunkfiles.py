"""Arrays whose chunks are files of their own, in which the elements lie as in memory.

They can be read and written in part, by calls of the system, without the format's library.
"""

from collections.abc import Callable
from dataclasses import dataclass

from filexchange.aliases import Array, Shape


@dataclass(frozen=True, slots=True)
class ChunkFiles:
    """Where the chunks of an array lie.

    Attributes
    ----------
    path : str
        Of the file or directory that has the array, which errors in writing are about.
    chunks : tuple of int
        Shape of each chunk. Those at the end of an axis are as long as the others in their files.
    fill : ndarray
        Without axes: the value, of the array's dtype, of all elements of a chunk without a file.
    find : callable
        ``find(position)`` returns the path of the chunk at that position of the grid, whether or
        not there is a file. It raises `BadArrayFileError` for what is no regular file.
    """

    path: str
    chunks: Shape
    fill: Array
    find: Callable[[Shape], str]
