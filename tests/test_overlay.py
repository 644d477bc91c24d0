"""Heatmaps: what is laid over a picture, whatever its size and mode."""

import matplotlib
import numpy as np
import pytest
from PIL import Image

from fcdd import overlay as module
from fcdd.overlay import STRONGEST, enlarged, overlay

H, W = 90, 70
GREY = np.random.default_rng(0).integers(0, 256, (H, W), dtype=np.uint8)
MAP = np.add.outer(np.linspace(0, 3, 16), np.linspace(0, 2, 12)).astype(np.float32)  # up to 5
LOW, HIGH = 1.0, 4.0


def exact(picture: np.ndarray) -> np.ndarray:
    """The formula, pixel by pixel, without rounding."""
    heat = np.clip((enlarged(MAP, (H, W)) - LOW) / (HIGH - LOW), 0, 1)
    colour = matplotlib.colormaps["turbo"](np.rint(heat * 255).astype(int))[..., :3] * 255
    opacity = STRONGEST * np.minimum(4 * heat, 1)[..., None]
    return picture + (colour - picture) * opacity


@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_the_picture_shows_where_nothing_is_and_colours_where_it_is(mode):
    picture = Image.fromarray(GREY).convert(mode)
    below = np.asarray(picture.convert("RGB"))
    shown = np.asarray(overlay(picture, MAP, LOW, HIGH))
    assert shown.shape == (H, W, 3) and np.array_equal(np.asarray(picture.convert("RGB")), below)
    assert np.abs(shown - exact(below)).max() < 4, "levels of 255: heat and opacity have 256 steps"
    usual = enlarged(MAP, (H, W)) <= LOW
    assert usual.sum() > 300 and np.array_equal(shown[usual], below[usual])


def test_strips_do_not_show(monkeypatch):
    picture = Image.fromarray(GREY)
    whole = np.asarray(overlay(picture, MAP, LOW, HIGH)).astype(int)
    monkeypatch.setattr(module, "STRIP", 7 * W)
    assert np.abs(np.asarray(overlay(picture, MAP, LOW, HIGH)) - whole).max() <= 1


def test_a_map_without_a_range_shows_the_picture():
    shown = overlay(Image.fromarray(GREY), np.full((16, 12), 2.0, np.float32), 2.0, 2.0)
    assert np.array_equal(np.asarray(shown)[..., 0], GREY)
