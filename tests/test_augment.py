"""Augmentations and normalisers: whole batches, each image by its own draw."""

import numpy as np
import pytest
import torch

from baselines.augment import Crop, Flip, Jitter, Noise, augmented, luma
from baselines.normalise import (
    GlobalContrast,
    PerImageStandard,
    Standard,
    UnitRange,
    contrast,
    unit,
)
from baselines.recipe import Recipe
from baselines.variations import OneOf, OwnNoise


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.fixture
def images() -> torch.Tensor:
    return torch.rand(64, 3, 12, 10, generator=generator())


@pytest.mark.parametrize("augment", [Crop(2), Flip(), Jitter(0.1), Noise(0.01)])
def test_shape_is_kept_and_the_generator_decides(augment, images):
    first, again, other = (augment(images, generator(seed)) for seed in (1, 1, 2))
    assert first.shape == images.shape and first.dtype == images.dtype
    assert torch.equal(first, again) and not torch.equal(first, other)
    assert torch.equal(images, torch.rand(64, 3, 12, 10, generator=generator()))  # not in place


def test_each_crop_is_a_window_of_the_padded_image(images):
    cropped = Crop(2)(images, generator())
    padded = torch.nn.functional.pad(images, (2, 2, 2, 2))
    corners = set()
    for image, found in zip(padded, cropped, strict=True):
        places = [
            (top, left)
            for top in range(5)
            for left in range(5)
            if torch.equal(image[:, top : top + 12, left : left + 10], found)
        ]
        assert places
        corners.add(places[0])
    assert len(corners) > 15


def test_half_of_the_images_are_flipped(images):
    flipped = Flip()(images, generator())
    mirrored = (flipped == images.flip(3)).flatten(1).all(1)
    kept = (flipped == images).flatten(1).all(1)
    assert (mirrored ^ kept).all() and 20 <= mirrored.sum() <= 44


def test_who_moves_pixels_says_so(images):
    """Masks follow then; a choice between two could not tell them where to."""
    with pytest.raises(ValueError, match="OneOf: Crop moves pixels"):
        OneOf(Jitter(0.01), Crop(2))
    with pytest.raises(ValueError, match=r"augmentation <function .* must say whether it moves"):
        Recipe(1, augment=(lambda images, generator: images.flip(3),))
    masks = images[:, 0] > 0.5
    for augment in (Noise(0.1), Jitter(0.1), OwnNoise(0.1), OneOf(Jitter(0.1), Noise(0.1))):
        assert augmented(augment, images, masks, generator())[1] is masks


def test_jitter_is_bounded_and_keeps_grey_grey():
    grey = torch.full((32, 3, 4, 4), 0.5)
    out = Jitter(0.05)(grey, generator())
    assert (out - 0.5).abs().max() < 0.06
    torch.testing.assert_close(out[:, 0], out[:, 2], atol=1e-6, rtol=0)
    single = torch.rand(8, 1, 4, 4, generator=generator())
    assert Jitter(0.05)(single, generator()).shape == single.shape


def test_hue_turns_red_towards_its_neighbours():
    red = torch.zeros(200, 3, 2, 2)
    red[:, 0] = 0.8
    out = Jitter(0.05)(red, generator()).mean((2, 3))
    assert (out[:, 0] > out[:, 1:].max(1).values).all()
    assert out[:, 1].max() > 0.02 and out[:, 2].max() > 0.02


def test_luma_is_itu_601():
    image = torch.tensor([1.0, 0.5, 0.25]).view(1, 3, 1, 1)
    assert luma(image).item() == pytest.approx(0.299 + 0.587 / 2 + 0.114 / 4)


def test_standard_measures_mean_and_spread_per_channel():
    pixels = torch.randint(0, 256, (500, 3, 8, 8), generator=generator(), dtype=torch.uint8)
    pixels[:, 1] //= 4
    normalise = Standard()
    out = normalise(unit(pixels), normalise.measure(pixels))
    assert out.mean((0, 2, 3)).abs().max() < 1e-4
    assert (out.std((0, 2, 3)) - 1).abs().max() < 1e-4


def test_global_contrast_spans_the_training_rows():
    pixels = torch.randint(0, 256, (50, 1, 8, 8), generator=generator(), dtype=torch.uint8)
    normalise = GlobalContrast()
    measured = normalise.measure(pixels)
    out = normalise(unit(pixels), measured)
    assert out.min() == pytest.approx(0, abs=1e-6) and out.max() == pytest.approx(1, abs=1e-6)
    dark = normalise(unit(torch.zeros(1, 1, 8, 8, dtype=torch.uint8)), measured)
    assert torch.isfinite(dark).all()


def test_contrast_is_the_papers_formula():
    image = np.random.default_rng(0).random((1, 3, 5, 5))
    expected = (image - image.mean()) / np.abs(image - image.mean()).mean()
    np.testing.assert_allclose(contrast(torch.from_numpy(image)).numpy(), expected)


def test_unit_range_changes_nothing(images):
    assert UnitRange()(images, UnitRange().measure(images)) is images


def test_per_image_standard_leaves_pattern_without_light():
    images = torch.rand(5, 3, 8, 8, dtype=torch.float64)
    images[4] = 0.3
    brighter = 0.2 + 0.5 * images
    normalise = PerImageStandard()
    measured = normalise.measure(images)
    found = normalise(images, measured)
    torch.testing.assert_close(found, normalise(brighter, measured))
    torch.testing.assert_close(found[:4].mean((1, 2, 3)), torch.zeros(4, dtype=torch.float64))
    torch.testing.assert_close((found[:4] ** 2).mean((1, 2, 3)), torch.ones(4, dtype=torch.float64))
    assert not found[4].any()
