"""Augmentation and normalisation: plain functions of a whole batch, on its device.

An augmentation is called with float images in [0, 1], ``(b, c, h, w)``, and a generator on their
device; a normaliser first measures the training rows, then is called with images and that measure.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import ClassVar, Protocol

import torch

from baselines.later import LATER

Augmentation = Callable[[torch.Tensor, torch.Generator], torch.Tensor]


class Normaliser(Protocol):
    """Measures uint8 training rows, then brings float images to what the net takes."""

    def measure(self, images: torch.Tensor) -> torch.Tensor: ...
    def __call__(self, images: torch.Tensor, measured: torch.Tensor) -> torch.Tensor: ...


MEASURED_PIXELS = 8192 * 32 * 32  # bounds the memory of a float copy while statistics are taken


def augmented(
    augment: Augmentation,
    images: torch.Tensor,
    masks: torch.Tensor | None,
    generator: torch.Generator,
) -> tuple[torch.Tensor, torch.Tensor | None]:
    """Images, and their masks ``(b, h, w)`` moved along where the augmentation `moves` pixels."""
    if masks is None or not getattr(augment, "moves", False):
        return augment(images, generator), masks
    both = augment(torch.cat([images, masks.unsqueeze(1).to(images.dtype)], 1), generator)
    return both[:, :-1], both[:, -1] > 0.5


def uniform(b: int, low: float, high: float, generator: torch.Generator) -> torch.Tensor:
    """One number per image, ``(b, 1, 1, 1)``, uniform in [low, high)."""
    draw = torch.rand(b, 1, 1, 1, generator=generator, device=generator.device)
    return low + (high - low) * draw


@dataclass(frozen=True)
class Crop:
    """Random crop of the image's own size after padding with black, one offset per image."""

    padding: int

    moves: ClassVar[bool] = True

    def __call__(self, images: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        b, _, h, w = images.shape
        p = self.padding
        padded = torch.nn.functional.pad(images, (p, p, p, p))
        corner = torch.randint(
            0, 2 * p + 1, (2, b, 1, 1), generator=generator, device=images.device
        )
        rows = corner[0] + torch.arange(h, device=images.device).view(1, h, 1)
        columns = corner[1] + torch.arange(w, device=images.device).view(1, 1, w)
        image = torch.arange(b, device=images.device).view(b, 1, 1)
        return padded.permute(0, 2, 3, 1)[image, rows, columns].permute(0, 3, 1, 2)


@dataclass(frozen=True)
class Flip:
    """Horizontal flip of each image with probability 1/2."""

    moves: ClassVar[bool] = True

    def __call__(self, images: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        chosen = uniform(len(images), 0, 1, generator) < 0.5
        return torch.where(chosen, images.flip(3), images)


@dataclass(frozen=True)
class Noise:
    """Gaussian noise of standard deviation `std` on every pixel; may leave [0, 1] by design."""

    std: float

    def __call__(self, images: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        noise = torch.randn(
            images.shape, generator=generator, device=images.device, dtype=images.dtype
        )
        return images + self.std * noise


@dataclass(frozen=True)
class Jitter:
    """Colour jitter by factors within 1 +- `amount`: brightness, contrast, saturation, and hue
    within +- `amount` of a turn. The order is fixed (torchvision shuffles it): at the recipes'
    amount of 0.01 the order moves no pixel by a grey level. Hue turns about the grey axis."""

    amount: float

    def __call__(self, images: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        b, low, high = len(images), 1 - self.amount, 1 + self.amount
        images = (images * uniform(b, low, high, generator)).clamp(0, 1)
        mean = luma(images).mean((2, 3), keepdim=True)
        images = (mean + (images - mean) * uniform(b, low, high, generator)).clamp(0, 1)
        if images.shape[1] != 3:
            return images
        grey = luma(images)
        images = (grey + (images - grey) * uniform(b, low, high, generator)).clamp(0, 1)
        turn = 2 * torch.pi * uniform(b, -self.amount, self.amount, generator).flatten()
        return torch.einsum("bij,bjhw->bihw", about_grey(turn), images).clamp(0, 1)


def luma(images: torch.Tensor) -> torch.Tensor:
    """Grey image ``(b, 1, h, w)`` by ITU-R 601 weights; the channel mean unless there are three."""
    if images.shape[1] != 3:
        return images.mean(1, keepdim=True)
    red, green, blue = images.split(1, 1)
    return 0.299 * red + 0.587 * green + 0.114 * blue


def about_grey(turn: torch.Tensor) -> torch.Tensor:
    """Rotation matrices ``(b, 3, 3)`` about the grey axis by `turn` radians ``(b,)``."""
    cos, sin = turn.cos(), turn.sin()
    same, off = cos + (1 - cos) / 3, (1 - cos) / 3
    up, down = off - sin / 3**0.5, off + sin / 3**0.5
    rows = [torch.stack(row, 1) for row in ((same, up, down), (down, same, up), (up, down, same))]
    return torch.stack(rows, 1)


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
