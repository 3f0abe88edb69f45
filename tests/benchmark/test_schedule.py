"""Which case is measured next: with a clock that only measuring moves."""

from collections import Counter
from collections.abc import Callable, Sequence

import pytest

from filexchange.benchmark.measuring.schedule import Budget, Turn, is_steady, turns


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def order(
    costs: Sequence[float],
    seconds: float,
    repeat: int = 0,
    ends: Callable[[Turn], bool] = lambda turn: False,
) -> tuple[list[int], float]:
    clock = Clock()
    found = []
    for turn in turns(range(len(costs)), Budget(seconds, clock), repeat):
        clock.now += costs[turn.position]
        found.append(turn.position)
        turn.took(costs[turn.position])
        turn.is_done = ends(turn)
    return found, clock.now


def test_rounds_go_forwards_and_backwards() -> None:
    found, _ = order([1, 1, 1], 13)
    assert found[:9] == [0, 1, 2, 0, 1, 2, 2, 1, 0]


def test_the_budget_is_used_and_kept() -> None:
    _, passed = order([0.1, 0.2, 0.5], 10)
    assert 9 < passed <= 10


def test_slow_cases_take_no_more_time_than_others() -> None:
    costs = [0.01, 0.02, 2.0]
    found, _ = order(costs, 60)
    counts = Counter(found)
    assert counts[0] > 20
    assert counts[2] >= 4
    assert counts[2] * costs[2] < 0.6 * 60


def test_cases_that_are_done_leave_their_time_to_the_others() -> None:
    found, passed = order([0.1, 0.1, 3.0], 60, ends=lambda turn: turn.position < 2)
    assert Counter(found) == {0: 1, 1: 1, 2: 19}
    assert passed <= 60


def test_what_would_take_longer_than_is_left_is_not_begun_again() -> None:
    found, passed = order([40.0, 0.1], 50, ends=lambda turn: turn.visits > 3)
    assert Counter(found) == {0: 1, 1: 4}
    assert passed <= 50


def test_nothing_new_is_begun_when_the_time_is_over() -> None:
    assert order([1, 1, 1], 2) == ([0, 1], 2)


def test_repeat_counts_whatever_the_budget() -> None:
    found, _ = order([1, 1], 0, repeat=3)
    assert Counter(found) == {0: 4, 1: 4}


@pytest.mark.parametrize(
    ("samples", "repeat", "steady"),
    [
        ([1.0] * 4, 0, False),
        ([1.0] * 5, 0, True),
        ([1.0] * 5, 9, False),
        ([1.0, 2.0, 1.0, 3.0, 1.0], 0, False),
        ([1.0, 2.0, 1.0, 3.0, 1.0] * 8, 0, True),
        ([], 0, False),
    ],
)
def test_figures_are_steady_after_some_samples_alike(
    samples: list[float], repeat: int, steady: bool
) -> None:
    assert is_steady({"read": samples, "write": samples}, repeat) is steady
    assert is_steady({}, repeat) is False
