"""Trials on one device: fit, score, measure, store; a trial that breaks becomes a row with its
reason."""

import importlib.metadata
import os
import platform
import subprocess
import time
import traceback
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch

from baselines.anomalies import Exposure
from baselines.deep import find_device
from baselines.detector import Detector
from baselines.stack import has_bfloat16
from benchmarks.datasets import EXPOSURES
from benchmarks.metrics import image_metrics, pixel_metrics
from benchmarks.store import SCHEMA, Row, Store
from benchmarks.suites import DATASETS, DETECTORS
from benchmarks.task import Task
from benchmarks.trial import PROTOCOL, Planned, Trial

EXAMPLES = 8  # most normal and most anomalous test images kept with their maps
LIBRARIES = ("torch", "numpy", "scikit-learn", "pyod", "fcdd-benchmark")
Arrays = dict[str, np.ndarray]


def evaluate(planned: Sequence[Planned], root: Path, store: Store, device: str) -> Iterator[Row]:
    """Run trials one after another; each row is stored before it is given back."""
    for one in planned:
        row, arrays = run_trial(one, root, device)
        store.write(row, arrays)
        yield row


def run_trial(planned: Planned, root: Path, device: str) -> tuple[Row, Arrays]:
    """The row and arrays of one trial; any error of the trial is the row's reason."""
    row = _head(planned, device)
    started, began = row["started"], time.perf_counter()
    try:
        outcome, arrays = _measured(planned.trial, root, device)
        row |= outcome | {"status": "done", "reason": None}
    except Exception as error:  # noqa: BLE001 - whatever broke, the sweep goes on and the row says so
        row = failed_row(planned, device, f"{type(error).__name__}: {error}")
        row |= {"started": started, "traceback": traceback.format_exc().splitlines()[-20:]}
        row["seconds"], arrays = time.perf_counter() - began, {}
    return row | {"finished": now()}, arrays


def failed_row(planned: Planned, device: str, reason: str) -> Row:
    """The row of a trial that gave no scores."""
    failed = {"status": "failed", "reason": reason, "metrics": {}, "finished": now()}
    return _head(planned, device) | failed


def now() -> str:
    """This moment, UTC, to the millisecond."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def _measured(trial: Trial, root: Path, device: str) -> tuple[Row, Arrays]:
    task = DATASETS[trial.dataset].task(root, trial.normal, trial.scenario, trial.seed)
    detector = build(trial, task, root, device)
    labels = task.train_labels if task.train_labels.any() else None
    began = time.perf_counter()
    detector.fit(task.train, labels)
    fitted = time.perf_counter()
    scores = detector.decision_function(task.test)
    scored = time.perf_counter()
    metrics = image_metrics(task.test_labels, scores)
    arrays: Arrays = {"scores": scores, "labels": task.test_labels.astype(np.int8)}
    if task.test_masks is not None:
        arrays |= {"maps": detector.score_map(task.test), "masks": task.test_masks}
        metrics |= pixel_metrics(task.test_masks, arrays["maps"])
    arrays |= _examples(detector, task, scores, arrays.get("maps"))
    return {
        "metrics": metrics,
        "seconds": scored - began,
        "fit_seconds": fitted - began,
        "score_seconds": scored - fitted,
        "pretraining_seconds": getattr(detector, "pretraining_seconds_", None),
        "threshold": detector.threshold_,
        "n_train": len(task.train),
        "n_test": len(task.test),
        "n_anomalies": int(task.test_labels.sum()),
        "protocol_notes": list(task.notes),
    }, arrays


def build(trial: Trial, task: Task, root: Path, device: str) -> Detector:
    """The trial's detector: its recipe's prototype with seed, device and exposure filled in."""
    detector = DETECTORS[trial.detector].make(trial.recipe, trial.dataset)
    names = detector.get_params(deep=False)
    filled: dict[str, Any] = {"seed": trial.random_seed, "device": device}
    if trial.exposure is not None:
        shape = (task.train.shape[1], task.train.shape[2], task.train.shape[3])
        filled["anomalies"] = _exposure(
            trial.exposure, root, shape, trial.exposure_size, trial.seed
        )
    return detector.set_params(**{k: v for k, v in filled.items() if k in names})


@lru_cache(maxsize=4)
def _exposure(
    name: str, root: Path, shape: tuple[int, int, int], size: int | None, seed: int
) -> Exposure:
    images = EXPOSURES[name].load(root, shape, size, seed)
    return Exposure(torch.from_numpy(images), name)


def _examples(
    detector: Detector, task: Task, scores: np.ndarray, maps: np.ndarray | None
) -> Arrays:
    """The most normal and the most anomalous test images by score, with their maps."""
    order = np.argsort(scores, kind="stable")
    index = np.concatenate([order[:EXAMPLES], order[-EXAMPLES:]])
    images = task.test[index]
    found = {"example_index": index, "example_images": images}
    found["example_maps"] = detector.score_map(images) if maps is None else maps[index]
    if task.test_masks is not None:
        found["example_masks"] = task.test_masks[index]
    return found


def _head(planned: Planned, device: str) -> Row:
    return {
        "schema": SCHEMA,
        "protocol": PROTOCOL,
        "digest": planned.digest,
        "stem": planned.stem,
        **planned.trial.identity(),
        "device": device_name(device),
        "threads": torch.get_num_threads(),
        "bfloat16": has_bfloat16(find_device(device)),  # what a recipe's precision None becomes
        "resolved": planned.resolved,
        "revisions": planned.revisions,
        **provenance(),
        "started": now(),
    }


def device_name(device: str) -> str:
    """``cpu``, or the GPU's own name."""
    found = find_device(device)
    return torch.cuda.get_device_name(found) if found.type == "cuda" else found.type


@lru_cache(maxsize=1)
def provenance() -> Row:
    """Versions of the libraries, the commit of this checkout, and the machine."""
    installed = {d.metadata["Name"] for d in importlib.metadata.distributions()}
    return {
        "versions": {n: importlib.metadata.version(n) for n in LIBRARIES if n in installed},
        "commit": commit(),
        "host": {
            "system": platform.platform(),
            "processor": processor(),
            "cores": os.cpu_count(),
            "python": platform.python_version(),
        },
    }


def commit() -> str | None:
    """Commit of the checkout this file lies in, with a + where it has local changes; else None."""
    folder = Path(__file__).parent
    command = ["git", "describe", "--always", "--dirty=+", "--abbrev=12", "--exclude=*"]
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=10)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() or None


def processor() -> str:
    """Name of the processor."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
