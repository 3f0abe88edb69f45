"""Clusters by Lloyd's algorithm, one pass over the file for each step."""

from typing import Any

import numpy as np
from _outofcore.checks import sample

from _workloads.steps import Steps
from filexchange import blocks

PASSES, ROWS = 3, 8192


def run(steps: Steps, points: Any) -> None:
    """Move the centers a few times, and check that points come closer to them each time."""
    count = min(1024, len(points) // 64)
    centers = np.stack([points[number] for number in sample(len(points), count)])
    distances = []
    for number in range(PASSES):
        centers, distance = steps.run(
            f"k-means, {count} centers, pass {number + 1}",
            points.nbytes,
            lambda: moved(points, centers, steps.options["memory"]),
        )
        distances.append(distance)
    steps.check("distances to centers never grow", sorted(distances, reverse=True), distances)


def moved(points: Any, centers: Any, memory: str) -> tuple[Any, float]:
    """Return the means of the points that are nearest to each center, and the squared distances."""
    sums = np.zeros(centers.shape)
    counts = np.zeros(len(centers), int)
    distance = 0.0
    for _, block in blocks.iter_blocks(points, chunks=(ROWS, -1), memory=memory):
        labels, squared = labelled(block, centers)
        order = np.argsort(labels, kind="stable")
        found, starts = np.unique(labels[order], return_index=True)
        sums[found] += np.add.reduceat(block[order], starts, axis=0)
        counts += np.bincount(labels, minlength=len(centers))
        distance += float(squared.sum(dtype="f8"))
    is_used = counts > 0
    means = centers.copy()
    means[is_used] = sums[is_used] / counts[is_used, None]
    return means, distance


def labelled(points: Any, centers: Any) -> tuple[Any, Any]:
    """Return the number of the center that is nearest to each point, and the squared distance."""
    partial = np.vecdot(centers, centers) - 2 * (points @ centers.T)
    labels = partial.argmin(axis=1)
    nearest = np.take_along_axis(partial, labels[:, None], axis=1)[:, 0]
    return labels, nearest + np.vecdot(points, points)
