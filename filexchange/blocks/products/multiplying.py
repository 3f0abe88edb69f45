"""Products of matrices, each block of which stays in memory until it is complete."""

import dataclasses
from typing import Any, Unpack

import numpy as np

from filexchange.aliases import DType
from filexchange.blocks.execution.filling import fill
from filexchange.blocks.execution.options import Options, Settings
from filexchange.blocks.products.gemm import Multiply
from filexchange.blocks.products.panels import BLAS_TASKS, planned_panels
from filexchange.blocks.products.shapes import Product
from filexchange.blocks.storage.sources import Source, as_source
from filexchange.blocks.storage.targets import layout
from filexchange.errors import UnsupportedArrayError


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
    multiply = Multiply(np.dtype("f4") if result == np.float16 else result, result)
    settings = Settings(**options)
    target = layout(out, product.shape, result)
    panels, target = planned_panels(left, right, product, target, multiply, settings)
    plan = panels.plan(target, settings.budget)
    if panels.is_alone:
        settings = dataclasses.replace(settings, executor=BLAS_TASKS)
    if settings.plan_only:
        return plan
    grid = panels.grid
    found = fill(
        dataclasses.replace(multiply, depth=panels.depth),
        panels.task,
        [left, right],
        [target],
        [grid],
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
