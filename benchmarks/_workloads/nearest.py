"""The rows that are most like each of some queries."""

from typing import Any

import numpy as np
from _outofcore.checks import sample
from _outofcore.stored import row_slabs

from _workloads.steps import Steps
from filexchange import blocks

QUERIES, BEST, ROWS = 256, 10, 8192


def run(steps: Steps, unit: Any) -> None:
    """Search for rows of the array itself; each is most like itself."""
    numbers = sample(len(unit), QUERIES)
    queries = np.stack([unit[number] for number in numbers]).astype("f4")
    found = steps.run(
        f"top {BEST} of {QUERIES} queries", unit.nbytes, lambda: nearest(unit, queries, steps)
    )
    steps.check("each query is nearest to itself", found[0], numbers)
    steps.check("top 10 of a few queries", found[:, :4], _by_numpy(unit, queries[:4]))


def nearest(unit: Any, queries: Any, steps: Steps) -> Any:
    """Return the best of the best of each block."""
    count = -(-len(unit) // ROWS)
    rows = -(-len(unit) // count)
    scores, numbers = blocks.map_blocks(
        best_of_block,
        unit,
        out=[None, None],
        dtype=["f4", "i8"],
        block_shape=(rows, -1),
        chunks=(BEST, len(queries)),
        args=(queries,),
        **steps.options,
    )
    best = blocks.argtopk(scores, BEST, axis=0, **steps.options)
    return np.take_along_axis(numbers, best, axis=0)


def best_of_block(block: Any, queries: Any, block_info: Any) -> tuple[Any, Any]:
    """Return the best scores of each query, and which rows have them."""
    scores = queries @ block.astype("f4").T
    best = np.argpartition(scores, -BEST, axis=1)[:, -BEST:]
    start = block_info[0]["array-location"][0][0]
    return np.take_along_axis(scores, best, axis=1).T, best.T + start


def _by_numpy(unit: Any, queries: Any) -> Any:
    rows = (block for _, block in row_slabs(unit.open("r")))
    scores = np.concatenate([block.astype("f4") @ queries.T for block in rows])
    return np.argsort(-scores, axis=0, kind="stable")[:BEST]
