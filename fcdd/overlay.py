"""Score maps as pictures: laid over their image, or raw, at the image's resolution."""

from functools import cache
from pathlib import Path

import matplotlib
import numpy as np
from PIL import Image

COLOURS, STRONGEST = "turbo", 0.65  # colour map; opacity at the end of the scale
STRIP = 2**20  # pixels laid over at once, so that large pictures take no more memory


def overlay(image: Image.Image, score_map: np.ndarray, low: float, high: float) -> Image.Image:
    """The image, of mode L or RGB, under its heatmap.

    Below `low` nothing is laid over it; towards `high` and beyond, the colours of "turbo" from blue
    to red, ever more opaque. The map is brought to the image's size by bilinear interpolation.
    """
    (u, v), (w, h) = score_map.shape, image.size
    scaled = (score_map - low) * (255 / max(high - low, 1e-12)) + 0.5  # for whole parts are taken
    heat = Image.fromarray(np.ascontiguousarray(scaled, np.float32))
    colours, opacity = palette()
    shown = image.convert("RGB")
    rows = max(1, STRIP // w)
    for top in range(0, h, rows):
        bottom = min(top + rows, h)
        place = (0, u * top / h, v, u * bottom / h)
        strip = heat.resize((w, bottom - top), Image.Resampling.BILINEAR, place).convert("L")
        mask = strip.point(opacity)
        strip.putpalette(colours)
        shown.paste(strip.convert("RGB"), (0, top), mask)
    return shown


@cache
def palette() -> tuple[bytes, list[int]]:
    """The 256 colours, as red, green and blue of each, and their opacity, in [0, 255]."""
    heat = np.arange(256) / 255
    colours = np.rint(matplotlib.colormaps[COLOURS](heat)[:, :3] * 255).astype(np.uint8)
    opacity = np.rint(STRONGEST * np.minimum(4 * heat, 1) * 255).astype(int)
    return colours.tobytes(), opacity.tolist()


def enlarged(score_map: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """A map ``(u, v)`` at another size ``(h, w)``, float32, by bilinear interpolation."""
    picture = Image.fromarray(np.ascontiguousarray(score_map, np.float32))
    return np.asarray(picture.resize(size[::-1], Image.Resampling.BILINEAR))


def write_tiff(path: Path, values: np.ndarray) -> tuple[float, float]:
    """Write a map as a 16-bit TIFF; returns ``(offset, step)``: score = offset + step * value.

    The two are written into the file's description (tag 270), too."""
    low, high = float(values.min()), float(values.max())
    step = (high - low) / 65535
    grey = np.rint((values - low) / (step or 1.0)).astype(np.uint16)
    told = f"score = {low!r} + {step!r} * value"
    Image.fromarray(grey).save(path, tiffinfo={270: told}, compression="tiff_adobe_deflate")
    return low, step
