"""What one function may rely on in every kind of executor."""

import functools
import inspect
import os
from concurrent.futures import FIRST_COMPLETED, Executor, Future, as_completed, wait
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import filexchange as fx
from filexchange import errors
from filexchange.testing import assert_same


class BlockError(Exception):
    pass


def _double(source: fx.ArrayRef, target: fx.ArrayRef, rows: slice) -> tuple[int, float]:
    block = source[rows] * 2
    target[rows] = block
    return rows.start, float(block.sum())


def _raise(array: Any) -> None:
    raise BlockError(array, "text")


def _raise_class(cls: type[Exception]) -> None:
    raise cls("it's wrong")


def test_results_arrive_in_any_order_and_map_sorts_them(any_executor: Executor) -> None:
    futures = [any_executor.submit(pow, i, 2) for i in range(50)]
    assert all(isinstance(future, Future) for future in futures)
    assert {future.result() for future in as_completed(futures)} == {i**2 for i in range(50)}
    assert list(any_executor.map(abs, range(0, -50, -1))) == list(range(50))


def test_arrays_are_arguments_and_results(any_executor: Executor) -> None:
    array = np.arange(100_000.0).reshape(100, -1)
    assert_same(np.asarray(any_executor.submit(np.negative, array).result()), -array)


def test_references_are_filled_by_region_through_a_bounded_window(
    any_executor: Executor, tmp_path: Path
) -> None:
    array = np.arange(40_000.0).reshape(400, 100)
    source = fx.save(tmp_path / "source.npy", array)
    target = fx.create_array(tmp_path / "target.npy", shape=array.shape, dtype=array.dtype)
    double = functools.partial(_double, source, target)
    pending: set[Future[Any]] = set()
    results = []
    for start in range(0, 400, 10):
        if len(pending) == 4:
            done, pending = wait(pending, return_when=FIRST_COMPLETED)
            results += [future.result() for future in done]
        pending.add(any_executor.submit(double, slice(start, start + 10)))
    results += [future.result() for future in as_completed(pending)]
    assert_same(target[...], array * 2)
    assert sum(total for _, total in results) == array.sum() * 2
    assert sorted(start for start, _ in results) == list(range(0, 400, 10))


def test_exception_is_the_functions_own_with_its_arrays(any_executor: Executor) -> None:
    array = np.arange(3)
    error = any_executor.submit(_raise, array).exception()
    assert type(error) is BlockError
    assert_same(np.asarray(error.args[0]), array)
    assert error.args[1] == "text"
    with pytest.raises(FileNotFoundError):
        any_executor.submit(os.stat, "/nowhere").result()


def test_errors_of_filexchange_come_as_they_are(any_executor: Executor) -> None:
    classes = [cls for _, cls in inspect.getmembers(errors, inspect.isclass)]
    futures = [any_executor.submit(_raise_class, cls) for cls in classes]
    for cls, future in zip(classes, futures, strict=True):
        error = future.exception()
        assert type(error) is cls
        assert error.args == ("it's wrong",)


def test_functions_that_are_not_pure_run_with_each_call(any_executor: Executor) -> None:
    assert len({any_executor.submit(os.urandom, 8).result() for _ in range(5)}) == 5
