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
    found = block.astype("f4")
    found -= mean
    found /= std
    return found.astype("f2")


def normalise(images: Any, out: str, scales: Any, options: Any, progress: Any) -> Any:
    """Begin, or go on with what was begun."""
    chunks = (max(1, min(64, len(images) // 4)), -1, -1, -1)
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


def die_at_half(done: int, total: int) -> None:
    """Be killed, as by the kernel when there is no memory left."""
    if 2 * done >= total:
        os.kill(os.getpid(), signal.SIGKILL)


def _killed(steps: Steps, images: Any, out: str, scales: Any) -> None:
    arguments = images, out, scales, steps.options, die_at_half
    process = multiprocessing.get_context("spawn").Process(target=normalise, args=arguments)
    process.start()
    process.join()
    steps.check("killed", process.exitcode, -signal.SIGKILL)


def _check_moments(steps: Steps, images: Any, found: Any) -> None:
    total, squares = np.zeros(3), np.zeros(3)
    for _, block in row_slabs(images.open("r")):
        counts = [np.bincount(block[..., channel].ravel(), minlength=256) for channel in range(3)]
        total += counts @ np.arange(256)
        squares += counts @ np.arange(256) ** 2
    count = images.size // 3
    mean = total / count
    steps.check("mean of channels", found.mean, mean, 1e-9)
    steps.check(
        "deviation of channels", found.std, np.sqrt(squares / (images.size // 3) - mean**2), 1e-6
    )


def _check_normalised(steps: Steps, images: Any, found: Any, scales: Any) -> None:
    steps.check("dtype", found.dtype, np.float16)
    same = all(
        np.array_equal(found[rows], normalised(block, *scales))
        for rows, block in row_slabs(images.open("r"))
    )
    steps.check("all images are normalised", same, True)
