"""Pixel metrics of a trial: score maps against the masks of its task, and by which protocol."""

from typing import Any

import numpy as np

from baselines.detector import Detector
from baselines.metrics import MODEL, measure_pixels, pixel_metrics
from benchmarks.task import Task

# Score maps of a whole test set are stored up to this many pixels (8 MB a trial with their masks);
# of larger ones those of the examples, which is what figures show.
STORED = 1_500_000


def measure_maps(
    detector: Detector, task: Task, maps: np.ndarray
) -> tuple[dict[str, float], dict[str, Any]]:
    """The pixel metrics of maps ``(m, h, w)`` of a masked task, and the protocol for its row.

    The masks are the original ones where the task has them, and labels must agree with them. Then
    the masks at the images' resolution give the same metrics again, named ``..._model``; there a
    defect may have vanished, and its pixels count as normal.
    """
    original, small = task.original_masks, task.test_masks
    if original is None:
        metrics, protocol = measure_pixels(small, maps, task.test_labels)
    else:
        metrics, protocol = measure_pixels(original, maps, task.test_labels)
        if small is not None and small.any():
            again = pixel_metrics(small, maps)
            metrics |= {f"{name}{MODEL}": value for name, value in again.items()}
    return metrics, protocol | {"smoothing": detector.smoothing}


def masked(task: Task) -> bool:
    """Whether the anomalous pixels of the test images are known."""
    return task.test_masks is not None or task.original_masks is not None


def stored(task: Task, maps: np.ndarray) -> dict[str, np.ndarray]:
    """The arrays to keep with a row: maps and masks of a small test set, else none."""
    if task.test_masks is None or maps.size > STORED:
        return {}
    return {"maps": maps, "masks": task.test_masks}
