"""Confetti and scars: what is painted, where, and that masks tell it."""

import math

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter

from baselines.canvas import Canvas, Shapes, alike, upon, window
from baselines.checks import ANOMALY
from baselines.detector import Rows
from baselines.synthetic import Confetti, Scars, at_least_one

SOURCES = {
    "confetti": Confetti(),
    "paper": Confetti(relative=False, both_signs=False, everywhere=True),
    "scars": Scars(),
}


def generator() -> torch.Generator:
    return torch.Generator().manual_seed(3)


def grey(n: int = 16, c: int = 3, h: int = 64, w: int = 64) -> Rows:
    images = torch.randint(0, 256, (n, c, h, w), generator=generator(), dtype=torch.uint8)
    return Rows(images, torch.zeros(n, dtype=torch.long))


@pytest.mark.parametrize("name", SOURCES)
@pytest.mark.parametrize("shape", [(3, 64, 64), (1, 48, 96), (3, 240, 200)])
def test_every_image_becomes_an_anomaly_of_its_own(name, shape):
    normal = grey(16, *shape)
    before = normal.images.clone()
    drawn = SOURCES[name].draw(normal, generator())
    assert drawn.images.shape == normal.images.shape and drawn.images.dtype == torch.uint8
    assert (drawn.labels == ANOMALY).all()
    assert torch.equal(normal.images, before), "the normal rows must stay as they are"
    changed = (drawn.images != before).any(1)
    assert changed.flatten(1).any(1).all()
    if name == "paper":
        assert drawn.masks.all()
    else:
        assert torch.equal(drawn.masks, changed)


@pytest.mark.parametrize("name", SOURCES)
def test_drawing_follows_the_generator(name):
    first, again = (SOURCES[name].draw(grey(), generator()) for _ in range(2))
    other = SOURCES[name].draw(grey(), torch.Generator().manual_seed(4))
    assert torch.equal(first.images, again.images)
    assert not torch.equal(first.images, other.images)


def test_a_painted_square_is_a_blurred_square():
    """Against a true square of fine pixels, filtered: the closed form is the convolution."""
    side, blur, size = 20, 3.0, 64
    one = torch.zeros(1, dtype=torch.long)
    shapes = Shapes(
        one, torch.tensor([[32.0, 30.0]]), torch.full((1, 2), side / 2), torch.zeros(1),
        torch.tensor([[100.0]]), one, torch.zeros(1, 2, dtype=torch.long),
    )  # fmt: skip
    canvas = Canvas.of(torch.zeros(1, 1, size, size, dtype=torch.uint8))
    canvas.paint(shapes, blur)
    square = np.zeros((size, size))
    square[22:42, 20:40] = 100.0
    expected = gaussian_filter(square, blur, truncate=6)
    assert np.abs(canvas.images()[0, 0].numpy() - expected).max() <= 1.0


def test_squares_turn():
    one = torch.zeros(1, dtype=torch.long)
    shapes = Shapes(
        one, torch.tensor([[32.0, 32.0]]), torch.tensor([[14.0, 2.0]]),
        torch.tensor([math.pi / 4]), torch.tensor([[200.0]]), one, torch.zeros(1, 2).long(),
    )  # fmt: skip
    canvas = Canvas.of(torch.zeros(1, 1, 64, 64, dtype=torch.uint8))
    canvas.paint(shapes, 0.5)
    rows, columns = np.nonzero(canvas.images()[0, 0].numpy())
    assert abs(np.corrcoef(rows, columns)[0, 1]) > 0.9, "a strip at 45 degrees lies on a diagonal"


def test_the_papers_confetti_darkens_and_brightens_what_is_black():
    drawn = SOURCES["paper"].draw(grey(), generator())
    assert (drawn.images <= grey().images).all()
    black = Rows(torch.zeros(8, 3, 240, 240, dtype=torch.uint8), torch.zeros(8, dtype=torch.long))
    assert (SOURCES["paper"].draw(black, generator()).images > 0).flatten(1).any(1).all()


def test_relative_confetti_covers_the_same_share_at_every_size():
    shares = [
        Confetti().draw(grey(64, 3, side, side), generator()).masks.float().mean().item()
        for side in (60, 240)
    ]
    assert shares[0] == pytest.approx(shares[1], rel=0.25)
    in_pixels = Confetti(relative=False).draw(grey(64, 3, 60, 60), generator())
    assert in_pixels.masks.float().mean().item() > 1.5 * shares[0]


def test_counts_are_a_poisson_number_given_one():
    image, rank = at_least_one(20_000, 1.04, generator())
    assert set(image.tolist()) == set(range(20_000)), "every image has its shape"
    assert len(image) / 20_000 == pytest.approx(1.04 / (1 - math.exp(-1.04)), rel=0.02)
    assert (rank[1:] == torch.where(image[1:] == image[:-1], rank[:-1] + 1, 0)).all()


def test_groups_hold_one_shape_of_an_image_and_lose_none():
    image, rank = at_least_one(200, 2.0, generator())
    m = len(image)
    half = torch.rand(m, 2, generator=generator()) * 20 + 1
    shapes = Shapes(
        image, torch.rand(m, 2), half, torch.zeros(m), torch.zeros(m, 3), rank,
        torch.zeros(m, 2, dtype=torch.long),
    )  # fmt: skip
    groups = list(alike(shapes))
    assert all(len(set(group.image.tolist())) == len(group.image) for group in groups)
    assert sum(len(group.image) for group in groups) == m


def test_windows_lie_inside():
    rows = window(torch.tensor([0.0, 30.0, 63.9]), 10, 64)
    assert rows.min() == 0 and rows.max() == 63 and rows.shape == (3, 21)
    assert window(torch.tensor([5.0]), 100, 64).shape == (1, 64)


def test_scars_come_from_the_image_itself():
    """Without tint and blur, a scar holds grey levels that its image has."""
    images = torch.zeros(8, 1, 64, 64, dtype=torch.uint8)
    images[:, :, :, 32:] = 200
    drawn = Scars(tint=0, blur=1e-3).draw(Rows(images, torch.zeros(8).long()), generator())
    levels = set(drawn.images.unique().tolist())
    assert {0, 200} <= levels
    inside = drawn.images[:, 0][drawn.masks]
    assert ((inside == 0) | (inside == 200)).float().mean() > 0.9


@pytest.mark.parametrize("channels", [1, 2, 3, 4, 6])
def test_a_canvas_gives_back_what_it_was_made_of(channels):
    images = torch.randint(0, 256, (3, channels, 5, 7), dtype=torch.uint8)
    canvas = Canvas.of(images)
    assert torch.equal(canvas.images(), images)
    index = torch.arange(3 * 5 * 7).view(3, 5, 7)
    canvas._put(index, canvas._take(index))
    assert torch.equal(canvas.images(), images)


def test_layers_are_painted_one_upon_the_other():
    generator = torch.Generator().manual_seed(0)
    size = torch.Size((5, 3, 32, 32))
    layers = [Confetti()._layer(size, 0.2, white, generator) for white in (False, True)]
    images = torch.full(size, 128, dtype=torch.uint8)
    apart, at_once = Canvas.of(images), Canvas.of(images)
    for layer in layers:
        apart.paint(layer, 1.0)
    at_once.paint(upon(layers), 1.0)
    apart, at_once = (canvas.images().float() for canvas in (apart, at_once))
    assert (apart - at_once).abs().max() <= 4, "but for where windows of soft edges end"
    assert (apart != 128).float().mean() > 0.1
