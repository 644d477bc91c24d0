"""Normalisation: what a net takes, made of a whole batch of images, on its device.

A normaliser first measures the training rows, then is called with float images in [0, 1],
``(b, c, h, w)``, and that measure.
"""

from dataclasses import dataclass, field
from typing import Protocol

import torch

from baselines.later import LATER

MEASURED_PIXELS = 8192 * 32 * 32  # bounds the memory of a float copy while statistics are taken


class Normaliser(Protocol):
    """Measures uint8 training rows, then brings float images to what the net takes."""

    def measure(self, images: torch.Tensor) -> torch.Tensor: ...
    def __call__(self, images: torch.Tensor, measured: torch.Tensor) -> torch.Tensor: ...


@dataclass(frozen=True)
class UnitRange:
    """Pixels in [0, 1], as they are (Deep SAD)."""

    def measure(self, images: torch.Tensor) -> torch.Tensor:
        return torch.zeros(0, device=images.device)

    def __call__(self, images: torch.Tensor, measured: torch.Tensor) -> torch.Tensor:
        return images


@dataclass(frozen=True)
class Standard:
    """Zero mean and unit variance per channel, of the normal training rows (FCDD, CIFAR-10)."""

    def measure(self, images: torch.Tensor) -> torch.Tensor:
        found = [levels(part) for part in images.split(measured_rows(images))]
        counts = torch.stack(found).sum(0)
        level = torch.arange(256, dtype=torch.float64, device=images.device) / 255
        total = counts.sum(1)
        mean = counts @ level / total
        variance = (counts * (level - mean[:, None]) ** 2).sum(1) / (total - 1)
        return torch.stack([mean, variance.sqrt().clamp_min(1e-6)]).float()

    def __call__(self, images: torch.Tensor, measured: torch.Tensor) -> torch.Tensor:
        mean, std = measured.to(images.dtype).view(2, 1, -1, 1, 1)
        return (images - mean) / std


@dataclass(frozen=True)
class PerImageStandard:
    """Zero mean and unit variance of each image, over all pixels and channels; a constant image
    becomes 0. What is left of a picture is its pattern, not its light."""

    def measure(self, images: torch.Tensor) -> torch.Tensor:
        return torch.zeros(0, device=images.device)

    def __call__(self, images: torch.Tensor, measured: torch.Tensor) -> torch.Tensor:
        centred = images - images.mean((1, 2, 3), keepdim=True)
        scale = (centred**2).mean((1, 2, 3), keepdim=True).sqrt()
        # Of one pixel by one level among 224 x 224 x 3 it is 1e-5; below lies rounding.
        return torch.where(scale > 1e-6, centred / scale, 0)


@dataclass(frozen=True)
class ImageNetStandard:
    """Mean and standard deviation of ImageNet's RGB channels, as its nets were trained with."""

    mean: tuple[float, ...] = (0.485, 0.456, 0.406)
    std: tuple[float, ...] = (0.229, 0.224, 0.225)

    def measure(self, images: torch.Tensor) -> torch.Tensor:
        return torch.tensor([self.mean, self.std], device=images.device)

    def __call__(self, images: torch.Tensor, measured: torch.Tensor) -> torch.Tensor:
        mean, std = measured.to(images.dtype).view(2, 1, -1, 1, 1)
        return (images - mean) / std


@dataclass(frozen=True)
class GlobalContrast:
    """Global contrast normalisation with L1 scale, then the training rows' range to [0, 1].

    Deep SVDD and FCDD: subtract the image's mean, divide by its mean absolute value, both over all
    pixels and channels; min and max are those of the normal training rows, so anomalies may leave
    [0, 1]. A constant image stays 0 before the range is applied. `per_channel` takes each channel's
    own range (FCDD on MVTec AD).
    """

    per_channel: bool = field(default=False, metadata=LATER)

    def measure(self, images: torch.Tensor) -> torch.Tensor:
        kept = (0, 2, 3) if self.per_channel else (0, 1, 2, 3)
        parts = (contrast(unit(part)) for part in images.split(measured_rows(images)))
        ranges = [(part.amin(kept), part.amax(kept)) for part in parts]
        low = torch.stack([least for least, _ in ranges]).amin(0)
        high = torch.stack([greatest for _, greatest in ranges]).amax(0)
        return torch.stack([low, (high - low).clamp_min(1e-6)])

    def __call__(self, images: torch.Tensor, measured: torch.Tensor) -> torch.Tensor:
        low, spread = measured.to(images.dtype).view(2, 1, -1, 1, 1)
        return (contrast(images) - low) / spread


def levels(images: torch.Tensor) -> torch.Tensor:
    """How often each of the 256 levels occurs in each channel, float64 ``(c, 256)``: exact."""
    channels = images.transpose(0, 1).flatten(1)
    return torch.stack([c.bincount(minlength=256) for c in channels]).double()


def measured_rows(images: torch.Tensor) -> int:
    """How many of the images are measured at once."""
    return max(1, MEASURED_PIXELS // (images.shape[-2] * images.shape[-1]))


def contrast(images: torch.Tensor) -> torch.Tensor:
    """Each image less its mean, over its mean absolute value (1 where that is 0)."""
    centred = images - images.mean((1, 2, 3), keepdim=True)
    scale = centred.abs().mean((1, 2, 3), keepdim=True)
    return centred / torch.where(scale > 0, scale, torch.ones_like(scale))


def unit(images: torch.Tensor, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    """uint8 images as floats in [0, 1]."""
    return images.to(dtype) / 255
