"""Deep SAD: Deep SVDD that also pushes known anomalies away (Ruff et al., Deep Semi-Supervised
Anomaly Detection, ICLR 2020)."""

from dataclasses import dataclass

import torch

from baselines.anomalies import Exposure
from baselines.autoencoder import Pretraining, from_autoencoder
from baselines.checks import ANOMALY, KNOWN_NORMAL
from baselines.deep import DeepDetector
from baselines.deep_svdd import centre, distance
from baselines.fast import CENTRING, CLASSIFIER, CLASSIFYING, CODER, CODING
from baselines.nets import NetBuilder
from baselines.parts import (
    all_rows,
    exposed_rows,
    from_scratch,
    input_gradient,
    keep_state,
    no_state,
)
from baselines.trainer import Recipe, State

EPS = 1e-6
EXPOSED_EPS = 1e-9


@dataclass(eq=False, repr=False)
class DeepSAD(DeepDetector):
    """Deep SAD (eq. 7): squared distance for unlabelled rows, `eta` times its inverse for known
    anomalies, `eta` times itself for known normals. The score is the squared distance.

    `pretrain_on_anomalies` pretrains on every row, as the authors do; else on the rows that are not
    known anomalies, so that one autoencoder serves all centred members.
    """

    net: NetBuilder = CODER
    recipe: Recipe = CENTRING
    pretraining: Pretraining | None = Pretraining(CODING)
    eta: float = 1.0
    pretrain_on_anomalies: bool = True

    init = centre
    update = keep_state
    training_set = all_rows
    start = from_autoencoder
    _map = input_gradient

    def loss(
        self, out: torch.Tensor, y: torch.Tensor, masks: torch.Tensor | None, state: State
    ) -> torch.Tensor:
        d = distance(out, state)
        labelled = torch.where(y == ANOMALY, 1 / (d + EPS), d + EPS)
        return torch.where((y == ANOMALY) | (y == KNOWN_NORMAL), self.eta * labelled, d)

    def score(self, out: torch.Tensor, state: State) -> torch.Tensor:
        return distance(out, state)


@dataclass(eq=False, repr=False)
class ExposedSAD(DeepDetector):
    """Deep SAD against outlier exposure (Ruff et al., Rethinking Assumptions in Deep Anomaly
    Detection, 2020): centre 0, no pretraining, biases allowed.

    Squared norm for normal rows, its inverse for anomalies; the score is the squared norm.
    `anomalies` are outlier exposure; None takes crops of photographs.
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
        d = self.score(out, state)
        return torch.where(y == ANOMALY, 1 / (d + EXPOSED_EPS), d)

    def score(self, out: torch.Tensor, state: State) -> torch.Tensor:
        return (out**2).sum(1)
