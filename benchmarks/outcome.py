"""What a fitted trial gives: scores, maps and metrics on its test images."""

import time

import numpy as np

from baselines.describe import describe
from baselines.detector import Detector
from baselines.metrics import image_metrics
from benchmarks.lots import Fitted
from benchmarks.pixels import masked, measure_maps, stored
from benchmarks.samples import panel
from benchmarks.schema import Row
from benchmarks.task import Task

OWN = "the detector's own"  # image score of a detector that does not reduce a map
EXAMPLES = 8  # most normal and most anomalous test images kept with their maps
Arrays = dict[str, np.ndarray]


def outcome(fit: Fitted) -> tuple[Row, Arrays]:
    """The measured part of a row, and the arrays stored beside it."""
    task, detector = fit.task, fit.detector
    began = time.perf_counter()
    scores = detector.decision_function(task.test)
    scoring = time.perf_counter() - began
    metrics = image_metrics(task.test_labels, scores)
    arrays: Arrays = {"scores": scores, "labels": task.test_labels.astype(np.int8)}
    maps = protocol = None
    if masked(task):
        maps = detector.score_map(task.test)
        pixels, protocol = measure_maps(detector, task, maps)
        metrics |= pixels
        arrays |= stored(task, maps) | panel(task, maps)
    arrays |= _examples(detector, task, scores, maps)
    return {
        "metrics": metrics,
        "image_score": describe(detector.get_params(deep=False).get("reduce", OWN)),
        "pixel_protocol": protocol,
        "seconds": fit.fitting + scoring,
        "fit_seconds": fit.fitting,
        "score_seconds": scoring,
        "pretraining_seconds": getattr(detector, "pretraining_seconds_", None),
        "threshold": detector.threshold_,
        "n_train": len(task.train),
        "n_test": len(task.test),
        "n_anomalies": int(task.test_labels.sum()),
        "protocol_notes": list(task.notes),
    }, arrays


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
