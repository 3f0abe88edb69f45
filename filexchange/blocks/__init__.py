"""Arrays larger than memory, block by block, within a budget of memory.

Reductions, maps and iteration over arrays in files of any format, in memory, or in other libraries'
lazy arrays, and arrays that grow while others read them; see docs/blocks.md.
"""

from filexchange.blocks.applying import apply_over_axes
from filexchange.blocks.counting import bincount
from filexchange.blocks.covariances import cov, gram
from filexchange.blocks.describing import Description, describe
from filexchange.blocks.extremes import argmax, argmin, nanargmax, nanargmin
from filexchange.blocks.fourier import fft2
from filexchange.blocks.growing import append, writer
from filexchange.blocks.histograms import histogram
from filexchange.blocks.iterating import iter_blocks
from filexchange.blocks.joining import concatenate, stack
from filexchange.blocks.mapping import map_blocks
from filexchange.blocks.missing import nanmax, nanmin, nanprod, nansum
from filexchange.blocks.multiplying import matmul
from filexchange.blocks.ordering import median, nanmedian, nanquantile, quantile
from filexchange.blocks.pairing import histogram2d
from filexchange.blocks.planning import Plan
from filexchange.blocks.ranking import argtopk, topk
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
    "Description",
    "Plan",
    "Writer",
    "all",
    "any",
    "append",
    "apply_over_axes",
    "argmax",
    "argmin",
    "argsort",
    "argtopk",
    "bincount",
    "concatenate",
    "count_nonzero",
    "cov",
    "describe",
    "fft2",
    "gram",
    "histogram",
    "histogram2d",
    "iter_blocks",
    "map_blocks",
    "matmul",
    "max",
    "mean",
    "median",
    "min",
    "moveaxis",
    "nanargmax",
    "nanargmin",
    "nanmax",
    "nanmean",
    "nanmedian",
    "nanmin",
    "nanprod",
    "nanquantile",
    "nanstd",
    "nansum",
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
    "topk",
    "transpose",
    "var",
    "writer",
]
