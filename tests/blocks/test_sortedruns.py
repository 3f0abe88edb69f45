"""Where sorted runs are cut, and that what is between cuts is the sorted array."""

import itertools
from collections.abc import Iterator, Sequence
from typing import Any

import hypothesis.extra.numpy as hnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from filexchange.blocks.kernels.internalsort import merge_in_place, stable_order
from filexchange.blocks.kernels.sortedruns import SortedRuns, sample


def _cutting(runs: list[Any], step: int) -> tuple[SortedRuns, list[int]]:
    """Return the runs as something to cut, and the sizes of what is read."""
    sizes: list[int] = []

    def read(spans: Sequence[tuple[int, int]]) -> list[Any]:
        for run, (start, stop) in zip(runs, spans, strict=True):
            assert 0 <= start <= stop <= len(run)
            sizes.append(stop - start)
        return [run[start:stop] for run, (start, stop) in zip(runs, spans, strict=True)]

    samples = [sample(run, step) for run in runs]
    return SortedRuns([len(run) for run in runs], samples, step, read), sizes


def _ranges(runs: list[Any], cutting: SortedRuns, most: int) -> Iterator[list[tuple[int, int]]]:
    """Yield where the pieces of equal ranges begin and end in their runs."""
    total = sum(map(len, runs))
    count = -(-total // most)
    cuts = [cutting.at(total * i // count) for i in range(count + 1)] if count else []
    for starts, stops in itertools.pairwise(cuts):
        yield list(zip(starts, stops, strict=True))


def _order(runs: list[Any]) -> Any:
    """Return run and place of all elements, stably sorted."""
    order = stable_order(np.concatenate(runs))
    owners = np.repeat(np.arange(len(runs)), [len(run) for run in runs])
    places = np.concatenate([np.arange(len(run)) for run in runs])
    return owners[order], places[order]


@st.composite
def _runs(draw: Any) -> list[Any]:
    dtype = draw(st.sampled_from(["f4", "i2", "u8", "M8[s]", "U2", "?"]))
    values = draw(hnp.arrays(dtype, st.integers(1, 12)))
    lengths = draw(st.lists(st.integers(0, 30), min_size=1, max_size=6))
    places = st.integers(0, len(values) - 1)
    return [np.sort(values[draw(hnp.arrays("i8", n, elements=places))]) for n in lengths]


@settings(deadline=None, max_examples=25)
@given(_runs(), st.integers(1, 12), st.data())
def test_cuts_are_those_of_a_stable_sort(runs: list[Any], step: int, data: Any) -> None:
    total = sum(map(len, runs))
    rank = data.draw(st.integers(0, total))
    cutting, sizes = _cutting(runs, step)
    found = cutting.at(rank)
    owners, _ = _order(runs)
    assert found == np.bincount(owners[:rank], minlength=len(runs)).tolist()
    assert sum(sizes) <= 2 * step * len(runs) + step


@settings(deadline=None, max_examples=25)
@given(_runs(), st.integers(1, 12), st.integers(1, 40))
def test_ranges_are_the_sorted_array(runs: list[Any], step: int, most: int) -> None:
    merged = []
    stops = [0] * len(runs)
    for pieces in _ranges(runs, _cutting(runs, step)[0], most):
        assert [start for start, _ in pieces] == stops
        stops = [stop for _, stop in pieces]
        part = np.concatenate(
            [run[start:stop] for run, (start, stop) in zip(runs, pieces, strict=True)]
        )
        assert 0 < len(part) <= most
        merge_in_place(part)
        merged.append(part)
    assert stops == [len(run) for run in runs]
    expected = np.sort(np.concatenate(runs))
    np.testing.assert_array_equal(np.concatenate([expected[:0], *merged]), expected)


@pytest.mark.parametrize("data", ["random", "constant", "few", "sorted", "nan"])
def test_large_runs_are_cut_exactly_and_read_little(data: str) -> None:
    rng = np.random.default_rng(0)
    array = {
        "random": rng.standard_normal(200_000),
        "constant": np.ones(200_000),
        "few": rng.integers(0, 3, 200_000) / 3,
        "sorted": np.arange(200_000.0),
        "nan": np.where(rng.random(200_000) < 0.6, np.nan, rng.random(200_000)),
    }[data].astype("f4")
    runs = [np.sort(run) for run in np.array_split(array, 7)]
    indexes = [np.argsort(run, kind="stable") for run in np.array_split(array, 7)]
    starts = np.cumsum([0, *map(len, runs[:-1])])
    cutting, sizes = _cutting(runs, 64)
    found = []
    for pieces in _ranges(runs, cutting, 30_000):
        parts = [run[a:b] for run, (a, b) in zip(runs, pieces, strict=True)]
        places = [
            start + index[a:b] for start, index, (a, b) in zip(starts, indexes, pieces, strict=True)
        ]
        assert 28_000 <= sum(map(len, parts)) <= 30_000
        found.append(np.concatenate(places)[stable_order(np.concatenate(parts))])
    np.testing.assert_array_equal(np.concatenate(found), np.argsort(array, kind="stable"))
    assert sum(sizes) <= 7 * (2 * 64 * 7 + 64)
