"""Lines of tiles with names in front and heads above, laid out in pixels of the printed page.

Everything is drawn as one image, so that nothing is resampled between here and the PNG.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise
from textwrap import fill, wrap
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image

DPI = 300
WIDTH, HEIGHT = 7 * DPI, 9 * DPI  # pixels: a text block of 7 x 9 inches, at most
LEAST, LEFT, LARGEST = 4 * DPI, 226, 232  # a figure's least width, the names' column, a tile's side
GAP, APART, LINE = 6, 18, 32  # between tiles, between groups and blocks, height of a line of text
SMALLEST = 48  # a tile's side
LETTER = 15  # width of a letter of the smaller type
BAR = 420  # width of the colour bar with the names of its ends
COLOURS = "inferno"
EMPTY = (235, 235, 235)

Cell = np.ndarray | str  # a picture uint8 (h, w, 3), or a word


@dataclass(frozen=True)
class Line:
    """Tiles side by side, with a name and a smaller note in front."""

    name: str
    cells: Sequence[Cell]
    note: str = ""


@dataclass(frozen=True)
class Block:
    """Lines of equal length beneath one head: (text, how many columns it spans)."""

    heads: Sequence[tuple[str, int]]
    lines: Sequence[Line]


def picture(heading: str, blocks: Sequence[Block], legend: str) -> Figure:
    """Blocks one beneath the other, with the legend and the colour bar at the foot."""
    side = side_of(blocks)
    wide = LEFT + max(_columns(block, side)[-1] + side for block in blocks) + GAP
    width = max(wide, LEAST)
    told = fill(legend, int((width - BAR - APART) / LETTER)).split("\n")
    foot = max(LINE * len(told), 2 * LINE) + APART
    tops = np.cumsum([2 * LINE, *(_height(block, side) for block in blocks)])
    height = int(tops[-1]) + foot
    figure = Figure(figsize=(width / DPI, height / DPI), dpi=DPI)
    axes = figure.add_axes((0, 0, 1, 1))
    canvas = np.full((height, width, 3), 255, np.uint8)
    axes.text(4, 6, heading, va="top", fontsize=8.5, fontweight="bold")
    for block, top in zip(blocks, tops[:-1], strict=True):
        _draw(axes, canvas, block, int(top), side)
    below = height - foot + APART
    _bar(axes, canvas, width - BAR, below)
    _write(axes, 4, below + 22, told)
    axes.imshow(canvas, extent=(0, width, height, 0), interpolation="none", zorder=-1)
    axes.set(xlim=(0, width), ylim=(height, 0))
    axes.set_axis_off()
    return figure


def side_of(blocks: Sequence[Block]) -> int:
    """Side of a tile in pixels: what fits the page, unless that is too small to be a picture; small
    images are enlarged by a whole factor."""
    across = max(_columns(block, 0)[-1] for block in blocks)
    count = max(len(block.lines[0].cells) for block in blocks)
    down = sum(_height(block, 0) for block in blocks) + 5 * LINE
    side = min(LARGEST, (WIDTH - LEFT - GAP - across) // count)
    side = min(side, (HEIGHT - down) // sum(len(block.lines) for block in blocks))
    side = max(side, SMALLEST)
    source = max(np.shape(blocks[0].lines[0].cells[0])[:2])
    return side // source * source if source < side else side


def _columns(block: Block, side: int) -> list[int]:
    """Left ends of the columns, from the first; groups stand further apart."""
    ends = np.cumsum([span for _, span in block.heads])
    count = len(block.lines[0].cells)
    groups = len(block.heads) < count
    gaps = [APART if groups and i in ends else GAP for i in range(1, count)]
    return [0, *np.cumsum([side + gap for gap in gaps]).tolist()]


def _head(block: Block, side: int) -> list[list[str]]:
    """The heads as lines of text, broken between words to the width of their columns."""
    found = []
    for text, span in block.heads:
        room = max(8, int((side + GAP) * span / LETTER))
        parts = [part.replace("_", " ") for part in text.split("\n")]
        found.append([one for part in parts for one in wrap(part, room, break_long_words=False)])
    return found


def _height(block: Block, side: int) -> int:
    head = max(len(lines) for lines in _head(block, side or 110))
    return LINE * head + 8 + len(block.lines) * (side + GAP) + APART


def _draw(axes: Axes, canvas: np.ndarray, block: Block, top: int, side: int) -> None:
    """Put a block's tiles on the canvas, its words on the axes."""
    lefts = [LEFT + x for x in _columns(block, side)]
    top += _height(block, side) - len(block.lines) * (side + GAP) - APART
    starts = np.cumsum([0, *(span for _, span in block.heads)])
    heads = _head(block, side)
    needed = (LETTER * max(map(len, lines)) for lines in heads)
    rooms = ((side + GAP) * span for _, span in block.heads)
    fit = min(room / wide for room, wide in zip(rooms, needed, strict=True))
    size = max(5.0, 6.5 * min(1.0, fit))
    for lines, (a, b) in zip(heads, pairwise(starts), strict=True):
        middle, base = (lefts[a] + lefts[b - 1] + side) / 2, top - 16 - LINE * (len(lines) - 1)
        _write(axes, middle, base, lines, ha="center", fontsize=size)
    for y, line in enumerate(block.lines):
        _draw_line(axes, canvas, line, lefts, (top + y * (side + GAP), side))


def _draw_line(
    axes: Axes, canvas: np.ndarray, line: Line, lefts: Sequence[int], place: tuple[int, int]
) -> None:
    top, side = place
    middle = top + side / 2
    name = fill(line.name, 13).split("\n")
    base = middle + 11 - LINE / 2 * (len(name) - 1 + bool(line.note))
    _write(axes, 4, base, name, fontsize=7.5)
    _write(axes, 4, base + LINE * len(name), [line.note], color="0.35")
    for left, cell in zip(lefts, line.cells, strict=True):
        area = canvas[top : top + side, left : left + side]
        area[:] = EMPTY if isinstance(cell, str) else 255
        if not isinstance(cell, str):
            tile = fitted(cell, side)
            y, x = (side - tile.shape[0]) // 2, (side - tile.shape[1]) // 2
            area[y : y + tile.shape[0], x : x + tile.shape[1]] = tile
    for word, run in groupby(range(len(lefts)), key=lambda i: _word(line.cells[i])):
        own = list(run)
        if word:
            first, last = lefts[own[0]], lefts[own[-1]] + side
            size = 6.5 * min(1.0, (last - first) / (LETTER * len(word)))
            style: Any = {"ha": "center", "va": "center", "fontsize": size, "color": "0.3"}
            axes.text((first + last) / 2, middle, word, **style)


def _write(axes: Axes, x: float, y: float, lines: Sequence[str], **style: Any) -> None:
    """Lines of text at even distances, the first one's baseline at y."""
    for i, text in enumerate(lines):
        axes.text(x, y + i * LINE, text, va="baseline", **({"fontsize": 6.5} | style))


def _word(cell: Cell) -> str:
    return cell if isinstance(cell, str) else ""


def fitted(image: np.ndarray, side: int) -> np.ndarray:
    """A picture ``(h, w, 3)`` with its longer side at `side` (beneath it, for a whole factor)."""
    h, w = image.shape[:2]
    factor: float = side / max(h, w)
    how = Image.Resampling.LANCZOS
    if factor >= 1:
        factor, how = int(factor), Image.Resampling.NEAREST
    size = max(1, round(factor * w)), max(1, round(factor * h))
    return np.asarray(Image.fromarray(np.ascontiguousarray(image)).resize(size, how))


def _bar(axes: Axes, canvas: np.ndarray, left: int, top: int) -> None:
    """The colour bar with its ends named."""
    colours = mpl.colormaps[COLOURS](np.linspace(0, 1, 200))[:, :3] * 255
    canvas[top : top + 26, left + 60 : left + 260] = colours.round().astype(np.uint8)
    for x, text, side in ((left + 52, "min", "right"), (left + 268, "quantile", "left")):
        axes.text(x, top + 13, text, ha=side, va="center", fontsize=6.5)
