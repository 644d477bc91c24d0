"""Autoencoder: reconstruction error as the score, and the start of the centred members."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from torch import nn

from baselines.deep import DeepDetector, fit_rows
from baselines.detector import Rows
from baselines.fast import CODER, CODING
from baselines.hourglass import Hourglass
from baselines.large import whole
from baselines.nets import LeNet, Mirror, MirroredLeNet, NetBuilder, Shape, Weights
from baselines.parts import fresh_net, from_scratch, keep_state, no_state, normal_rows
from baselines.trainer import Recipe, State, TrainingSet


@dataclass(frozen=True)
class ErrorOf:
    """Builds a net whose output is the squared reconstruction error, ``(n, c, h, w)``."""

    mirror: MirroredLeNet | Hourglass = MirroredLeNet()

    @property
    def weights(self) -> Weights:
        return self.mirror.weights

    def __call__(self, shape: Shape) -> "Error":
        return Error(self.mirror(shape))


class Error(nn.Module):
    """Squared difference between an image and its reconstruction."""

    def __init__(self, mirror: Mirror) -> None:
        super().__init__()
        self.mirror = mirror

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return (self.mirror(images).to(images.dtype) - images) ** 2


@dataclass(eq=False, repr=False)
class Autoencoder(DeepDetector):
    """Convolutional autoencoder; the score is the mean squared error, the map its channel mean.

    The baseline of Ruff et al. (2018) and Liznerski et al. (2021). `total` sums the loss over
    pixels as Deep SVDD's code does; else it is the mean, as in Deep SAD's and FCDD's. With coupled
    weight decay the two differ.
    """

    net: NetBuilder = ErrorOf(MirroredLeNet(CODER))
    recipe: Recipe = CODING
    total: bool = False

    shared: ClassVar[bool] = True

    init = no_state
    update = keep_state
    training_set = normal_rows
    start = from_scratch

    def loss(
        self, out: torch.Tensor, y: torch.Tensor, masks: torch.Tensor | None, state: State
    ) -> torch.Tensor:
        return out.flatten(1).sum(1) if self.total else out.flatten(1).mean(1)

    def score(self, out: torch.Tensor, state: State) -> torch.Tensor:
        return out.flatten(1).mean(1)

    @torch.no_grad()
    def _map(self, images: torch.Tensor) -> np.ndarray:
        maps = [
            whole(self._out(part)[0].mean(1), part, self.recipe.normalise)
            for part in self._parts(images)
        ]
        return torch.cat(maps).cpu().numpy()


@dataclass(frozen=True)
class Pretraining:
    """How the autoencoder is trained whose encoder a centred member starts from."""

    recipe: Recipe
    norm_code: bool = False
    total: bool = False

    def autoencoder(self, lenet: LeNet, seed: int, device: str) -> Autoencoder:
        mirror = ErrorOf(MirroredLeNet(lenet, self.norm_code))
        return Autoencoder(mirror, self.recipe, seed, device, total=self.total)


def from_autoencoder(
    self: DeepDetector, detectors: Sequence[Any], sets: Sequence[TrainingSet]
) -> list[nn.Module]:
    """`start` of the centred members: the encoders of autoencoders trained on the same rows, labels
    ignored, weights and batch-norm statistics alike; fresh nets where `pretraining` is None. Sets
    `pretraining_seconds_`, 0 where an equal autoencoder was trained before."""
    nets = [fresh_net(d, part) for d, part in zip(detectors, sets, strict=True)]
    if detectors[0].pretraining is None:
        return nets
    coders = [d.pretraining.autoencoder(d.net, d.seed, d.device) for d in detectors]
    fit_rows(
        coders, [pretraining_rows(d, part.rows) for d, part in zip(detectors, sets, strict=True)]
    )
    for d, net, coder in zip(detectors, nets, coders, strict=True):
        d.pretraining_seconds_ = coder.fit_seconds_
        net.load_state_dict(coder.net_.mirror.encoder.state_dict())
    return nets


def pretraining_rows(detector: Any, rows: Rows) -> Rows:
    """All rows as if unlabelled, or the normal ones only (see `DeepSAD.pretrain_on_anomalies`)."""
    if getattr(detector, "pretrain_on_anomalies", False):
        return Rows(rows.images, torch.zeros_like(rows.labels))
    return rows
