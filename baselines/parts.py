"""What members choose from, one assignment each: the rows to learn from, the nets to start from,
what to keep of a state, and which map to show."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import nn

from baselines.anomalies import Either, Exposure, Source, photos
from baselines.checks import ANOMALY
from baselines.deep import DeepDetector
from baselines.describe import seed_of
from baselines.detector import Rows, normal
from baselines.large import whole
from baselines.nets import Shape, initialise
from baselines.normalise import unit
from baselines.trainer import State, TrainingSet

# Known anomalies are few, and learned by heart where half of what is drawn is known: on MVTec AD's
# screws, with one of each kind of defect, pixel AUROC .946 against .953 at a fifth.
KNOWN_SHARE = 0.2


def shape_of(rows: Rows) -> Shape:
    """Shape ``(c, h, w)`` of an image."""
    _, c, h, w = rows.images.shape
    return c, h, w


def seen_shape(detector: DeepDetector, rows: Rows) -> Shape:
    """Shape ``(c, h, w)`` of what the net sees of an image: the normaliser may cut its middle."""
    normalise, image = detector.recipe.normalise, rows.images[:1]
    _, c, h, w = normalise(unit(image), normalise.measure(image)).shape
    return c, h, w


def keep_state(
    self: DeepDetector, out: torch.Tensor, y: torch.Tensor, state: State, epoch: int
) -> State:
    """`update` of a member whose state is fixed before the first step."""
    return state


def no_state(self: DeepDetector, outputs: Callable[[], torch.Tensor]) -> State:
    """`init` of a member that learns nothing beside its net."""
    return {}


def normal_rows(self: DeepDetector, rows: Rows) -> TrainingSet:
    """`training_set` of an unsupervised member: known anomalies are left out."""
    return TrainingSet(normal(rows), None, seed_of(self.seed, "loop"))


def all_rows(self: DeepDetector, rows: Rows) -> TrainingSet:
    """`training_set` of a member that draws known anomalies among the other rows."""
    return TrainingSet(rows, None, seed_of(self.seed, "loop"))


def exposed_rows(self: Any, rows: Rows) -> TrainingSet:
    """`training_set` of a member that needs anomalies: those of its source, the known ones, or
    both, KNOWN_SHARE of them known; crops of photographs if neither is given."""
    if self.recipe.placement is None:
        raise ValueError(
            f"{type(self).__name__}: it trains against anomalies; give its recipe a placement, "
            "Append() or Replace()"
        )
    known = rows.labels == ANOMALY
    sources: list[Source] = []
    if known.any():
        anomalies = rows[known]
        sources.append(Exposure(anomalies.images, "known", anomalies.masks))
    if self.anomalies is not None:
        sources.append(self.anomalies.to(rows.images.device))
    if not sources:
        sources.append(photos(shape_of(rows)).to(rows.images.device))
    source = sources[0] if len(sources) == 1 else Either(sources[0], sources[1], KNOWN_SHARE)
    return TrainingSet(normal(rows), source, seed_of(self.seed, "loop"))


def from_scratch(
    self: DeepDetector, detectors: Sequence[Any], sets: Sequence[TrainingSet]
) -> list[nn.Module]:
    """`start` of a member without pretraining: each net drawn from its detector's seed."""
    return [fresh_net(d, part) for d, part in zip(detectors, sets, strict=True)]


def fresh_net(detector: DeepDetector, part: TrainingSet) -> nn.Module:
    """The detector's net for its rows, every weight drawn from the detector's seed."""
    generator = torch.Generator().manual_seed(seed_of(detector.seed, "weights"))
    with torch.random.fork_rng(devices=[]):  # torch's layers draw first weights from global state
        net = detector.net(seen_shape(detector, part.rows))
    return initialise(net, generator, detector.net.weights)


def input_gradient(self: DeepDetector, images: torch.Tensor) -> np.ndarray:
    """`_map` of a member without pixels of its own: the score's absolute gradient at the net's
    input, summed over channels (Liznerski et al. 2021, section 4.1)."""
    maps = []
    for part in self._parts(images):
        with torch.enable_grad():
            out, inputs = self._out(part)
            gradient = torch.autograd.grad(self.score(out, self.state_).sum(), inputs)[0]
        maps.append(whole(gradient.abs().sum(1), part, self.recipe.normalise).cpu())
    return torch.cat(maps).numpy()
