"""The metrics of images and of pixels, exact; by numpy and scipy only, so that a table of them
needs no more."""

from typing import Any

import numpy as np

from baselines.areas import au_pro, auroc, average_precision, check_scores, count
from baselines.pixels import collect

LIMITS = {"au_pro": 0.3, "au_pro_05": 0.05}  # largest false positive rates
MODEL = "_model"  # ends the name of a pixel metric at the resolution of the detector's input
PIXEL_METRICS = {
    "pixel_auroc": "area under the ROC curve over all pixels of all test images",
    "pixel_ap": "average precision over all pixels of all test images",
    "au_pro": "mean overlap of the anomalous regions, averaged up to a false positive rate of 0.3",
    "au_pro_05": "the same up to a false positive rate of 0.05",
}
METRICS = {
    "image_auroc": "area under the ROC curve over images",
    "image_ap": "average precision over images",
    **PIXEL_METRICS,
    **{
        f"{name}{MODEL}": f"{name} with masks at the resolution of the detector's input, where "
        f"{name} itself has larger ones"
        for name in PIXEL_METRICS
    },
}


def image_metrics(labels: Any, scores: Any) -> dict[str, float]:
    """``image_auroc`` and ``image_ap`` of labels and scores ``(n,)``; 1 = anomaly.

    Constant scores give an AUROC of 0.5. Raises ValueError if the shapes differ, a label is neither
    0 nor 1, a score is NaN or infinite, or only one class is present.
    """
    given = np.asarray(labels)
    if given.ndim != 1:
        raise ValueError(f"labels: expected shape (n,), got {given.shape}")
    if not np.isin(given, (0, 1)).all():
        raise ValueError("labels: expected 0 (normal) and 1 (anomaly) only")
    values = np.asarray(scores)
    if values.shape != given.shape:
        raise ValueError(f"scores: expected shape {given.shape}, got {values.shape}")
    anomalous = given != 0
    counts = count(check_scores(values)[~anomalous], values[anomalous], "images")
    return {"image_auroc": auroc(counts), "image_ap": average_precision(counts)}


def pixel_metrics(masks: Any, maps: Any, labels: Any = None) -> dict[str, float]:
    """``pixel_auroc``, ``pixel_ap``, ``au_pro`` and ``au_pro_05``; see `measure_pixels`."""
    return measure_pixels(masks, maps, labels)[0]


def measure_pixels(
    masks: Any, maps: Any, labels: Any = None
) -> tuple[dict[str, float], dict[str, Any]]:
    """The pixel metrics of masks and score maps ``(n, h, w)``, and the protocol they follow.

    masks: ``(n, h, w)``, or a sequence of n masks ``(H, W)`` of any sizes, read one at a time;
    non-zero pixels are anomalous. A map is brought to the size of its mask by nearest
    interpolation. An empty mask means that all pixels of the image are normal.
    labels: the images' labels ``(n,)``, 1 = anomaly; where given, an anomaly with an empty mask
    and a normal image with anomalous pixels are refused.

    Constant maps give an AUROC of 0.5 and an AU-PRO of half its limit. Regions never reach across
    images. Raises ValueError if the shapes do not fit, a score is NaN or infinite, no pixel is
    anomalous, or none is normal.
    """
    values = np.asarray(maps)
    if values.ndim != 3 or 0 in values.shape[1:]:
        raise ValueError(f"maps: expected shape (n, h, w), got {values.shape}")
    pixels = collect(masks, check_scores(values), labels)
    counts = count(pixels.normals, pixels.anomalies, "pixels", pixels.times, pixels.anomaly_times)
    metrics = {"pixel_auroc": auroc(counts), "pixel_ap": average_precision(counts)}
    metrics |= {
        name: au_pro(counts, pixels.shares, pixels.regions, limit) for name, limit in LIMITS.items()
    }
    return metrics, {
        "map_size": f"{values.shape[1]}x{values.shape[2]}",
        "mask_sizes": list(pixels.sizes),
        "interpolation": "nearest",
        "connectivity": 8,
        "limits": LIMITS,
        "regions": pixels.regions,
        "normal_pixels": counts.normals,
        "anomalous_pixels": counts.anomalies,
    }
