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

Where a score stands for many pixels, as after nearest upsampling, it is counted that often instead
of being repeated (see `baselines.pixels`).
"""

from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True, eq=False)
class Counts:
    """What the areas need of the anomalies' scores against ``normals`` normals.

    Int64 ``(p,)``, by ascending score: an entry is a score that ``times`` anomalies share;
    ``above`` and ``at_least`` are the normals scoring higher and at least as high, ``found`` the
    anomalies scoring at least as high, and ``order`` the entries' places in what was counted.
    """

    above: np.ndarray
    at_least: np.ndarray
    found: np.ndarray
    times: np.ndarray
    order: np.ndarray
    normals: int
    anomalies: int


def count(
    normals: np.ndarray,
    anomalies: np.ndarray,
    what: str,
    times: np.ndarray | None = None,
    anomaly_times: np.ndarray | None = None,
) -> Counts:
    """Sort the normals once and place every anomaly among them.

    Scores ``(k,)`` and ``(p,)``, which may be left sorted, and how often each occurs (None: once).
    Raises ValueError unless there is one of each; `what` they are ("images") is for its message.
    """
    order = np.argsort(anomalies)
    anomalies = anomalies[order]  # ascending needles keep the searches below in the cache
    if times is None or anomaly_times is None:
        normals.sort()
        passed, total = None, len(normals)
        own, mine = None, np.broadcast_to(np.int64(1), len(anomalies))
    else:
        rising = np.argsort(normals)
        normals, passed = normals[rising], _cumulated(times[rising])
        mine = anomaly_times[order].astype(np.int64)
        own, total = _cumulated(mine), int(passed[-1])
    positive = int(mine.sum())
    if not positive or not total:
        raise ValueError(
            f"scores: {positive} of {positive + total} {what} are anomalous; both kinds are "
            "needed, check the labels or masks of the test set"
        )
    return Counts(
        above=total - _before(normals, passed, anomalies, "right"),
        at_least=total - _before(normals, passed, anomalies, "left"),
        found=positive - _before(anomalies, own, anomalies, "left"),
        times=mine,
        order=order,
        normals=total,
        anomalies=positive,
    )


def auroc(counts: Counts) -> float:
    """Area under the ROC curve: P(anomaly scores higher) + P(equal) / 2, over all pairs."""
    twice_lost = int(counts.times @ counts.above) + int(counts.times @ counts.at_least)
    return 1 - twice_lost / (2 * counts.normals * counts.anomalies)


def average_precision(counts: Counts) -> float:
    """Average precision: the mean over anomalies of the precision at their own score."""
    precision = counts.found / (counts.found + counts.at_least)
    return float((precision * counts.times).sum() / counts.anomalies)


def au_pro(counts: Counts, shares: np.ndarray, regions: int, limit: float) -> float:
    """Area under the per-region overlap up to the false positive rate ``limit``, over ``limit``.

    `shares` ``(p,)`` are the parts of its region that each entry covers, in the order in which the
    entries were counted, and `regions` how many there are. Raises ValueError unless 0 < limit <= 1.
    """
    if not 0 < limit <= 1:
        raise ValueError(f"limit: a false positive rate in (0, 1] is needed, got {limit}")
    start, end = counts.above / counts.normals, counts.at_least / counts.normals
    clipped = np.minimum(end, limit)
    inside = np.maximum(clipped - start, 0)
    area = limit - clipped
    # The part of the ramp below the limit is a triangle; without ties (start = end) there is none.
    area += np.divide(inside**2, 2 * (end - start), out=np.zeros_like(end), where=end > start)
    return float(shares[counts.order] @ area) / (regions * limit)


def check_scores(values: np.ndarray) -> np.ndarray:
    """The scores, real and finite; float16 as float32, which sorts faster. ValueError if not."""
    if values.dtype.kind not in "biuf":
        raise ValueError(f"scores: expected real numbers, got dtype {values.dtype}")
    parts = values if values.ndim == 3 else (values,)  # one map at a time bounds the memory
    broken = sum(part.size - int(np.count_nonzero(np.isfinite(part))) for part in parts)
    if broken:
        raise ValueError(
            f"scores: {broken} of {values.size} are NaN or infinite; did the training diverge?"
        )
    return values.astype(np.float32) if values.dtype == np.float16 else values


def _cumulated(times: np.ndarray) -> np.ndarray:
    return np.concatenate([[0], np.cumsum(times, dtype=np.int64)])


def _before(
    values: np.ndarray, passed: np.ndarray | None, needles: np.ndarray, side: Any
) -> np.ndarray:
    """How many of the ascending values, each as often as it occurs, lie before each needle."""
    places = np.searchsorted(values, needles, side)
    return places if passed is None else passed[places]
