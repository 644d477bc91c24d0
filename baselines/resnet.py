"""ResNet-18 with CBAM attention, HSC's net on ImageNet-30 (Ruff et al., Rethinking Assumptions,
2020; its code, which calls it WideResNet, has it from hendrycks/ss-ood).

He et al. 2016 for the residual blocks, Woo et al. 2018 for the attention: each block's branch is
scaled channel by channel, then place by place, before it is added. No layer starts from weights
learned elsewhere.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.nn.init import kaiming_normal_, zeros_

from baselines.nets import NetBuilder, Shape, Weights, uniform_weights

REDUCTION = 16  # of channels within the channel gate


class Conv(nn.Conv2d):
    """Convolution without bias, drawn normal by the variance of its outputs (He et al. 2015)."""

    def __init__(self, before: int, after: int, kernel: int, stride: int = 1) -> None:
        super().__init__(before, after, kernel, stride, kernel // 2, bias=False)

    def draw(self, generator: torch.Generator) -> None:
        kaiming_normal_(self.weight, mode="fan_out", generator=generator)


class Dense(nn.Linear):
    """Linear layer whose bias starts at 0; its weights by `rule`."""

    def __init__(self, before: int, after: int, rule: Callable[..., Any]) -> None:
        super().__init__(before, after)
        self.rule = rule

    def draw(self, generator: torch.Generator) -> None:
        self.rule(self.weight, generator=generator)
        zeros_(self.bias)


class ChannelGate(nn.Module):
    """Scales each channel by what its mean and its maximum say."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        inner = channels // REDUCTION
        self.mix = nn.Sequential(
            Dense(channels, inner, uniform_weights),
            nn.ReLU(),
            Dense(inner, channels, uniform_weights),
        )

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        gate = self.mix(images.mean((2, 3))) + self.mix(images.amax((2, 3)))
        return images * torch.sigmoid(gate)[:, :, None, None]


class SpatialGate(nn.Module):
    """Scales each place by the maximum and the mean of its channels. Its norm's weight starts at 0,
    so that every place starts at one half."""

    def __init__(self) -> None:
        super().__init__()
        norm = nn.BatchNorm2d(1, momentum=0.01)
        zeros_(norm.weight)
        self.mix = nn.Sequential(Conv(2, 1, 7), norm)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        both = torch.cat([images.amax(1, keepdim=True), images.mean(1, keepdim=True)], 1)
        return images * torch.sigmoid(self.mix(both))


class Block(nn.Module):
    """Two 3x3 convolutions and their gates, beside the identity or a 1x1 convolution."""

    def __init__(self, before: int, after: int, stride: int) -> None:
        super().__init__()
        self.branch = nn.Sequential(
            Conv(before, after, 3, stride),
            nn.BatchNorm2d(after),
            nn.ReLU(),
            Conv(after, after, 3),
            nn.BatchNorm2d(after),
            ChannelGate(after),
            SpatialGate(),
        )
        self.short: nn.Module = nn.Identity()
        if stride != 1 or before != after:
            fit = nn.Conv2d(before, after, 1, stride, bias=False)
            self.short = nn.Sequential(fit, nn.BatchNorm2d(after))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return torch.relu(self.branch(images) + self.short(images))


@dataclass(frozen=True)
class AttentionResNet:
    """Images ``(n, c, h, w)`` to codes ``(n, code)``: 18 layers, four stages of two blocks, the
    mean over all places (7 x 7 at 224 pixels), a linear layer."""

    code: int = 256
    widths: tuple[int, ...] = (64, 128, 256, 512)
    weights: Weights = uniform_weights

    def __call__(self, shape: Shape) -> nn.Sequential:
        first = self.widths[0]
        layers: list[nn.Module] = [
            Conv(shape[0], first, 7, 2),
            nn.BatchNorm2d(first),
            nn.ReLU(),
            nn.MaxPool2d(3, 2, 1),
        ]
        for before, after in zip((first, *self.widths), self.widths, strict=False):
            layers += [Block(before, after, 1 if after == first else 2), Block(after, after, 1)]
        layers += [nn.AdaptiveAvgPool2d(1), nn.Flatten()]
        return nn.Sequential(*layers, Dense(self.widths[-1], self.code, kaiming_normal_))


@dataclass(frozen=True)
class Logit:
    """A net and one linear output behind its code, as BCE and focal loss have it in HSC's code: the
    code is linear, and no activation stands between."""

    net: NetBuilder

    @property
    def weights(self) -> Weights:
        return self.net.weights

    def __call__(self, shape: Shape) -> nn.Sequential:
        inner = self.net(shape)
        code = [layer for layer in inner.modules() if isinstance(layer, nn.Linear)][-1].out_features
        return nn.Sequential(inner, Head(code, 1))


class Head(nn.Linear):
    """The output layer, drawn as PyTorch does by itself."""

    def draw(self, generator: torch.Generator) -> None:
        uniform_weights(self.weight, generator)
        bound = self.in_features**-0.5
        nn.init.uniform_(self.bias, -bound, bound, generator=generator)
