"""Score maps as pictures: laid over their image, or raw, at the image's resolution."""

from functools import cache
from pathlib import Path

import matplotlib
import numpy as np
from PIL import Image

COLOURS, STRONGEST = "turbo", 0.65  # colour map; opacity at the end of the scale


def overlay(image: np.ndarray, score_map: np.ndarray, low: float, high: float) -> Image.Image:
    """The image, uint8 ``(c, h, w)``, under its heatmap.

    Below `low` nothing is laid over it; towards `high` and beyond, the colours of "turbo" from blue
    to red, ever more opaque. The map is brought to the image's size by bilinear interpolation.
    """
    c, h, w = image.shape
    heat = np.clip((enlarged(score_map, (h, w)) - low) / max(high - low, 1e-12), 0, 1)
    below = np.repeat(image, 3 // c, axis=0).transpose(1, 2, 0)
    colour = palette()[np.rint(heat * 255).astype(np.uint8)]
    opacity = (STRONGEST * np.minimum(4 * heat, 1) * (heat > 0))[..., None]
    return Image.fromarray(np.rint(below + (colour - below) * opacity).astype(np.uint8))


@cache
def palette() -> np.ndarray:
    """The 256 colours, float32 ``(256, 3)`` in [0, 255]."""
    return (matplotlib.colormaps[COLOURS](np.arange(256))[:, :3] * 255).astype(np.float32)


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
