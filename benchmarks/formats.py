"""What filexchange costs over NumPy, h5py and zarr called by hand with the same settings.

python benchmarks/formats.py [--mb 64] [--repeat 9] [--dir DIR] [--json OUT]

Every file is new, the page cache is warm, and both sides write and read the same bytes in turn.
"""

import argparse
import os
import shutil
import statistics
import tempfile
from collections.abc import Callable
from typing import Any, NamedTuple

import h5py
import numpy as np
import zarr
from _measure import interleaved, machine, memcpy_seconds, ratio, report

import filexchange as fx
from filexchange import files
from filexchange.geometry import normalize_chunks


class Case(NamedTuple):
    """One format written and read by hand, and the options that make filexchange do the same."""

    name: str
    suffix: str
    options: dict[str, Any]
    write: Callable[[str, Any], object]
    read: Callable[[str, Any], object]


def _write_hdf5(path: str, array: Any, **options: Any) -> None:
    with h5py.File(path, "w") as file:
        file.create_dataset("data", data=array, **options)


def _read_hdf5(path: str, array: Any) -> Any:
    with h5py.File(path, "r") as file:
        return file["data"][()]


def _write_zarr(path: str, array: Any, compressors: Any) -> None:
    chunks = normalize_chunks(None, array.shape, array.itemsize)
    made = zarr.create_array(
        path, shape=array.shape, dtype=array.dtype, chunks=chunks, compressors=compressors
    )
    made[...] = array


def _read_npz(path: str, array: Any) -> Any:
    with np.load(path) as archive:
        return archive["arr_0"]


def _cases(array: Any) -> list[Case]:
    chunks = normalize_chunks(None, array.shape, array.itemsize)
    return [
        Case("npy", ".npy", {}, np.save, lambda path, _: np.load(path)),
        Case(
            "raw",
            ".raw",
            {},
            lambda path, a: a.tofile(path),
            lambda path, a: np.fromfile(path, a.dtype).reshape(a.shape),
        ),
        Case("npz", ".npz", {}, np.savez, _read_npz),
        Case("npz:deflate", ".npz", {"compression": "deflate"}, np.savez_compressed, _read_npz),
        Case("hdf5", ".h5", {}, _write_hdf5, _read_hdf5),
        Case(
            "hdf5:gzip",
            ".h5",
            {"compression": "gzip", "chunks": chunks},
            lambda path, a: _write_hdf5(path, a, compression="gzip", chunks=chunks),
            _read_hdf5,
        ),
        Case(
            "zarr",
            ".zarr",
            {},
            lambda path, a: _write_zarr(path, a, None),
            lambda path, _: zarr.open_array(path, mode="r")[...],
        ),
        Case(
            "zarr:zstd",
            ".zarr",
            {"compression": "zstd"},
            lambda path, a: _write_zarr(path, a, zarr.codecs.ZstdCodec()),
            lambda path, _: zarr.open_array(path, mode="r")[...],
        ),
    ]


def _measure(case: Case, array: Any, directory: str, repeat: int) -> dict[str, Any]:
    path = os.path.join(directory, f"new{case.suffix}")
    writes = interleaved(
        {
            "ours": lambda: fx.save(path, array, **case.options),
            "theirs": lambda: case.write(path, array),
        },
        repeat,
        after=lambda: files.remove(path),
    )
    by_hand = os.path.join(directory, f"hand{case.suffix}")
    case.write(by_hand, array)
    ref = fx.save(path, array, **case.options)
    reads = interleaved(
        {"ours": lambda: ref.load(), "theirs": lambda: case.read(by_hand, array)}, repeat
    )
    assert np.array_equal(ref.load(), case.read(by_hand, array))
    files.remove(path)
    files.remove(by_hand)
    return {
        "name": case.name,
        "write_s": statistics.median(writes["ours"]),
        "write_ratio": ratio(writes["ours"], writes["theirs"]),
        "read_s": statistics.median(reads["ours"]),
        "read_ratio": ratio(reads["ours"], reads["theirs"]),
        "samples": {"writes": writes, "reads": reads},
    }


def _measure_open(array: Any, directory: str) -> dict[str, Any]:
    path = os.path.join(directory, "open.npy")
    ref = fx.save(path, array)

    def many(action: Callable[[], object]) -> Callable[[], None]:
        def run() -> None:
            for _ in range(200):
                action()

        return run

    samples = interleaved(
        {
            "ref.open()": many(ref.open),
            "ref[...]": many(lambda: ref[...]),
            "np.load(mmap_mode='r')": many(lambda: np.load(path, mmap_mode="r")),
        },
        15,
    )
    theirs = samples["np.load(mmap_mode='r')"]
    files.remove(path)
    return {
        "open_us": statistics.median(samples["ref.open()"]) / 200 * 1e6,
        "index_us": statistics.median(samples["ref[...]"]) / 200 * 1e6,
        "np_load_us": statistics.median(theirs) / 200 * 1e6,
        "times_faster": 1 / ratio(samples["ref.open()"], theirs),
    }


def _floor(array: Any, directory: str, repeat: int) -> dict[str, float]:
    """Return the seconds of the bare system calls on the same bytes."""
    path = os.path.join(directory, "floor")
    data = memoryview(array).cast("B")
    target = bytearray(len(data))

    def write() -> None:
        with open(path, "xb", buffering=0) as file:
            file.write(data)

    def read() -> None:
        with open(path, "rb", buffering=0) as file:
            file.readinto(target)

    writes = interleaved({"write": write}, repeat, after=lambda: files.remove(path))
    write()
    reads = interleaved({"read": read}, repeat)
    files.remove(path)
    return {
        "write_s": statistics.median(writes["write"]),
        "read_s": statistics.median(reads["read"]),
        "memcpy_s": memcpy_seconds(len(data)),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--mb", type=int, default=64, help="size of the array in MiB")
    parser.add_argument("--repeat", type=int, default=9)
    parser.add_argument("--dir", help="where to write; the temporary directory by default")
    parser.add_argument("--only", help="names of formats, separated by commas")
    parser.add_argument("--json", metavar="OUT", help="'-' is standard output")
    options = parser.parse_args()

    rows = options.mb * 64
    field = np.add.outer(np.sin(np.arange(rows) / 99), np.cos(np.arange(4096) / 77))
    noise = np.random.default_rng(0).normal(0, 1e-3, field.shape)
    array = (field + noise).astype("f4")
    directory = tempfile.mkdtemp(prefix="filexchange-benchmark-", dir=options.dir)
    try:
        floor = _floor(array, directory, options.repeat)
        chosen = [
            case
            for case in _cases(array)
            if options.only is None or case.name in options.only.split(",")
        ]
        results = [_measure(case, array, directory, options.repeat) for case in chosen]
        opened = _measure_open(array, directory)
    finally:
        shutil.rmtree(directory)

    table = [
        [
            result["name"],
            f"{result['write_s'] * 1e3:.1f}",
            f"{result['write_ratio']:.2f}",
            f"{result['read_s'] * 1e3:.1f}",
            f"{result['read_ratio']:.2f}",
        ]
        for result in results
    ]
    table.append(
        [
            "bare write, read",
            f"{floor['write_s'] * 1e3:.1f}",
            "",
            f"{floor['read_s'] * 1e3:.1f}",
            "",
        ]
    )
    table.append(["memcpy", f"{floor['memcpy_s'] * 1e3:.1f}", "", "", ""])
    report(
        f"{options.mb} MiB float32, new files, warm page cache: median ms, and ratio to the "
        f"library by hand\nopening an npy: {opened['open_us']:.1f} us by ref.open(), "
        f"{opened['np_load_us']:.1f} us by np.load(mmap_mode='r'): "
        f"{opened['times_faster']:.1f} times faster",
        ["format", "write", "to by hand", "read", "to by hand"],
        table,
        {
            "machine": machine(),
            "mb": options.mb,
            "floor": floor,
            "formats": results,
            "open": opened,
        },
        options.json,
    )


if __name__ == "__main__":
    main()
