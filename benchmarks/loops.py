"""Plain versions of what this project makes fast, to compare with: one image after another, in the
steps of FCDD's code. Only `benchmarks.speed` uses them."""

import math

import numpy as np
import torch
from scipy.ndimage import rotate

CHANCES = (1.8e-5, 1.2e-5)  # of a pixel to be the centre of a square: coloured, white
SIDES = (8, 54)
SIGMA, KERNEL = 5.0, 25


def confetti(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """One image uint8 ``(h, w, c)`` with confetti: each square painted and turned by itself, then
    the noise blurred by a square kernel, as a per-sample pipeline does it."""
    noise = sum(_layer(image.shape, chance, white, rng) for white, chance in enumerate(CHANCES))
    return np.clip(image + _blurred(np.asarray(noise)).astype(np.int64), 0, 255).astype(np.uint8)


def _layer(
    shape: tuple[int, ...], chance: float, white: int, rng: np.random.Generator
) -> np.ndarray:
    h, w, c = shape
    layer = np.zeros(shape)
    centres = np.zeros((h, w), bool)
    while not centres.any():
        centres = rng.random((h, w)) < chance
    for y, x in np.argwhere(centres):
        side = int(rng.integers(SIDES[0], SIDES[1] + 1))
        colour = np.full(c, -255) if white else rng.integers(-256, 0, c)
        half, reach = side // 2, math.ceil(0.75 * side)
        layer[max(0, y - half) : y + half, max(0, x - half) : x + half] = colour
        part = layer[max(0, y - reach) : y + reach, max(0, x - reach) : x + reach]
        part[:] = rotate(part, rng.uniform(-45, 45), reshape=False, order=0)
    return layer


def _blurred(noise: np.ndarray) -> np.ndarray:
    """Gaussian blur by one two-dimensional convolution, borders mirrored."""
    away = torch.arange(KERNEL, dtype=torch.float32) - KERNEL // 2
    line = torch.exp(-(away**2) / (2 * SIGMA**2))
    kernel = torch.outer(line, line) / line.sum() ** 2
    planes = torch.from_numpy(noise).float().permute(2, 0, 1)[None]
    padded = torch.nn.functional.pad(planes, (KERNEL // 2,) * 4, mode="reflect")
    weight = kernel.expand(planes.shape[1], 1, KERNEL, KERNEL)
    out = torch.nn.functional.conv2d(padded, weight, groups=planes.shape[1])
    return out[0].permute(1, 2, 0).numpy()
