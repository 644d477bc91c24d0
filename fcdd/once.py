"""Scores and maps of a detector from one pass of its net."""

from copy import copy

import torch
from torch import nn

from baselines.deep import DeepDetector


class Once(nn.Module):
    """A net that gives again what it gave for equal inputs; not where gradients are wanted."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net
        self.given: list[tuple[torch.Tensor, torch.Tensor]] = []

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        if torch.is_grad_enabled():
            return self.net(inputs)
        for known, out in self.given:
            if torch.equal(known, inputs):
                return out
        self.given.append((inputs, self.net(inputs)))
        return self.given[-1][1]


def passing_once(detector: DeepDetector) -> DeepDetector:
    """The fitted detector, but that its net passes images once, whatever is then asked of them. It
    keeps them: take another for other images."""
    once = copy(detector)
    once.net_ = Once(detector.net_)
    return once
