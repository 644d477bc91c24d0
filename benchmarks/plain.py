"""The plain loop that the speed of ours is compared with: eager PyTorch in float32, one image after
another through PIL, as the authors' code trains.

The transforms are torchvision's, without torchvision; anomalies come as in FCDD's code (each image
replaced in ``__getitem__`` by the next one of a nested loader of batches of one) or as in HSC's (a
second loader, its batch appended). Only `benchmarks.speed` uses it.
"""

from collections.abc import Callable, Iterator, Sequence
from copy import deepcopy
from functools import partial
from itertools import pairwise, repeat
from typing import Any

import numpy as np
import torch
from PIL import Image, ImageEnhance, ImageOps
from torch import nn
from torch.utils.data import DataLoader, Dataset

from baselines.anomalies import Replace
from baselines.augment import Crop, Flip, Jitter, Noise
from baselines.deep import DeepDetector
from baselines.normalise import GlobalContrast, ImageNetStandard, Standard
from baselines.recipe import Recipe

Transform = Callable[[Any], Any]
Sample = tuple[torch.Tensor, int]


def crop(padding: int, image: Image.Image) -> Image.Image:
    """``RandomCrop(size, padding)``."""
    wide = ImageOps.expand(image, border=padding, fill=0)
    top = int(torch.randint(0, 2 * padding + 1, (1,)).item())
    left = int(torch.randint(0, 2 * padding + 1, (1,)).item())
    return wide.crop((left, top, left + image.width, top + image.height))


def flip(image: Image.Image) -> Image.Image:
    """``RandomHorizontalFlip()``."""
    return image.transpose(Image.Transpose.FLIP_LEFT_RIGHT) if torch.rand(1) < 0.5 else image


def jitter(amount: float, image: Image.Image) -> Image.Image:
    """``ColorJitter(amount, amount, amount, amount)``, in an order of its own for each image."""
    kinds = (ImageEnhance.Brightness, ImageEnhance.Contrast, ImageEnhance.Color)
    for k in torch.randperm(4).tolist():
        drawn = float(torch.empty(1).uniform_(-amount, amount))
        image = turned(image, drawn) if k == 3 else kinds[k](image).enhance(1 + drawn)
    return image


def turned(image: Image.Image, turn: float) -> Image.Image:
    """``adjust_hue``; a grey image stays as it is."""
    if image.mode == "L":
        return image
    hue, saturation, value = image.convert("HSV").split()
    moved = np.array(hue, dtype=np.uint8) + np.int32(turn * 255).astype(np.uint8)
    merged = Image.merge("HSV", (Image.fromarray(moved), saturation, value))
    return merged.convert("RGB")


def to_tensor(image: Image.Image) -> torch.Tensor:
    """``ToTensor()``."""
    pixels = torch.from_numpy(np.array(image, np.uint8, copy=True))
    pixels = pixels.view(image.height, image.width, len(image.getbands()))
    return pixels.permute(2, 0, 1).contiguous().to(torch.float32).div(255)


def to_picture(pixels: torch.Tensor) -> Image.Image:
    """``ToPILImage()`` of uint8 ``(c, h, w)``."""
    channels = pixels.permute(1, 2, 0).numpy()
    return Image.fromarray(channels[:, :, 0] if channels.shape[2] == 1 else channels)


def noise(std: float, image: torch.Tensor) -> torch.Tensor:
    return image + std * torch.randn_like(image)


def standard(mean: Sequence[float], std: Sequence[float], image: torch.Tensor) -> torch.Tensor:
    """``Normalize(mean, std)``."""
    image = image.clone()
    middle, spread = (torch.as_tensor(values, dtype=image.dtype) for values in (mean, std))
    return image.sub_(middle[:, None, None]).div_(spread[:, None, None])


def contrast(low: float, spread: float, image: torch.Tensor) -> torch.Tensor:
    """Global contrast normalisation with L1 scale, then the class's range to [0, 1]."""
    image = image - image.mean()
    scale = image.abs().mean()
    image = image / scale if scale else image
    return (image - low) / spread


PICTURES: dict[type, Callable[[Any], Transform]] = {
    Crop: lambda a: partial(crop, a.padding),
    Flip: lambda a: flip,
    Jitter: lambda a: partial(jitter, a.amount),
}
TENSORS: dict[type, Callable[[Any], Transform]] = {Noise: lambda a: partial(noise, a.std)}


def transforms(recipe: Recipe, measured: torch.Tensor) -> list[Transform]:
    """The recipe's augmentations and normaliser for one image; ValueError for one we lack."""
    unknown = [a for a in recipe.augment if type(a) not in PICTURES | TENSORS]
    if unknown:
        raise ValueError(f"no plain version of {unknown[0]!r}; measure a recipe without it")
    early = [PICTURES[type(a)](a) for a in recipe.augment if type(a) in PICTURES]
    late = [TENSORS[type(a)](a) for a in recipe.augment if type(a) in TENSORS]
    found: list[Transform] = [to_picture, *early, to_tensor, *late]
    if isinstance(recipe.normalise, GlobalContrast):
        found.append(partial(contrast, *measured.flatten().tolist()))
    elif isinstance(recipe.normalise, Standard | ImageNetStandard):
        found.append(partial(standard, *measured.tolist()))
    return found


class Images(Dataset[torch.Tensor]):
    """uint8 images, one by one."""

    def __init__(self, images: torch.Tensor) -> None:
        self.images = images

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> torch.Tensor:
        return self.images[index]


class PerSample(Dataset[Sample]):
    """Images transformed one by one, each replaced by an anomaly with probability `p`."""

    def __init__(
        self, images: torch.Tensor, steps: list[Transform], label: int, others: torch.Tensor | None,
        p: float = 0.0,
    ) -> None:  # fmt: skip
        self.images, self.steps, self.label, self.p = images, steps, label, p
        self.others = None if others is None else DataLoader(Images(others), 1, shuffle=True)
        self.stream: Iterator[torch.Tensor] = iter(())

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> Sample:
        image: Any = self.images[index]
        label = self.label
        if self.others is not None and torch.rand(1) < self.p:
            image, label = self._next(), 1
        for step in self.steps:
            image = step(image)
        return image, label

    def _next(self) -> torch.Tensor:
        assert self.others is not None
        found = next(self.stream, None)
        if found is None:
            self.stream = iter(self.others)
            found = next(self.stream)
        return found[0]


def loaders(
    recipe: Recipe, images: torch.Tensor, others: torch.Tensor | None, measured: torch.Tensor,
    workers: int,
) -> tuple[DataLoader[Any], DataLoader[Any] | None]:  # fmt: skip
    """The loader of an epoch, and that of the anomalies to append, if they are."""
    steps = transforms(recipe, measured)
    mixed = isinstance(recipe.placement, Replace) and others is not None
    p = recipe.placement.p if isinstance(recipe.placement, Replace) else 0.0
    own = PerSample(images, steps, 0, others if mixed else None, p)
    common: dict[str, Any] = {"shuffle": True, "num_workers": workers, "drop_last": True}
    main = DataLoader(own, recipe.batch, **common)
    if others is None or mixed or recipe.placement is None:
        return main, None
    return main, DataLoader(PerSample(others, steps, 1, None), recipe.batch, **common)


def as_authors(net: nn.Module) -> nn.Module:
    """A copy of the net with pooling behind the activation, where the authors have it; the two
    commute."""
    if not isinstance(net, nn.Sequential):
        return deepcopy(net)
    layers = list(deepcopy(net))
    for i, (layer, after) in enumerate(pairwise(layers)):
        if isinstance(layer, nn.MaxPool2d) and isinstance(after, nn.LeakyReLU):
            layers[i], layers[i + 1] = after, layer
    return nn.Sequential(*layers)


def train_plainly(
    detector: DeepDetector, net: nn.Module, images: torch.Tensor, others: torch.Tensor | None,
    device: torch.device, workers: int,
) -> int:  # fmt: skip
    """Train a copy of `net` as the detector's recipe says; returns how many images of `images` it
    saw (whole batches only)."""
    recipe = detector.recipe
    net = as_authors(net).to(device).train()
    measured = recipe.normalise.measure(images)
    main, more = loaders(recipe, images, others, measured, workers)
    state = detector.init(lambda: net(torch.zeros(2, *images.shape[1:], device=device)).detach())
    optimiser = recipe.optimiser(net.parameters(), recipe.lr, recipe.weight_decay)
    for epoch in range(recipe.epochs):
        for group in optimiser.param_groups:
            group["lr"] = recipe.lr * recipe.schedule(epoch, recipe.epochs)
        for (x, y), extra in zip(main, repeat(None) if more is None else more, strict=False):
            if extra is not None:
                x, y = torch.cat([x, extra[0]]), torch.cat([y, extra[1]])
            x, y = x.to(device), y.to(device)
            optimiser.zero_grad()
            loss = detector.loss(net(x), y, None, state).mean()
            loss.backward()
            optimiser.step()
            loss.item()  # the authors log it
    return recipe.epochs * recipe.batch * len(main)
