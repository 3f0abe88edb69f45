"""What is exchanged."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import filexchange as fx
from filexchange.benchmark.measuring.inputs import default_sources, from_path, sources_of
from filexchange.errors import (
    ArrayNotFoundError,
    BadArrayFileError,
    FileExchangeError,
    UnknownFormatError,
    UnsupportedArrayError,
    UnsupportedOptionError,
)


def test_by_default_there_are_several_sizes() -> None:
    sizes = [source.facts.nbytes for source in default_sources()]
    assert len(set(sizes)) == len(sizes) >= 3
    assert sources_of(None, "") == tuple(default_sources())


def test_arrays_references_and_paths_become_sources(tmp_path: Path) -> None:
    ref = fx.save(tmp_path / "a.h5", np.arange(6), key="x")
    fx.save(tmp_path / "a.h5", np.arange(4.0), key="y")
    text = str(tmp_path / "a.h5")
    found = sources_of([ref, f"{text}:y", np.eye(3)], str(tmp_path))
    assert [each.name for each in found] == [f"{text}:x", f"{text}:y", "array 2"]
    for source, array in zip(found, [np.arange(6), np.arange(4.0), np.eye(3)], strict=True):
        np.testing.assert_array_equal(source.load(), array)
        assert source.facts.shape == array.shape
    assert [each.name for each in sources_of(text, "")] == [f"{text}:x", f"{text}:y"]


def test_names_can_be_given(tmp_path: Path) -> None:
    fx.save(tmp_path / "a.npy", np.arange(6))
    found = sources_of({"mine": tmp_path / "a.npy", "ours": [[1, 2]]}, str(tmp_path))
    assert [(each.name, each.facts.kind) for each in found] == [("mine", "file"), ("ours", "array")]


@pytest.mark.parametrize("inputs", [[], {}])
def test_nothing_is_refused(inputs: object) -> None:
    with pytest.raises(UnsupportedOptionError, match="none"):
        sources_of(inputs, "")


def test_two_of_one_name_are_refused(tmp_path: Path) -> None:
    ref = fx.save(tmp_path / "a.npy", np.arange(6))
    with pytest.raises(UnsupportedOptionError, match="two of a name"):
        sources_of([ref, ref], "")


def test_what_is_not_there_is_named() -> None:
    with pytest.raises(ArrayNotFoundError, match=r"missing\.npy"):
        sources_of(["missing.npy"], "")


def test_arrays_that_cannot_be_read_are_the_reason_in_their_place(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", good=np.arange(3.0), bad=np.array([None]))
    found = from_path(str(tmp_path / "a.npz"))
    assert [isinstance(each, FileExchangeError) for each in found.values()].count(True) == 1


@pytest.fixture
def frames(tmp_path: Path) -> Path:
    imageio = pytest.importorskip("imageio.v3", reason="it is optional")
    directory = tmp_path / "frames"
    directory.mkdir()
    for number in range(3):
        frame = np.full((4, 5), number, "u1")
        imageio.imwrite(directory / f"{number}.png", frame)
    (directory / "notes.txt").write_text("no image")
    return directory


def test_a_directory_of_images_is_a_stack(frames: Path) -> None:
    (source,) = sources_of([frames], "")
    assert (source.facts.kind, source.facts.shape, source.facts.dtype) == (
        "images",
        (3, 4, 5),
        "uint8",
    )
    assert source.load()[:, 0, 0].tolist() == [0, 1, 2]
    (single,) = sources_of([frames / "1.png"], "")
    assert single.facts.shape == (4, 5)


def test_images_of_different_shapes_make_no_stack(frames: Path) -> None:
    from imageio.v3 import imwrite

    imwrite(frames / "3.png", np.zeros((5, 5), "u1"))
    with pytest.raises(UnsupportedArrayError, match="differ"):
        sources_of([frames], "")


@pytest.mark.filterwarnings("ignore:.*:UserWarning:imageio")  # TIFF wonders before it fails
@pytest.mark.filterwarnings("ignore:.*tifffile:DeprecationWarning")
@pytest.mark.parametrize("suffix", ["png", "jpg", "tif", "gif", "bmp"])
@pytest.mark.parametrize(
    "damage",
    [
        lambda content: b"",
        lambda content: b"not an image",
        lambda content: content[:12],
        lambda content: content[: len(content) // 2],
    ],
    ids=["empty", "text", "head", "half"],
)
def test_a_damaged_image_is_named(
    tmp_path: Path, suffix: str, damage: Callable[[bytes], bytes]
) -> None:
    imageio = pytest.importorskip("imageio.v3", reason="it is optional")
    noise = np.random.default_rng(0).integers(0, 256, (3, 64, 64), "u1")
    for number, frame in enumerate(noise):
        imageio.imwrite(tmp_path / f"{number}.{suffix}", frame)
    damaged = tmp_path / f"1.{suffix}"
    damaged.write_bytes(damage(damaged.read_bytes()))
    with pytest.raises(BadArrayFileError, match=rf"1\.{suffix}' \([^\n]*\): repair it"):
        sources_of([tmp_path], "")


@pytest.mark.parametrize(
    ("names", "found", "advised"),
    [
        ([], "nothing", "FILE.npy"),
        ([".hidden", "notes.txt"], "'notes.txt'", "FILE.npy"),
        ([*"dcba", "e.npy"], "'a', 'b', 'c' and 2 more", "{}/e.npy"),
    ],
)
def test_a_directory_without_images_is_told_what_to_name(
    tmp_path: Path, names: list[str], found: str, advised: str
) -> None:
    for name in names:
        (tmp_path / name).touch()
    with pytest.raises(UnknownFormatError) as caught:
        sources_of([tmp_path], "")
    message = str(caught.value)
    assert f"{str(tmp_path)!r} has {found}, but no images" in message
    assert ".png" in message
    assert f"`filexchange bench {advised.format(tmp_path)}`" in message
    assert "format=" not in message


def test_a_zarr_directory_is_no_image_stack(tmp_path: Path) -> None:
    fx.save(tmp_path / "a.zarr", np.arange(3))
    (source,) = sources_of([tmp_path / "a.zarr"], "")
    assert source.facts.kind == "file"
