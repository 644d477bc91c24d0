"""One picture of what each detector finds most normal and most anomalous, heatmaps beneath.

The tiles are put together in numpy and drawn as one image: hundreds of axes would take minutes.
"""

from collections.abc import Mapping, Sequence
from textwrap import fill

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure
from PIL import Image
from scipy.ndimage import binary_erosion

from benchmarks.scale import Scale

TILE, FRAME, SPLIT = 96, 5, 40  # pixels: an image, the frame around it, the gap between halves
PIXELS_PER_INCH = 230
MAPS = (  # what is compared when heatmaps are
    "FCDD's and the autoencoder's maps make up their scores; the others' show what the score hangs "
    "on, however high it is."
)
RED, LIME, WHITE = (204, 36, 41), (60, 255, 60), (255, 255, 255)

Arrays = Mapping[str, np.ndarray]


def tiles(images: np.ndarray, size: int = TILE) -> np.ndarray:
    """Images uint8 ``(m, c, h, w)`` with 1 or 3 channels as ``(m, size, size, 3)``, unblurred."""
    rgb = np.broadcast_to(images, (len(images), 3, *images.shape[2:])).transpose(0, 2, 3, 1)
    how = Image.Resampling.NEAREST if max(rgb.shape[1:3]) < size else Image.Resampling.LANCZOS
    return np.stack([np.asarray(Image.fromarray(np.ascontiguousarray(i)).resize((size, size), how))
                     for i in rgb])  # fmt: skip


def shades(maps: np.ndarray, scale: Scale, size: int = TILE) -> np.ndarray:
    """Score maps ``(m, h, w)`` of one detector as ``(m, size, size)`` in [0, 1]."""
    scaled, how = scale.heat(maps), Image.Resampling.BILINEAR
    return np.stack([np.asarray(Image.fromarray(one).resize((size, size), how)) for one in scaled])


def overlay(images: np.ndarray, heat: np.ndarray, masks: np.ndarray | None) -> np.ndarray:
    """Heat over the greyed tiles, more opaque where hotter; masks as a contour."""
    grey = images.mean(axis=3, keepdims=True)
    colour = mpl.colormaps["inferno"](heat)[..., :3] * 255
    weight = 0.2 + 0.55 * heat[..., None]
    mixed = ((1 - weight) * grey + weight * colour).astype(np.uint8)
    for tile, mask in zip(mixed, masks if masks is not None else [], strict=False):
        size = tile.shape[1::-1]
        inside = np.asarray(Image.fromarray(mask.astype(np.uint8) * 255).resize(size)) > 127
        tile[inside & ~binary_erosion(inside, iterations=2)] = LIME
    return mixed


def strip(pictures: np.ndarray, anomalous: np.ndarray) -> np.ndarray:
    """Framed tiles side by side, a gap in the middle; the frame of a true anomaly is red."""
    framed = np.full((len(pictures), TILE + 2 * FRAME, TILE + 2 * FRAME, 3), 255, np.uint8)
    framed[anomalous, 1:-1, 1:-1] = RED
    framed[:, FRAME:-FRAME, FRAME:-FRAME] = pictures
    half = len(framed) // 2
    gap = np.full((framed.shape[1], SPLIT, 3), 255, np.uint8)
    return np.concatenate([*framed[:half], gap, *framed[half:]], axis=1)


def block(arrays: Arrays, scale: Scale) -> np.ndarray:
    """A detector's strip of images and, when it has maps, the strip of heatmaps beneath."""
    index = arrays["example_index"]
    order = np.argsort(arrays["scores"][index], kind="stable")
    anomalous = arrays["labels"][index[order]] == 1
    pictures = tiles(arrays["example_images"][order])
    strips = [strip(pictures, anomalous)]
    maps = arrays.get("example_maps")
    if maps is not None and np.isfinite(maps).all():
        masks = arrays.get("example_masks")
        heat = shades(maps[order], scale)
        shown = overlay(pictures, heat, None if masks is None else masks[order])
        strips.append(strip(shown, anomalous))
    return np.concatenate(strips)


def picture(heading: str, names: Sequence[str], found: Sequence[Arrays], scale: Scale) -> Figure:
    """The gallery: one block per detector, with what the colours mean written beneath."""
    blocks = [block(arrays, scale) for arrays in found]
    width = max(one.shape[1] for one in blocks)
    pad = np.full((3 * FRAME, width, 3), 255, np.uint8)
    tops, canvas, top = [], [], 0
    for one in blocks:
        side = np.full((len(one), width - one.shape[1], 3), 255, np.uint8)
        canvas += [np.concatenate([one, side], axis=1), pad]
        tops.append(top + len(one) / 2)
        top += len(one) + len(pad)
    left, above, below = 0.85, 0.5, 0.6  # inches around the tiles
    wide, high = width / PIXELS_PER_INCH, top / PIXELS_PER_INCH
    size = (wide + left + 0.05, high + above + below)
    figure = Figure(figsize=size)
    axes = figure.add_axes(
        (left / size[0], below / size[1], wide / size[0], high / size[1]), frameon=False
    )
    axes.imshow(np.concatenate(canvas), interpolation="antialiased", aspect="auto")
    axes.set(xticks=[], yticks=tops)
    axes.set_yticklabels([fill(name, 11) for name in names], fontsize=8)
    axes.tick_params(length=0)
    half = (width - SPLIT) / 2
    for centre, text in ((half / 2, "most normal by score"), (width - half / 2, "most anomalous")):
        axes.annotate(
            text, (centre, 0), (0, 4), textcoords="offset points", ha="center", fontsize=8
        )
    figure.text(0.02, 1 - 0.06 / size[1], heading, va="top", fontsize=10, fontweight="bold")
    figure.text(0.02, 0.08 / size[1], _legend(scale, found), va="bottom", fontsize=7)
    return figure


def _legend(scale: Scale, found: Sequence[Arrays]) -> str:
    contour = any("example_masks" in arrays for arrays in found)
    told = "Scores rise from left to right. Red frame: a true anomaly."
    told += " Green contour: its mask." if contour else ""
    told += " Beneath each image its heatmap."
    return f"{told}\n{scale.told('here')}\n{MAPS}"
