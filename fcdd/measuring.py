"""How well a detector does on a folder of normal and anomalous pictures."""

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from baselines.deep import DeepDetector
from baselines.masks import MaskFiles
from baselines.metrics import image_metrics, measure_pixels
from fcdd.folders import Folder
from fcdd.pairing import anomaly_mask
from fcdd.preparation import Preparation, all_scored, prints


def measure(detector: DeepDetector, preparation: Preparation, folder: Folder) -> dict[str, Any]:
    """``metrics`` of a folder, shares of 1 by name; ``kinds``, those of the images of each kind of
    anomaly against the normal ones; ``counts``; the ``threshold`` that these rest on; ``protocol``
    of the pixel metrics, None without masks.

    Raises PictureError on the first picture that cannot be read: a measure of the others would not
    be that of the folder; or on a mask that `anomaly_mask` refuses."""
    paths = (*folder.normals, *folder.anomalies)
    for image, mask in zip(folder.anomalies, folder.masks, strict=False):  # or none
        anomaly_mask(mask, image)  # faults of masks show before minutes of scoring
    found = all_scored(detector, preparation, paths, maps=bool(folder.masks))
    scores = np.array([one.score for one in found])
    labels = np.arange(len(paths)) >= len(folder.normals)
    result: dict[str, Any] = image_metrics(labels.astype(int), scores)
    protocol = None
    if folder.masks:
        maps = np.stack([one.map for one in found if one.map is not None])
        masks = (None,) * len(folder.normals) + folder.masks
        pixels, protocol = measure_pixels(MaskFiles(paths, masks), maps, labels)
        result |= pixels
    known = set(preparation.trained_on)
    return {
        "metrics": result,
        "kinds": _by_kind(folder, scores, labels),
        "counts": {
            "normal": int((~labels).sum()),
            "anomalous": int(labels.sum()),
            "false_alarms": int((scores[~labels] > detector.threshold_).sum()),
            "found": int((scores[labels] > detector.threshold_).sum()),
            "trained_on": sum(each in known for each in prints(paths)) if known else 0,
        },
        "threshold": detector.threshold_,
        "protocol": protocol,
    }


def write(found: dict[str, Any], path: Path) -> None:
    """Write what `measure` found: as it is to a .json file; to a .csv file a line for each value,
    those of one kind of anomaly named ``image_auroc, KIND``. Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8", errors="surrogateescape") as file:
        if path.suffix == ".json":
            json.dump(found, file, indent=1)
        else:
            lines = csv.writer(file)
            lines.writerow(("metric", "value"))
            lines.writerows(_lines(found))


def _lines(found: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    yield from found["metrics"].items()
    for kind, own in found["kinds"].items():
        yield from ((f"{name}, {kind}", value) for name, value in own.items())
    yield from found["counts"].items()
    yield "threshold", found["threshold"]
    for name, value in (found["protocol"] or {}).items():
        if isinstance(value, dict):
            yield from ((f"{name}, {of}", one) for of, one in value.items())
        else:
            yield name, " ".join(value) if isinstance(value, list) else value


def _by_kind(folder: Folder, scores: np.ndarray, labels: np.ndarray) -> dict[str, dict[str, float]]:
    kinds = np.array(("",) * len(folder.normals) + folder.kinds)
    found = {}
    for kind in dict.fromkeys(folder.kinds):
        chosen = ~labels | (kinds == kind)
        own = image_metrics(labels[chosen].astype(int), scores[chosen])
        found[kind] = {"images": int((kinds == kind).sum()), **own}
    return found
