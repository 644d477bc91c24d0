"""Textures: drawn surfaces with planted defects and their exact masks; nothing to download.

Ours, not a published set: the quick suite's pixel task, in the form of MVTec AD. Normal images vary
in phase, rotation, scale, colour, light and noise; defects in kind, place, size and strength. Seeds
come from version, category and split; float64 keeps last-digit differences between machines out of
the rounded pixels. A change of any pixel is a new ``VERSION``.
"""

from collections.abc import Callable
from itertools import permutations
from zlib import crc32

import numpy as np

from benchmarks.datasets.categories import Category

VERSION = "1"
SIZE = 32  # pixels a side; all lengths below are in pixels, all colours in grey levels 0..255
TRAIN, TEST_NORMALS, TEST_ANOMALIES = 200, 60, 60
Rng = np.random.Generator
Y, X = np.mgrid[:SIZE, :SIZE] - (SIZE - 1) / 2


def load_category(name: str) -> Category:
    """Draw one of CATEGORIES, the same at every call. Raises ValueError for another name."""
    if name not in TEXTURES:
        raise ValueError(f"textures: no category {name!r}; choose from {', '.join(CATEGORIES)}")
    kinds = tuple(DEFECTS[i % len(DEFECTS)] for i in range(TEST_ANOMALIES))
    train, normals = surfaces(name, "train", TRAIN), surfaces(name, "normals", TEST_NORMALS)
    twins = surfaces(name, "anomalies", TEST_ANOMALIES)
    damaged, masks = damage(twins, kinds, _generator(name, "defects"))
    images = np.rint(np.concatenate([train, normals, damaged])).clip(0, 255).astype(np.uint8)
    return Category(
        train=images[:TRAIN],
        test=images[TRAIN:],
        test_labels=np.repeat([0, 1], [TEST_NORMALS, TEST_ANOMALIES]),
        test_masks=np.concatenate([np.zeros((TEST_NORMALS, SIZE, SIZE), dtype=bool), masks]),
        test_kinds=("good",) * TEST_NORMALS + kinds,
    )


def surfaces(name: str, split: str, n: int) -> np.ndarray:
    """``n`` images of a texture without defects, lit and noisy, float64 ``(n, 3, 32, 32)``."""
    rng = _generator(name, split)
    images = TEXTURES[name](rng, n)
    angle = _uniform(rng, n, 0, 2 * np.pi)
    slope = _uniform(rng, n, 0, 0.1) * (X * np.cos(angle) + Y * np.sin(angle)) / (SIZE / 2)
    light = _uniform(rng, n, 0.92, 1.08) + slope
    noise = rng.normal(0, 3, (n, 1, SIZE, SIZE)) + rng.normal(0, 1.5, images.shape)
    return images * light[:, None] + noise


def damage(images: np.ndarray, kinds: tuple[str, ...], rng: Rng) -> tuple[np.ndarray, np.ndarray]:
    """Plant a defect of the given kind in each of the images ``(n, 3, 32, 32)``.

    Returns damaged copies and bool masks ``(n, 32, 32)``; outside the masks nothing changes.
    """
    damaged, masks = images.copy(), np.zeros((len(images), SIZE, SIZE), dtype=bool)
    for kind, (shape, change) in DAMAGES.items():
        rows = [row for row, name in enumerate(kinds) if name == kind]
        cover = shape(rng, len(rows)) * _uniform(rng, len(rows), 0.6, 1)
        damaged[rows] = change(rng, images[rows], cover[:, None])
        masks[rows] = cover != 0
    return damaged, masks


def weave(rng: Rng, n: int) -> np.ndarray:
    """Plain weave: blue warp and pale weft threads, over and under in turn."""
    a, b = (np.sin(np.pi * w / 4.5) for w in _plane(rng, n, tilt=0.12))
    over = _step(a * b, 0, 0.25)
    warp = (0.5 + 0.5 * np.sqrt(np.abs(a))) * (0.75 + 0.25 * np.abs(b))
    weft = (0.5 + 0.5 * np.sqrt(np.abs(b))) * (0.75 + 0.25 * np.abs(a))
    blue, pale = _colour(rng, n, (86, 110, 160)), _colour(rng, n, (206, 198, 180))
    return blue * (over * warp)[:, None] + pale * ((1 - over) * weft)[:, None]


def bricks(rng: Rng, n: int) -> np.ndarray:
    """Running bond: red bricks of 11 x 5.5 pixels, each of its own tone, in pale mortar."""
    u, v = _plane(rng, n, tilt=0.06)
    row = np.floor(v / 5.5).astype(int)
    u += 5.5 * (row % 2)
    column = np.floor(u / 11).astype(int)
    edge = np.minimum(5.5 - np.abs(u % 11 - 5.5), 2.75 - np.abs(v % 5.5 - 2.75))
    solid = np.clip(edge / 0.9 - 0.2, 0, 1)[:, None]
    tone = rng.normal(1, 0.09, (n, 8, 8))[np.arange(n)[:, None, None], row % 8, column % 8]
    shade = tone * (1.06 - 0.12 * (v % 5.5) / 5.5) + 0.03 * _field(rng, n, 2, 2)
    mortar = _colour(rng, n, (188, 180, 168))
    return mortar + solid * (_colour(rng, n, (164, 88, 66)) * shade[:, None] - mortar)


def speckle(rng: Rng, n: int) -> np.ndarray:
    """Polished granite: dark and rosy grains in a pale ground."""
    dark, rosy, veil = (_field(rng, n, step, step)[:, None] for step in (1.3, 2.2, 7))
    image = _colour(rng, n, (186, 180, 174)) + 7 * veil
    image += _step(rosy, 0.5, 0.35) * (_colour(rng, n, (188, 154, 140)) - image)
    return image + _step(dark, 0.95, 0.35) * (_colour(rng, n, (112, 108, 110)) - image)


def wood(rng: Rng, n: int) -> np.ndarray:
    """Planed board: wavy growth rings along x, fine fibres and short dark pores."""
    _, v = _plane(rng, n, tilt=0.12)
    phase = 2 * np.pi * (v + 1.8 * _field(rng, n, 8, 20)) / _uniform(rng, n, 5, 7)
    late = 0.5 + 0.5 * np.sin(phase + 0.7 * np.sin(phase))  # dark late wood ends sharply
    pores = 0.16 * _step(_field(rng, n, 1.1, 4), 1.7, 0.2)
    shade = 1 - 0.3 * late + 0.035 * _field(rng, n, 1.1, 9) - pores
    return _colour(rng, n, (210, 164, 112)) * shade[:, None] ** np.array([[[0.8]], [[1]], [[1.25]]])


def line(rng: Rng, n: int) -> np.ndarray:
    """A thin, slightly bent line: 1 (a lighter one) or -1 (a darker one) inside."""
    x, y = _plane(rng, n, tilt=np.pi, reach=9)
    bend, width = _uniform(rng, n, -0.02, 0.02), _uniform(rng, n, 0.7, 1.1)
    inside = (np.abs(y - bend * x**2) < width) & (np.abs(x) < _uniform(rng, n, 5, 11))
    return rng.choice([-1.0, 1.0], (n, 1, 1)) * inside


def blob(rng: Rng, n: int) -> np.ndarray:
    """An irregular spot: from 0.3 at the rim to 1 within 2 pixels."""
    x, y = _plane(rng, n, tilt=np.pi, reach=9)
    y *= _uniform(rng, n, 1, 1.6)
    turn = np.arctan2(y, x)
    wobble = 0.15 * np.sin(2 * turn + _uniform(rng, n, 0, 6)) + 0.12 * np.sin(3 * turn)
    depth = _uniform(rng, n, 3.2, 6.2) * (1 + wobble) - np.hypot(x, y)
    return np.where(depth > 0, np.minimum(0.3 + 0.35 * depth, 1), 0)


def hollow(rng: Rng, n: int) -> np.ndarray:
    """A round hollow lit from the upper left: negative (in shadow) there, positive opposite."""
    radius = _uniform(rng, n, 4, 6.5)
    x, y = (X - _uniform(rng, n, -9, 9)) / radius, (Y - _uniform(rng, n, -9, 9)) / radius
    return np.maximum(1 - x**2 - y**2, 0) * (x + y - 0.2)


TEXTURES = {"weave": weave, "bricks": bricks, "speckle": speckle, "wood": wood}
CATEGORIES = tuple(TEXTURES)
HUES = np.reshape([*permutations((1, -0.3, -0.7))], (-1, 3, 1, 1))
BROWN, GROUND = np.reshape([0.22, 0.34, 0.45], (3, 1, 1)), np.reshape([74, 70, 68], (3, 1, 1))
# What is drawn (n, 32, 32), 0 outside; and what it does to the images, given it as (n, 1, 32, 32).
DAMAGES: dict[str, tuple[Callable, Callable]] = {
    "scratch": (line, lambda rng, images, a: images + 60 * a),
    "stain": (blob, lambda rng, images, a: images * (1 - BROWN * a)),
    "hole": (blob, lambda rng, images, a: images + np.sqrt(a) * (GROUND - images)),
    "tint": (blob, lambda rng, images, a: images * (1 + 0.28 * a * rng.choice(HUES, len(images)))),
    "dent": (hollow, lambda rng, images, a: images * (1 + a)),
}
DEFECTS = tuple(DAMAGES)


def _generator(name: str, split: str) -> Rng:
    return np.random.default_rng(crc32(f"textures/{VERSION}/{name}/{split}".encode()))


def _uniform(rng: Rng, n: int, low: float, high: float) -> np.ndarray:
    return rng.uniform(low, high, (n, 1, 1))


def _colour(rng: Rng, n: int, rgb: tuple[int, int, int]) -> np.ndarray:
    return np.reshape(rgb, (3, 1, 1)) + rng.normal(0, 4, (n, 3, 1, 1))


def _plane(rng: Rng, n: int, tilt: float, reach: float = 11) -> tuple[np.ndarray, np.ndarray]:
    """Coordinates ``(n, 32, 32)`` shifted by up to ``reach``, then turned by ``tilt`` radians."""
    x, y = X - _uniform(rng, n, -reach, reach), Y - _uniform(rng, n, -reach, reach)
    angle, scale = _uniform(rng, n, -tilt, tilt), _uniform(rng, n, 0.95, 1.05)
    cos, sin = scale * np.cos(angle), scale * np.sin(angle)
    return x * cos + y * sin, y * cos - x * sin


def _field(rng: Rng, n: int, step_y: float, step_x: float) -> np.ndarray:
    """Smooth random fields ``(n, 32, 32)`` of variance 1: Gaussian bumps, one every step."""
    bumps = []
    for step in (step_y, step_x):
        centres = np.arange(-2 * step, SIZE + 2 * step, step)
        rows = np.exp(-0.5 * ((np.arange(SIZE)[:, None] - centres) / (0.6 * step)) ** 2)
        bumps.append(rows / np.linalg.norm(rows, axis=1, keepdims=True))
    return bumps[0] @ rng.standard_normal((n, bumps[0].shape[1], bumps[1].shape[1])) @ bumps[1].T


def _step(field: np.ndarray, threshold: float, softness: float) -> np.ndarray:
    return 0.5 + 0.5 * np.tanh((field - threshold) / softness)
