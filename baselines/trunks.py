"""Nets trained on ImageNet, cut to convolutional trunks: VGG11 with batch norm (Simonyan and
Zisserman 2015), FCDD's net at 224 pixels, and SqueezeNet 1.0 (Iandola et al. 2016), a light one.

Layers stand in torchvision's order under torchvision's names (``features.N``), so that the usual
weight files fit.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

import torch
from torch import nn

from baselines.later import PLACE
from baselines.nets import Pretrained, Shape, Weights, uniform_weights
from baselines.weights import SQUEEZENET, VGG11_BN, Published, read_weights

Layers = Callable[[], list[nn.Module]]


class Fire(nn.Module):
    """SqueezeNet's module: a 1x1 convolution, then 1x1 and 3x3 ones side by side."""

    def __init__(self, before: int, squeezed: int, expanded: int) -> None:
        super().__init__()
        self.squeeze = nn.Conv2d(before, squeezed, 1)
        self.expand1x1 = nn.Conv2d(squeezed, expanded, 1)
        self.expand3x3 = nn.Conv2d(squeezed, expanded, 3, padding=1)

    @property
    def widest(self) -> list[nn.Module]:
        """The layers along the path of the widest reach."""
        return [self.squeeze, self.expand3x3]

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        squeezed = torch.relu_(self.squeeze(images))
        both = torch.cat([self.expand1x1(squeezed), self.expand3x3(squeezed)], 1)
        return torch.relu_(both)


def squeezenet() -> list[nn.Module]:
    """The 13 modules of SqueezeNet 1.0's ``features``."""

    def pool() -> nn.Module:
        return nn.MaxPool2d(3, stride=2, ceil_mode=True)

    return [
        nn.Conv2d(3, 96, 7, stride=2), nn.ReLU(inplace=True), pool(),
        Fire(96, 16, 64), Fire(128, 16, 64), Fire(128, 32, 128), pool(),
        Fire(256, 32, 128), Fire(256, 48, 192), Fire(384, 48, 192), Fire(384, 64, 256), pool(),
        Fire(512, 64, 256),
    ]  # fmt: skip


def vgg11_bn() -> list[nn.Module]:
    """The 29 modules of VGG11-bn's ``features``."""
    layers: list[nn.Module] = []
    before = 3
    for width, pooled in (
        (64, True), (128, True), (256, False), (256, True),
        (512, False), (512, True), (512, False), (512, True),
    ):  # fmt: skip
        layers += [nn.Conv2d(before, width, 3, padding=1), nn.BatchNorm2d(width)]
        layers += [nn.ReLU(inplace=True)]
        layers += [nn.MaxPool2d(2)] if pooled else []
        before = width
    return layers


class Head(Protocol):
    """The trained layers behind a trunk of so many channels."""

    def __call__(self, channels: int) -> list[nn.Module]: ...


@dataclass(frozen=True)
class Map:
    """One number for each place: a 1x1 convolution, whose bias is FCDD's centre."""

    def __call__(self, channels: int) -> list[nn.Module]:
        return [nn.Conv2d(channels, 1, 1)]


@dataclass(frozen=True)
class Code:
    """A code of the whole image: the mean over all places, then a linear layer."""

    size: int = 64
    bias: bool = True

    def __call__(self, channels: int) -> list[nn.Module]:
        layers = [nn.AdaptiveAvgPool2d(1), nn.Flatten()]
        return [*layers, nn.Linear(channels, self.size, bias=self.bias)]


@dataclass(frozen=True)
class Trunk:
    """The first `cut` of some layers, the first `frozen` of those untrained, then a head.

    `pretrained` are the ImageNet weights to start from; None draws all weights at random. `file`
    is where they lie; None looks where `baselines.weights` says. A frozen batch norm still follows
    its batches, as in FCDD's code. Any function that gives a list of layers makes a trunk.
    Raises ValueError for images that are not RGB, and for weights that do not fit.
    """

    layers: Layers = squeezenet
    cut: int = 11
    frozen: int = 10
    head: Head = Map()
    pretrained: Published | None = SQUEEZENET
    file: str | None = field(default=None, metadata=PLACE)
    weights: Weights = uniform_weights

    def __call__(self, shape: Shape) -> nn.Sequential:
        if self.pretrained is not None and shape[0] != 3:
            raise ValueError(f"{self.pretrained.name}: RGB images are needed, got shape {shape}")
        kept = self.layers()[: self.cut]
        trunk = nn.Sequential(*kept)
        if self.pretrained is not None:
            trunk = Pretrained(*kept)
            self._fill(trunk, self.pretrained)
        for parameter in trunk[: self.frozen].parameters():
            parameter.requires_grad_(False)
        return nn.Sequential(trunk, *self.head(channels(trunk, shape)))

    def _fill(self, trunk: nn.Sequential, published: Published) -> None:
        given = read_weights(published, self.file)
        own = {name: given.get(f"features.{name}") for name in trunk.state_dict()}
        # A counter of batches, which older files lack and evaluation does not read.
        own |= {n: torch.tensor(0) for n in own if n.endswith("num_batches_tracked")}
        wrong = [n for n, v in trunk.state_dict().items() if getattr(own[n], "shape", 0) != v.shape]
        if wrong:
            raise ValueError(
                f"weights {self.file or published.name}: another net's, for features.{wrong[0]} is "
                f"amiss; give those of {published.name}, {published.file}"
            )
        trunk.load_state_dict({name: value for name, value in own.items() if value is not None})


@torch.no_grad()
def channels(trunk: nn.Sequential, shape: Shape) -> int:
    """Channels that come out of the trunk."""
    return int(trunk.eval()(torch.zeros(1, *shape)).shape[1])


# FCDD_CNN224_VGG_F: cut before the fourth pooling, frozen through the third (Liznerski et al.
# 2021, appendix D, and the authors' code); 28 x 28 outputs of receptive field 62 at 224 pixels.
VGG11 = Trunk(vgg11_bn, cut=21, frozen=15, pretrained=VGG11_BN)
SQUEEZE = Trunk()
