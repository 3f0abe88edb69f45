"""Make the arrays that docs/choosing.md measures, from what Matplotlib ships.

python docs/choosing_inputs.py DIRECTORY
"""

import argparse
import os

import imageio.v3 as imageio
import numpy as np
from matplotlib import cbook

SEED = 0
FINER = 8
FRAMES, SIDE = 160, 256
PHOTONS = 40
VECTORS, LENGTH = 40_000, 384


def sample(name: str, key: str) -> np.ndarray:
    """Return one of Matplotlib's sample grids."""
    with np.load(cbook.get_sample_data(name, asfileobj=False)) as archive:
        return archive[key]


def resampled(grid: np.ndarray, times: int) -> np.ndarray:
    """Return a grid on a finer one, by linear interpolation along each axis."""
    for axis, length in enumerate(grid.shape):
        places = np.linspace(0, length - 1, length * times)
        before = np.minimum(places.astype(int), length - 2)
        share = np.expand_dims(places - before, 1 - axis).astype("f4")
        low, high = grid.take(before, axis), grid.take(before + 1, axis)
        grid = low + share * (high - low)
    return grid.astype("f4")


def frames(photo: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Return what a camera sees that pans over a photo, with the noise of its photons."""
    rows = np.linspace(0, photo.shape[0] - SIDE, FRAMES).astype(int)
    columns = np.linspace(0, photo.shape[1] - SIDE, FRAMES).astype(int)
    views = [photo[i : i + SIDE, j : j + SIDE] for i, j in zip(rows, columns, strict=True)]
    counts = random.poisson(np.stack(views) * (PHOTONS / 255))
    return (counts * (255 / PHOTONS)).clip(0, 255).astype("u1")


def embeddings(random: np.random.Generator) -> np.ndarray:
    """Return vectors of length 1 around a few hundred topics."""
    topics = random.standard_normal((300, LENGTH), "f4")
    vectors = topics[random.integers(len(topics), size=VECTORS)]
    vectors += random.standard_normal(vectors.shape, "f4")
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def main() -> None:
    """Write all of them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("directory")
    directory = parser.parse_args().directory
    os.makedirs(directory, exist_ok=True)
    random = np.random.default_rng(SEED)

    elevation = sample("jacksboro_fault_dem.npz", "elevation")
    photo = imageio.imread(cbook.get_sample_data("grace_hopper.jpg", asfileobj=False))
    np.save(os.path.join(directory, "elevation.npy"), elevation)
    np.save(os.path.join(directory, "topobathy.npy"), sample("topobathy.npz", "topo"))
    np.save(os.path.join(directory, "terrain.npy"), resampled(elevation, FINER))
    np.save(os.path.join(directory, "embeddings.npy"), embeddings(random))
    imageio.imwrite(os.path.join(directory, "frames.tif"), frames(photo, random))


if __name__ == "__main__":
    main()
