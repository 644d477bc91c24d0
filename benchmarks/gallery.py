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

TILE, FRAME, SPLIT = 96, 5, 40  # pixels: an image, the frame around it, the gap between halves
PIXELS_PER_INCH = 230
RED, LIME, WHITE = (204, 36, 41), (60, 255, 60), (255, 255, 255)
# A map is shaded from its minimum to this quantile of its own pixels (the FCDD code's choice per
# dataset, and its default for textures; what is not listed is 32 pixels or smaller and takes
# DEFAULT_QUANTILE).
QUANTILE = {"mvtec": 0.99, "imagenet30": 0.97, "textures": 0.97}
DEFAULT_QUANTILE = 0.85

Arrays = Mapping[str, np.ndarray]


def tiles(images: np.ndarray, size: int = TILE) -> np.ndarray:
    """Images uint8 ``(m, c, h, w)`` with 1 or 3 channels as ``(m, size, size, 3)``, unblurred."""
    rgb = np.broadcast_to(images, (len(images), 3, *images.shape[2:])).transpose(0, 2, 3, 1)
    how = Image.Resampling.NEAREST if max(rgb.shape[1:3]) < size else Image.Resampling.LANCZOS
    return np.stack([np.asarray(Image.fromarray(np.ascontiguousarray(i)).resize((size, size), how))
                     for i in rgb])  # fmt: skip


def shades(maps: np.ndarray, quantile: float, size: int = TILE) -> np.ndarray:
    """Score maps ``(m, h, w)`` as ``(m, size, size)`` in [0, 1], each on its own scale."""
    low = maps.min(axis=(1, 2), keepdims=True)
    high = np.quantile(maps, quantile, axis=(1, 2), keepdims=True)
    scaled = np.clip((maps - low) / np.maximum(high - low, 1e-12), 0, 1).astype(np.float32)
    how = Image.Resampling.BILINEAR
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


def block(arrays: Arrays, quantile: float) -> np.ndarray:
    """A detector's strip of images and, when it has maps, the strip of heatmaps beneath."""
    index = arrays["example_index"]
    order = np.argsort(arrays["scores"][index], kind="stable")
    anomalous = arrays["labels"][index[order]] == 1
    pictures = tiles(arrays["example_images"][order])
    strips = [strip(pictures, anomalous)]
    maps = arrays.get("example_maps")
    if maps is not None and np.isfinite(maps).all():
        masks = arrays.get("example_masks")
        heat = shades(maps[order], quantile)
        shown = overlay(pictures, heat, None if masks is None else masks[order])
        strips.append(strip(shown, anomalous))
    return np.concatenate(strips)


def picture(heading: str, names: Sequence[str], found: Sequence[Arrays], quantile: float) -> Figure:
    """The gallery: one block per detector, with what the colours mean written beneath."""
    blocks = [block(arrays, quantile) for arrays in found]
    width = max(one.shape[1] for one in blocks)
    pad = np.full((3 * FRAME, width, 3), 255, np.uint8)
    tops, canvas, top = [], [], 0
    for one in blocks:
        side = np.full((len(one), width - one.shape[1], 3), 255, np.uint8)
        canvas += [np.concatenate([one, side], axis=1), pad]
        tops.append(top + len(one) / 2)
        top += len(one) + len(pad)
    left, above, below = 0.85, 0.5, 0.55  # inches around the tiles
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
    figure.text(0.02, 0.08 / size[1], _legend(quantile, found), va="bottom", fontsize=7)
    return figure


def _legend(quantile: float, found: Sequence[Arrays]) -> str:
    contour = any("example_masks" in arrays for arrays in found)
    told = "Scores rise from left to right. Red frame: a true anomaly."
    told += " Green contour: its mask." if contour else ""
    told += " Beneath each image its heatmap, on a colour\nscale of its own: "
    return told + f"from its minimum (dark) to its {quantile:.2f} quantile (bright)."
