"""Deep members: a net and three pure functions of tensors, behind the contract of `Detector`.

A final class gives `init`, `loss`, `score` and `update`, and names, by one assignment each, the
rows it learns from (`training_set`), the nets it starts from (`start`) and its map (`_map`).
"""

import time
from abc import abstractmethod
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import torch
from torch import nn

from baselines.anomalies import Exposure
from baselines.checkpoint import checkpoint_of
from baselines.describe import describe, digest, fingerprint, nameless, written
from baselines.detector import Detector, Rows
from baselines.large import in_parts
from baselines.near import find_device, near, sharing
from baselines.nets import NetBuilder
from baselines.normalise import unit
from baselines.streams import side_by_side, train_all
from baselines.trainer import Recipe, State, Trained, TrainingSet


@dataclass(eq=False, repr=False)
class DeepDetector(Detector):
    """Abstract deep detector.

    `net` builds the net for a shape ``(c, h, w)``; `recipe` says how it is trained; `device` is
    "auto" (a GPU if there is one), or anything `torch.device` takes. Fitted attributes: `net_`,
    `state_` (what `init` and `update` learned), `losses_` (one per step), `fit_seconds_`.
    """

    net: NetBuilder
    recipe: Recipe
    seed: int = 0
    device: str = "auto"

    shared: ClassVar[bool] = False  # True: an equal training is done once and remembered
    words: ClassVar[tuple[Any, ...]] = ()  # what its file may name beside `baselines.saved`'s words

    @abstractmethod
    def init(self, outputs: Callable[[], torch.Tensor]) -> State:
        """What is learned before the first step; `outputs()` gives the net's outputs on the
        training rows, un-augmented, in evaluation mode (call it only if needed)."""

    @abstractmethod
    def loss(
        self, out: torch.Tensor, y: torch.Tensor, masks: torch.Tensor | None, state: State
    ) -> torch.Tensor:
        """Loss of each image, ``(b,)``, of net outputs ``(b, ...)`` and labels ``(b,)``."""

    @abstractmethod
    def score(self, out: torch.Tensor, state: State) -> torch.Tensor:
        """Score of each image, ``(b,)``; larger = more anomalous."""

    @abstractmethod
    def update(self, out: torch.Tensor, y: torch.Tensor, state: State, epoch: int) -> State:
        """The state after a step whose outputs were `out`; `keep_state` where it never changes."""

    @abstractmethod
    def training_set(self, rows: Rows) -> TrainingSet:
        """The rows to draw from, and where anomalies come from."""

    @abstractmethod
    def start(self, detectors: "Sequence[Any]", sets: Sequence[TrainingSet]) -> list[nn.Module]:
        """The nets to train, one for each of `detectors`, which are clones but for their seeds."""

    def save(self, path: str | Path) -> None:
        """Write the fitted detector to a file, without pickle; see `baselines.saved.save`."""
        from baselines.saved import save  # it names the members, which stand on this module

        save(self, path)

    @classmethod
    def load(cls, path: str | Path, device: str = "auto") -> Self:
        """The fitted detector in a file, on `device`; see `baselines.saved.load`."""
        from baselines.saved import SavedError, load

        detector = load(path, device, [cls])
        if not isinstance(detector, cls):
            raise SavedError(
                f"{path}: it holds a {type(detector).__name__}, not a {cls.__name__}; load it with "
                f"{type(detector).__name__}.load"
            )
        return detector

    def _fit(self, rows: Rows) -> None:
        fit_rows([self], [rows])

    def _score(self, images: torch.Tensor) -> np.ndarray:
        with torch.no_grad():
            scores = [self.score(self._out(part)[0], self.state_) for part in self._parts(images)]
        return torch.cat(scores).cpu().numpy()

    def _parts(self, images: torch.Tensor) -> Iterator[torch.Tensor]:
        device = find_device(self.device)
        return (part.to(device) for part in in_parts(images))

    def _out(self, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Net outputs in evaluation mode, and the normalised images they come from."""
        dtype = next(self.net_.parameters()).dtype
        inputs = self.recipe.normalise(unit(images, dtype), self.measured_)
        inputs.requires_grad_(torch.is_grad_enabled())
        return self.net_.eval()(inputs), inputs


def fit_many(
    detectors: Sequence[DeepDetector],
    X: Sequence[Any],
    y: Sequence[Any] | None = None,
    masks: Sequence[Any] | None = None,
) -> list[DeepDetector]:
    """Fit K clones (one class, one set of parameters, any seeds, any exposures of one name) on K
    data sets at once.

    Data sets of equal size are trained together, the others apart; either way the result is that
    of fitting one by one (on a CPU, where K nets are stacked, in float32 or float64; on a GPU,
    where each has a stream, in any precision). Returns the fitted detectors.
    """
    if len({digest(_parameters(d, exposed=False)) for d in detectors}) != 1:
        raise ValueError(
            "fit_many: the detectors must be of one class and differ in seeds and exposures only"
        )
    nothing = [None] * len(X)
    rows = [
        d._checked(images, labels, mask, None)
        for d, images, labels, mask in zip(
            detectors, X, y or nothing, masks or nothing, strict=True
        )
    ]
    fit_rows(detectors, rows)
    return [d._close(own) for d, own in zip(detectors, rows, strict=True)]


def fit_rows(detectors: Sequence[DeepDetector], rows: Sequence[Rows]) -> None:
    """Train clones on checked rows, those of equal size together; equal trainings of a `shared`
    class are done once. Raises ValueError where one has fewer than two rows to train on."""
    device = find_device(detectors[0].device)
    with sharing():
        sets = [d.training_set(near(own, device)) for d, own in zip(detectors, rows, strict=True)]
    keys = [_memory_key(d, part) for d, part in zip(detectors, sets, strict=True)]
    by_size: dict[int, list[int]] = {}
    for k, (d, part, key) in enumerate(zip(detectors, sets, keys, strict=True)):
        if len(part.rows) < 2:
            raise ValueError(f"{type(d).__name__}: at least two rows to train on are needed")
        if key in _REMEMBERED:
            _REMEMBERED.move_to_end(key)
            _take(d, *deepcopy(_REMEMBERED[key]), 0.0)
        else:
            by_size.setdefault(len(part.rows), []).append(k)
    for group in by_size.values():
        _train([detectors[k] for k in group], [sets[k] for k in group], [keys[k] for k in group])


def _train(
    detectors: Sequence[DeepDetector], sets: Sequence[TrainingSet], keys: Sequence[str | None]
) -> None:
    began = time.perf_counter()
    nets = detectors[0].start(detectors, sets)
    first, device = detectors[0], find_device(detectors[0].device)
    # Of exposures the name: a checkpoint looks at the anomalies of the sets, when it is written.
    about = type(first).__name__, _parameters(first, exposed=False)
    apart = side_by_side(len(nets), device)
    lots = [[part] for part in sets] if apart else [sets]
    kept = [checkpoint_of(*about, lot, device, k) for k, lot in enumerate(lots)]
    trained = train_all(nets, first, sets, first.recipe, device, kept)
    earlier = max(0.0 if checkpoint is None else checkpoint.earlier for checkpoint in kept)
    seconds = (earlier + time.perf_counter() - began) / len(sets)
    for d, key, net, result in zip(detectors, keys, nets, trained, strict=True):
        _take(d, net, result, seconds)
        _remember(key, net, result)


_REMEMBERED: OrderedDict[str | None, tuple[nn.Module, Trained]] = OrderedDict()
_REMEMBER = 16  # trainings; the nets of the lineage are a few MB each


def _memory_key(detector: DeepDetector, part: TrainingSet) -> str | None:
    """What decides a training; None where it is not shared, or not decided by names and numbers."""
    if not detector.shared:
        return None
    parameters = _parameters(detector)
    if nameless(written(parameters)):
        return None
    images = part.rows.images
    return digest([parameters, part.seed, fingerprint(images), str(images.device)])


def _remember(key: str | None, net: nn.Module, result: Trained) -> None:
    if key is not None:
        _REMEMBERED[key] = deepcopy((net, result))
        while len(_REMEMBERED) > _REMEMBER:
            _REMEMBERED.popitem(last=False)


def _take(detector: DeepDetector, net: nn.Module, result: Trained, seconds: float) -> None:
    detector.fit_seconds_ = seconds
    detector.net_, detector.state_ = net, result.state
    detector.measured_, detector.losses_ = result.measured, result.losses.numpy()


def _parameters(detector: DeepDetector, exposed: bool = True) -> list[Any]:
    """What decides a training, but for its seed and data; of an exposure its name alone, unless
    `exposed`."""
    ignored = ("seed", "contamination", "smoothing", "mirrored")
    given = {k: v for k, v in detector.get_params(deep=False).items() if k not in ignored}
    if not exposed:
        given = {k: v.name if isinstance(v, Exposure) else v for k, v in given.items()}
    return [type(detector).__name__, describe(given)]
