"""Deep SVDD: pull normal images to a fixed centre (Ruff et al., Deep One-Class Classification,
ICML 2018)."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch

from baselines.autoencoder import Pretraining, from_autoencoder
from baselines.deep import DeepDetector
from baselines.fast import CENTRING, CODER, CODING
from baselines.nets import NetBuilder
from baselines.parts import input_gradient, keep_state, normal_rows
from baselines.trainer import Recipe, State

LEAST_CENTRE = 0.1  # a component near 0 is too easily reached by zero weights (authors' code)


def centre(self: Any, outputs: Callable[[], torch.Tensor]) -> State:
    """`init` of the centred members: the mean output, each component pushed away from 0."""
    c = outputs().mean(0)
    pushed = torch.where(c < 0, -LEAST_CENTRE, LEAST_CENTRE)
    return {"centre": torch.where((c.abs() < LEAST_CENTRE) & (c != 0), pushed.to(c.dtype), c)}


def distance(out: torch.Tensor, state: State) -> torch.Tensor:
    """Squared distance to the centre, ``(b,)``."""
    return ((out - state["centre"]) ** 2).sum(1)


def quantile(values: torch.Tensor, q: float) -> torch.Tensor:
    """Interpolated quantile of ``(n,)``; unlike torch's own, it works for K nets at once."""
    ordered = values.sort().values
    place = q * (len(values) - 1)
    low = int(place)
    high = min(low + 1, len(values) - 1)
    return torch.lerp(ordered[low], ordered[high], place - low)


@dataclass(eq=False, repr=False)
class DeepSVDD(DeepDetector):
    """One-class Deep SVDD: the mean squared distance to the centre is the loss, the distance the
    score (eq. 4)."""

    net: NetBuilder = CODER
    recipe: Recipe = CENTRING
    pretraining: Pretraining | None = Pretraining(CODING)

    init = centre
    update = keep_state
    training_set = normal_rows
    start = from_autoencoder
    _map = input_gradient

    def loss(
        self, out: torch.Tensor, y: torch.Tensor, masks: torch.Tensor | None, state: State
    ) -> torch.Tensor:
        return distance(out, state)

    def score(self, out: torch.Tensor, state: State) -> torch.Tensor:
        return distance(out, state)


@dataclass(eq=False, repr=False)
class SoftDeepSVDD(DeepDetector):
    """Soft-boundary Deep SVDD (eq. 3): a sphere of radius R with slack; the score is the squared
    distance less R^2.

    `nu` bounds the fraction of training rows outside. R is not trained by gradient: from epoch
    `warm_up` on (the authors: 10 of 150), after every step, it is the 1 - nu quantile of the
    batch's distances (the authors' PyTorch code; the paper searches it on all rows every five
    epochs).
    """

    net: NetBuilder = CODER
    recipe: Recipe = CENTRING
    pretraining: Pretraining | None = Pretraining(CODING)
    nu: float = 0.1
    warm_up: int = 2

    training_set = normal_rows
    start = from_autoencoder
    _map = input_gradient

    def init(self, outputs: Callable[[], torch.Tensor]) -> State:
        if not 0 < self.nu <= 1:
            raise ValueError(f"nu: must lie in (0, 1], got {self.nu}")
        state = centre(self, outputs)
        return state | {"radius2": torch.zeros_like(state["centre"][0])}

    def loss(
        self, out: torch.Tensor, y: torch.Tensor, masks: torch.Tensor | None, state: State
    ) -> torch.Tensor:
        outside = (distance(out, state) - state["radius2"]).clamp_min(0)
        return state["radius2"] + outside / self.nu

    def update(self, out: torch.Tensor, y: torch.Tensor, state: State, epoch: int) -> State:
        if epoch < self.warm_up:
            return state
        radius = quantile(distance(out, state).sqrt(), 1 - self.nu)
        return state | {"radius2": radius**2}

    def score(self, out: torch.Tensor, state: State) -> torch.Tensor:
        return distance(out, state) - state["radius2"]
