"""The recommendation in words."""

from collections.abc import Callable
from dataclasses import replace

from filexchange.benchmark.reporting.phrases import label
from filexchange.benchmark.reporting.ranking import Group
from filexchange.benchmark.reporting.wording import Advice, recommendation
from filexchange.benchmark.results import Results

Make = Callable[..., Results]


def advice(results: Results) -> dict[str, Advice]:
    return {each.purpose: each for each in recommendation(results)}


def test_each_purpose_has_a_choice_with_its_reasons(make_results: Make) -> None:
    found = advice(make_results(noise=0))
    assert {purpose: each.choice for purpose, each in found.items()} == {
        "to exchange": "npy",
        "from process to process": "queue",
        "to read parts": "npy",
        "to save space": "zarr:sharded:zstd:5",
    }
    exchange = found["to exchange"].reason
    assert exchange == (
        "9.34 ms for field-16000kB (1.71 GB/s); memcpy alone takes 1.60 ms; "
        "raw is as fast within the noise; the next is hdf5, 1.64 times that."
    )
    space = found["to save space"].reason
    assert "0.55 of the bytes of field-16000kB at 10.7 times the time of npy" in space
    assert "hdf5:blosc2-zstd:5: 0.58 of the bytes, 6.03 times the time" in space


def test_what_is_best_elsewhere_is_named_with_where(make_results: Make) -> None:
    fast, slow = {"round_trip": 0.1}, {"round_trip": 0.2}
    one = make_results({"npy": fast, "zarr": slow}, sizes=(1000, 2000))
    other = make_results({"npy": slow, "zarr": fast}, kind="labels")
    both = replace(one, inputs=one.inputs + other.inputs, cases=one.cases + other.cases)
    assert advice(both)["to exchange"].choice == "npy; zarr for labels-16000kB"


def test_data_that_do_not_compress_are_not_compressed(make_results: Make) -> None:
    ways = {"npy": {"round_trip": 0.1}, "zarr:zstd": {"round_trip": 0.2, "bytes": 0.95}}
    assert advice(make_results(ways))["to save space"].choice == "do not compress"


def test_compression_that_is_also_fastest_costs_nothing(make_results: Make) -> None:
    ways = {"npy": {"round_trip": 0.2}, "zarr:zstd": {"round_trip": 0.1, "bytes": 0.5}}
    assert "and nothing is faster" in advice(make_results(ways))["to save space"].reason


def test_directories_are_compared_by_their_best(make_results: Make) -> None:
    found = advice(make_results(directories=("/dev/shm", "/data"), noise=0))["where"]
    assert found.choice == "/dev/shm (tmpfs)"
    assert found.reason == (
        "9.34 ms for field-16000kB there, with npy; 14.0 ms in /data, with npy."
    )


def test_directories_that_are_equally_fast_are_called_so(make_results: Make) -> None:
    fast = make_results({"npy": {"round_trip": 0.1}}, noise=0, directories=("/dev/shm", "/data"))
    shm = fast.cases[0]
    data = replace(fast.cases[1], seconds=shm.seconds)
    assert "which is a tie" in advice(replace(fast, cases=(shm, data)))["where"].reason


def test_nothing_is_recommended_of_nothing(make_results: Make) -> None:
    (only,) = recommendation(make_results({"npy": "it failed"}))
    assert str(only).startswith("nothing was measured. ")


def test_the_words_of_several_runs_choose_the_same(make_results: Make) -> None:
    choices = {
        tuple(each.choice for each in recommendation(make_results(noise=0.1, seed=seed)))
        for seed in range(5)
    }
    assert len(choices) == 1


def test_a_label_has_only_what_differs(make_results: Make) -> None:
    group = Group("field-16000kB", "/dev/shm", "warm")
    assert label(make_results(), group) == ""
    assert label(make_results(caches=("warm", "cold")), group) == "warm"


def test_an_empty_array_has_its_words(make_results: Make) -> None:
    assert recommendation(make_results(sizes=(0,)))
