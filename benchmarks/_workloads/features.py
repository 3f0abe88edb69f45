"""A table of float16 with many columns, of which scikit-learn#5173 wants principal components."""

import filexchange as fx
from _workloads.embeddings import check_covariance
from _workloads.steps import Steps
from filexchange import blocks


def run(steps: Steps) -> None:
    """Compute the covariances, with each block in float64 and the table never."""
    table = fx.open_array(steps.made("table", (steps.length(140_000, 64), 3504), "f2"))
    covariance = steps.run(
        "covariance", table.nbytes, lambda: blocks.cov(table, rowvar=False, **steps.options)
    )
    check_covariance(steps, table, covariance)
