"""How well a detector does on a folder of normal and anomalous pictures."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np

from baselines.deep import DeepDetector
from baselines.metrics import image_metrics, measure_pixels
from baselines.pictures import PictureError, picture_size, read_mask
from fcdd.folders import Folder
from fcdd.preparation import Preparation, prints, scored


@dataclass(frozen=True)
class Masks(Sequence[np.ndarray]):
    """The masks of a folder's pictures, normal ones first, bool ``(H, W)`` as large as they are;
    read when asked for."""

    folder: Folder

    def __len__(self) -> int:
        return len(self.folder.normals) + len(self.folder.anomalies)

    def __getitem__(self, place: Any) -> Any:
        if isinstance(place, slice):
            return [self[i] for i in range(*place.indices(len(self)))]
        normal = len(self.folder.normals)
        if place < normal:
            return np.zeros(picture_size(self.folder.normals[place]), bool)
        image, mask = (
            files[place - normal] for files in (self.folder.anomalies, self.folder.masks)
        )
        return read_mask(mask, of=picture_size(image))


def measure(detector: DeepDetector, preparation: Preparation, folder: Folder) -> dict[str, Any]:
    """Metrics of a folder by name, and beside them ``counts``, ``kinds`` (the image AUROC of each
    kind of anomaly) and ``protocol`` (of the pixel metrics, where there are masks).

    Raises PictureError on the first picture that cannot be read: a measure of the others would not
    be that of the folder; ValueError where an anomaly's mask is empty."""
    paths = (*folder.normals, *folder.anomalies)
    masks = Masks(folder)
    if folder.masks:  # faults of masks show before minutes of scoring
        for place in range(len(folder.normals), len(masks)):
            if not masks[place].any():
                mask = folder.masks[place - len(folder.normals)]
                raise PictureError(f"{mask}: an empty mask of an anomaly; mark what is anomalous")
    found = list(chain.from_iterable(scored(detector, preparation, paths)))
    for one in found:
        if one.error:
            raise PictureError(one.error)
    scores = np.array([one.score for one in found])
    labels = np.arange(len(paths)) >= len(folder.normals)
    result: dict[str, Any] = image_metrics(labels.astype(int), scores)
    protocol = None
    if folder.masks:
        maps = np.stack([one.map for one in found if one.map is not None])
        pixels, protocol = measure_pixels(masks, maps, labels)
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


def _by_kind(folder: Folder, scores: np.ndarray, labels: np.ndarray) -> dict[str, dict[str, float]]:
    kinds = np.array(("",) * len(folder.normals) + folder.kinds)
    found = {}
    for kind in dict.fromkeys(folder.kinds):
        chosen = ~labels | (kinds == kind)
        own = image_metrics(labels[chosen].astype(int), scores[chosen])
        found[kind] = {"images": int((kinds == kind).sum()), **own}
    return found
