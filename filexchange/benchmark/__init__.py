"""Which format is fastest here: real files, real processes, the user's own arrays."""

from filexchange.benchmark.cases import DEFAULT_CASES, Case, synthetic_array
from filexchange.benchmark.measure import iter_results, run
from filexchange.benchmark.results import CaseResult, Machine, Results, Sample

__all__ = [
    "DEFAULT_CASES",
    "Case",
    "CaseResult",
    "Machine",
    "Results",
    "Sample",
    "iter_results",
    "run",
    "synthetic_array",
]
