"""Who wins, and what is a tie."""

import itertools
from collections.abc import Callable

import pytest

from filexchange.benchmark.reporting.questions import (
    QUESTIONS,
    ROUND_TRIP,
    SLICE,
    SMALLEST,
    TRANSPORT,
    is_clearly_less,
)
from filexchange.benchmark.reporting.ranking import (
    Group,
    by_size,
    disagreements,
    front,
    groups,
    members,
    standing,
    standings,
)
from filexchange.benchmark.results import Results

Make = Callable[..., Results]
SHM = Group("field-16000kB", "/dev/shm", "warm")


def test_each_question_has_the_winner_of_its_own_numbers(make_results: Make) -> None:
    results = make_results(
        {
            "npy": {"write": 0.1, "read": 0.4, "round_trip": 0.6, "slice": 0.03},
            "zarr": {"write": 0.2, "read": 0.2, "round_trip": 0.4, "slice": 0.01, "bytes": 0.5},
        }
    )
    winners = {each.name: found.ways for each, found in standings(results, SHM).items()}
    assert winners == {
        "round_trip": ("zarr",),
        "write": ("npy",),
        "read": ("zarr",),
        "slice": ("zarr",),
        "smallest": ("zarr",),
    }


def test_the_winner_has_a_margin_over_the_next(make_results: Make) -> None:
    found = standing(make_results(noise=0), SHM, SLICE)
    assert found is not None
    assert found.behind is not None
    assert found.ways == ("npy", "raw")
    assert found.behind.case.way == "hdf5"
    assert found.margin == pytest.approx(0.00094 / 0.00024)


@pytest.mark.parametrize(
    ("better", "worse", "clear"),
    [
        ((1.0, 1.0, 1.0), (1.09, 1.09, 1.09), False),  # less than a tenth
        ((1.0, 1.0, 1.0), (1.2, 1.2, 1.2), True),
        ((1.0, 1.0, 1.3), (1.2, 1.2, 1.2), False),  # one of nine pairs contradicts
        ((1.0,) * 19 + (9.0,), (1.2,) * 20, True),  # one outlier of twenty says nothing
        ((1.0,) * 17 + (9.0,) * 3, (1.2,) * 20, False),
        ((1.0,), (1.4,), False),  # too few samples for such a difference
        ((1.0,), (1.6,), True),
        ((1.0, 1.0, 1.0), (1.0, 1.0, 1.0), False),
    ],
)
def test_a_difference_counts_if_it_is_large_and_nearly_always_there(
    better: tuple[float, ...], worse: tuple[float, ...], *, clear: bool
) -> None:
    assert is_clearly_less(better, worse) is clear
    assert not is_clearly_less(worse, better)


def test_a_header_makes_no_smaller_file(make_results: Make) -> None:
    results = make_results({"npy": {"write": 1, "bytes": 1.001}, "raw": {"write": 1}})
    found = standing(results, SHM, SMALLEST)
    assert found is not None
    assert found.ways == ("npy", "raw")
    assert found.behind is None


def test_a_case_that_failed_does_not_compete(make_results: Make) -> None:
    results = make_results({"npy": {"write": 1}, "bad": "it failed"})
    assert standing(results, SHM, QUESTIONS[1]) is not None
    assert standing(make_results({"bad": "it failed"}), SHM, QUESTIONS[1]) is None


def test_what_needs_no_directory_is_compared_in_all_of_them(make_results: Make) -> None:
    results = make_results(directories=("/dev/shm", "/data"), caches=("warm", "cold"))
    assert groups(results) == tuple(
        Group("field-16000kB", directory, cache)
        for directory, cache in itertools.product(("/dev/shm", "/data"), ("warm", "cold"))
    )
    for directory in ("/dev/shm", "/data"):
        warm, cold = (Group("field-16000kB", directory, cache) for cache in ("warm", "cold"))
        found = standing(results, warm, TRANSPORT)
        assert found is not None
        assert found.ways == ("queue",)
        assert standing(results, cold, TRANSPORT) is None
        # Memory has no page cache.
        assert "memcpy" in {each.case.way for each in members(results, cold, "floor")}


def test_transports_alone_are_a_group(make_results: Make) -> None:
    results = make_results()
    alone = Results(
        machine=results.machine,
        inputs=results.inputs,
        places=(),
        cases=tuple(each for each in results.cases if each.case.role == "transport"),
        started=results.started,
    )
    assert groups(alone) == (Group("field-16000kB", "", "warm"),)


def test_inputs_are_ordered_by_size(make_results: Make) -> None:
    results = make_results(sizes=(16_000_000, 64_000, 1_000_000))
    assert [each.nbytes for each in by_size(results)] == [64_000, 1_000_000, 16_000_000]


def test_on_the_pareto_front_nothing_is_both_faster_and_smaller(make_results: Make) -> None:
    results = make_results(noise=0)
    found = [result.case.way for result in front(results, SHM, "round_trip")]
    assert found == ["npy", "hdf5:blosc2-zstd:5", "zarr:sharded:zstd:5"]
    for one, other in itertools.combinations(front(results, SHM, "write"), 2):
        assert one.spread("write") < other.spread("write")  # type: ignore[operator]
        assert (one.nbytes_on_disk or 0) > (other.nbytes_on_disk or 0)


@pytest.mark.parametrize("noise", [0.01, 0.05, 0.15])
def test_runs_of_one_machine_do_not_contradict_each_other(make_results: Make, noise: float) -> None:
    runs = [make_results(noise=noise, seed=seed) for seed in range(10)]
    assert disagreements(runs) == ()


def test_runs_of_different_machines_do(make_results: Make) -> None:
    fast, slow = {"round_trip": 1.0}, {"round_trip": 2.0}
    one = make_results({"npy": fast, "raw": slow})
    other = make_results({"npy": slow, "raw": fast})
    assert disagreements([one, other]) == ((SHM, ROUND_TRIP),)
