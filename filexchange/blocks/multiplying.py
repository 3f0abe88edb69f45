"""Products of matrices, each block of which stays in memory until it is complete."""

import dataclasses
import math
from dataclasses import dataclass
from typing import Any, Unpack

import numpy as np

from filexchange.aliases import Array, DType, Shape
from filexchange.blocks.broadcasting import own_part
from filexchange.blocks.filling import fill
from filexchange.blocks.grid import Grid, region_shape
from filexchange.blocks.jobs import kept_block
from filexchange.blocks.options import Options, Settings
from filexchange.blocks.planning import Plan
from filexchange.blocks.products import STRIP, Cost, Product, product_block, product_chunks
from filexchange.blocks.sources import Piece, Source, as_source
from filexchange.blocks.targets import Layout, layout
from filexchange.blocks.workers import are_threads
from filexchange.errors import UnsupportedArrayError
from filexchange.geometry import BLOCK_BYTES
from filexchange.ref import ArrayRef

# What NumPy multiplies by BLAS, which uses all cores itself. Of two blocks one is multiplied while
# the other is read or written.
_BLAS = "fdFD"
_BLAS_TASKS = 2

# Larger blocks are read faster than they are multiplied by far.
_BLAS_BYTES = 256 << 20


def matmul(
    a: Any,
    b: Any,
    *,
    out: Any = None,
    dtype: Any = None,
    overwrite: bool = False,
    **options: Unpack[Options],
) -> Any:
    """Multiply matrices; NumPy's `matmul`.

    Parameters
    ----------
    a, b : ArrayRef, path, ndarray or lazy array
        Matrices, vectors, or stacks of matrices, which broadcast.
    out : path, ArrayRef, ndarray or array-like, optional
        As of :func:`map_blocks`.
    dtype : dtype_like, optional
        In which it is computed; by default that of NumPy.
    overwrite, **options
        As of :func:`map_blocks`. BLAS uses all cores itself, so that two threads are the default
        where it does the work, one of which reads while the other one multiplies. For more of them,
        or processes, limit its own threads.

    Returns
    -------
    ArrayRef, ndarray or scalar

    Raises
    ------
    MemoryBudgetError
        If a chunk of the output does not fit `memory`; nothing was read.
    UnsupportedArrayError
        If NumPy multiplies no matrices of these dtypes.
    UnsupportedOptionError
        If the shapes do not fit each other.

    Notes
    -----
    Each block of the result is written once. Parts of rows of `a` and columns of `b` are read for
    it, multiplied, and added in their order. So the result does not depend on the workers, and on
    `memory` only where there is so little that these parts are shorter. Products of float16 are
    added as float32 and rounded once.

    Examples
    --------
    >>> from filexchange import blocks
    >>> a = fx.save("a.npy", np.arange(6.0).reshape(2, 3))
    >>> blocks.matmul(a, np.ones((3, 2)), out="product.npy").load()
    array([[ 3.,  3.],
           [12., 12.]])
    """
    left, right = as_source(a), as_source(b)
    product = Product.of(left.shape, right.shape)
    result = _result_dtype(left, right, dtype)
    multiply = _Multiply(np.dtype("f4") if result == np.float16 else result, result)
    settings = Settings(**options)
    if settings.executor is None and multiply.uses_blas:
        settings = dataclasses.replace(settings, executor=_BLAS_TASKS)
    target = layout(out, product.shape, result)
    parts, target = _planned(left, right, product, target, multiply, settings)
    plan = parts.plan(target, settings.budget)
    if settings.plan_only:
        return plan
    grid = parts.grid
    found = fill(
        dataclasses.replace(multiply, depth=parts.depth),
        parts.task,
        [left, right],
        [target],
        grid,
        plan,
        settings,
        overwrite=overwrite,
    )[0]
    return found[()] if out is None and not product.shape else found


def _result_dtype(left: Source, right: Source, dtype: Any) -> DType:
    ones = [np.ones((1, 1), source.dtype) for source in (left, right)]
    try:
        found: DType = np.matmul(*ones, dtype=dtype).dtype
    except TypeError as error:
        raise UnsupportedArrayError(
            f"NumPy multiplies no matrices of {left.dtype} and {right.dtype}"
            f"{'' if dtype is None else f' as {dtype}'}: {error}"
        ) from error
    return found


@dataclass(frozen=True, slots=True)
class _Task:
    """The parts of rows and columns that a block is made from, and its shape with all axes."""

    left: tuple[Piece, ...]
    right: tuple[Piece, ...]
    full: Shape
    shape: Shape


@dataclass(frozen=True, slots=True)
class _Multiply:
    """What a worker does with a task.

    Attributes
    ----------
    dtype, result : dtype
        In which it computes, and of the result.
    depth : int
        Length of the parts of the inner axis, on which the last bits depend.
    """

    dtype: DType
    result: DType
    depth: int = 0

    @property
    def uses_blas(self) -> bool:
        return self.dtype.char in _BLAS

    def __call__(self, task: _Task) -> list[Array]:
        total: Array | None = None
        for left, right in zip(task.left, task.right, strict=True):
            rows, columns = (np.asarray(each.read(), self.dtype) for each in (left, right))
            rows = rows if rows.ndim > 1 else rows[np.newaxis]
            columns = columns if columns.ndim > 1 else columns[:, np.newaxis]
            if total is None:
                total = np.matmul(rows, columns)
                continue
            for start in range(0, rows.shape[-2], STRIP):
                strip = np.s_[..., start : start + STRIP, :]
                total[strip] += np.matmul(rows[strip], columns)
        if total is None:
            total = np.zeros(task.full, self.dtype)
        return [total.reshape(task.shape).astype(self.result, copy=False)]


def _planned(
    left: Source,
    right: Source,
    product: Product,
    target: Layout,
    multiply: _Multiply,
    settings: Settings,
) -> "tuple[_Parts, Layout]":
    """Return the blocks, and the output with chunks that suit them."""
    made = multiply.dtype.itemsize
    if multiply.result != multiply.dtype:
        made += multiply.result.itemsize
    cost = Cost(made, *(_read_bytes(each.dtype, multiply.dtype) for each in (left, right)))
    budget = settings.budget - target.memory
    if target.is_new:
        chunks = product.result(product_chunks(product, cost, budget))
        target = dataclasses.replace(target, new_chunks=chunks)
    units = product.full(target.chunks or (1,) * len(product.shape))
    # What is sent with a task is in memory all at once.
    is_sent = not all(isinstance(each.array, ArrayRef) for each in (left, right))
    least = product.inner if is_sent and not are_threads(settings.executor) else 1
    rows, inner = (left.chunks or (1, 1))[-2:] if product.has_rows else (1, 1)
    other, columns = (right.chunks or (1, 1))[-2:] if product.has_columns else (1, 1)
    most = min(_BLAS_BYTES if multiply.uses_blas else BLOCK_BYTES, budget // _BLAS_TASKS)
    block, depth = product_block(
        product, units, (least, math.lcm(inner, other)), (rows, columns), cost, most
    )
    kept = kept_block(settings.resume, [target])
    if kept is not None and len(kept) == len(product.shape):
        block = product.full(kept)
    parts = _Parts(left, right, product, cost, block, depth)
    target.check_aligned(parts.grid.block)
    return parts, target


def _read_bytes(read: DType, used: DType) -> int:
    return read.itemsize + (0 if read == used else used.itemsize)


@dataclass(frozen=True, slots=True)
class _Parts:
    """The blocks of a product, and how long the parts of rows and columns are for each."""

    left: Source
    right: Source
    product: Product
    cost: Cost
    block: Shape
    depth: int

    @property
    def whole(self) -> Grid:
        """Blocks with the axes that vectors have not."""
        product = self.product
        return Grid((*product.batch, product.rows, product.columns), self.block)

    @property
    def grid(self) -> Grid:
        """Blocks of the result."""
        return Grid(self.product.shape, self.product.result(self.block))

    def task(self, number: int) -> _Task:
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
        return _Task(tuple(left), tuple(right), region_shape(region), shape)

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
