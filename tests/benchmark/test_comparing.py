"""Two runs side by side."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from filexchange.benchmark.reporting.comparing import Difference, compare, overall
from filexchange.benchmark.results import Place, Results

Make = Callable[..., Results]


def scaled(results: Results, way: str, factor: float) -> Results:
    """Return results with all times of one way multiplied."""
    cases = tuple(
        replace(each, seconds={k: tuple(s * factor for s in v) for k, v in each.seconds.items()})
        if each.case.way == way
        else each
        for each in results.cases
    )
    return replace(results, cases=cases)


def test_equal_runs_differ_by_nothing(make_results: Make) -> None:
    found = compare(make_results(seed=1), make_results(seed=2))
    assert found.of("slower") == found.of("faster") == ()
    assert found.differences == found.only_before == found.only_after == found.broken == ()
    assert found.slower_than(1.0) == ()


def test_what_changed_by_more_than_noise_is_found(make_results: Make) -> None:
    before = make_results()
    after = scaled(scaled(make_results(seed=1), "npy", 1.5), "zarr", 0.5)
    found = compare(before, after)
    assert {change.case.way for change in found.of("slower")} == {"npy"}
    assert {change.case.way for change in found.of("faster")} == {"zarr"}
    assert all(1.4 < change.ratio < 1.6 for change in found.of("slower"))
    assert found.slower_than(1.4) == found.of("slower")
    assert found.slower_than(2.0) == ()
    ratios = [change.ratio for change in found.of("slower")]
    assert ratios == sorted(ratios, reverse=True)


def test_a_slower_machine_is_no_failure_by_itself(make_results: Make) -> None:
    before = make_results()
    found = compare(before, scaled(before, "memcpy", 2.0))
    assert {change.case.way for change in found.of("slower")} == {"memcpy"}
    assert found.slower_than(1.5) == ()


def test_the_mean_of_all_ratios_is_geometric(make_results: Make) -> None:
    before = make_results({"npy": {"read": 1.0}, "raw": {"read": 1.0}}, noise=0)
    after = scaled(scaled(before, "npy", 4.0), "raw", 0.25)
    mean, counts = overall(compare(before, after).changes)["read"]
    assert mean == pytest.approx(1.0)
    assert counts == {"faster": 1, "same": 0, "slower": 1}


def test_cases_of_one_run_alone_are_listed(make_results: Make) -> None:
    npy, raw = {"npy": {"read": 1.0}}, {"raw": {"read": 1.0}}
    found = compare(make_results({**npy}), make_results({**npy, **raw}))
    assert found.only_before == ()
    assert [case.way for case in found.only_after] == ["raw"]


def test_arrays_of_one_name_that_differ_are_not_compared(make_results: Make) -> None:
    before = make_results({"npy": {"read": 1.0}})
    other = replace(before.inputs[0], dtype="float64")
    found = compare(before, replace(before, inputs=(other,)))
    assert found.changes == ()
    assert len(found.only_before) == len(found.only_after) == 1
    assert [each.name for each in found.differences] == ["array field-16000kB"]


def test_directories_with_other_names_are_paired_and_told(make_results: Make) -> None:
    before = make_results({"npy": {"read": 1.0}}, directories=("/dev/shm", "/data"))
    moved = tuple(
        replace(each, case=each.case._replace(directory="/scratch"))
        if each.case.directory == "/data"
        else each
        for each in before.cases
    )
    after = replace(before, cases=moved, places=(before.places[0], Place("/scratch", "xfs", "sdb")))
    found = compare(before, after)
    assert {change.case.directory for change in found.changes} == {"/dev/shm", "/data"}
    assert Difference("directory", "/data", "/scratch") in found.differences
    assert found.only_before == found.only_after == ()


def test_what_fails_now_is_broken(make_results: Make) -> None:
    before = make_results({"npy": {"read": 1.0}, "raw": "it failed"})
    after = make_results({"npy": "it failed too", "raw": {"read": 1.0}})
    found = compare(before, after)
    assert [(each.case.way, each.error) for each in found.broken] == [("npy", "it failed too")]
    assert found.changes == ()


def test_machines_and_software_that_differ_are_named(make_results: Make) -> None:
    before = make_results()
    machine = replace(before.machine, cpu_count=64, packages={"numpy": "2.5"})
    found = {each.name: each[1:] for each in compare(before, replace(before, machine=machine))[-1]}
    assert found["CPUs"] == ("2", "64")
    assert found["numpy"] == ("2.4.1", "2.5")
    assert found["zarr"] == ("3.1.5", None)
