"""Nets of the elders: images in, features out. A net is built by a small frozen thing, called with
the shape ``(c, h, w)`` of an image: a detector holds what builds its net, not its name.

Layer facts follow the authors' code (Deep-SVDD-PyTorch, Deep-SAD-PyTorch, Classification-AD): 5x5
convolutions with padding 2, batch norm with eps 1e-4, leaky ReLU of slope 0.01, 2x2 max-pooling.
Pooling stands before the activation here: a leaky ReLU is increasing, so the two commute exactly,
and the activation then touches a quarter of the pixels.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

import torch
from torch import nn

from baselines.later import LATER

Weights = Callable[[torch.Tensor, torch.Generator], torch.Tensor]
Shape = tuple[int, int, int]
NORM_EPS = 1e-4


class NetBuilder(Protocol):
    """Builds the net of a detector for the shape ``(c, h, w)`` of its images."""

    @property
    def weights(self) -> Weights: ...
    def __call__(self, shape: Shape) -> nn.Module: ...


def uniform_weights(weight: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """PyTorch's own default for convolutions and linear layers."""
    return nn.init.kaiming_uniform_(weight, a=math.sqrt(5), generator=generator)


def xavier_weights(weight: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Glorot normal with the gain of a leaky ReLU (Classification-AD)."""
    gain = nn.init.calculate_gain("leaky_relu", 0.01)
    return nn.init.xavier_normal_(weight, gain=gain, generator=generator)


@runtime_checkable
class Drawn(Protocol):
    """A layer that draws its own weights and bias."""

    def draw(self, generator: torch.Generator) -> None: ...


class Pretrained(nn.Sequential):
    """Layers whose weights were learned elsewhere: `initialise` leaves them as they are."""


def initialise(net: nn.Module, generator: torch.Generator, weights: Weights) -> nn.Module:
    """Draw every weight of `net` from `generator`, but for pretrained layers; biases as PyTorch's
    default, norms as built; a layer with a `draw` of its own draws itself."""
    for module in fresh(net):
        if isinstance(module, Drawn):
            module.draw(generator)
        elif isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
            weights(module.weight, generator)
            if module.bias is not None:
                bound = 1 / math.sqrt(module.weight[0].numel())
                nn.init.uniform_(module.bias, -bound, bound, generator=generator)
    return net


def fresh(net: nn.Module) -> Iterator[nn.Module]:
    """All modules of `net` outside its pretrained layers."""
    if not isinstance(net, Pretrained):
        yield net
        for child in net.children():
            yield from fresh(child)


@dataclass(frozen=True)
class Block:
    """Convolution, batch norm, pooling if asked for, which halves the image, activation."""

    kernel: int
    bias: bool
    affine: bool

    def __call__(self, before: int, after: int, pool: bool = True) -> list[nn.Module]:
        k = self.kernel
        return [
            nn.Conv2d(before, after, k, padding=k // 2, bias=self.bias),
            nn.BatchNorm2d(after, eps=NORM_EPS, affine=self.affine),
            *([nn.MaxPool2d(2)] if pool else []),
            nn.LeakyReLU(0.01),
        ]


def dense(before: int, after: int, bias: bool, affine: bool) -> list[nn.Module]:
    """Linear layer, batch norm, activation."""
    return [
        nn.Linear(before, after, bias=bias),
        nn.BatchNorm1d(after, eps=NORM_EPS, affine=affine),
        nn.LeakyReLU(0.01),
    ]


@dataclass(frozen=True)
class LeNet:
    """The LeNets of the lineage: images ``(n, c, h, w)`` to codes ``(n, code)``.

    Deep SVDD and Deep SAD use no bias and no learned scale, since either lets the net collapse onto
    its centre (Ruff et al. 2018, section 3.3); HSC uses both. The lineage's `kernel` is 5,
    and it has no `further` convolutions behind the last pooling.
    """

    channels: tuple[int, ...] = (16, 32)
    hidden: int | None = 128
    code: int = 64
    bias: bool = False
    affine: bool = False
    weights: Weights = uniform_weights
    kernel: int = field(default=5, metadata=LATER)
    further: int = field(default=0, metadata=LATER)

    def __call__(self, shape: Shape) -> nn.Sequential:
        c, h, w = shape
        block, last = Block(self.kernel, self.bias, self.affine), self.channels[-1]
        layers: list[nn.Module] = []
        for before, after in zip((c, *self.channels), self.channels, strict=False):
            layers += block(before, after)
        for _ in range(self.further):
            layers += block(last, last, pool=False)
        features = last * (h >> len(self.channels)) * (w >> len(self.channels))
        layers.append(nn.Flatten())
        if self.hidden is not None:
            layers += dense(features, self.hidden, self.bias, self.affine)
        layers.append(nn.Linear(self.hidden or features, self.code, bias=self.bias))
        return nn.Sequential(*layers)


def normed_transposed(
    before: int, after: int, padding: int, bias: bool, affine: bool
) -> list[nn.Module]:
    """Transposed convolution, batch norm, activation, doubling."""
    return [
        nn.ConvTranspose2d(before, after, 5, padding=padding, bias=bias),
        nn.BatchNorm2d(after, eps=NORM_EPS, affine=affine),
        nn.LeakyReLU(0.01),
        nn.Upsample(scale_factor=2),
    ]


class Mirror(nn.Module):
    """Autoencoder: `encoder` to codes ``(n, code)``, `decoder` back to images in [0, 1]."""

    def __init__(self, encoder: nn.Sequential, decoder: nn.Sequential) -> None:
        super().__init__()
        self.encoder = encoder
        self.decoder = decoder

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.decoder(self.encoder(images))


@dataclass(frozen=True)
class MirroredLeNet:
    """Autoencoder of a LeNet: the code is seen as ``(., 4, 4)`` and doubled up to the image.

    On 28 pixels the last but one transposed convolution takes the 16 x 16 map to 14 x 14 (padding
    3). `widths` are the decoder's channels (default: the encoder's, reversed). `norm_code` is the
    batch norm on the code that the CIFAR-10 autoencoder of Deep SVDD has.
    """

    lenet: LeNet = LeNet()
    norm_code: bool = False
    widths: tuple[int, ...] | None = None

    @property
    def weights(self) -> Weights:
        return self.lenet.weights

    def __call__(self, shape: Shape) -> Mirror:
        c, h, w = shape
        if (h, w) not in ((28, 28), (32, 32)):
            raise ValueError(f"autoencoder: images of 28 x 28 or 32 x 32 pixels, got {h} x {w}")
        net, layers = self.lenet, list[nn.Module]()
        if self.norm_code:
            layers.append(nn.BatchNorm1d(net.code, eps=NORM_EPS, affine=net.affine))
        if net.hidden is not None:
            layers.append(nn.Linear(net.code, net.hidden, bias=net.bias))
            layers.append(nn.BatchNorm1d(net.hidden, eps=NORM_EPS, affine=net.affine))
        before = (net.hidden or net.code) // 16
        widths = self.widths or tuple(reversed(net.channels))
        layers += [nn.Unflatten(1, (before, 4, 4)), nn.LeakyReLU(0.01)]
        layers += [nn.Upsample(scale_factor=2) for _ in range(3 - len(widths))]
        for i, after in enumerate(widths):
            padding = 3 if h == 28 and i == len(widths) - 1 else 2
            layers += normed_transposed(before, after, padding, net.bias, net.affine)
            before = after
        layers += [nn.ConvTranspose2d(before, c, 5, padding=2, bias=net.bias), nn.Sigmoid()]
        return Mirror(net(shape), nn.Sequential(*layers))
