"""The pixels of score maps, sorted by their masks into normal and anomalous ones.

A mask may be larger or smaller than its map, as where a detector sees resized images: FCDD's
protocol brings the map to the size of the mask by nearest interpolation (Liznerski et al., ICLR
2021, code). That only repeats or drops scores, so here each is counted as often as it would occur,
and nothing is enlarged: a tenth of the pixels, or less, for the same numbers.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import ndimage

CONNECTED = np.ones((3, 3), dtype=bool)  # to all eight neighbours


@dataclass(frozen=True, eq=False)
class Pixels:
    """Scores of normal pixels ``(k,)`` and anomalous ones ``(p,)``, in the order of the images.

    `times` ``(k,)`` and `anomaly_times` ``(p,)`` are how often each occurs, None where all occur
    once; `shares` ``(p,)`` the part of its region that each covers, over `regions` regions;
    `sizes` the masks' sizes as ``"HxW"``.
    """

    normals: np.ndarray
    anomalies: np.ndarray
    times: np.ndarray | None
    anomaly_times: np.ndarray | None
    shares: np.ndarray
    regions: int
    sizes: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Part:
    """The same of one image; `times` are None where map and mask are of one size."""

    normals: np.ndarray
    anomalies: np.ndarray
    times: np.ndarray | None
    anomaly_times: np.ndarray
    shares: np.ndarray
    regions: int


def collect(masks: Sequence[Any], maps: np.ndarray, labels: Any = None) -> Pixels:
    """The pixels of maps ``(n, h, w)`` by n masks ``(H, W)``, non-zero = anomalous.

    Raises ValueError if the number or shape of the masks does not fit, or if `labels` ``(n,)``
    are given and a mask is empty just where they say anomaly, or the reverse.
    """
    if isinstance(masks, np.ndarray) and masks.ndim != 3:
        raise ValueError(f"masks: expected shape (n, h, w), got {masks.shape}")
    if len(masks) != len(maps):
        raise ValueError(f"masks: expected {len(maps)}, one for each map, got {len(masks)}")
    wanted = None if labels is None else np.asarray(labels)
    if wanted is not None and wanted.shape != (len(maps),):
        raise ValueError(f"labels: expected shape ({len(maps)},), got {wanted.shape}")
    # Joining the normals of all images would need them twice.
    normals, times, filled = np.empty(maps.size, maps.dtype), None, 0
    parts, sizes = [], set()
    for index, one in enumerate(maps):
        mask = _mask(masks[index], index, None if wanted is None else bool(wanted[index]))
        sizes.add(mask.shape)
        part = _aligned(mask, one) if mask.shape == one.shape else _nearest(mask, one)
        place = slice(filled, filled + len(part.normals))
        normals[place], filled = part.normals, place.stop
        if part.times is not None:
            times = np.ones(maps.size, np.int32) if times is None else times
            times[place] = part.times
        parts.append((part.anomalies, part.anomaly_times, part.shares, part.regions))
    anomalies, anomaly_times, shares, regions = zip(*parts, strict=True) if parts else ((),) * 4
    return Pixels(
        normals[:filled],
        np.concatenate([normals[:0], *anomalies]),
        None if times is None else times[:filled],
        None if times is None else np.concatenate(anomaly_times),
        np.concatenate([[], *shares]),
        sum(regions),
        tuple(f"{h}x{w}" for h, w in sorted(sizes)),
    )


def _mask(given: Any, index: int, anomaly: bool | None) -> np.ndarray:
    mask = np.asarray(given) != 0
    if mask.ndim != 2 or not mask.size:
        raise ValueError(f"mask of image {index}: expected shape (h, w), got {mask.shape}")
    if anomaly is not None and anomaly != mask.any():
        told = "an anomaly, but its mask is empty" if anomaly else "normal, but its mask is not"
        raise ValueError(f"mask of image {index}: the image is labelled {told}; correct either")
    return mask


def _aligned(mask: np.ndarray, scores: np.ndarray) -> Part:
    shares, regions = _shares(mask)
    once = np.ones(len(shares), np.int32)
    return Part(scores[~mask], scores[mask], None, once, shares, regions)


def _nearest(mask: np.ndarray, scores: np.ndarray) -> Part:
    """The scores that a map of the mask's size would repeat, and how often."""
    rows, columns = (nearest(h, s) for h, s in zip(scores.shape, mask.shape, strict=True))
    each = np.outer(*(np.bincount(at, minlength=h)
                      for at, h in zip((rows, columns), scores.shape, strict=True)))  # fmt: skip
    shares, regions = _shares(mask)
    y, x = np.nonzero(mask)
    place = rows[y] * scores.shape[1] + columns[x]
    anomalous = np.bincount(place, minlength=scores.size)
    normal = each.ravel() - anomalous
    covered = np.bincount(place, shares, minlength=scores.size)
    flat, inside, outside = scores.ravel(), anomalous > 0, normal > 0
    return Part(
        flat[outside], flat[inside], normal[outside], anomalous[inside], covered[inside], regions
    )


def nearest(model: int, size: int) -> np.ndarray:
    """Of `size` pixels, the one of `model` pixels that nearest interpolation takes for each.

    ``floor(i * model / size)``, in integers. torch's ``interpolate(mode="nearest")`` is the same
    in float64; in float32 it rounds a few places down for some sizes, none of MVTec-AD's at 224.
    """
    return np.arange(size) * model // size


def _shares(mask: np.ndarray) -> tuple[np.ndarray, int]:
    """Per anomalous pixel 1 / (pixels of its region), in flat order, and the number of regions."""
    if not mask.any():
        return np.empty(0), 0
    labels, regions = ndimage.label(mask, structure=CONNECTED)
    of_pixel = labels[mask] - 1
    return 1 / np.bincount(of_pixel)[of_pixel], int(regions)
