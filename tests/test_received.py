"""Arrays that come out of an exchange: ndarrays in all but what they say to writers."""

import copy
import operator
import pickle
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import filexchange as fx
from filexchange.errors import ReadOnlyError
from filexchange.testing import assert_same


@pytest.fixture(params=["inline", "segment"])
def receive(request: pytest.FixtureRequest) -> Iterator[Callable[[], Any]]:
    """Return what gives a received array; the fixture itself would keep one."""
    with fx.Exchange(inline_below=1 if request.param == "segment" else 1 << 20) as ex:
        yield lambda: ex.unpack(ex.pack(np.arange(12.0).reshape(3, 4)))


CHANGES: dict[str, Callable[[Any], object]] = {
    "item": lambda a: operator.setitem(a, 0, 1),
    "slice of a view": lambda a: operator.setitem(a[1:].T, ..., 1),
    "+=": lambda a: operator.iadd(a, 1),
    "@=": lambda a: operator.imatmul(a[:, :3], np.eye(3)),
    "fill": lambda a: a.fill(0),
    "sort": lambda a: a.sort(),
    "partition": lambda a: a.partition(1),
    "put": lambda a: a.put([0], [1]),
    "resize": lambda a: a.resize((2, 2)),
}


@pytest.mark.parametrize("change", CHANGES)
def test_writing_is_an_error_that_says_what_to_do(change: str, receive: Any) -> None:
    received = receive()
    with pytest.raises(ReadOnlyError, match=r'array\.copy\(\).*mode="c".*mode="copy"') as caught:
        CHANGES[change](received)
    assert isinstance(caught.value, ValueError)
    assert_same(np.asarray(received), np.arange(12.0).reshape(3, 4))


def test_no_way_leads_to_writing(receive: Any) -> None:
    received = receive()
    for array in (received, np.asarray(received), received[1:], received.T):
        with pytest.raises(ValueError, match="WRITEABLE"):
            array.flags.writeable = True
    with pytest.raises(ValueError, match="read-only"):
        np.add(received, 1, out=received)
    with pytest.raises((TypeError, ValueError, BufferError)):
        memoryview(received).cast("B")[0] = 1


RESULTS: dict[str, Callable[[Any], Any]] = {
    "arithmetic": lambda a: a * 2 + a,
    "function": np.sqrt,
    "reduction": lambda a: a.sum(axis=0),
    "product": lambda a: a @ a.T,
    "copy": lambda a: a.copy(),
    "copy.copy": copy.copy,
    "copy.deepcopy": copy.deepcopy,
    "astype": lambda a: a.astype("f4"),
    "concatenate": lambda a: np.concatenate([a, a]),
    "pickle": lambda a: pickle.loads(pickle.dumps(a, 5)),
    "numpy.array": np.array,
}


@pytest.mark.parametrize("make", RESULTS)
def test_what_is_computed_is_a_plain_writable_array(make: str, receive: Any) -> None:
    received = receive()
    result = RESULTS[make](received)
    assert type(result) is np.ndarray
    assert_same(result, RESULTS[make](np.arange(12.0).reshape(3, 4)))
    # What NumPy unpickles is as writable as what it has pickled.
    assert result.flags.writeable == (make != "pickle")


def test_scalars_are_scalars(receive: Any) -> None:
    received = receive()
    for scalar in (received.sum(), received[1, 2], received.max(), np.mean(received)):
        assert type(scalar) is np.float64


def test_libraries_take_it_for_an_array(receive: Any) -> None:
    received = receive()
    import pandas as pd
    import xarray as xr

    assert float(pd.DataFrame(received).sum().sum()) == 66.0
    assert float(xr.DataArray(received).sum()) == 66.0
