import dataclasses

import numpy as np
import pytest

from filexchange.tuning import USES, WAYS, Use, Way
from filexchange.tuning.choosing import choose, settled
from filexchange.tuning.model import expected, expected_of
from filexchange.tuning.probing import FULL, QUICK, probe
from filexchange.tuning.profiles import Profile


def test_figures_at_measured_sizes_are_those_measured(profile: Profile) -> None:
    for number, size in enumerate(profile.sizes):
        found = expected(profile, size)
        np.testing.assert_allclose(found.seconds, profile.seconds[:, :, number])
        stored = profile.overhead[:, None] + profile.nbytes[:, :, number]
        np.testing.assert_allclose(found.nbytes, stored, rtol=0.02)


def test_beyond_the_largest_size_figures_grow_in_proportion(profile: Profile) -> None:
    largest = profile.sizes[-1]
    ratio = expected(profile, largest * 10).seconds / expected(profile, largest).seconds
    np.testing.assert_allclose(ratio, 10)


def test_figures_between_sizes_are_between_theirs(profile: Profile) -> None:
    low, high = profile.sizes[1:3]
    middle = expected(profile, int((low * high) ** 0.5)).seconds
    ends = np.stack([profile.seconds[:, :, 1], profile.seconds[:, :, 2]])
    assert (middle >= ends.min(axis=0) * 0.999).all()
    assert (middle <= ends.max(axis=0) * 1.001).all()


def test_an_array_like_an_input_has_its_figures(profile: Profile) -> None:
    for number, each in enumerate(profile.inputs):
        found = expected_of(profile, profile.sizes[1], each.itemsize, each.fractions)
        of_input = profile.overhead + profile.nbytes[:, number, 1]
        ratio = found.nbytes[:, 0] / of_input
        assert ratio.max() < 1.6, each.kind
        assert ratio.min() > 0.6, each.kind


def test_one_size_is_enough(profile: Profile) -> None:
    small = dataclasses.replace(
        profile,
        sizes=profile.sizes[:1],
        seconds=profile.seconds[:, :, :1],
        nbytes=profile.nbytes[:, :, :1],
    )
    np.testing.assert_allclose(expected(small, 1).seconds, profile.seconds[:, :, 0])


def test_a_disk_that_is_slow_speaks_for_compression(profile: Profile) -> None:
    """Time in proportion to the bytes on disk is what a slow disk adds."""
    slow = profile.seconds.copy()
    slow[..., :2] += (profile.nbytes / 1e6)[..., None]
    array = np.repeat(np.arange(1000), 2000).astype("i4")
    found = choose(
        dataclasses.replace(profile, seconds=slow),
        WAYS,
        "exchange",
        array.nbytes,
        4,
        lambda names: probe(array, names),
    )
    assert found.order[0].compression is not None
    assert set(found.fractions) == set(QUICK)
    noise = np.random.default_rng(0).integers(0, 256, 8_000_000, "u1")
    found = choose(
        dataclasses.replace(profile, seconds=slow),
        WAYS,
        "exchange",
        noise.nbytes,
        1,
        lambda names: probe(noise, names),
    )
    assert found.costs[found.order.index(Way("npy"))] < 1.5 * found.costs[0]


def test_what_is_certain_needs_no_probe(profile: Profile) -> None:
    def ask(names: object) -> dict[str, float]:
        raise AssertionError("asked in vain")

    assert choose(profile, WAYS, "exchange", 1 << 24, 4, ask).order[0] == Way("npy")
    assert settled(profile, WAYS, "exchange", 1 << 24) == Way("npy")
    assert settled(profile, WAYS, "archive", 1 << 24) is None


@pytest.mark.parametrize("use", USES)
@pytest.mark.parametrize("nbytes", [0, 1, 10_000, 1 << 40])
def test_any_size_has_a_choice(use: Use, nbytes: int, profile: Profile) -> None:
    found = choose(profile, WAYS, use, nbytes, 8, None)
    assert set(found.order) == set(WAYS)
    assert np.isfinite(found.costs).all()


@pytest.mark.parametrize("shape", [(), (0,), (3, 0), (1,), (1000, 1000), (5, 1 << 20)])
@pytest.mark.parametrize("dtype", ["f4", "u1", "M8[s]", "U70", "V300", "f4,u2", "?"])
def test_all_arrays_can_be_probed(shape: tuple[int, ...], dtype: str) -> None:
    if np.dtype(dtype).itemsize * np.prod(shape) > 50_000_000:
        shape = (1000,)
    array = np.zeros(shape, dtype)
    found = probe(array)
    assert set(found) == (set(FULL) if array.size else set())
    assert all(0 < each < 200 for each in found.values())


def test_noise_does_not_shrink_and_zeros_do() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (4096, 4096), "u1")
    assert min(probe(noise).values()) > 0.99
    assert max(probe(np.zeros((4096, 4096))).values()) < 0.05
