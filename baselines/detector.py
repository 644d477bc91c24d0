"""The contract of every detector: scikit-learn's shape with PyOD's words.

Scores grow with anomalousness, labels are 0 (normal) and 1 (anomaly), fitted attributes end in
an underscore, and ``__init__`` only stores. Final classes implement three private methods and
override nothing: ``_fit``, ``_score`` and ``_map``.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Self

import numpy as np
import torch
from scipy.ndimage import gaussian_filter
from sklearn.base import BaseEstimator
from sklearn.exceptions import NotFittedError

from baselines.checks import ANOMALY, check_images, check_labels, check_masks
from baselines.later import LATER


@dataclass(frozen=True)
class Rows:
    """Checked training rows.

    ``images`` is uint8 ``(n, c, h, w)``, or float64 ``(n, d)`` for a detector of vectors;
    ``labels`` is int64 ``(n,)`` of UNLABELLED, ANOMALY, KNOWN_NORMAL; ``masks`` is bool
    ``(n, h, w)`` or None.
    """

    images: torch.Tensor
    labels: torch.Tensor
    masks: torch.Tensor | None = None

    def __getitem__(self, index: torch.Tensor) -> "Rows":
        index = index.to(self.images.device)
        masks = None if self.masks is None else self.masks[index]
        return Rows(self.images[index], self.labels[index], masks)

    def to(self, device: torch.device) -> "Rows":
        """The rows on `device`."""
        masks = None if self.masks is None else self.masks.to(device)
        return Rows(self.images.to(device), self.labels.to(device), masks)

    def __len__(self) -> int:
        return len(self.images)


def normal(rows: Rows) -> Rows:
    """The rows that are not known anomalies; no copy where that is all of them."""
    chosen = rows.labels != ANOMALY
    return rows if chosen.all() else rows[chosen]


@dataclass(eq=False, repr=False)
class Detector(BaseEstimator, ABC):
    """Abstract detector of anomalous images.

    contamination: share of the training rows above the threshold, in (0, 0.5].
    smoothing: standard deviation, in pixels, of a Gaussian over every score map, mirrored at the
    border; 0 leaves the maps as they are. Scores of images do not change.
    mirrored: scores and maps are the means over an image and its mirror image (for detectors that
    learned from flipped images, to which both are the same).

    Fitted attributes: ``decision_scores_`` (scores of the training rows, float64 ``(n,)``),
    ``threshold_`` (their ``1 - contamination`` quantile), ``labels_`` (int ``(n,)``, 1 where a
    training score exceeds the threshold) and ``shape_in_`` (``(c, h, w)`` or ``(d,)``).
    """

    vectors: ClassVar[bool] = False  # True: 2-D float rows (n, d) are accepted beside images
    contamination: float = field(default=0.1, kw_only=True)
    smoothing: float = field(default=0.0, kw_only=True, metadata=LATER)
    mirrored: bool = field(default=False, kw_only=True, metadata=LATER)

    def fit(self, X: Any, y: Any = None, masks: Any = None, *, known_normal: Any = None) -> Self:
        """Learn what normal looks like; forgets any earlier fit.

        X: images ``(n, c, h, w)``, uint8, or float in [0, 1] (rounded to 8 bits).
        y: partial labels ``(n,)``: 1 known anomaly, 0 everything else (default: all 0).
        masks: true pixels of known anomalies, ``(n, h, w)``, non-zero = anomalous; handed
        to the loss with each batch (the image-level losses ignore them).
        known_normal: bool ``(n,)``, rows known to be normal; only Deep SAD tells them from
        unlabelled rows. Raises ValueError on anything else, in one line.
        """
        rows = self._checked(X, y, masks, known_normal)
        self._fit(rows)
        return self._close(rows)

    def decision_function(self, X: Any) -> np.ndarray:
        """Scores, float64 ``(n,)``; larger = more anomalous."""
        return self._scores(self._seen(X))

    def score_map(self, X: Any) -> np.ndarray:
        """Score maps, float32 ``(n, h, w)``; larger = more anomalous pixel. Pixels at the border
        that a detector does not look at score 0."""
        images = self._seen(X)
        if images.ndim != 4:
            raise ValueError("score_map: vectors have no pixels; fit on images (n, c, h, w)")
        maps = smooth(self._maps(images), self.smoothing)
        return framed(maps, images.shape[2:])

    def predict(self, X: Any) -> np.ndarray:
        """Labels, int ``(n,)``: 1 where the score exceeds ``threshold_``, else 0."""
        return (self.decision_function(X) > self.threshold_).astype(int)

    @abstractmethod
    def _fit(self, rows: Rows) -> None:
        """Learn from checked rows."""

    @abstractmethod
    def _score(self, images: torch.Tensor) -> np.ndarray:
        """Scores of checked images."""

    @abstractmethod
    def _map(self, images: torch.Tensor) -> np.ndarray:
        """Score maps of checked images."""

    def _scores(self, images: torch.Tensor) -> np.ndarray:
        scores = np.asarray(self._score(images), dtype=np.float64)
        if not self.mirrored:
            return scores
        return (scores + np.asarray(self._score(images.flip(3)), dtype=np.float64)) / 2

    def _maps(self, images: torch.Tensor) -> np.ndarray:
        maps = np.asarray(self._map(images), dtype=np.float32)
        if not self.mirrored:
            return maps
        mirrored = np.asarray(self._map(images.flip(3)), dtype=np.float32)
        return (maps + mirrored[..., ::-1]) * np.float32(0.5)

    def _checked(self, X: Any, y: Any, masks: Any, known_normal: Any) -> Rows:
        if not 0 < self.contamination <= 0.5:
            raise ValueError(f"contamination: must lie in (0, 0.5], got {self.contamination}")
        if not 0 <= self.smoothing < np.inf:
            raise ValueError(f"smoothing: pixels, 0 or more, got {self.smoothing}")
        images = check_images(X, vectors=self.vectors)
        if self.mirrored and images.ndim != 4:
            raise ValueError("mirrored: vectors have no mirror image; fit on images (n, c, h, w)")
        labels = check_labels(y, known_normal, len(images)).to(images.device)
        if not (labels != ANOMALY).any():
            raise ValueError("y: every row is a known anomaly; at least one normal row is needed")
        return Rows(images, labels, check_masks(masks, images))

    def _close(self, rows: Rows) -> Self:
        self.shape_in_ = tuple(rows.images.shape[1:])
        self.decision_scores_ = self._scores(rows.images)
        if not np.isfinite(self.decision_scores_).all():
            raise ValueError(f"{type(self).__name__}: training ended in non-finite scores")
        self.threshold_ = float(np.quantile(self.decision_scores_, 1 - self.contamination))
        self.labels_ = (self.decision_scores_ > self.threshold_).astype(int)
        return self

    def _seen(self, X: Any) -> torch.Tensor:
        if not hasattr(self, "shape_in_"):
            raise NotFittedError(f"{type(self).__name__} is not fitted; call fit first")
        images = check_images(X, vectors=self.vectors)
        if tuple(images.shape[1:]) != self.shape_in_:
            raise ValueError(
                f"images: fitted on shape {self.shape_in_}, got {tuple(images.shape[1:])}"
            )
        return images


def framed(maps: np.ndarray, size: Sequence[int]) -> np.ndarray:
    """Maps ``(n, u, v)`` in the middle of ``(n, h, w)``, with 0 around them."""
    if maps.shape[1:] == tuple(size):
        return maps
    spare = [whole - part for whole, part in zip(size, maps.shape[1:], strict=True)]
    return np.pad(maps, [(0, 0), *((gap // 2, gap - gap // 2) for gap in spare)])


def smooth(maps: np.ndarray, sigma: float) -> np.ndarray:
    """Maps ``(n, h, w)`` under a Gaussian of `sigma` pixels, cut at four of them and mirrored at
    the border, so that a constant stays one."""
    return gaussian_filter(maps, (0, sigma, sigma), mode="reflect") if sigma else maps
