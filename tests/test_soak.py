"""The steady state: after any number of messages a process has what it had after a few hundred.

``FILEXCHANGE_SOAK_MESSAGES=100000 pytest -rP tests/test_soak.py`` takes longer and shows figures.
"""

import os
import random
from collections import deque
from typing import Any, NamedTuple

import numpy as np
import pytest

import filexchange as fx

pytestmark = pytest.mark.skipif(
    not os.path.exists("/proc/self/smaps_rollup"), reason="counts what /proc tells"
)

MESSAGES = int(os.environ.get("FILEXCHANGE_SOAK_MESSAGES", "3000"))
PERIOD, WARM_UP = 500, 1000  # messages after which they repeat, and before the first look
UNDER_WAY, HELD = 6, 10
FEWEST_BYTES, MOST_BYTES = 1 << 10, 2 << 20

# A page for every message, and a mapping or a descriptor for every hundredth, would be more.
SLACK_BYTES, SLACK = 4 << 20, 8


class State(NamedTuple):
    """What a process has."""

    descriptors: int
    mappings: int
    anonymous: int
    resident: int


def _state() -> State:
    with open("/proc/self/status", encoding="ascii") as file:
        status = dict(line.split(":", 1) for line in file)
    with open("/proc/self/maps", encoding="utf-8") as file:
        mappings = len(file.readlines())
    kilobytes = [int(status[name].split()[0]) << 10 for name in ("RssAnon", "VmRSS")]
    return State(len(os.listdir("/proc/self/fd")), mappings, *kilobytes)


def _receive(kept: dict[str, Any], ex: fx.Exchange, packed: bytes, hold: bool, mode: Any) -> bool:
    """Unpack a message, hold some, and check those that have been held for long enough."""
    held = kept.setdefault("held", deque())
    value, arrays = ex.unpack(packed, mode=mode)
    if hold:
        held.append((value, [array[3:] for array in arrays]))
    checked = [(value, arrays)]
    if len(held) > HELD:
        checked.append(held.popleft())
    return all((array == value).all() for value, arrays in checked for array in arrays)


def _state_of(kept: dict[str, Any]) -> State:
    return _state()


def _message(number: int) -> tuple[int, list[np.ndarray]]:
    chance = random.Random(number % PERIOD)
    value = chance.randrange(256)
    sizes = [
        int(FEWEST_BYTES * (MOST_BYTES / FEWEST_BYTES) ** chance.random())
        for _ in range(chance.choice([1, 1, 2, 5]))
    ]
    return value, [np.full(size, value, np.uint8) for size in sizes]


@pytest.mark.parametrize("mode", ["r", "c"])
def test_steady_state_is_flat(mode: str, companion: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FILEXCHANGE_DIR", raising=False)
    messages = MESSAGES if mode == "r" else max(MESSAGES // 4, WARM_UP + PERIOD)
    states: list[tuple[State, State, int]] = []
    with fx.Exchange() as ex:
        reader = companion()
        under_way: deque[bytes] = deque()
        for number in range(messages):
            if number == WARM_UP:
                states.append((_state(), reader.call(_state_of), ex.stats().nbytes))
            under_way.append(ex.pack(_message(number)))
            if len(under_way) > UNDER_WAY:
                hold = number % 10 in {0, 3, 4}
                assert reader.call(_receive, ex, under_way.popleft(), hold, mode)
        states.append((_state(), reader.call(_state_of), ex.stats().nbytes))
        reuse_rate = ex.stats().reuse_rate
        reader.join()
        for packed in under_way:
            ex.unpack(packed)
        ex.sweep()
        assert ex.stats()[:5] == (0, 0, 0, 0, 0)
    (producer, consumer, scratch), (producer_after, consumer_after, scratch_after) = states
    print(  # noqa: T201 - what a long run is for
        f"\nmode {mode}, {messages} messages, {reuse_rate:.4f} of the segments were there already"
        f"\nproducer {producer}\n      -> {producer_after}"
        f"\nconsumer {consumer}\n      -> {consumer_after}"
        f"\nscratch {scratch} -> {scratch_after}"
    )
    for before, after in ((producer, producer_after), (consumer, consumer_after)):
        assert after.descriptors <= before.descriptors + SLACK
        assert after.mappings <= before.mappings + SLACK
        assert after.anonymous <= before.anonymous + SLACK_BYTES
        assert after.resident <= before.resident + SLACK_BYTES
    assert scratch_after <= scratch + SLACK_BYTES
