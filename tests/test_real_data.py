"""Elevation grids of the real world, as Matplotlib ships them, through files and processes."""

import multiprocessing
from multiprocessing.queues import Queue as Answers
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib import cbook

import filexchange as fx
from filexchange.testing import assert_same

GRIDS = ["jacksboro_fault_dem.npz", "topobathy.npz"]
ATTRS = {"source": "USGS", "unit": "m", "bounds": [-84.4, 36.4]}
LAYOUTS: dict[str, dict[str, Any]] = {
    "a.npy": {},
    "a.raw": {},
    "a.npz": {"compression": "deflate"},
    "a.h5": {"chunks": "auto", "compression": "zstd:3"},
    "a.zarr": {"chunks": 50, "shards": 100, "compression": "blosc"},
    "b.zarr.zip": {"compression": "gzip"},
}


def _path(name: str) -> str:
    return str(cbook.get_sample_data(name, asfileobj=False))


def _arrays(name: str) -> dict[str, np.ndarray]:
    with np.load(_path(name)) as archive:
        return {key: archive[key] for key in archive.files}


@pytest.mark.parametrize("name", GRIDS)
def test_grid_is_read_where_it_is(name: str) -> None:
    expected = _arrays(name)
    assert fx.keys(_path(name)) == sorted(expected)
    for key, array in expected.items():
        ref = fx.open_array(_path(name), key=key)
        assert_same(ref.load(), array)
        if array.ndim:
            assert_same(ref[..., ::-3], array[..., ::-3])


@pytest.mark.parametrize("file", LAYOUTS)
@pytest.mark.parametrize("name", GRIDS)
def test_grid_survives_every_format(name: str, file: str, tmp_path: Path) -> None:
    largest = max(_arrays(name).values(), key=lambda array: array.nbytes)
    ref = fx.save(tmp_path / file, largest, attrs=ATTRS, **LAYOUTS[file])
    assert dict(ref.attrs) == ATTRS
    assert_same(ref.load(), largest)
    assert_same(ref[100:20:-7, 13::5], largest[100:20:-7, 13::5])
    if file != "a.raw":
        again = fx.open_array(ref.path)
        assert dict(again.attrs) == ATTRS
        assert (again.chunks, again.shards) == (ref.chunks, ref.shards)
        assert_same(again[...], largest)


def test_compression_pays_for_terrain(tmp_path: Path) -> None:
    grid = _arrays("jacksboro_fault_dem.npz")["elevation"]
    sizes = {}
    for file, options in LAYOUTS.items():
        ref = fx.save(tmp_path / file, grid, **options)
        path = Path(ref.path)
        stored = [path] if path.is_file() else [p for p in path.rglob("*") if p.is_file()]
        sizes[file] = sum(p.stat().st_size for p in stored)
    assert sizes["a.raw"] == grid.nbytes
    assert all(sizes[file] < 0.9 * grid.nbytes for file in LAYOUTS if LAYOUTS[file])


@pytest.mark.parametrize("name", GRIDS)
def test_conversion_through_all_formats_changes_nothing(name: str, tmp_path: Path) -> None:
    key, largest = max(_arrays(name).items(), key=lambda item: item[1].nbytes)
    ref = fx.open_array(_path(name), key=key)
    for file, options in LAYOUTS.items():
        ref = fx.convert(ref, tmp_path / file, attrs=ATTRS, verify=True, **options)
        assert dict(ref.attrs) == ATTRS
    assert_same(ref.load(), largest)


def _produce(queue: Any) -> None:
    for name in GRIDS:
        for key, array in _arrays(name).items():
            queue.put({"grid": name, "key": key, "array": array})
    queue.put(None)
    queue.close()
    queue.join_thread()


def _consume(queue: Any, answers: "Answers[Any]") -> None:
    while (message := queue.get()) is not None:
        array = message["array"]
        expected = _arrays(message["grid"])[message["key"]]
        same = array.dtype == expected.dtype and np.array_equal(array, expected)
        answers.put((message["grid"], message["key"], same))
    answers.put(None)
    queue.close()


@pytest.mark.parametrize("format", ["npy", "zarr"])
def test_grids_pass_from_process_to_process(format: str, tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    answers = context.Queue()
    with fx.Exchange(tmp_path) as exchange:
        queue = exchange.queue(maxsize=3, format=format, context=context)
        producer = context.Process(target=_produce, args=(queue,))
        consumer = context.Process(target=_consume, args=(queue, answers))
        producer.start()
        consumer.start()
        seen = list(iter(lambda: answers.get(timeout=60), None))
        producer.join()
        consumer.join()
        assert (producer.exitcode, consumer.exitcode) == (0, 0)
        assert exchange.stats().claims == 0
        queue.close()
        queue.join_thread()
    answers.close()
    answers.join_thread()
    expected = [(name, key, True) for name in GRIDS for key in _arrays(name)]
    assert seen == expected
