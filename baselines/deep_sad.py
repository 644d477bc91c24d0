"""Deep SAD: Deep SVDD that also pushes known anomalies away (Ruff et al., Deep Semi-Supervised
Anomaly Detection, ICLR 2020)."""

from dataclasses import dataclass

import torch

from baselines.autoencoder import Pretraining, from_autoencoder
from baselines.deep import DeepDetector
from baselines.deep_svdd import centre, distance
from baselines.detector import ANOMALY, KNOWN_NORMAL
from baselines.fast import CENTRING, CODER, CODING
from baselines.nets import NetBuilder
from baselines.parts import all_rows, input_gradient, keep_state
from baselines.trainer import Recipe, State

EPS = 1e-6


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
