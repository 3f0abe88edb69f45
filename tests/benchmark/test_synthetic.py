"""Arrays that are made up."""

import zlib

import numpy as np
import pytest

from filexchange.benchmark import KINDS, synthetic, synthetic_array
from filexchange.errors import UnsupportedOptionError


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dtype", [None, "f4", "f8", "i1", "u1", "i2", "u8", "c8", "?"])
def test_they_are_the_same_every_time_and_not_constant(kind: str, dtype: str | None) -> None:
    array = synthetic_array(40_000, dtype, kind=kind)
    if dtype is not None:
        assert array.dtype == dtype
    assert 30_000 <= array.nbytes <= 40_000
    assert len(np.unique(array)) > 1
    np.testing.assert_array_equal(array, synthetic_array(40_000, dtype, kind=kind))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("nbytes", [1, 1000, 70_000, 3_000_000])
def test_sources_tell_what_they_load(kind: str, nbytes: int) -> None:
    source = synthetic(kind, nbytes)
    array = source.load()
    assert array.shape == source.facts.shape
    assert str(array.dtype) == source.facts.dtype
    assert array.nbytes == source.facts.nbytes
    assert np.isfinite(array).all()


def test_kinds_compress_differently() -> None:
    sizes = {
        kind: len(zlib.compress(synthetic_array(1_000_000, kind=kind).tobytes(), 1)) / 1e6
        for kind in KINDS
    }
    assert sizes["labels"] < 0.1
    assert sizes["sparse"] < 0.2
    assert 0.2 < sizes["images"] < 0.6
    assert sizes["random"] > 0.85
    assert sizes["embeddings"] > 0.85


def test_images_are_a_stack_and_embeddings_are_rows() -> None:
    assert synthetic_array(2_000_000, kind="images").shape == (3, 512, 512)
    assert synthetic_array(1_000_000, kind="embeddings").shape[1] == 768


@pytest.mark.parametrize(
    ("options", "message"),
    [({"dtype": "S5"}, "float32"), ({"dtype": "floaty"}, "float32"), ({"kind": "x"}, "labels")],
)
def test_what_cannot_be_made_is_refused(options: dict[str, str], message: str) -> None:
    with pytest.raises(UnsupportedOptionError, match=message):
        synthetic_array(1000, **options)
