"""Lots: trials equal but for seed and normal, whose nets train together: on a CPU through one loop,
on a GPU side by side.

Their results are those of trials apart, on a CPU up to rounding: one net alone may compute in
bfloat16, K through one loop compute in float32 (`baselines.stack.precision`). Each row says how
many were together.
"""

import json
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from baselines.deep import DeepDetector, fit_many
from baselines.describe import digest
from baselines.detector import Detector
from benchmarks.build import build
from benchmarks.fastest import Most
from benchmarks.machine import now
from benchmarks.suites import DATASETS
from benchmarks.task import Task
from benchmarks.trial import Planned, Trial

Lot = list[Planned]


def lots(planned: Sequence[Planned], most: Most) -> Iterator[Lot]:
    """All trials, in lots of at most `most` of each, by the places of their first trials.

    Trials of one normal come together, for their rows are equally many.
    """
    places = {one.stem: place for place, one in enumerate(planned)}
    kinds: dict[str, Lot] = {}
    for one in planned:
        kinds.setdefault(kind(one) if most(one) > 1 else one.stem, []).append(one)
    found = []
    for same in kinds.values():
        same.sort(key=lambda one: one.trial.normal)
        size = most(same[0])
        found += [same[k : k + size] for k in range(0, len(same), size)]
    yield from sorted(found, key=lambda lot: min(places[one.stem] for one in lot))


def kind(planned: Planned) -> str:
    """What trials of a lot have in common: all but seed and normal."""
    trial = planned.trial
    common = {k: v for k, v in trial.identity().items() if k not in ("seed", "normal")}
    return json.dumps([common, str(trial.pictures), planned.resolved], sort_keys=True)


def halves(lot: Lot) -> tuple[Lot, Lot]:
    """A lot as two."""
    middle = (len(lot) + 1) // 2
    return lot[:middle], lot[middle:]


def checkpoints(out: Path, lot: Lot) -> Path:
    """The folder of a lot's checkpoints: of these very trials, for their nets are one state."""
    stems = [one.stem for one in lot]
    name = stems[0] if len(lot) == 1 else f"together-{digest(stems)[:12]}"
    return out / "checkpoints" / name


@dataclass(frozen=True)
class Fitted:
    """A trial's task and fitted detector; the seconds of loading and of fitting, of a lot its
    share; how many nets were trained together, and when that began."""

    task: Task
    detector: Detector
    loading: float
    fitting: float
    nets: int
    started: str


def fit_lot(trials: Sequence[Trial], root: Path, device: str) -> list[Fitted]:
    """Load and fit the trials of a lot; those whose rows are as many as others' with them."""
    started, began = now(), time.perf_counter()
    tasks = [task_of(trial, root) for trial in trials]
    detectors = [build(*each, root, device) for each in zip(trials, tasks, strict=True)]
    labels = [task.train_labels if task.train_labels.any() else None for task in tasks]
    masks = [task.train_masks for task in tasks]
    loaded = time.perf_counter()
    if len(trials) == 1:
        detectors[0].fit(tasks[0].train, labels[0], masks[0])
    else:
        images = [task.train for task in tasks]
        fit_many(cast(list[DeepDetector], detectors), images, labels, masks)
    share = (time.perf_counter() - loaded) / len(trials)
    loading = (loaded - began) / len(trials)
    nets = Counter(map(_size, tasks))
    return [
        Fitted(task, detector, loading, share, nets[_size(task)], started)
        for task, detector in zip(tasks, detectors, strict=True)
    ]


def task_of(trial: Trial, root: Path) -> Task:
    """The task of a trial; raises as its data set's `task`."""
    source = DATASETS[trial.dataset]
    return source.task(root, trial.normal, trial.scenario, trial.seed, trial.pictures)


def _size(task: Task) -> tuple[tuple[int, ...], int]:
    """What `fit_many` goes by: how many rows, and how many of them known anomalies."""
    return task.train.shape, int(task.train_labels.sum())
