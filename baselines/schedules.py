"""Optimisers and learning-rate schedules of the papers, and one-cycle.

A schedule gives the factor of the recipe's learning rate at a moment of training: `epoch` is a
float, 2.5 = half-way through the third epoch.
"""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import torch

Optimiser = Callable[[Iterable[torch.Tensor], float, float], torch.optim.Optimizer]
Schedule = Callable[[float, int], float]


def adam(
    parameters: Iterable[torch.Tensor], lr: float, weight_decay: float
) -> torch.optim.Optimizer:
    """Adam with coupled L2 decay: the gradient of (weight_decay / 2) ||W||^2, as in the papers."""
    return torch.optim.Adam(parameters, lr=lr, weight_decay=weight_decay)


def adamw(
    parameters: Iterable[torch.Tensor], lr: float, weight_decay: float
) -> torch.optim.Optimizer:
    """Adam with decoupled weight decay (Loshchilov & Hutter 2019)."""
    return torch.optim.AdamW(parameters, lr=lr, weight_decay=weight_decay)


def sgd(
    parameters: Iterable[torch.Tensor], lr: float, weight_decay: float
) -> torch.optim.Optimizer:
    """SGD with Nesterov momentum 0.9 and coupled L2 decay (FCDD)."""
    return torch.optim.SGD(
        parameters, lr=lr, momentum=0.9, nesterov=True, weight_decay=weight_decay
    )


@dataclass(frozen=True)
class Constant:
    """The recipe's learning rate throughout."""

    def __call__(self, epoch: float, epochs: int) -> float:
        return 1.0


@dataclass(frozen=True)
class Milestones:
    """Times `gamma` from the start of each epoch in `at` (counted from 0)."""

    at: tuple[int, ...]
    gamma: float = 0.1

    def __call__(self, epoch: float, epochs: int) -> float:
        return self.gamma ** sum(epoch >= milestone for milestone in self.at)


@dataclass(frozen=True)
class Exponential:
    """Times `gamma` with every epoch."""

    gamma: float

    def __call__(self, epoch: float, epochs: int) -> float:
        return self.gamma ** math.floor(epoch)


@dataclass(frozen=True)
class OneCycle:
    """Cosine up from `start` to 1 in the first `rise` of training, then cosine down to `end`
    (Smith & Topin 2018)."""

    rise: float = 0.25
    start: float = 0.1
    end: float = 0.01

    def __call__(self, epoch: float, epochs: int) -> float:
        done = epoch / epochs
        if done < self.rise:
            return self._between(self.start, 1, done / self.rise)
        return self._between(1, self.end, (done - self.rise) / (1 - self.rise))

    @staticmethod
    def _between(first: float, last: float, part: float) -> float:
        return last + (first - last) * (1 + math.cos(math.pi * part)) / 2
