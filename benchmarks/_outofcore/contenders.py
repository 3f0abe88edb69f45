"""Who takes part, and the module that says how it does each workload."""

import importlib
from typing import NamedTuple, cast

from _measure import OURS

from _outofcore.job import Contender


class Entry(NamedTuple):
    """The module of a contender, what it needs, and whether it is a floor or held to the limit."""

    module: str
    needs: str = ""
    is_floor: bool = False
    is_limited: bool = True


READ, COPY, WRITE, RAM = "dd read", "dd copy", "dd write", "NumPy in RAM"

FLOORS = {
    READ: Entry("by_dd", is_floor=True),
    COPY: Entry("by_dd", is_floor=True),
    WRITE: Entry("by_dd", is_floor=True),
    RAM: Entry("in_ram", is_floor=True, is_limited=False),
}
PEERS = {
    OURS: Entry("by_filexchange"),
    "NumPy loop": Entry("by_numpy"),
    "NumPy one-liner": Entry("by_one_liner"),
    "Dask": Entry("by_dask", "dask"),
    "Dask p2p": Entry("by_dask_p2p", "distributed"),
    "cubed": Entry("by_cubed", "cubed"),
    "blosc2": Entry("by_blosc2", "blosc2"),
    "h5py SWMR": Entry("by_h5py"),
    "zarr": Entry("by_zarr"),
}
ALL = FLOORS | PEERS


def load(name: str) -> Contender:
    """Import the module of a contender, and with it what that needs."""
    return cast("Contender", importlib.import_module(f"_outofcore.{ALL[name].module}"))
