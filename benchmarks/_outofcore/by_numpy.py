"""NumPy by hand, as good as a page of code makes it: loops over blocks of memory maps, threads.

Matrix products have threads of their own.
"""

import contextlib
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from _outofcore import appending
from _outofcore.formulas import QUANTILES, fft_rows, formula, unit_rows
from _outofcore.inputs import rows_of, slabs
from _outofcore.job import Job

FORM, BLAS_THREADS = "npy", 2
PANEL = 64 << 20  # bytes of a block that must be large, for each thread


@contextlib.contextmanager
def session(job: Job) -> Iterator[Any]:
    """Start the threads, or for the stream its readers."""
    if job.workload == "append":
        with appending.session(job, "raw") as tools:
            yield tools
    else:
        with ThreadPoolExecutor(job.workers) as pool:
            yield pool


def moments(job: Job, pool: ThreadPoolExecutor) -> Mapping[str, Any]:
    x = _mapped(job)

    def of_block(rows: slice) -> tuple[Any, Any]:
        block = x[rows]
        mean = block.mean(axis=0)
        deviations = block - mean
        return mean.astype("f8"), np.einsum("ij,ij->j", deviations, deviations).astype("f8")

    mean, squares, count = 0.0, 0.0, 0
    parts = list(slabs(len(x), rows_of(x)))
    for rows, (block_mean, block_squares) in zip(parts, pool.map(of_block, parts), strict=True):
        more = rows.stop - rows.start  # Chan, Golub and LeVeque
        delta = block_mean - mean
        squares = squares + block_squares + delta**2 * (count * more / (count + more))
        mean = mean + delta * (more / (count + more))
        count += more
    return {"mean": mean, "std": np.sqrt(squares / count)}


def map_to_file(job: Job, pool: ThreadPoolExecutor) -> None:
    _rows_to_file(job, pool, formula)


def normalise(job: Job, pool: ThreadPoolExecutor) -> None:
    _rows_to_file(job, pool, unit_rows)


def transpose(job: Job, pool: ThreadPoolExecutor) -> None:
    x = _mapped(job)
    out = _created(job, x.shape[::-1], x.dtype)
    side = 4096
    tiles = [(rows, columns) for columns in slabs(x.shape[1], side) for rows in slabs(len(x), side)]

    def of_tile(tile: tuple[slice, slice]) -> None:
        rows, columns = tile
        out[columns, rows] = np.array(x[rows, columns]).T

    _each(pool, of_tile, tiles)


def rechunk(job: Job, pool: ThreadPoolExecutor) -> None:
    """Write a flat file first: what is a chunk of the output is then a few reads."""
    import zarr

    x = zarr.open_array(job.inputs["x"], mode="r")
    flat = np.lib.format.open_memmap(job.scratch("flat.npy"), "w+", x.dtype, x.shape)
    out = zarr.create_array(
        f"{job.out}.zarr",
        shape=x.shape,
        dtype=x.dtype,
        chunks=(x.shape[0], 16, 16),
        compressors=None,
    )

    def flatten(hours: slice) -> None:
        flat[hours] = x[hours]

    def write(band: slice) -> None:
        out[:, band] = flat[:, band]

    _each(pool, flatten, slabs(x.shape[0], x.chunks[0]))
    _each(pool, write, slabs(x.shape[1], 16))


def sort(job: Job, pool: ThreadPoolExecutor) -> None:
    """Distribute to files by splitters of a sample, sort each file."""
    x = _mapped(job)
    sample = np.sort(x[:: max(1, len(x) // 100_000)])
    count = x.nbytes // PANEL + 1
    splitters = sample[np.arange(1, count) * len(sample) // count]
    names = [job.scratch(f"bucket{number}") for number in range(count)]
    with contextlib.ExitStack() as stack:
        files = [stack.enter_context(open(name, "ab", buffering=0)) for name in names]

        def distribute(part: slice) -> None:
            block = np.sort(x[part])
            for file, piece in zip(
                files, np.split(block, np.searchsorted(block, splitters)), strict=True
            ):
                file.write(piece)  # in one call

        _each(pool, distribute, slabs(len(x), PANEL // x.itemsize))
    with open(f"{job.out}.npy", "wb") as out:
        header = {"descr": x.dtype.str, "fortran_order": False, "shape": x.shape}
        np.lib.format.write_array_header_1_0(out, header)
        for start in range(0, count, job.workers):
            group = names[start : start + job.workers]
            out.writelines(pool.map(lambda name: np.sort(np.fromfile(name, x.dtype)), group))


def quantiles(job: Job, pool: ThreadPoolExecutor) -> Mapping[str, Any]:
    """Count the upper halves of ordered keys, then gather what shares one with a wanted rank."""
    x = _mapped(job)
    parts = list(slabs(len(x), rows_of(x)))

    def upper(part: slice) -> Any:
        return (_ordered(x[part]) >> 16).astype(np.uint16)

    counts = sum(pool.map(lambda part: np.bincount(upper(part), minlength=1 << 16), parts))
    ends = np.cumsum(counts)
    positions = np.array(QUANTILES) * (len(x) - 1)
    ranks = np.unique(np.concatenate([np.floor(positions), np.ceil(positions)]).astype(np.int64))
    wanted = np.unique(np.searchsorted(ends, ranks, side="right"))
    is_wanted = np.zeros(1 << 16, bool)
    is_wanted[wanted] = True
    gathered = np.sort(np.concatenate(list(pool.map(lambda p: x[p][is_wanted[upper(p)]], parts))))
    first = np.cumsum(counts[wanted]) - counts[wanted]  # in what was gathered
    bins = np.searchsorted(wanted, np.searchsorted(ends, ranks, side="right"))
    below = ends - counts
    values = gathered[first[bins] + ranks - below[wanted[bins]]].astype("f8")
    return {"quantiles": np.interp(positions, ranks, values)}


def _ordered(x: Any) -> Any:
    """Return unsigned integers in the order of the floats."""
    bits = x.view(np.uint32)
    return np.where(bits >> 31, ~bits, bits | np.uint32(1 << 31))


def matmul(job: Job, pool: ThreadPoolExecutor) -> None:
    a, b = _mapped(job, "a"), _mapped(job, "b")
    out = _created(job, (len(a), b.shape[1]), a.dtype)
    for columns in slabs(b.shape[1], max(1, 2 * PANEL // (b.itemsize * len(b)))):
        panel = np.array(b[:, columns])
        for rows in slabs(len(a), rows_of(a, PANEL)):
            out[rows, columns] = a[rows] @ panel


def fft(job: Job, pool: ThreadPoolExecutor) -> None:
    x = _mapped(job)
    middle = np.lib.format.open_memmap(job.scratch("middle.npy"), "w+", x.dtype, x.shape)
    out = _created(job, x.shape[::-1], x.dtype)

    def first(rows: slice) -> None:
        middle[rows] = fft_rows(x[rows])

    def second(columns: slice) -> None:
        out[columns] = fft_rows(np.ascontiguousarray(middle[:, columns].T))

    _each(pool, first, slabs(len(x), rows_of(x)))
    _each(pool, second, slabs(x.shape[1], rows_of(out, PANEL)))


def append(job: Job, stream: appending.Stream) -> Mapping[str, Any]:
    """Append to a file without a header; its length says how many frames are there."""
    with open(f"{job.out}.raw", "wb", buffering=0) as file:
        file.writelines(stream.frames())
    return stream.finish()


def _rows_to_file(job: Job, pool: ThreadPoolExecutor, function: Callable[[Any], Any]) -> None:
    x = _mapped(job)
    out = _created(job, x.shape, x.dtype)

    def of_block(rows: slice) -> None:
        out[rows] = function(x[rows])

    _each(pool, of_block, slabs(len(x), rows_of(x)))


def _each(pool: ThreadPoolExecutor, action: Callable[[Any], None], parts: Any) -> None:
    for _ in pool.map(action, parts):
        pass


def _mapped(job: Job, name: str = "x") -> Any:
    return np.load(job.inputs[name], mmap_mode="r")


def _created(job: Job, shape: tuple[int, ...], dtype: Any) -> Any:
    return np.lib.format.open_memmap(f"{job.out}.npy", "w+", dtype, shape)


WAYS = {
    "moments": moments,
    "map": map_to_file,
    "transpose": transpose,
    "rechunk": rechunk,
    "sort": sort,
    "quantiles": quantiles,
    "matmul": matmul,
    "normalise": normalise,
    "fft": fft,
    "append": append,
}
