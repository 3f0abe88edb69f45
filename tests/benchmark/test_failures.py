"""Cases that go wrong, while the others go on."""

import os
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import filexchange as fx
from filexchange.benchmark import Results, run
from filexchange.benchmark.measuring.inputs import from_path
from filexchange.formats import registry

SMALL = {"x": np.arange(1000.0).reshape(100, 10)}

# Formats that go wrong, in a module that other processes find.
BROKEN = """
import os, signal, time
import numpy as np
from filexchange.formats.npy import NpyFormat

class Raises(NpyFormat):
    name, suffixes = "raises", (".raises",)
    def write(self, *args):
        raise RuntimeError("no such luck")

class Lies(NpyFormat):
    name, suffixes = "lies", (".lies",)
    def open(self, *args):
        return np.array(super().open(*args)) + 1

class Hangs(NpyFormat):
    name, suffixes = "hangs", (".hangs",)
    def write(self, *args):
        time.sleep(1000)

class KillsProducer(NpyFormat):
    name, suffixes = "kills-producer", (".kp",)
    def write(self, *args):
        os.kill(os.getpid(), signal.SIGKILL)

class KillsConsumer(NpyFormat):
    name, suffixes = "kills-consumer", (".kc",)
    def open(self, *args):
        os.kill(os.getpid(), signal.SIGKILL)
"""


def results_of(results: Results) -> list[Any]:
    return [result for result in results.cases if result.case.role == "format"]


@pytest.fixture
def broken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the names of formats that go wrong, each in its way."""
    (tmp_path / "broken_formats.py").write_text(BROKEN)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(registry, "_loaded", {})
    import broken_formats

    return [
        fx.register_format(cls).name
        for cls in vars(broken_formats).values()
        if isinstance(cls, type) and cls.__module__ == "broken_formats"
    ]


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs SIGKILL")
def test_a_case_that_fails_has_its_reason_and_the_others_go_on(
    broken: list[str], tmp_path: Path
) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    results = run(
        SMALL, ["npy", *broken, "raw"], directories=[scratch], budget=0, repeat=2, limit=2
    )
    npy, *failed, raw = results_of(results)
    assert (npy.error, raw.error) == (None, None)
    assert len(npy.seconds["read"]) == len(raw.seconds["read"]) == 2
    reasons = {result.case.way: result.error for result in failed}
    assert reasons["raises"] == "RuntimeError: no such luck"
    assert "not those that were sent" in reasons["lies"]
    assert "given up after 2 s" in reasons["hangs"]
    killed = f"exit code {-signal.SIGKILL}"
    assert reasons["kills-producer"] == f"the producer process ended with {killed}"
    assert reasons["kills-consumer"] == f"the consumer process ended with {killed}"
    assert not any(result.is_measured for result in failed)
    assert os.listdir(scratch) == []


def test_a_plugin_that_other_processes_cannot_import_fails_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from filexchange.formats.npy import NpyFormat

    monkeypatch.setattr(registry, "_loaded", {})

    @fx.register_format
    class Local(NpyFormat):
        name, suffixes = "local", (".local",)

    results = run(SMALL, ["local", "npy"], directories=[tmp_path], budget=0, repeat=1)
    local, npy = results_of(results)
    assert "Local" in str(local.error)
    assert npy.error is None


def test_an_image_that_was_damaged_since_fails_alone(tmp_path: Path) -> None:
    imageio = pytest.importorskip("imageio.v3", reason="it is optional")
    scratch, image = tmp_path / "scratch", tmp_path / "image.png"
    scratch.mkdir()
    imageio.imwrite(image, np.zeros((4, 5), "u1"))
    (stack,) = from_path(str(image)).values()
    image.write_bytes(b"")
    results = run([stack, np.arange(5)], ["npy"], directories=[scratch], budget=0, repeat=1)
    damaged, npy = results_of(results)
    assert "image.png" in damaged.error
    assert npy.is_measured
    assert os.listdir(scratch) == []


# Ray.


def test_ray_carries_arrays_in_a_cluster_of_its_own(
    tmp_path: Path, ray_environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("ray", reason="it has no wheel for this Python")
    for name, value in ray_environment.items():
        monkeypatch.setenv(name, value)
    results = run(
        {**SMALL, "y": np.eye(3)}, transports=["ray"], directories=[tmp_path], budget=0, repeat=1
    )
    found = [result for result in results.cases if result.case.role == "transport"]
    assert [(result.case.way, result.error) for result in found] == [("ray", None)] * 2
    for result in found:
        assert set(result.seconds) == {"write", "round_trip"}
        assert min(result.seconds["write"]) > 0
    assert os.listdir(tmp_path) == []


def test_without_ray_its_cases_fail_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    (tmp_path / "ray.py").write_text("raise ImportError('none here')")
    monkeypatch.syspath_prepend(tmp_path)
    results = run(
        {**SMALL, "y": np.eye(3)},
        transports=["ray", "pickle"],
        directories=[scratch],
        budget=0,
        repeat=1,
    )
    found = [result for result in results.cases if result.case.role == "transport"]
    for ray, pickle in zip(found[::2], found[1::2], strict=True):
        assert "pip install ray" in str(ray.error)
        assert pickle.is_measured
