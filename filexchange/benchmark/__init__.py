"""Which format is fastest here: real files, real processes, the user's own arrays."""

from filexchange.benchmark.machine import Machine
from filexchange.benchmark.measuring.inputs import Source, synthetic
from filexchange.benchmark.measuring.measure import iter_results, run
from filexchange.benchmark.measuring.synthetic import KINDS, synthetic_array
from filexchange.benchmark.measuring.transports import TRANSPORTS
from filexchange.benchmark.measuring.ways import DEFAULT_WAYS, Recipe
from filexchange.benchmark.results import Case, CaseResult, Input, Place, Results, Spread

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
