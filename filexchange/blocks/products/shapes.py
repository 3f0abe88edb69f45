"""Shapes of matrix products, and of the blocks that one is made of: pure geometry."""

import bisect
import math
from dataclasses import dataclass

from filexchange.aliases import Shape
from filexchange.blocks.storage.broadcasting import broadcast_shape
from filexchange.errors import UnsupportedOptionError
from filexchange.geometry import BLOCK_BYTES, block_shape

#: Rows of a product that are made at a time and added to what is there.
STRIP = 1024

# Parts of the inner axis have this length, so that adding is little beside multiplying, or of the
# smaller matrix so many elements, where that is longer.
_INNER, _PART_ELEMENTS = 2048, 1 << 18


@dataclass(frozen=True, slots=True)
class Product:
    """What two arrays make, with NumPy's meaning of `matmul`.

    Attributes
    ----------
    batch : tuple of int
        Axes before the matrices, broadcast.
    rows, inner, columns : int
        Lengths of the matrices; 1 for what a vector has not.
    has_rows, has_columns : bool
        Whether the first and the second are matrices.
    """

    batch: Shape
    rows: int
    inner: int
    columns: int
    has_rows: bool
    has_columns: bool

    @classmethod
    def of(cls, a: Shape, b: Shape) -> "Product":
        """Return the product of arrays of these shapes.

        Raises
        ------
        UnsupportedOptionError
            If they have none.

        Examples
        --------
        >>> Product.of((5, 2, 3), (3,)).shape
        (5, 2)
        """
        if not a or not b:
            raise UnsupportedOptionError(
                f"matmul of shapes {a} and {b}: give arrays of one axis or more; numbers are "
                "multiplied by map_blocks(np.multiply, ...)"
            )
        first, second = (a if len(a) > 1 else (1, *a)), (b if len(b) > 1 else (*b, 1))
        if first[-1] != second[-2]:
            raise UnsupportedOptionError(
                f"matmul of shapes {a} and {b}: the last axis of the first has length {first[-1]}, "
                f"and that of the second it is multiplied with {second[-2]}; they must be equal"
            )
        batch = broadcast_shape([first[:-2], second[:-2]])
        return cls(batch, first[-2], first[-1], second[-1], len(a) > 1, len(b) > 1)

    @property
    def shape(self) -> Shape:
        """Of the result."""
        return self.result((*self.batch, self.rows, self.columns))

    def result(self, block: tuple[int, ...]) -> Shape:
        """Return the shape that a block has in the result: without the axes vectors have not."""
        *batch, rows, columns = block
        return (*batch, *[rows] * self.has_rows, *[columns] * self.has_columns)

    def full(self, block: Shape) -> Shape:
        """Return a shape in the result with the axes that vectors have not, of length 1."""
        ends = list(block[len(self.batch) :])
        rows = ends.pop(0) if self.has_rows else 1
        return (*block[: len(self.batch)], rows, ends.pop() if self.has_columns else 1)


@dataclass(frozen=True, slots=True)
class Cost:
    """Bytes of what a block is made with.

    Attributes
    ----------
    total, left, right : int
        Of an element of the block, and of what is read of the first and the second array.
    """

    total: int
    left: int
    right: int

    def memory(self, block: Shape, depth: int, inner: int) -> int:
        """Return the bytes for a block whose inner axis is read in parts of this length."""
        *batch, rows, columns = block
        strip = min(rows, STRIP) if depth < inner else 0
        made = (rows + strip) * columns * self.total
        return math.prod(batch) * (made + depth * (rows * self.left + columns * self.right))


def product_block(
    product: Product,
    units: Shape,
    inners: tuple[int, int],
    wishes: tuple[int, int],
    cost: Cost,
    most: int,
) -> tuple[Shape, int]:
    """Return the shape of blocks of a product, and of what length parts of the inner axis are.

    Blocks are about square, since each row and column that is read serves the whole block.

    Parameters
    ----------
    product : Product
    units : tuple of int
        What blocks consist of, with all axes.
    inners : (int, int)
        The least length of parts of the inner axis, and what it is a multiple of if that fits.
        Shorter ones than usual are taken only where blocks would be narrow.
    wishes : (int, int)
        What lengths of rows and columns are multiples of if that fits.
    cost : Cost
    most : int
        Bytes of a block; units alone may take more.

    Examples
    --------
    >>> square = Product.of((6000, 6000), (6000, 6000))
    >>> product_block(square, (1, 1), (1, 1), (1, 1), Cost(4, 4, 4), 64_000_000)
    ((2000, 2000), 2048)
    """
    depth = _depth(product, *inners)
    while True:
        size = _side(product, units, depth, cost, most)
        enough = max(1, min(depth // 4, max(product.rows, product.columns)))
        if depth <= inners[0] or size >= enough:
            break
        depth = max(inners[0], depth // 2)
    rows, columns = (
        _balanced(max(unit, size // unit * unit), whole, unit, wish)
        for unit, whole, wish in zip(
            units[-2:], (product.rows, product.columns), wishes, strict=True
        )
    )
    batch = units[:-2]
    if rows >= product.rows and columns >= product.columns:
        each = cost.memory((rows, columns), depth, product.inner)
        batch = block_shape(product.batch, max(1, each), min(most, BLOCK_BYTES), batch)
    return (*batch, rows, columns), depth


def _depth(product: Product, least: int, wish: int) -> int:
    """Return how long parts of the inner axis should be; it does not depend on the budget."""
    smaller = max(1, min(product.rows, product.columns))
    depth = max(least, _INNER, _PART_ELEMENTS // smaller)
    return max(1, min(product.inner, depth // wish * wish or depth))


def _side(product: Product, units: Shape, depth: int, cost: Cost, most: int) -> int:
    """Return the longest side of square blocks of whole units within the limit; 0 if none is."""
    *batch, row_unit, column_unit = units

    def memory(size: int) -> int:
        rows = min(product.rows, max(row_unit, size // row_unit * row_unit))
        columns = min(product.columns, max(column_unit, size // column_unit * column_unit))
        return cost.memory((*batch, rows, columns), depth, product.inner)

    sizes = range(1, max(product.rows, product.columns, 1) + 1)
    return bisect.bisect_right(sizes, most, key=memory)


def _balanced(longest: int, whole: int, unit: int, wish: int) -> int:
    """Return the length of as many equal blocks, of whole units, and of wished ones if it fits."""
    if longest >= whole:
        return max(1, whole)
    even = -(-whole // -(-whole // longest))
    both = math.lcm(unit, wish)
    step = both if -(-even // both) * both <= longest else unit
    return -(-even // step) * step
