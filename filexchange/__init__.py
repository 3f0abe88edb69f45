"""Exchange NumPy arrays between processes through files: one copy in, zero copies out.

Write an array with `save`, or `create_array` and fill it; pass the small `ArrayRef` that stands
for it to any other process; there, index it. See the README and docs/ for the whole picture.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from filexchange.arrays import create_array, keys, load, open_array, save, save_arrays
    from filexchange.conversion import convert
    from filexchange.errors import FileExchangeError
    from filexchange.exchange import Exchange
    from filexchange.executor import ProcessPoolExecutor
    from filexchange.formats import available_formats, register_format
    from filexchange.queues import Queue
    from filexchange.received import ReceivedArray
    from filexchange.ref import ArrayRef
    from filexchange.registration import register
    from filexchange.stats import ExchangeStats
    from filexchange.tuning import Recommendation, recommend

__version__ = "0.1.0"

__all__ = [
    "ArrayRef",
    "Exchange",
    "ExchangeStats",
    "FileExchangeError",
    "ProcessPoolExecutor",
    "Queue",
    "ReceivedArray",
    "Recommendation",
    "available_formats",
    "convert",
    "create_array",
    "keys",
    "load",
    "open_array",
    "recommend",
    "register",
    "register_format",
    "save",
    "save_arrays",
]

# Names are imported on first use, so that importing the package costs next to nothing.
_MODULES = {
    "ArrayRef": "ref",
    "Exchange": "exchange",
    "ExchangeStats": "stats",
    "FileExchangeError": "errors",
    "ProcessPoolExecutor": "executor",
    "Queue": "queues",
    "ReceivedArray": "received",
    "Recommendation": "tuning",
    "available_formats": "formats",
    "convert": "conversion",
    "create_array": "arrays",
    "keys": "arrays",
    "load": "arrays",
    "open_array": "arrays",
    "recommend": "tuning",
    "register": "registration",
    "register_format": "formats",
    "save": "arrays",
    "save_arrays": "arrays",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{_MODULES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
