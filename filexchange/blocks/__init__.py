"""Arrays larger than memory, block by block, within a budget of memory.

Reductions, maps and iteration over arrays in files of any format, in memory, or in other libraries'
lazy arrays, and arrays that grow while others read them; see docs/blocks.md.
"""

from filexchange.blocks.applying import apply_over_axes
from filexchange.blocks.fourier import fft2
from filexchange.blocks.growing import append, writer
from filexchange.blocks.iterating import iter_blocks
from filexchange.blocks.joining import concatenate, stack
from filexchange.blocks.mapping import map_blocks
from filexchange.blocks.multiplying import matmul
from filexchange.blocks.ordering import median, nanquantile, quantile
from filexchange.blocks.planning import Plan
from filexchange.blocks.rechunking import rechunk
from filexchange.blocks.reducing import reduction
from filexchange.blocks.reductions import (
    all,
    any,
    count_nonzero,
    max,
    mean,
    min,
    nanmean,
    nanstd,
    nanvar,
    prod,
    std,
    sum,
    var,
)
from filexchange.blocks.sorting import argsort, sort
from filexchange.blocks.storing import store
from filexchange.blocks.transposing import moveaxis, transpose
from filexchange.blocks.writing import Writer

__all__ = [
    "Plan",
    "Writer",
    "all",
    "any",
    "append",
    "apply_over_axes",
    "argsort",
    "concatenate",
    "count_nonzero",
    "fft2",
    "iter_blocks",
    "map_blocks",
    "matmul",
    "max",
    "mean",
    "median",
    "min",
    "moveaxis",
    "nanmean",
    "nanquantile",
    "nanstd",
    "nanvar",
    "prod",
    "quantile",
    "rechunk",
    "reduction",
    "sort",
    "stack",
    "std",
    "store",
    "sum",
    "transpose",
    "var",
    "writer",
]
