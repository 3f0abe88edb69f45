"""Files on disks and in the page cache."""

import os
from pathlib import Path

import numpy as np
import pytest

import filexchange as fx
from filexchange import capabilities
from filexchange.benchmark.measuring import trees
from filexchange.benchmark.measuring.memory import MemoryWatch
from filexchange.errors import UnsupportedOptionError


@pytest.mark.parametrize("suffix", [".npy", ".zarr"])
def test_files_leave_the_cache_and_keep_their_bytes(suffix: str, tmp_path: Path) -> None:
    if not trees.can_evict(str(tmp_path)):
        pytest.skip("the test's directory is in memory, or the system has no such request")
    array = np.random.default_rng(0).random((300, 300))
    ref = fx.save(tmp_path / f"a{suffix}", array)
    trees.sync(ref.path)
    trees.evict(ref.path)
    for path in trees.files_below(ref.path):
        fd = os.open(path, os.O_RDONLY)
        assert capabilities.resident_bytes(fd) == 0
        os.close(fd)
    np.testing.assert_array_equal(ref.load(), array)
    assert trees.nbytes_below(ref.path) >= array.nbytes


def test_files_in_memory_cannot_leave_it() -> None:
    directory = capabilities.shared_memory_dir()
    if directory is None:
        pytest.skip("no tmpfs")
    assert not trees.can_evict(directory)


def test_files_that_are_mapped_stay_and_that_is_an_error(tmp_path: Path) -> None:
    ref = fx.save(tmp_path / "a.npy", np.ones(100_000))
    trees.sync(ref.path)
    mapped = ref[...]
    assert mapped.sum() == 100_000
    with pytest.raises(UnsupportedOptionError, match="cold"):
        trees.evict(ref.path)


def test_the_most_memory_is_what_arrays_take_and_not_what_is_mapped(tmp_path: Path) -> None:
    ref = fx.save(tmp_path / "a.npy", np.ones(1_000_000))
    capabilities.trim_memory()  # or what other tests have freed is used again
    watch = MemoryWatch([os.getpid()])
    if watch.peak is None:
        pytest.skip("the system does not tell")
    mapped = ref[...]
    assert mapped.sum() == 1_000_000
    watch.look()
    assert watch.peak < 4_000_000
    own = np.ones(2_000_000)
    watch.look()
    del own
    watch.look()
    assert 15_000_000 < watch.peak < 20_000_000


def test_what_has_ended_has_no_memory() -> None:
    assert capabilities.anonymous_memory(2**22 + 1) is None
    capabilities.trim_memory()
