"""FCDD: fully convolutional data description (Liznerski et al., Explainable Deep One-Class
Classification, ICLR 2021)."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
import torch
from torch import nn

from baselines.anomalies import Replace, Source
from baselines.deep import DeepDetector
from baselines.fast import CYCLE
from baselines.hsc import pseudo_huber, separate, separated
from baselines.large import whole
from baselines.later import LATER
from baselines.nets import NetBuilder
from baselines.normalise import GlobalContrast
from baselines.parts import exposed_rows, from_scratch, keep_state, no_state
from baselines.schedules import sgd
from baselines.trainer import Recipe, State, TrainingSet
from fcdd.nets import Net28, Net32
from fcdd.receptive import ReceptiveField, receptive_field, upsample
from fcdd.reduce import Max, Mean, Quantile, Reduce, Top

# Ours, chosen as `baselines.fast` says (classes 1, 2, 3, 6, 8): with the paper's crops and flips
# .884 after 6 epochs, without them .901 (.894 after 3). The paper trains for 400.
EXPLAINING = Recipe(
    epochs=6,
    lr=1e-2,
    optimiser=sgd,
    schedule=CYCLE,
    placement=Replace(0.5),
    normalise=GlobalContrast(),
    weight_decay=1e-6,
)


@dataclass(eq=False, repr=False)
class FCDD(DeepDetector):
    """The hypersphere classifier on a map of pseudo-Huber distances, which, upsampled, is the
    explanation.

    The loss is the image's (eq. 3): that of the map's mean; or, if `pixels`, the mean over the
    upsampled map of what the mask says is normal, plus that of what it says is anomalous (eq. 5;
    an anomaly without a mask is anomalous everywhere); or, if `joint`, ours, the sum of both, the
    latter's anomalous part a mean over the mask, so that a small defect weighs as much as a large
    one, and the image's score is trained along. `reduce` takes the map to the image's score:
    the paper's mean, or another of `fcdd.reduce`. `sigma` is the Gaussian's standard deviation in
    input pixels: the paper's is 1.2 on 28 and 32 pixels, which leaves the outputs apart as dots; 4
    is their distance. `level` keeps the map's level up to the borders, which the paper's kernel
    does not (see `upsample`). `anomalies` are outlier exposure or synthetic; None takes crops of
    photographs.
    """

    net: NetBuilder = Net28(32)
    recipe: Recipe = EXPLAINING
    anomalies: Source | None = None
    sigma: float = 4.0
    level: bool = field(default=False, metadata=LATER)
    pixels: bool = field(default=False, metadata=LATER)
    joint: bool = field(default=False, metadata=LATER)
    reduce: Reduce = field(default=Mean(), metadata=LATER)

    words: ClassVar = (Net28, Net32, ReceptiveField, Max, Mean, Quantile, Top)

    init = no_state
    update = keep_state
    training_set = exposed_rows

    def start(self, detectors: Sequence[Any], sets: Sequence[TrainingSet]) -> list[nn.Module]:
        """Nets drawn from the detectors' seeds, and the receptive field that all of them have."""
        nets = from_scratch(self, detectors, sets)
        for detector in detectors:
            detector.field_ = receptive_field(nets[0].children())
        return nets

    def loss(
        self, out: torch.Tensor, y: torch.Tensor, masks: torch.Tensor | None, state: State
    ) -> torch.Tensor:
        low = pseudo_huber(out[:, 0] ** 2)
        image = separate(low.mean((1, 2)), y)
        if not (self.pixels or self.joint):
            return image
        if masks is None:
            raise ValueError("FCDD: a loss of pixels needs masks; give anomalies that have them")
        wrong = masks.to(low.dtype)
        high = self._high(low, (masks.shape[1], masks.shape[2]))
        normal, anomalous = ((high * part).mean((1, 2)) for part in (1 - wrong, wrong))
        if self.joint:
            anomalous = anomalous / wrong.mean((1, 2)).clamp_min(1 / wrong[0].numel())
        pixels = normal + torch.where(masks.any(2).any(1), separated(anomalous), 0)
        return image + pixels if self.joint else pixels

    def score(self, out: torch.Tensor, state: State) -> torch.Tensor:
        return self.reduce(pseudo_huber(out[:, 0] ** 2))

    @torch.no_grad()
    def _map(self, images: torch.Tensor) -> np.ndarray:
        maps = []
        for part in self._parts(images):
            out, inputs = self._out(part)
            low = pseudo_huber(out[:, 0] ** 2)
            high = self._high(low, (inputs.shape[2], inputs.shape[3]))
            maps.append(whole(high, part, self.recipe.normalise).cpu())
        return torch.cat(maps).numpy()

    def _high(self, low: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
        return upsample(low, self.field_, size, self.sigma, self.level)
