"""Augmentation: plain functions of a whole batch, on its device."""

from dataclasses import dataclass
from typing import ClassVar, Protocol

import torch


class Augmentation(Protocol):
    """Called with float images in [0, 1], ``(b, c, h, w)``, and a generator on their device; gives
    images ``(b, c, u, v)`` of their type.

    It draws from the generator alone, neither from Python nor from numpy, and looks at no value
    from the host (no ``.item()``, no ``if``): on a GPU it is recorded once and replayed, and what
    was not drawn by the generator would be the same in every batch.
    """

    # Whether pixels leave their places. It is then called with masks as a last channel.
    moves: ClassVar[bool]

    def __call__(self, images: torch.Tensor, generator: torch.Generator, /) -> torch.Tensor: ...


def augmented(
    augment: Augmentation,
    images: torch.Tensor,
    masks: torch.Tensor | None,
    generator: torch.Generator,
) -> tuple[torch.Tensor, torch.Tensor | None]:
    """Images, and their masks ``(b, h, w)`` moved along where the augmentation `moves` pixels."""
    if masks is None or not augment.moves:
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

    moves: ClassVar[bool] = False

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

    moves: ClassVar[bool] = False

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
