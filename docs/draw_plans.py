"""Draw docs/plans.svg: how arrays larger than memory are worked on.

python docs/draw_plans.py
"""

import os

import matplotlib as mpl
import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

ROWS, COLUMNS = 12, 12
CHUNK, FIRST, TILE, SECOND, PENCIL = (1, 12), (4, 12), (4, 3), (12, 3), (12, 1)
BLUE, ORANGE, GRAY = "#3b75af", "#e1812c", "#c8c8c8"


def grid(axes: Axes, title: str, note: str, lines: tuple[int, int]) -> None:
    """Draw an array with the borders of its chunks or tiles."""
    axes.set(xlim=(-0.3, COLUMNS + 0.3), ylim=(ROWS + 0.3, -0.3), aspect="equal")
    axes.set_title(title, fontsize=10)
    axes.axis("off")
    for row in range(0, ROWS + 1, lines[0]):
        axes.plot([0, COLUMNS], [row, row], color=GRAY, linewidth=0.8)
    for column in range(0, COLUMNS + 1, lines[1]):
        axes.plot([column, column], [0, ROWS], color=GRAY, linewidth=0.8)
    axes.text(COLUMNS / 2, ROWS + 0.9, note, ha="center", va="top", fontsize=8)


def mark(axes: Axes, top: float, left: float, shape: tuple[int, int], color: str) -> None:
    """Color a region."""
    height, width = shape
    axes.add_patch(Rectangle((left, top), width, height, facecolor=color, alpha=0.35))
    axes.add_patch(Rectangle((left, top), width, height, fill=False, edgecolor=color, linewidth=2))


def main() -> None:
    """Draw all of it."""
    mpl.rcParams |= {"svg.hashsalt": "plans", "svg.fonttype": "none", "font.family": "sans-serif"}
    figure, rows = plt.subplots(2, 3, figsize=(9, 7.4))
    first, second = rows

    grid(first[0], "input", "each block is read once", (4, 12))
    mark(first[0], 0, 0, FIRST, ORANGE)
    mark(first[0], 4, 0, FIRST, BLUE)
    first[1].axis("off")
    text = "map_blocks, reductions\n\nas many blocks at a time\nas memory= has room for,\n"
    text += "results in the order\nof the blocks"
    first[1].text(0.5, 0.5, text, ha="center", va="center", fontsize=10)
    grid(first[2], "output", "blocks of whole chunks,\none writer each", (2, 12))
    mark(first[2], 0, 0, FIRST, ORANGE)
    mark(first[2], 4, 0, FIRST, BLUE)

    grid(second[0], "input in rows", "pass 1 reads long blocks of rows", CHUNK)
    mark(second[0], 4, 0, FIRST, BLUE)
    grid(second[1], "temporary file of tiles", "each tile is contiguous", TILE)
    mark(second[1], 4, 0, FIRST, BLUE)
    mark(second[1], 0, 6, SECOND, ORANGE)
    grid(second[2], "output in columns", "pass 2 writes whole chunks", PENCIL)
    mark(second[2], 0, 6, SECOND, ORANGE)

    figure.text(0.5, 0.985, "One pass", ha="center", va="top", fontsize=12, weight="bold")
    figure.text(
        0.5,
        0.485,
        "Two passes: rechunk, transpose, where one would read or write short runs",
        ha="center",
        va="top",
        fontsize=12,
        weight="bold",
    )
    figure.subplots_adjust(left=0.03, right=0.97, top=0.91, bottom=0.07, hspace=0.45, wspace=0.1)
    target = os.path.join(os.path.dirname(os.path.abspath(__file__)), "plans.svg")
    figure.savefig(target, metadata={"Date": None})


if __name__ == "__main__":
    main()
