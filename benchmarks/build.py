"""From a trial to its detector."""

from functools import lru_cache
from pathlib import Path
from typing import Any

import torch

from baselines.anomalies import Exposure
from baselines.detector import Detector
from benchmarks.datasets import exposure_set
from benchmarks.starting import with_weights
from benchmarks.suites import DETECTORS
from benchmarks.task import Task
from benchmarks.trial import NO_EXPOSURE, Trial


def build(trial: Trial, task: Task, root: Path, device: str) -> Detector:
    """The trial's detector: its recipe's prototype with seed, device and exposure filled in."""
    made = DETECTORS[trial.detector].make(trial.recipe, trial.dataset, trial.scenario)
    detector = with_weights(made, root)
    names = detector.get_params(deep=False)
    filled: dict[str, Any] = {"seed": trial.random_seed, "device": device}
    if trial.exposure == NO_EXPOSURE:
        filled["anomalies"] = None  # the known ones alone
    elif trial.exposure is not None:
        shape = (task.train.shape[1], task.train.shape[2], task.train.shape[3])
        filled["anomalies"] = _exposure(
            trial.exposure, root, shape, trial.exposure_size, trial.seed
        )
    return detector.set_params(**{k: v for k, v in filled.items() if k in names})


@lru_cache(maxsize=4)
def _exposure(
    name: str, root: Path, shape: tuple[int, int, int], size: int | None, seed: int
) -> Exposure:
    images = exposure_set(name).load(root, shape, size, seed)
    return Exposure(torch.from_numpy(images), name)
