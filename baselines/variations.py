"""Augmentation of FCDD's code on MVTec AD: parts that only its recipe needs (Liznerski et al. 2021,
appendix D)."""

from dataclasses import dataclass
from typing import ClassVar

import torch

from baselines.augment import Augmentation, uniform
from baselines.large import Window
from baselines.normalise import Normaliser


@dataclass(frozen=True)
class WindowOrWhole:
    """A random window of `side` pixels, or the whole image shrunk to them by nearest neighbour,
    with equal probability."""

    side: int
    moves: ClassVar[bool] = True

    def __call__(self, images: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        windows = Window(self.side)(images, generator)
        chosen = uniform(len(images), 0, 1, generator) < 0.5
        return torch.where(chosen, windows, nearest(images, self.side, self.side))


@dataclass(frozen=True)
class OneOf:
    """One of two augmentations for each image, with equal probability; neither may move pixels,
    for masks would have to follow. Raises ValueError."""

    first: Augmentation
    second: Augmentation

    moves: ClassVar[bool] = False

    def __post_init__(self) -> None:
        for part in (self.first, self.second):
            if part.moves:
                raise ValueError(
                    f"OneOf: {type(part).__name__} moves pixels, and masks would stay where they "
                    "are; choose between augmentations that move none"
                )

    def __call__(self, images: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        chosen = uniform(len(images), 0, 1, generator) < 0.5
        return torch.where(chosen, self.first(images, generator), self.second(images, generator))


@dataclass(frozen=True)
class OwnNoise:
    """Gaussian noise of `share` times the image's own standard deviation, on every second image, in
    [0, 1] again."""

    share: float

    moves: ClassVar[bool] = False

    def __call__(self, images: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        noise = torch.randn(
            images.shape, generator=generator, device=images.device, dtype=images.dtype
        )
        std = self.share * images.std((1, 2, 3), keepdim=True)
        chosen = uniform(len(images), 0, 1, generator) < 0.5
        return torch.where(chosen, (images + std * noise).clamp(0, 1), images)


@dataclass(frozen=True)
class Shrunk:
    """Larger images shrunk to `side` by nearest neighbour, then another normaliser. Maps of what it
    shrank are `enlarged` to the images again."""

    side: int
    then: Normaliser

    def measure(self, images: torch.Tensor) -> torch.Tensor:
        return self.then.measure(nearest(images, self.side, self.side))

    def __call__(self, images: torch.Tensor, measured: torch.Tensor) -> torch.Tensor:
        return self.then(nearest(images, self.side, self.side), measured)

    def enlarged(self, maps: torch.Tensor, height: int, width: int) -> torch.Tensor:
        """Maps ``(n, side, side)`` as ``(n, height, width)``, by nearest neighbour as well."""
        return nearest(maps, height, width)


def nearest(images: torch.Tensor, height: int, width: int) -> torch.Tensor:
    """Images of `height` x `width` pixels: of h rows, row i is that at floor(i h / height)."""
    rows, columns = (
        torch.arange(side, device=images.device) * size // side
        for side, size in zip((height, width), images.shape[-2:], strict=True)
    )
    return images[..., rows[:, None], columns]
