"""The same test images for every detector: a few of each kind of defect, kept with their maps."""

import zlib
from collections.abc import Sequence

import numpy as np
from PIL import Image

from benchmarks.task import Task

NORMALS, ANOMALIES = 3, 8
SIDE = 256  # pixels: what is larger is kept smaller, for it is printed half an inch wide


def panel(task: Task, maps: np.ndarray) -> dict[str, np.ndarray]:
    """What a row of a panel shows of one detector: some test images with its maps, and masks.

    `maps` are the score maps of all test images, ``(m, h, w)``. Returns ``panel_index`` and
    ``panel_labels`` ``(k,)``, ``panel_kinds`` (k names), ``panel_images`` uint8 ``(k, c, h, w)``,
    ``panel_maps`` float16 ``(k, h, w)``, from 0 (the least value of them all) to 1 (the greatest),
    and ``panel_masks`` uint8 ``(k, h, w)``, the anomalous share of a pixel out of 255; no side is
    above SIDE.
    """
    if task.test_masks is None:
        return {}
    kinds = task.test_kinds or tuple("anomaly" if y else "good" for y in task.test_labels)
    index = chosen(task.test, task.test_labels, kinds)
    shape = smaller(task.test.shape[2:])
    shown = maps[index].astype(np.float64)
    low, spread = shown.min(), max(np.ptp(shown), np.finfo(np.float64).tiny)
    return {
        "panel_index": index,
        "panel_labels": task.test_labels[index].astype(np.int8),
        "panel_kinds": np.array([kinds[i] for i in index]),
        "panel_images": np.stack([[resized(c, shape) for c in task.test[i]] for i in index]),
        "panel_maps": np.stack([resized((m - low) / spread, shape) for m in shown]).astype("f2"),
        "panel_masks": np.stack([resized(task.test_masks[i] * 255.0, shape) for i in index])
        .round()
        .astype(np.uint8),
    }


def chosen(images: np.ndarray, labels: np.ndarray, kinds: Sequence[str]) -> np.ndarray:
    """Indices of up to NORMALS normal images, then of up to ANOMALIES anomalies, kind by kind.

    Kinds take turns, so that their numbers differ by one at most. Which images of a kind is decided
    by their pixels alone: neither a detector, nor a seed, nor the order of the test set, nor the
    other images have a say, so images held out for training change no other column.
    """
    marked: list[int] = np.flatnonzero(labels).tolist()
    turns: list[tuple[int, str, int]] = []
    for kind in sorted({kinds[i] for i in marked}):
        own = [i for i in marked if kinds[i] == kind]
        turns += [(turn, kind, i) for turn, i in enumerate(_by_pixels(images, own))]
    anomalies = sorted(sorted(turns)[:ANOMALIES], key=lambda one: (one[1], one[0]))
    normals = _by_pixels(images, np.flatnonzero(labels == 0).tolist())[:NORMALS]
    return np.array([*normals, *(i for _, _, i in anomalies)], dtype=np.int64)


def smaller(shape: Sequence[int]) -> tuple[int, int]:
    """Height and width, the longer one at most SIDE."""
    h, w = shape
    factor = min(1.0, SIDE / max(h, w))
    return max(1, round(factor * h)), max(1, round(factor * w))


def resized(values: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """One channel ``(h, w)`` at another size; each new pixel is a mean over the ones it covers."""
    if values.shape == shape:
        return values
    picture = Image.fromarray(values if values.dtype == np.uint8 else values.astype(np.float32))
    return np.asarray(picture.resize((shape[1], shape[0]), Image.Resampling.BOX))


def _by_pixels(images: np.ndarray, index: Sequence[int]) -> list[int]:
    """Indices in an order that the images' own pixels decide."""
    return sorted(index, key=lambda i: (zlib.crc32(images[i].tobytes()), i))
