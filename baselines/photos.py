"""Outlier exposure that needs no download: multi-scale crops of the two photographs (a temple, a
flower) that ship with scikit-learn."""

import hashlib
from functools import cache

import numpy as np
from PIL import Image
from sklearn.datasets import load_sample_image

PHOTOS = ("china.jpg", "flower.jpg")
LEVELS = 10  # scales, log-spaced: from a crop of a whole photograph's height to single details
LUMA = np.array([0.299, 0.587, 0.114])  # ITU-R 601
VERSION = 1


def photo_crops(shape: tuple[int, int, int], count: int, seed: int) -> np.ndarray:
    """`count` crops as uint8 ``(count, c, h, w)`` for ``shape = (c, h, w)``, the same for the same
    seed: photograph, scale (log-uniform), place, flips and transposition are drawn for each."""
    c, h, w = shape
    rng = np.random.default_rng([VERSION, seed])
    levels = pyramid(max(h, w))
    crops = np.empty((count, h, w, 3), np.uint8)
    which = rng.integers(len(levels), size=count)
    for number, level in enumerate(levels):
        own = np.flatnonzero(which == number)
        top = rng.integers(level.shape[0] - h + 1, size=len(own))
        left = rng.integers(level.shape[1] - w + 1, size=len(own))
        rows = top[:, None, None] + np.arange(h)[:, None]
        crops[own] = level[rows, left[:, None, None] + np.arange(w)]
    crops = turned(crops, rng)
    if c == 1:
        return np.rint(crops @ LUMA).astype(np.uint8)[:, None]
    if c != 3:
        raise ValueError(f"photos: images of 1 or 3 channels, got {c}")
    return np.ascontiguousarray(crops.transpose(0, 3, 1, 2))


def turned(crops: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Each crop flipped left-right, upside down, and (if square) transposed, by a coin each."""
    coins = rng.random((3, len(crops), 1, 1, 1)) < 0.5
    crops = np.where(coins[0], crops[:, :, ::-1], crops)
    crops = np.where(coins[1], crops[:, ::-1], crops)
    if crops.shape[1] == crops.shape[2]:
        crops = np.where(coins[2], crops.transpose(0, 2, 1, 3), crops)
    return crops


@cache
def pyramid(side: int) -> list[np.ndarray]:
    """Both photographs, antialiased, at `LEVELS` scales whose height runs from 1.05 crops to full
    size (or to 1.5 crops where that is larger)."""
    levels = []
    for photo in photographs():
        image = Image.fromarray(photo)
        low, high = 1.05 * side, max(image.height, 1.5 * side)
        for height in np.geomspace(low, high, LEVELS):
            scale = height / image.height
            size = (max(side, round(image.width * scale)), round(height))
            levels.append(np.asarray(image.resize(size, Image.Resampling.BICUBIC)))
    return levels


def photographs() -> list[np.ndarray]:
    """The two photographs, uint8 ``(427, 640, 3)``."""
    return [load_sample_image(name) for name in PHOTOS]


@cache
def revision() -> str:
    """16 hexadecimal digits over the photographs' pixels and this module's version."""
    hashed = hashlib.sha256(str((VERSION, LEVELS)).encode())
    for photo in photographs():
        hashed.update(photo.tobytes())
    return hashed.hexdigest()[:16]
