"""Images: mean and deviation of each channel, and normalised; killed at half, and resumed."""

import multiprocessing
import os
import signal
from typing import Any

import numpy as np
from _outofcore.stored import row_slabs

import filexchange as fx
from _workloads.steps import Steps
from filexchange import blocks


def run(steps: Steps) -> None:
    """Describe the images, and normalise them in a process that is killed, and in this one."""
    images = fx.open_array(steps.made("images", (steps.length(10_000, 4), 224, 224, 3), "u1"))
    found = steps.run(
        "describe channels",
        images.nbytes,
        lambda: blocks.describe(images, axis=(0, 1, 2), **steps.options),
    )
    _check_moments(steps, images, found)
    scales = found.mean.astype("f4"), found.std.astype("f4")
    out = steps.path("normalised.npy")
    steps.run("normalise, killed", images.nbytes // 2, lambda: _killed(steps, images, out, scales))
    steps.check("no file when killed", os.path.exists(out), False)
    told: list[tuple[int, int]] = []
    steps.run(
        "normalise, resumed",
        images.nbytes // 2,
        lambda: normalise(images, out, scales, steps.options, lambda *done: told.append(done)),
    )
    (before, count), last = told[0], told[-1]
    steps.check("half was done before", 2 * before >= count > before, True)
    steps.check("all is done", last, (count, count))
    _check_normalised(steps, images, np.load(out, mmap_mode="r"), scales)


def normalised(block: Any, mean: Any, std: Any) -> Any:
    """Return images as float16, in deviations of their channel."""
    width = block.shape[2]
    found = block.reshape(*block.shape[:2], -1).astype("f4")
    found -= np.tile(mean, width)  # NumPy is slow along an axis of 3
    found /= np.tile(std, width)
    return found.astype("f2").reshape(block.shape)


def normalise(images: Any, out: str, scales: Any, options: Any, progress: Any) -> Any:
    """Begin, or go on with what was begun."""
    chunks = (rows_of_block(images), -1, -1, -1)
    return blocks.map_blocks(
        normalised,
        images,
        out=out,
        dtype="f2",
        args=scales,
        chunks=chunks,
        resume=True,
        progress=progress,
        **options,
    )


def rows_of_block(images: Any) -> int:
    """Return how many images are a block; there are four blocks or more."""
    return max(1, min(64, len(images) // 4))


def die_at_half(done: int, total: int) -> None:
    """Be killed, as by the kernel when there is no memory left."""
    if 2 * done >= total:
        os.kill(os.getpid(), signal.SIGKILL)


def _killed(steps: Steps, images: Any, out: str, scales: Any) -> None:
    arguments = images, out, scales, steps.options, die_at_half
    process = multiprocessing.get_context("spawn").Process(
        target=normalise, args=arguments, daemon=True
    )
    process.start()
    process.join()
    steps.check("killed", process.exitcode, -signal.SIGKILL)


def _check_moments(steps: Steps, images: Any, found: Any) -> None:
    total, squares = np.zeros(3, int), np.zeros(3, int)
    for _, block in row_slabs(images.open("r")):
        lines = block.reshape(-1, 224 * 3)  # long ones, which NumPy adds fast
        total += _of_channels(lines)
        squares += _of_channels(lines.astype("u4") ** 2)
    count = images.size // 3
    mean = total / count
    steps.check("mean of channels", found.mean, mean, 1e-9)
    steps.check("deviation of channels", found.std, np.sqrt(squares / count - mean**2), 1e-6)


def _of_channels(lines: Any) -> Any:
    return lines.sum(axis=0, dtype="u4").reshape(-1, 3).sum(axis=0, dtype=int)


def _check_normalised(steps: Steps, images: Any, found: Any, scales: Any) -> None:
    steps.check("dtype", found.dtype, np.float16)
    step = max(1, rows_of_block(images) // 4)
    same = all(
        np.array_equal(found[number], normalised(images[number : number + 1], *scales)[0])
        for number in range(0, len(images), step)
    )
    steps.check("images of each block are normalised", same, True)
