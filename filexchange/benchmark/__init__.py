"""Which format is fastest here: real files, real processes, the user's own arrays."""

from filexchange.benchmark.inputs import Source, synthetic
from filexchange.benchmark.machine import Machine
from filexchange.benchmark.measure import iter_results, run
from filexchange.benchmark.results import Case, CaseResult, Input, Place, Results, Spread
from filexchange.benchmark.synthetic import KINDS, synthetic_array
from filexchange.benchmark.transports import TRANSPORTS
from filexchange.benchmark.ways import DEFAULT_WAYS, Recipe

__all__ = [
    "DEFAULT_WAYS",
    "KINDS",
    "TRANSPORTS",
    "Case",
    "CaseResult",
    "Input",
    "Machine",
    "Place",
    "Recipe",
    "Results",
    "Source",
    "Spread",
    "iter_results",
    "run",
    "synthetic",
    "synthetic_array",
]
