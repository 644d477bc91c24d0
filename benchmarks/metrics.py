"""Exact AUROC, average precision and AU-PRO from one sort of the normals' scores.

Only the order of the scores counts: they may be unbounded, of any real dtype and any offset; no
thresholds are sampled, nothing is squashed into [0, 1], and ties are exact. For each anomaly (an
image, or a pixel) with score s let ``a`` and ``b`` be the shares of normals scoring above s and at
least s. Lowering the threshold past s moves the false positive rate from ``a`` to ``b``, and every
area is a sum over the anomalies alone:

- AUROC = mean of ``1 - (a + b) / 2`` (Mann-Whitney; ties count one half);
- AP = mean of the precision at threshold s (a step curve, as in scikit-learn);
- AU-PRO = the area, up to a false positive rate L and divided by L, under the mean over regions of
  the share of the region found (Bergmann et al., "Uninformed Students", CVPR 2020, section 4.1).
  A pixel of a region with m pixels adds ``c / m``, ``c`` being the area in [0, L] under a ramp from
  0 at ``a`` to 1 at ``b``; regions are 8-connected.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import ndimage

METRICS = {
    "image_auroc": "area under the ROC curve over images",
    "image_ap": "average precision over images",
    "pixel_auroc": "area under the ROC curve over all pixels of all test images",
    "pixel_ap": "average precision over all pixels of all test images",
    "au_pro": "mean overlap of the anomalous regions, averaged up to a false positive rate of 0.3",
}

# 8-connected inside an image, never across images of the stack (n, h, w).
CONNECTIVITY = np.zeros((3, 3, 3), dtype=bool)
CONNECTIVITY[1] = True


@dataclass(frozen=True, eq=False)
class Counts:
    """What the areas need of p anomalies against ``normals`` normals.

    Int64 ``(p,)``, anomalies by ascending score: ``above`` and ``at_least`` are the normals scoring
    higher and at least as high, ``found`` the anomalies scoring at least as high, and ``order`` the
    anomalies' places in the flattened input (0 = the first anomaly).
    """

    above: np.ndarray
    at_least: np.ndarray
    found: np.ndarray
    order: np.ndarray
    normals: int


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
    counts = count(given != 0, scores)
    return {"image_auroc": auroc(counts), "image_ap": average_precision(counts)}


def pixel_metrics(masks: Any, maps: Any, limit: float = 0.3) -> dict[str, float]:
    """``pixel_auroc``, ``pixel_ap`` and ``au_pro`` of masks and score maps ``(n, h, w)``.

    Non-zero mask pixels are anomalous. An empty mask means that the image's pixels are normal ones,
    whatever the image's label. ``limit`` in (0, 1] is AU-PRO's largest false positive rate.
    Constant maps give an AUROC of 0.5 and an AU-PRO of ``limit / 2``. Raises ValueError if the
    shapes differ, a score is NaN or infinite, no pixel is anomalous, or none is normal.
    """
    regions = np.asarray(masks) != 0
    if regions.ndim != 3:
        raise ValueError(f"masks: expected shape (n, h, w), got {regions.shape}")
    counts = count(regions, maps)
    return {
        "pixel_auroc": auroc(counts),
        "pixel_ap": average_precision(counts),
        "au_pro": au_pro(counts, regions, limit),
    }


def count(anomalous: np.ndarray, scores: Any) -> Counts:
    """Sort the normals once and place every anomaly among them.

    ``anomalous`` is bool of the shape of ``scores``. Raises ValueError as the metrics do.
    """
    values = np.asarray(scores)
    _check(anomalous, values)
    normals = values[~anomalous]
    normals.sort()
    anomalies = values[anomalous]
    order = np.argsort(anomalies)
    anomalies = anomalies[order]  # ascending needles keep the searches below in the cache
    return Counts(
        above=len(normals) - np.searchsorted(normals, anomalies, side="right"),
        at_least=len(normals) - np.searchsorted(normals, anomalies, side="left"),
        found=len(anomalies) - np.searchsorted(anomalies, anomalies, side="left"),
        order=order,
        normals=len(normals),
    )


def auroc(counts: Counts) -> float:
    """Area under the ROC curve: P(anomaly scores higher) + P(equal) / 2, over all pairs."""
    twice_lost = int(counts.above.sum()) + int(counts.at_least.sum())
    return 1 - twice_lost / (2 * counts.normals * len(counts.above))


def average_precision(counts: Counts) -> float:
    """Average precision: the mean over anomalies of the precision at their own score."""
    return float(np.mean(counts.found / (counts.found + counts.at_least)))


def au_pro(counts: Counts, masks: np.ndarray, limit: float = 0.3) -> float:
    """Area under the per-region overlap up to the false positive rate ``limit``, over ``limit``.

    ``masks`` is the bool ``(n, h, w)`` that was counted. Raises ValueError unless 0 < limit <= 1.
    """
    if not 0 < limit <= 1:
        raise ValueError(f"limit: a false positive rate in (0, 1] is needed, got {limit}")
    start, end = counts.above / counts.normals, counts.at_least / counts.normals
    clipped = np.minimum(end, limit)
    inside = np.maximum(clipped - start, 0)
    area = limit - clipped
    # The part of the ramp below the limit is a triangle; without ties (start = end) there is none.
    area += np.divide(inside**2, 2 * (end - start), out=np.zeros_like(end), where=end > start)
    shares, regions = _shares(masks)
    return float(shares[counts.order] @ area) / (regions * limit)


def _shares(masks: np.ndarray) -> tuple[np.ndarray, int]:
    """Per anomalous pixel 1 / (pixels of its region), in flat order, and the number of regions."""
    marked = masks[masks.any(axis=(1, 2))]
    labels, regions = ndimage.label(marked, structure=CONNECTIVITY)
    of_pixel = labels[marked] - 1
    return 1 / np.bincount(of_pixel)[of_pixel], int(regions)


def _check(anomalous: np.ndarray, values: np.ndarray) -> None:
    if values.shape != anomalous.shape:
        raise ValueError(f"scores: expected shape {anomalous.shape}, got {values.shape}")
    if values.dtype.kind not in "biuf":
        raise ValueError(f"scores: expected real numbers, got dtype {values.dtype}")
    broken = values.size - np.count_nonzero(np.isfinite(values))
    if broken:
        raise ValueError(
            f"scores: {broken} of {values.size} are NaN or infinite; did the training diverge?"
        )
    positive = np.count_nonzero(anomalous)
    if not 0 < positive < anomalous.size:
        what = "pixels" if anomalous.ndim == 3 else "images"
        raise ValueError(
            f"scores: {positive} of {anomalous.size} {what} are anomalous; both kinds are needed, "
            "check the labels or masks of the test set"
        )
