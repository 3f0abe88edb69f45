"""Results in a terminal."""

import io
import itertools
from collections.abc import Callable
from dataclasses import replace

import pytest
from rich.console import Console, RenderableType

from filexchange.benchmark.reporting.facts import facts, failures
from filexchange.benchmark.reporting.ranking import Group
from filexchange.benchmark.reporting.tables import (
    cases_table,
    details,
    full_report,
    overview,
    report,
    winners_table,
)
from filexchange.benchmark.results import Results

Make = Callable[..., Results]
SHM = Group("field-16000kB", "/dev/shm", "warm")


def shown(*parts: RenderableType, width: int = 80) -> str:
    file = io.StringIO()
    Console(file=file, width=width, highlight=False, emoji=False).print(*parts, sep="\n")
    return file.getvalue()


def row(text: str, name: str) -> list[str]:
    return next(line.split() for line in text.splitlines() if line.startswith(name))


@pytest.mark.parametrize("directories", [("/dev/shm",), ("/dev/shm", "/data")])
def test_all_tables_fit_80_columns(make_results: Make, directories: tuple[str, ...]) -> None:
    results = make_results(directories=directories, sizes=(64_000, 16_000_000_000), noise=0.3)
    text = shown(*full_report(results))
    assert "…" not in text
    assert max(len(line.rstrip()) for line in text.splitlines()) <= 80
    folded = text.replace("\n", " ")
    for way in ("npy", "npz:deflate", "queue", "memcpy", "shared_memory"):
        assert way in folded


def test_the_winners_of_one_group_have_figures_ties_and_the_next(make_results: Make) -> None:
    text = shown(winners_table(make_results(noise=0), SHM))
    assert "npy = raw" in text
    assert "9.34 ms" in text
    assert row(text, "fastest transport")[2:] == ["queue", "4.35", "ms", "2.03x", "shared_memory"]
    assert row(text, "smallest")[3:6] == ["zarr:sharded:zstd:5", "8.80", "MB"]


def test_several_sizes_have_a_winner_each(make_results: Make) -> None:
    results = make_results(sizes=(16_000_000, 64_000), noise=0)
    text = shown(next(iter(report(results))))
    lines = [line.split()[0] for line in text.splitlines() if line.startswith("field")]
    assert lines == ["field-64kB", "field-16000kB"]
    assert "best for each size" in text


def test_cases_are_in_the_order_of_their_time_with_floors_and_failures(make_results: Make) -> None:
    text = shown(cases_table(make_results(noise=0), SHM, ("write", "read", "round_trip")))
    names = [line.split()[0] for line in text.splitlines()[3:] if line[:1].strip()]
    assert [names.index(way) for way in ("npy", "hdf5", "npz", "hdf5:gzip", "hdf5:lzf")] == sorted(
        names.index(way) for way in ("npy", "hdf5", "npz", "hdf5:gzip", "hdf5:lzf")
    )
    assert row(text, "hdf5:lzf") == ["hdf5:lzf", "failed"]
    assert row(text, "memcpy") == ["memcpy", "1.60", "ms", "1.60", "ms", "-", "-", "-"]
    assert row(text, "npy")[-3:] == ["━━━━━━━━", "16.0", "MB"]


def test_the_spread_is_half_the_range_in_percent(make_results: Make) -> None:
    results = make_results({"npy": {"read": 1.0}}, noise=0)
    wide = replace(results.cases[0], seconds={"read": (0.9, 1.0, 1.3)})
    text = shown(cases_table(replace(results, cases=(wide,)), SHM, ("read",)))
    assert "±20%" in text


def test_an_overview_is_short_and_details_are_of_some_groups(make_results: Make) -> None:
    results = make_results(sizes=(64_000, 16_000_000), caches=("warm", "cold"))
    assert len(list(overview(results))) == 2
    text = shown(*details(results, [SHM]))
    assert "field-64kB" not in text
    assert "field-16000kB, /dev/shm, warm" in text


def test_facts_name_data_directories_machine_and_versions(make_results: Make) -> None:
    lines = "\n".join(facts(make_results(directories=("/dev/shm", "/data"))))
    for text in ("float32 (4000, 1000)", "/dev/shm: tmpfs", "/data: ext4 on /dev/sda1", "2 CPUs"):
        assert text in lines
    assert "numpy 2.4.1" in lines


def test_failures_are_lines_with_their_reasons(make_results: Make) -> None:
    reason = "RuntimeError: no filter <lzf> & no luck"
    assert failures(make_results()) == [f"hdf5:lzf (field-16000kB, /dev/shm, warm): {reason}"]
    assert failures(make_results(caches=("warm", "cold"))) == [
        f"hdf5:lzf (field-16000kB, /dev/shm, warm, and 1 more): {reason}"
    ]


def test_a_report_has_every_case_of_the_largest_array_alone(make_results: Make) -> None:
    results = make_results(directories=("/dev/shm", "/data"), sizes=(64_000, 16_000_000))
    text, whole = shown(*report(results)), shown(*full_report(results))
    assert "and 3 tables like this with --all" in text
    assert (text.count("memcpy"), whole.count("memcpy")) == (1, 4)
    two = make_results(directories=("/dev/shm", "/data"))
    assert "and 1 table like this with --all" in shown(*report(two))
    alone = make_results()
    assert shown(*report(alone)) == shown(*full_report(alone))


def test_a_run_without_measurements_has_tables_of_nothing(make_results: Make) -> None:
    results = make_results({"npy": "it failed"})
    text = shown(*report(results))
    assert list(itertools.filterfalse(str.isspace, text))
    assert "npy" not in text
