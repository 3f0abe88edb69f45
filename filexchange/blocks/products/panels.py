"""The blocks of a product of matrices, and the parts of rows and columns that each is made from."""

import contextlib
import dataclasses
import math
import threading
from dataclasses import dataclass
from typing import Any

from filexchange.aliases import DType, Shape
from filexchange.blocks.execution.jobs import kept_block
from filexchange.blocks.execution.options import Settings
from filexchange.blocks.execution.planning import Plan
from filexchange.blocks.execution.workers import are_threads
from filexchange.blocks.products.gemm import Factors, Multiply
from filexchange.blocks.products.shapes import Cost, Product, product_block
from filexchange.blocks.storage.broadcasting import own_part
from filexchange.blocks.storage.grid import Grid, region_shape
from filexchange.blocks.storage.sources import Source
from filexchange.blocks.storage.targets import Layout
from filexchange.geometry import BLOCK_BYTES, block_shape
from filexchange.ref import ArrayRef

#: How many blocks BLAS gets at a time, which uses all cores itself: one is multiplied while the
#: other is read or written.
BLAS_TASKS = 2

# What BLAS takes for itself; of the budget it gets a part, if that is less.
_BLAS_BUFFER, _BLAS_PART = 32 << 20, 4

# Larger blocks are read faster than they are multiplied by far.
_BLAS_BYTES = 256 << 20

# Of a chunk of a new file.
_CHUNK_ELEMENTS = 1 << 20


def planned_panels(
    left: Source,
    right: Source,
    product: Product,
    target: Layout,
    multiply: Multiply,
    settings: Settings,
) -> "tuple[Panels, Layout]":
    """Return the blocks, and the output with chunks that suit them."""
    made = multiply.dtype.itemsize
    if multiply.result != multiply.dtype:
        made += multiply.result.itemsize
    cost = Cost(made, *(_read_bytes(each.dtype, multiply.dtype) for each in (left, right)))
    budget = settings.budget - target.memory
    if target.is_new:
        chunks = product.result(_chunks(product, cost, budget))
        target = dataclasses.replace(target, new_chunks=chunks)
    units = product.full(target.chunks or (1,) * len(product.shape))
    # What is sent with a task is in memory all at once.
    is_sent = not all(isinstance(each.array, ArrayRef) for each in (left, right))
    least = product.inner if is_sent and not are_threads(settings.executor) else 1
    rows, inner = (left.chunks or (1, 1))[-2:] if product.has_rows else (1, 1)
    other, columns = (right.chunks or (1, 1))[-2:] if product.has_columns else (1, 1)
    most = min(BLOCK_BYTES, budget // BLAS_TASKS)
    if multiply.uses_blas:
        buffer = min(_BLAS_BUFFER, budget // _BLAS_PART)
        most = min(_BLAS_BYTES, (budget - buffer) // BLAS_TASKS)
    block, depth = product_block(
        product, units, (least, math.lcm(inner, other)), (rows, columns), cost, most
    )
    kept = kept_block(settings.resume, [target])
    if kept is not None and len(kept) == len(product.shape):
        block = product.full(kept)
    is_alone = multiply.uses_blas and settings.executor is None
    turn = threading.Lock() if is_alone else contextlib.nullcontext()
    panels = Panels(left, right, product, cost, block, depth, is_alone, turn)
    target.check_aligned(panels.grid.block)
    return panels, target


def _chunks(product: Product, cost: Cost, budget: int) -> Shape:
    """Return the shape of chunks, with all axes, of about a million elements that are square.

    Smaller ones if blocks of them would not fit the budget.
    """
    elements = _CHUNK_ELEMENTS
    while True:
        side = math.isqrt(elements)
        rows = max(1, min(product.rows, max(side, elements // max(1, product.columns))))
        columns = max(1, min(product.columns, elements // rows))
        batch = block_shape(product.batch, rows * columns, elements)
        chunk = (*batch, rows, columns)
        if elements == 1 or cost.memory(chunk, min(1, product.inner), product.inner) <= budget:
            return chunk
        elements //= 2


def _read_bytes(read: DType, used: DType) -> int:
    return read.itemsize + (0 if read == used else used.itemsize)


@dataclass(frozen=True, slots=True)
class Panels:
    """The blocks of a product, and what each is made from.

    Attributes
    ----------
    left, right : Source
    product : Product
    cost : Cost
    block : tuple of int
        Shape of the blocks, with all axes.
    depth : int
        Length of the parts of rows and columns.
    is_alone : bool
        Whether one block is multiplied at a time.
    turn : context manager
        Held to multiply.
    """

    left: Source
    right: Source
    product: Product
    cost: Cost
    block: Shape
    depth: int
    is_alone: bool
    turn: contextlib.AbstractContextManager[Any]

    @property
    def whole(self) -> Grid:
        """Blocks with the axes that vectors have not."""
        product = self.product
        return Grid((*product.batch, product.rows, product.columns), self.block)

    @property
    def grid(self) -> Grid:
        """Blocks of the result."""
        return Grid(self.product.shape, self.product.result(self.block))

    def task(self, number: int) -> Factors:
        """Return the task of a block."""
        *batch, rows, columns = region = self.whole[number]
        left, right = [], []
        for (step,) in Grid((self.product.inner,), (self.depth,)):
            first = own_part((*batch, rows, step), self.left.shape)
            ends = (step, columns) if self.product.has_columns else (step,)
            second = own_part((*batch, *ends), self.right.shape)
            left.append(self.left.piece(first))
            right.append(self.right.piece(second))
        shape = region_shape(self.grid[number])
        return Factors(tuple(left), tuple(right), region_shape(region), shape, self.turn)

    def plan(self, target: Layout, budget: int) -> Plan:
        """Return what is to be done.

        Raises
        ------
        MemoryBudgetError
            If a block does not fit.
        """
        *batch, rows, columns = self.whole.counts
        return Plan(
            operation="matmul",
            blocks=len(self.grid),
            block_shape=self.grid.block,
            block_memory=self.cost.memory(self.block, self.depth, self.product.inner),
            memory=budget,
            bytes_read=self._read(self.left, batch, columns) + self._read(self.right, batch, rows),
            bytes_written=target.nbytes,
            result_memory=target.memory,
            temporary=target.temporary,
        )

    def _read(self, source: Source, batch: list[int], times: int) -> int:
        """Return the bytes read of one array, whose matrices are read so many times."""
        own = source.shape[:-2]
        for length, whole, count in zip(
            own[::-1], self.product.batch[::-1], batch[::-1], strict=False
        ):
            times *= count if length < whole else 1
        times *= math.prod(batch[: len(batch) - len(own)])
        return times * math.prod(source.shape) * source.dtype.itemsize
