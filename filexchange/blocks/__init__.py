"""Arrays larger than memory, block by block, within a budget of memory.

Reductions, maps and iteration over arrays in files of any format, in memory, or in other libraries'
lazy arrays, and arrays that grow while others read them; see docs/blocks.md.
"""

from filexchange.blocks.execution.planning import Plan
from filexchange.blocks.growth.growing import append, writer
from filexchange.blocks.growth.writing import Writer
from filexchange.blocks.iterating import iter_blocks
from filexchange.blocks.kernels.moments import Moments
from filexchange.blocks.layouts.joining import concatenate, stack
from filexchange.blocks.layouts.rechunking import rechunk
from filexchange.blocks.layouts.storing import store
from filexchange.blocks.layouts.transposing import moveaxis, transpose
from filexchange.blocks.maps.applying import apply_over_axes
from filexchange.blocks.maps.fourier import fft2
from filexchange.blocks.maps.mapping import map_blocks
from filexchange.blocks.products.multiplying import matmul
from filexchange.blocks.reductions.arithmetic import (
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
from filexchange.blocks.reductions.counting import bincount
from filexchange.blocks.reductions.covariances import cov, gram
from filexchange.blocks.reductions.describing import Description, describe, moments
from filexchange.blocks.reductions.extremes import argmax, argmin, nanargmax, nanargmin
from filexchange.blocks.reductions.histograms import histogram
from filexchange.blocks.reductions.missing import nanmax, nanmin, nanprod, nansum
from filexchange.blocks.reductions.ordering import median, nanmedian, nanquantile, quantile
from filexchange.blocks.reductions.pairing import histogram2d
from filexchange.blocks.reductions.ranking import argtopk, topk
from filexchange.blocks.reductions.reducing import reduction
from filexchange.blocks.sorts.sorting import argsort, sort

__all__ = [
    "Description",
    "Moments",
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
    "moments",
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
