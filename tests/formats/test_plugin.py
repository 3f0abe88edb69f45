"""A format of another package, found by its entry point, fulfils the whole contract."""

import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

import filexchange as fx
from filexchange import capabilities, files
from filexchange.dtypes import dtype_from_json, dtype_to_json
from filexchange.errors import (
    ArrayMismatchError,
    BadArrayFileError,
    FormatError,
    MissingDependencyError,
    UnknownFormatError,
)
from filexchange.formats import Format, StoredArray, get_format, registry
from filexchange.formats.flat import memory_order, write_elements
from filexchange.testing import FormatTests


class LineFormat(Format):
    """One line of JSON, then the elements."""

    name = "line"
    suffixes = (".line",)
    supports_mmap = True
    supports_regions = False

    def write(self, path: str, key: Any, source: Any, options: Any) -> StoredArray:
        order = memory_order(source)
        head = {
            "shape": source.shape,
            "dtype": dtype_to_json(source.dtype),
            "order": order,
            "attrs": dict(options.attrs),
        }
        line = json.dumps(head).encode().ljust(511) + b"\n"
        with open(path, "xb") as file:
            file.write(line)
            write_elements(file.write, source)
        return self.describe(path, key)

    def create(self, path: str, key: Any, shape: Any, dtype: Any, options: Any) -> StoredArray:
        raise AssertionError("supports_regions is false")

    def describe(self, path: str, key: Any) -> StoredArray:
        with files.opened(path) as fd:
            buffer = bytearray(4096)
            count = capabilities.read_at(fd, memoryview(buffer), 0)
            line, end, _ = bytes(buffer[:count]).partition(b"\n")
            try:
                head = json.loads(line)
            except ValueError as error:
                raise BadArrayFileError(f"{path!r} begins with no JSON") from error
            if not end:
                raise BadArrayFileError(f"{path!r} is truncated")
            stored = StoredArray(
                None,
                tuple(head["shape"]),
                dtype_from_json(head["dtype"]),
                head["order"],
                len(line) + 1,
                attrs=fx.ArrayRef.from_json(
                    json.dumps(
                        {
                            "filexchange": 1,
                            "path": path,
                            "format": "line",
                            "shape": [],
                            "dtype": "|u1",
                        }
                        | {"attrs": head["attrs"]}
                    )
                ).attrs,
            )
            files.check_size(fd, path, len(line) + 1 + stored.nbytes)
        return stored

    def open(self, path: str, stored: StoredArray, mode: Any) -> Any:
        if self.describe(path, None) != stored:
            raise ArrayMismatchError(f"{path!r} was replaced")
        with files.opened(path, writable=mode == "r+") as fd:
            return files.map_array(
                fd,
                path,
                shape=stored.shape,
                dtype=stored.dtype,
                offset=stored.offset or 0,
                order=stored.order,
                mode=mode,
            )


@pytest.fixture(autouse=True)
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Install a distribution that declares the format, for this process and its children."""
    site = tmp_path / "site"
    info = site / "line_format-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: line-format\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[filexchange.formats]\n"
        "line = line_format:LineFormat\n"
        "broken = line_format_missing:Format\n"
    )
    source = Path(__file__).read_text()
    (site / "line_format.py").write_text(source.partition("@pytest.fixture(autouse")[0])
    monkeypatch.syspath_prepend(site)
    monkeypatch.setenv(
        "PYTHONPATH", os.pathsep.join([str(site), *filter(None, [os.environ.get("PYTHONPATH")])])
    )
    monkeypatch.setattr(registry, "_loaded", dict(registry._loaded))
    monkeypatch.delitem(sys.modules, "line_format", raising=False)


class TestLine(FormatTests):
    name = "line"


def test_plugin_is_listed_and_chosen_by_suffix(tmp_path: Path) -> None:
    assert "line" in fx.available_formats()
    assert fx.save(tmp_path / "a.line", [1, 2]).format == "line"


def test_plugin_that_cannot_be_imported_names_its_pip_line() -> None:
    with pytest.raises(MissingDependencyError, match="pip install line-format"):
        get_format("broken")


def test_unknown_format_lists_those_there_are(tmp_path: Path) -> None:
    with pytest.raises(UnknownFormatError, match="line.*npy"):
        get_format("nonsense")
    with pytest.raises(UnknownFormatError, match=r"\.npy"):
        fx.save(tmp_path / "a.unknown", [1, 2])


def test_name_that_is_taken_cannot_be_registered() -> None:
    class Npy(LineFormat):
        name = "npy"

    with pytest.raises(FormatError, match="npy"):
        fx.register_format(Npy)


def test_format_registered_at_run_time_is_used(tmp_path: Path) -> None:
    class Mine(LineFormat):
        name = "mine"
        suffixes = (".mine",)

    assert fx.register_format(Mine) is Mine
    assert fx.save(tmp_path / "a.mine", [1, 2]).format == "mine"
