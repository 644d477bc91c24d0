"""From a folder of pictures to a fitted detector with a threshold."""

import math
import os
from dataclasses import dataclass, replace

import numpy as np
import torch

from baselines.deep import DeepDetector
from baselines.describe import seed_of
from baselines.pictures import PictureError, common_channels, each, read_images
from baselines.resize import resize_mask
from baselines.several import several
from fcdd.folders import Folder
from fcdd.pairing import anomaly_mask
from fcdd.preparation import Preparation, all_scored, prints
from fcdd.walking import Files, FolderError

FEWEST = 3  # normal pictures to hold back, and to train on
SCALE = (0.5, 0.999)  # the colour scale begins and, twice as far, ends at these quantiles


@dataclass(frozen=True)
class Material:
    """What a detector is fitted on: uint8 images ``(n, c, h, w)``, labels ``(n,)`` (1 = known
    anomaly), masks ``(n, h, w)`` or None; the normal pictures held back; and the reading of all."""

    images: np.ndarray
    labels: np.ndarray
    masks: np.ndarray | None
    held_back: Files
    preparation: Preparation

    @property
    def normals(self) -> int:
        """Number of normal pictures to train on."""
        return int((self.labels == 0).sum())


def material(
    folder: Folder, size: int, channels: int | None, needed: int | None, hold_back: float, seed: int
) -> Material:
    """Read a folder's pictures at `size` pixels square; the normal ones held back are tried only.

    `channels` converts pictures of either kind; without it all must be of one kind, and grey ones
    are repeated where the net `needed` three channels. Raises FolderError where normal pictures are
    too few, PictureError where one cannot be read, or a mask is one that `anomaly_mask` refuses.
    """
    train, held = split(folder.normals, hold_back, seed)
    paths = (*train, *folder.anomalies)
    source = None if channels else common_channels((*folder.normals, *folder.anomalies))
    depth = channels or needed or source
    assert depth is not None
    if needed not in (None, depth):
        raise FolderError(f"--channels {channels}: this net needs {needed}; or take --net scratch")
    preparation = Preparation((size, size), depth, source, trained_on=prints(paths))
    images = read_images(paths, size, depth)
    masks = None
    if folder.masks:
        masks = np.zeros((len(paths), size, size), bool)
        for place, (image, mask) in enumerate(zip(folder.anomalies, folder.masks, strict=True)):
            masks[len(train) + place] = resize_mask(anomaly_mask(mask, image), (size, size))
    for found in each(preparation.read, held):  # a broken one shows before hours of training
        if isinstance(found, PictureError):
            raise found
    labels = (np.arange(len(paths)) >= len(train)).astype(int)
    return Material(images, labels, masks, held, preparation)


def split(normals: Files, hold_back: float, seed: int) -> tuple[Files, Files]:
    """Normal pictures to train on, and others to set the threshold on, drawn by the seed: a share
    `hold_back` of up to a half. Raises FolderError where they are too few for both."""
    if len(normals) < 2 * FEWEST:
        home = os.path.commonpath([path.parent for path in normals])
        raise FolderError(
            f"{home}: {several(len(normals), 'normal picture')}, of at least {2 * FEWEST} needed: "
            f"{FEWEST} to train on and {FEWEST} to set the threshold on; add some"
        )
    count = max(FEWEST, round(hold_back * len(normals)))
    generator = torch.Generator().manual_seed(seed_of(seed, "held back"))
    held = set(torch.randperm(len(normals), generator=generator)[:count].tolist())
    train = tuple(path for place, path in enumerate(normals) if place not in held)
    return train, tuple(normals[place] for place in sorted(held))


def fit(detector: DeepDetector, given: Material, rate: float) -> float:
    """Fit on the material; set the threshold for a false-positive `rate` on what was held back, and
    the colour scale of heatmaps; note both. Returns the rate kept to: another where so few pictures
    cannot promise it. Raises PictureError where one held back cannot be read."""
    masks = given.masks if given.labels.any() else None
    detector.fit(given.images, given.labels, masks)
    found = all_scored(detector, given.preparation, given.held_back)
    scores = np.array([one.score for one in found])
    detector.threshold_, promised = threshold(scores, rate)
    kept = max(rate, promised)
    detector.labels_ = (detector.decision_scores_ > detector.threshold_).astype(int)
    pixels = np.concatenate([one.map.ravel() for one in found if one.map is not None])
    start, usual = np.quantile(pixels, SCALE)
    scale = (float(usual), float(usual + 2 * (usual - start)))
    noted = replace(given.preparation, scale=scale, rate=kept, held_back=len(scores))
    noted.note(detector)
    return kept


def threshold(scores: np.ndarray, rate: float) -> tuple[float, float]:
    """The least of n normal scores above which a further normal one lies with a probability of at
    most `rate`, and that probability; the largest score where n is too small to promise as much.

    Of n + 1 exchangeable scores the last is equally likely to take each rank (conformal prediction,
    Vovk et al. 2005), so it exceeds the k-th smallest of the others with probability
    ``(n + 1 - k) / (n + 1)``, or less with ties.
    """
    n = len(scores)
    k = min(n, math.ceil((n + 1) * (1 - rate) - 1e-9))
    return float(np.sort(scores)[k - 1]), (n + 1 - k) / (n + 1)


def enough(rate: float) -> int:
    """The least number of scores for which `threshold` can promise a rate."""
    return math.ceil(1 / rate - 1 - 1e-9)
