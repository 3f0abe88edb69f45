"""Pictures by matplotlib."""

import os
import sys
import xml.etree.ElementTree as ET
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from filexchange.benchmark.reporting.plotting import plot, save_plot
from filexchange.benchmark.reporting.ranking import Group
from filexchange.benchmark.results import Results
from filexchange.errors import ArrayNotFoundError, MissingDependencyError, UnsupportedOptionError

Make = Callable[..., Results]

pytestmark = pytest.mark.usefixtures("drawing")


@pytest.mark.parametrize(
    ("name", "begin"), [("a.png", b"\x89PNG"), ("a.SVG", b"<?xml"), ("a.pdf", b"%PDF")]
)
def test_pictures_are_written_by_their_suffix(
    name: str, begin: bytes, make_results: Make, tmp_path: Path
) -> None:
    (tmp_path / name).write_text("what was there before")
    save_plot(make_results(sizes=(64_000, 16_000_000)), tmp_path / name)
    assert (tmp_path / name).read_bytes().startswith(begin)
    assert os.listdir(tmp_path) == [name]
    if begin == b"<?xml":
        ET.parse(tmp_path / name)


def test_the_plots_have_the_points_of_their_group(make_results: Make) -> None:
    results = make_results(sizes=(64_000, 16_000_000), directories=("/dev/shm", "/data"), noise=0)
    figure = results.plot()
    sizes, speeds, disk = figure.axes
    lines = {line.get_label(): line for line in sizes.lines}
    assert lines["npy"].get_xdata().tolist() == [64_000, 16_000_000]
    point = {line.get_label(): line for line in speeds.lines}["npy"]
    assert point.get_xdata()[0] == pytest.approx(16e6 / 0.00604)
    assert "memcpy" in {line.get_label() for line in speeds.lines}
    assert len(disk.lines) == 11  # ten formats, and the front
    assert "/dev/shm" in figure.get_suptitle()
    data = plot(results, Group("field-64kB", "/data", "warm"))
    assert "field-64kB, /data, warm (ext4 on /dev/sda1)" in data.get_suptitle()


@pytest.mark.parametrize("medians", [{"npy": "failed"}, {"npy": {"write": 1.0}}])
def test_there_may_be_nothing_to_show(
    medians: dict[str, object], make_results: Make, tmp_path: Path
) -> None:
    results = make_results(medians)
    save_plot(results, tmp_path / "a.png")
    save_plot(replace(results, cases=()), tmp_path / "b.png")


def test_what_cannot_be_drawn_is_refused(make_results: Make, tmp_path: Path) -> None:
    with pytest.raises(UnsupportedOptionError, match=r"\.png, \.svg or \.pdf"):
        save_plot(make_results(), tmp_path / "a.txt")
    with pytest.raises(ArrayNotFoundError, match="nowhere"):
        save_plot(make_results(), tmp_path / "nowhere" / "a.png")
    assert os.listdir(tmp_path) == []


def test_without_matplotlib_the_command_to_install_it_is_named(
    make_results: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(MissingDependencyError, match=r"pip install filexchange\[plot\]"):
        make_results().plot()
