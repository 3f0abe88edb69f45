"""Messages: any object, its large arrays in segments, for any transport."""

import multiprocessing
import pickle
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import hypothesis.extra.numpy as hnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import filexchange as fx
from filexchange.errors import (
    ArrayNotFoundError,
    ExchangeClosedError,
    ExchangeError,
    UnsupportedOptionError,
)
from filexchange.testing import ARRAYS, assert_same


@dataclass
class Frame:
    image: Any
    time: float


@pytest.mark.parametrize("mode", ["r", "c", "copy"])
@pytest.mark.parametrize("inline_below", [1, 1 << 20])
@pytest.mark.parametrize("kind", ARRAYS)
def test_every_array_arrives_equal(kind: str, inline_below: int, mode: Any, tmp_path: Path) -> None:
    array = ARRAYS[kind](tmp_path)
    with fx.Exchange(inline_below=inline_below) as ex:
        received = ex.unpack(ex.pack(array), mode=mode)
    assert_same(np.asarray(received), np.asarray(array).view(np.ndarray))
    if type(array) is np.ndarray and array.size:
        assert received.flags.writeable == (mode != "r")
        assert received.flags.fnc == array.flags.fnc


@given(
    st.recursive(
        st.none() | st.integers() | st.text(max_size=5) | hnp.arrays("f4", hnp.array_shapes()),
        lambda inner: (
            st.lists(inner, max_size=4)
            | st.tuples(inner, inner)
            | st.dictionaries(st.text(max_size=3), inner, max_size=3)
        ),
        max_leaves=12,
    )
)
@settings(deadline=None, max_examples=30)
def test_nested_objects_arrive_equal(obj: Any) -> None:
    with fx.Exchange(inline_below=1) as ex:
        np.testing.assert_equal(ex.unpack(ex.pack(obj)), obj)
        assert ex.stats().claims == 0


@pytest.fixture
def xarray_has_pickled() -> None:
    """Let xarray keep the frames in which it first pickled, with all their locals: not a test's."""
    import xarray as xr

    pickle.loads(pickle.dumps(xr.DataArray(np.ones(3)), 5))


@pytest.mark.usefixtures("xarray_has_pickled")
def test_pandas_and_xarray_travel_by_segment() -> None:
    import pandas as pd
    import xarray as xr

    frame = pd.DataFrame({"a": np.arange(50_000.0), "b": np.arange(50_000)})
    cube = xr.DataArray(np.ones((100, 500)), dims=("x", "y"), attrs={"unit": "m"})
    with fx.Exchange() as ex:
        packed = ex.pack({"frame": frame, "cube": cube, "raw": Frame(np.ones(100_000), 1.5)})
        assert len(packed) < 20_000
        received = ex.unpack(packed)
        pd.testing.assert_frame_equal(received["frame"], frame)
        xr.testing.assert_identical(received["cube"], cube)
        assert received["raw"].time == 1.5
        assert not received["raw"].image.flags.writeable


def test_buffers_of_other_objects_travel_by_segment() -> None:
    data = bytearray(range(256)) * 1000
    with fx.Exchange() as ex:
        packed = ex.pack(_Buffer(data))
        assert len(packed) < 2000
        assert bytes(ex.unpack(packed).data) == bytes(data)


class _Buffer:
    def __init__(self, data: Any) -> None:
        self.data = data

    def __reduce_ex__(self, protocol: Any) -> Any:
        return _Buffer, (pickle.PickleBuffer(self.data),)


def test_an_array_that_occurs_twice_is_one_array() -> None:
    array = np.ones(100_000)
    with fx.Exchange() as ex:
        first, (second,) = ex.unpack(ex.pack([array, (array,)]))
        assert first is second


def test_changes_of_a_private_array_are_its_own() -> None:
    with fx.Exchange() as ex:
        source = np.zeros(100_000)
        packed, again = ex.pack(source), ex.pack(source)
        own = ex.unpack(packed, mode="c")
        own += 1
        assert float(ex.unpack(again).sum()) == 0.0
        del own
        assert float(ex.unpack(ex.pack(source)).sum()) == 0.0


def _echo(ex: fx.Exchange, transport: socket.socket) -> None:
    with transport:
        array = ex.unpack(transport.recv(1 << 16))
        transport.sendall(ex.pack({"sum": array.sum(), "array": array}))


@pytest.mark.parametrize("method", ["spawn", "fork"])
def test_messages_go_by_any_transport(method: str) -> None:
    context: Any = multiprocessing.get_context(method)
    here, there = socket.socketpair()
    with fx.Exchange() as ex, here, there:
        child = context.Process(target=_echo, args=(ex, there))
        child.start()
        here.sendall(ex.pack(np.arange(100_000)))
        answer = ex.unpack(here.recv(1 << 16))
        child.join()
        assert child.exitcode == 0
        child.close()
        assert answer["sum"] == sum(range(100_000))
        assert_same(np.asarray(answer["array"]), np.arange(100_000))


def test_a_message_is_unpacked_once() -> None:
    with fx.Exchange() as ex:
        packed = ex.pack(np.ones(100_000))
        ex.unpack(packed)
        with pytest.raises(ArrayNotFoundError, match="unpacked already"):
            ex.unpack(packed)
    with pytest.raises(ExchangeClosedError):
        ex.unpack(packed)


def test_message_of_another_exchange_is_refused() -> None:
    with fx.Exchange() as ex, fx.Exchange() as other:
        packed = ex.pack(np.ones(100_000))
        with pytest.raises((ArrayNotFoundError, ExchangeError)):
            other.unpack(packed)
        assert float(ex.unpack(packed).sum()) == 100_000


def test_wrong_words_are_refused_before_anything_is_made(tmp_path: Path) -> None:
    wrong: list[tuple[str, Any]] = [
        ("inline_below", -1),
        ("inline_below", 1.5),
        ("inline_below", "5"),
        ("inline_below", None),
        ("capacity", 0),
        ("capacity", 1.5),
        ("capacity", "auto"),
    ]
    for name, value in wrong:
        with pytest.raises(UnsupportedOptionError, match=f"{name}={value!r}"):
            fx.Exchange(tmp_path, **{name: value})
    assert list(tmp_path.iterdir()) == []
    with fx.Exchange() as ex, pytest.raises(UnsupportedOptionError, match="'copy'"):
        ex.unpack(ex.pack(1), mode="w")  # type: ignore[arg-type]


def test_part_of_an_array_by_way_of_its_buffer_is_that_part() -> None:
    with fx.Exchange(inline_below=1) as ex:
        received = ex.unpack(ex.pack(np.arange(1_000_000, dtype="u4")))
        part = np.frombuffer(received.data, "u4", offset=4004)
        assert_same(np.asarray(ex.unpack(ex.pack(part))), np.arange(1001, 1_000_000, dtype="u4"))


@pytest.mark.parametrize("view", ["reshaped", "whole", "with an axis", "buffer"])
def test_view_of_an_array_that_is_being_filled_is_sent_as_it_is_now(view: str) -> None:
    with fx.Exchange(inline_below=1) as ex:
        out = ex.empty((100, 1000))
        out[:] = 1
        views = {"reshaped": out.ravel(), "whole": out[:], "with an axis": out[None]}
        packed = ex.pack(views.get(view, _Buffer(out)))
        out[:] = 2
        received = ex.unpack(packed)
        data = received.data if isinstance(received, _Buffer) else received
        assert set(np.frombuffer(data, float).tolist()) == {1.0}


def test_objects_that_contain_themselves_arrive() -> None:
    array = np.zeros(3)
    parent: dict[str, Any] = {"array": array, "pair": ([array],)}
    parent["self"] = [parent]
    with fx.Exchange() as ex:
        received = ex.unpack(ex.pack(parent))
        assert received["self"][0] is received
        assert received["pair"][0][0] is received["array"]
        assert isinstance(received["array"], fx.ReceivedArray)


def test_what_is_one_object_is_gone_through_once_and_stays_one() -> None:
    nested: Any = ([1], np.zeros(2))
    for _ in range(60):
        nested = [nested, nested]
    with fx.Exchange() as ex:
        received = ex.unpack(ex.pack(nested))
    for _ in range(60):
        assert received[0] is received[1]
        received = received[0]
    assert received[0] == [1]


def test_message_that_cannot_be_received_whole_keeps_no_claim() -> None:
    with fx.Exchange(inline_below=1) as ex:
        arrays = [ex.unpack(ex.pack(np.full(9, number))) for number in range(5)]
        packed = ex.pack(arrays)
        claims = Path(ex.directory, "claims")
        assert ex.stats().claims == 5
        min(claims.iterdir()).unlink()
        with pytest.raises(ArrayNotFoundError):
            ex.unpack(packed)
        assert ex.stats().claims == 0
