"""The contract of every detector: scikit-learn's shape with PyOD's words.

Scores grow with anomalousness, labels are 0 (normal) and 1 (anomaly), fitted attributes end in
an underscore, and ``__init__`` only stores. Final classes implement three private methods and
override nothing: ``_fit``, ``_score`` and ``_map``.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
import torch
from sklearn.base import BaseEstimator
from sklearn.exceptions import NotFittedError

UNLABELLED, ANOMALY, KNOWN_NORMAL = 0, 1, 2


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
        masks = None if self.masks is None else self.masks[index]
        return Rows(self.images[index], self.labels[index], masks)

    def __len__(self) -> int:
        return len(self.images)


class Detector(BaseEstimator, ABC):
    """Abstract detector of anomalous images.

    Fitted attributes: ``decision_scores_`` (scores of the training rows, float64 ``(n,)``),
    ``threshold_`` (their ``1 - contamination`` quantile), ``labels_`` (int ``(n,)``, 1 where a
    training score exceeds the threshold) and ``shape_in_`` (``(c, h, w)`` or ``(d,)``).
    """

    vectors: ClassVar[bool] = False  # True: 2-D float rows (n, d) are accepted beside images
    contamination: float

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
        return np.asarray(self._score(self._seen(X)), dtype=np.float64)

    def score_map(self, X: Any) -> np.ndarray:
        """Score maps, float32 ``(n, h, w)``; larger = more anomalous pixel."""
        images = self._seen(X)
        if images.ndim != 4:
            raise ValueError("score_map: vectors have no pixels; fit on images (n, c, h, w)")
        return np.asarray(self._map(images), dtype=np.float32)

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

    def _checked(self, X: Any, y: Any, masks: Any, known_normal: Any) -> Rows:
        if not 0 < self.contamination <= 0.5:
            raise ValueError(f"contamination: must lie in (0, 0.5], got {self.contamination}")
        images = check_images(X, vectors=self.vectors)
        labels = check_labels(y, known_normal, len(images)).to(images.device)
        if not (labels != ANOMALY).any():
            raise ValueError("y: every row is a known anomaly; at least one normal row is needed")
        return Rows(images, labels, check_masks(masks, images))

    def _close(self, rows: Rows) -> Self:
        self.shape_in_ = tuple(rows.images.shape[1:])
        self.decision_scores_ = np.asarray(self._score(rows.images), dtype=np.float64)
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


def check_images(X: Any, vectors: bool = False) -> torch.Tensor:
    """Images as uint8 ``(n, c, h, w)`` (or float64 ``(n, d)`` where vectors are welcome).

    Raises ValueError naming what is wrong and the remedy.
    """
    images = X if isinstance(X, torch.Tensor) else torch.from_numpy(np.require(X, None, ["C", "W"]))
    if vectors and images.ndim == 2 and len(images):
        if not torch.isfinite(images).all():
            raise ValueError("vectors: NaN or infinite values; clean the rows first")
        return images.double()
    if images.ndim != 4 or 0 in images.shape:
        raise ValueError(f"images: expected shape (n, c, h, w), got {tuple(images.shape)}")
    if images.dtype == torch.uint8:
        return images
    if not images.is_floating_point():
        raise ValueError(f"images: expected uint8, or float in [0, 1], got {images.dtype}")
    if not torch.isfinite(images).all():
        raise ValueError("images: NaN or infinite values; clean the images first")
    low, high = float(images.min()), float(images.max())
    if low < 0 or high > 1:
        raise ValueError(
            f"images: float values must lie in [0, 1], got [{low:.4g}, {high:.4g}]; "
            "scale them or pass uint8"
        )
    return (images * 255).round().to(torch.uint8)


def check_labels(y: Any, known_normal: Any, n: int) -> torch.Tensor:
    """Labels int64 ``(n,)`` of UNLABELLED, ANOMALY, KNOWN_NORMAL; ValueError on other values."""
    labels = torch.full((n,), UNLABELLED)
    if y is not None:
        given = on_host(y)
        if given.shape != (n,) or not np.isin(given, [0, 1]).all():
            raise ValueError(
                f"y: expected {n} labels in {{0, 1}} (1 = known anomaly), got shape "
                f"{given.shape} with values {np.unique(given)[:5].tolist()}"
            )
        labels[torch.from_numpy(given == 1)] = ANOMALY
    if known_normal is not None:
        known = torch.from_numpy(on_host(known_normal).copy())
        if known.shape != (n,) or known.dtype != torch.bool:
            raise ValueError(f"known_normal: expected {n} booleans, got {tuple(known.shape)}")
        if (labels[known] == ANOMALY).any():
            raise ValueError("known_normal: a row cannot be known normal and a known anomaly")
        labels[known] = KNOWN_NORMAL
    return labels


def on_host(values: Any) -> np.ndarray:
    """An array of what may be a tensor on any device, an array or a list."""
    return np.asarray(values.cpu() if isinstance(values, torch.Tensor) else values)


def check_masks(masks: Any, images: torch.Tensor) -> torch.Tensor | None:
    """Masks as bool ``(n, h, w)`` on the images' device, or None; ValueError on another shape."""
    if masks is None:
        return None
    given = torch.from_numpy(on_host(masks) != 0)
    expected = (len(images), *images.shape[2:])
    if tuple(given.shape) != expected:
        raise ValueError(f"masks: expected shape {expected}, got {tuple(given.shape)}")
    return given.to(images.device)
