"""A stream of frames to one file, and two processes that read them as they come."""

import contextlib
import multiprocessing as mp
import os
import time
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from _outofcore.job import Job

READERS = 2
PATIENCE = 0.001  # seconds between two looks of a reader that has nothing to do


class Stream:
    """The frames that are to be appended, and the readers.

    Readers open the file when the first frame is asked for.
    """

    def __init__(self, pool: Any, count: int, may_open: Any, answers: Any) -> None:
        self.pool, self.count = pool, count
        self._may_open, self._answers = may_open, answers

    def frames(self) -> Iterator[Any]:
        self._may_open.set()
        for number in range(self.count):
            yield self.pool[number % len(self.pool)]

    def finish(self) -> Mapping[str, Any]:
        """Return the sums of all frames that the readers got, when they have got all."""
        return {"totals": np.array([self._answers.get() for _ in range(READERS)], np.uint64)}


@contextlib.contextmanager
def session(job: Job, suffix: str) -> Iterator[Stream]:
    """Load some frames, and start the readers."""
    pool = np.load(job.inputs["x"])
    count = job.nbytes // pool[0].nbytes
    context = mp.get_context("spawn")
    may_open, answers = context.Event(), context.SimpleQueue()
    arguments = suffix, f"{job.out}.{suffix}", pool[0], count, may_open, answers
    readers = [context.Process(target=_follow, args=arguments) for _ in range(READERS)]
    for reader in readers:
        reader.start()
    for _ in readers:
        answers.get()  # it has imported everything
    yield Stream(pool, count, may_open, answers)
    for reader in readers:
        reader.join()


def _follow(suffix: str, path: str, like: Any, count: int, may_open: Any, answers: Any) -> None:
    follower = FOLLOWERS[suffix]
    answers.put(0)
    may_open.wait()
    file = follower(path, like)
    total = seen = 0
    while seen < count:
        available = file.available()
        if available == seen:
            time.sleep(PATIENCE)
        for number in range(seen, available):
            total += int(file.read(number).sum(dtype=np.uint64))
        seen = available
    answers.put(total)


class Raw:
    """A file without a header."""

    def __init__(self, path: str, like: Any) -> None:
        self._path, self._like = path, like

    def available(self) -> int:
        return int(os.stat(self._path).st_size // self._like.nbytes)

    def read(self, number: int) -> Any:
        like = self._like
        return np.fromfile(self._path, like.dtype, like.size, offset=number * like.nbytes)


class Npy:
    """A file whose header is changed as it grows."""

    def __init__(self, path: str, like: Any) -> None:
        self._path = path

    def available(self) -> int:
        self._array = np.load(self._path, mmap_mode="r")
        return len(self._array)

    def read(self, number: int) -> Any:
        return self._array[number]


class Hdf5:
    """Single writer, multiple readers."""

    def __init__(self, path: str, like: Any) -> None:
        import h5py

        self._file = h5py.File(path, "r", swmr=True)

    def available(self) -> int:
        self._data = self._file["data"]
        self._data.refresh()
        return len(self._data)

    def read(self, number: int) -> Any:
        return self._data[number]


class Zarr:
    """An attribute says how many frames are complete."""

    def __init__(self, path: str, like: Any) -> None:
        self._path = path

    def available(self) -> int:
        import zarr

        self._array = zarr.open_array(self._path, mode="r")
        return int(self._array.attrs["frames"])

    def read(self, number: int) -> Any:
        return self._array[number]


FOLLOWERS = {"raw": Raw, "npy": Npy, "h5": Hdf5, "zarr": Zarr}
