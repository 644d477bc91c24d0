"""HSC and its siblings: classifiers between normal images and exposed anomalies (Ruff et al.,
Rethinking Assumptions in Deep Anomaly Detection, 2020)."""

from dataclasses import dataclass

import torch
from torch.nn.functional import binary_cross_entropy_with_logits

from baselines.anomalies import Exposure
from baselines.checks import ANOMALY
from baselines.deep import DeepDetector
from baselines.fast import CLASSIFIER, CLASSIFYING, LOGIT
from baselines.nets import NetBuilder
from baselines.parts import exposed_rows, from_scratch, input_gradient, keep_state, no_state
from baselines.trainer import Recipe, State

EPS = 1e-31  # keeps the logarithm finite; below the resolution of any distance that matters


def pseudo_huber(squared: torch.Tensor) -> torch.Tensor:
    """sqrt(z + 1) - 1 of z >= 0, in the form that keeps its digits where z is small."""
    return squared / (1 + torch.sqrt(1 + squared))


def separate(d: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """Distance d >= 0 for normal rows, -log(1 - exp(-d)) for anomalies."""
    return torch.where(y == ANOMALY, separated(d), d)


def separated(d: torch.Tensor) -> torch.Tensor:
    """-log(1 - exp(-d)), the loss of an anomaly at distance d >= 0."""
    return -torch.log(-torch.expm1(-d) + EPS)


@dataclass(eq=False, repr=False)
class HSC(DeepDetector):
    """Hypersphere classifier (eq. 4) with the pseudo-Huber distance to 0.

    The score is the distance itself; the authors' code reports 1 - exp(-d), of equal rank but
    saturating at 1 in float32. `anomalies` are outlier exposure; None takes crops of photographs.
    """

    net: NetBuilder = CLASSIFIER
    recipe: Recipe = CLASSIFYING
    anomalies: Exposure | None = None

    init = no_state
    update = keep_state
    training_set = exposed_rows
    start = from_scratch
    _map = input_gradient

    def loss(
        self, out: torch.Tensor, y: torch.Tensor, masks: torch.Tensor | None, state: State
    ) -> torch.Tensor:
        return separate(self.score(out, state), y)

    def score(self, out: torch.Tensor, state: State) -> torch.Tensor:
        return pseudo_huber((out**2).sum(1))


@dataclass(eq=False, repr=False)
class BCE(DeepDetector):
    """Binary cross-entropy between normal rows and exposure; the score is the logit."""

    net: NetBuilder = LOGIT
    recipe: Recipe = CLASSIFYING
    anomalies: Exposure | None = None

    init = no_state
    update = keep_state
    training_set = exposed_rows
    start = from_scratch
    _map = input_gradient

    def loss(
        self, out: torch.Tensor, y: torch.Tensor, masks: torch.Tensor | None, state: State
    ) -> torch.Tensor:
        target = (y == ANOMALY).to(out.dtype)
        return binary_cross_entropy_with_logits(out[:, 0], target, reduction="none")

    def score(self, out: torch.Tensor, state: State) -> torch.Tensor:
        return out[:, 0]


@dataclass(eq=False, repr=False)
class Focal(DeepDetector):
    """Focal loss (Lin et al. 2017; `gamma` 2, no alpha) between normal rows and exposure; the score
    is the logit."""

    net: NetBuilder = LOGIT
    recipe: Recipe = CLASSIFYING
    anomalies: Exposure | None = None
    gamma: float = 2.0

    init = no_state
    update = keep_state
    training_set = exposed_rows
    start = from_scratch
    _map = input_gradient

    def loss(
        self, out: torch.Tensor, y: torch.Tensor, masks: torch.Tensor | None, state: State
    ) -> torch.Tensor:
        target = (y == ANOMALY).to(out.dtype)
        entropy = binary_cross_entropy_with_logits(out[:, 0], target, reduction="none")
        return (1 - torch.exp(-entropy)) ** self.gamma * entropy

    def score(self, out: torch.Tensor, state: State) -> torch.Tensor:
        return out[:, 0]
