"""Arrays larger than memory, block by block, within a budget of memory.

Reductions, maps and iteration over arrays in files of any format, in memory, or in other libraries'
lazy arrays; see docs/blocks.md.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from filexchange.blocks.iterating import iter_blocks
    from filexchange.blocks.mapping import map_blocks
    from filexchange.blocks.ordering import median, nanquantile, quantile
    from filexchange.blocks.planning import Plan
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
    from filexchange.blocks.transposing import moveaxis, transpose

__all__ = [
    "Plan",
    "all",
    "any",
    "count_nonzero",
    "iter_blocks",
    "map_blocks",
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
    "reduction",
    "std",
    "sum",
    "transpose",
    "var",
]

# Names are imported on first use, like those of the package above.
_MODULES = {
    "Plan": "planning",
    "iter_blocks": "iterating",
    "map_blocks": "mapping",
    "median": "ordering",
    "moveaxis": "transposing",
    "nanquantile": "ordering",
    "quantile": "ordering",
    "reduction": "reducing",
    "transpose": "transposing",
}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = importlib.import_module(f"{__name__}.{_MODULES.get(name, 'reductions')}")
    value = getattr(module, name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
