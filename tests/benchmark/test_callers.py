"""Measurements in whatever process and thread they are asked for."""

import multiprocessing
import os
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from filexchange.benchmark import run
from filexchange.benchmark.profiling import tuning
from filexchange.benchmark.profiling.tuning import tune
from filexchange.errors import ExchangeError


def _bench(directory: Path) -> bool:
    results = run(np.arange(9), ["npy"], directories=[directory], budget=0, repeat=1)
    return all(result.is_measured for result in results.cases)


def _tune(directory: Path) -> bool:
    return bool(np.isfinite(tune(directory, budget=0).seconds).all())


@pytest.fixture(params=[_bench, _tune], ids=["bench", "tune"])
def measure(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Callable[[Path], bool]:
    """Each measurement in turn, made as short as it can be; processes that are forked have it."""
    sizes = (1 << 10, 1 << 12)
    monkeypatch.setattr(tuning, "SIZES", sizes)
    monkeypatch.setattr(tuning, "_ROUNDS", dict.fromkeys(sizes, 1))
    monkeypatch.setattr(tuning, "INPUTS", tuning.INPUTS[:1])
    monkeypatch.setattr(tuning, "WAYS", tuning.WAYS[:1])
    return request.param


def test_two_at_the_same_time_in_threads(measure: Callable[[Path], bool], tmp_path: Path) -> None:
    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(measure, [tmp_path] * 2)) == [True] * 2
    assert os.listdir(tmp_path) == []


fork = pytest.mark.skipif(
    "fork" not in multiprocessing.get_all_start_methods(), reason="this system does not fork"
)


@fork
def test_in_a_process_that_was_forked(measure: Callable[[Path], bool], tmp_path: Path) -> None:
    with ProcessPoolExecutor(1, multiprocessing.get_context("fork")) as pool:
        assert pool.submit(measure, tmp_path).result()
    assert os.listdir(tmp_path) == []


@fork
def test_a_process_that_may_start_none_is_an_error(
    measure: Callable[[Path], bool], tmp_path: Path
) -> None:
    with (
        multiprocessing.get_context("fork").Pool(1) as pool,
        pytest.raises(ExchangeError, match="daemonic.*ProcessPoolExecutor"),
    ):
        pool.apply(measure, [tmp_path])
    assert os.listdir(tmp_path) == []
