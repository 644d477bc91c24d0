"""Any detector of PyOD behind the contract: ``shallow("pyod.models.iforest:IForest")``."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass, field
from pkgutil import resolve_name
from typing import Any, ClassVar

import numpy as np
import torch
from sklearn.decomposition import PCA

from baselines.checks import ANOMALY
from baselines.detector import Detector, Rows
from baselines.later import LATER
from baselines.normalise import Normaliser, UnitRange
from baselines.svdd import flat, measured

PIXELS = UnitRange()
BLOCK = 2**24  # numbers per batch of occluded images (128 MiB)


@dataclass(eq=False, repr=False)
class Shallow(Detector):
    """A detector of PyOD (Zhao et al. 2019) on flattened, normalised pixels, float64.

    detector: its class, or where to import it from when fitted, as "package.module:Class".
    params: its arguments. `seed` is passed as ``random_state`` where it takes one; a detector that
    draws from a global generator instead does not repeat itself.
    pca: share of the variance to keep, in (0, 1), by a projection before the detector (Ruff et al.
    2018, section 4.1, keep 0.95), or None for the pixels themselves.
    patch, stride: side and step of the occluding square, in pixels.
    normalise: what is done to images, not to vectors, beforehand, at their own size.

    Known anomalies are left out of training. PyOD's detectors have no gradient, so the score map is
    one of occlusion (Zeiler and Fergus 2014): each pixel shows how much the score falls, on average
    over the squares that cover it, when a square is replaced by that of the mean training image.
    It costs one scoring per square: 36 for 28 x 28 pixels as set.

    Two habits of PyOD show through. ECOD and COPOD rank a row among those scored with it, so their
    scores depend on the batch, and lose most of their worth where anomalies are many, as in
    one-vs-rest test sets. In detectors of neighbours a training row is a neighbour of itself, which
    lowers ``decision_scores_`` and ``threshold_``.
    """

    vectors: ClassVar[bool] = True

    detector: Callable[..., Any] | str
    params: dict[str, Any] = field(default_factory=dict)
    pca: float | None = None
    patch: int = 8
    stride: int = 4
    seed: int = 0
    normalise: Normaliser = field(default=PIXELS, metadata=LATER)

    def _fit(self, rows: Rows) -> None:
        if self.pca is not None and not 0 < self.pca < 1:
            raise ValueError(f"pca: a share of the variance in (0, 1), or None, got {self.pca}")
        if self.patch < 1 or not 1 <= self.stride <= self.patch:
            raise ValueError(
                f"patch, stride: expected 1 <= stride <= patch, got {self.stride} and {self.patch}"
            )
        self.measured_ = measured(rows, self.normalise)
        X = self._flat(rows.images[rows.labels != ANOMALY])
        self.mean_ = X.mean(0)
        self.projection_ = None
        if self.pca is not None:
            solver = "full" if len(X) < X.shape[1] else "covariance_eigh"  # the cheaper, both exact
            self.projection_ = PCA(self.pca, svd_solver=solver).fit(X)
        self.detector_ = self._build().fit(self._projected(X))

    def _build(self) -> Any:
        """A fresh detector of PyOD."""
        build = load(self.detector) if isinstance(self.detector, str) else self.detector
        params = dict(self.params)
        if "random_state" in inspect.signature(build).parameters:
            params.setdefault("random_state", self.seed)
        return build(**params)

    def _flat(self, images: torch.Tensor) -> np.ndarray:
        return flat(images, self.normalise, self.measured_)

    def _projected(self, X: np.ndarray) -> np.ndarray:
        return X if self.projection_ is None else self.projection_.transform(X)

    def _scored(self, X: np.ndarray) -> np.ndarray:
        return np.asarray(self.detector_.decision_function(self._projected(X)), dtype=np.float64)

    def _score(self, images: torch.Tensor) -> np.ndarray:
        return self._scored(self._flat(images))

    def _map(self, images: torch.Tensor) -> np.ndarray:
        c, h, w = self.shape_in_
        squares = occluders(h, w, self.patch, self.stride)
        blocks = images.split(max(1, BLOCK // (squares.size * c)))
        return np.concatenate([self._falls(self._flat(b), squares) for b in blocks]) / squares.sum(
            0
        )

    def _falls(self, X: np.ndarray, squares: np.ndarray) -> np.ndarray:
        """Falls of the score ``(n, h, w)``, summed over the squares that cover a pixel."""
        before, channels = self._scored(X)[:, None], self.shape_in_[0]
        falls = np.zeros((len(X), *squares.shape[1:]))
        step = max(1, BLOCK // X.size)
        for start in range(0, len(squares), step):
            some = squares[start : start + step]
            hidden = np.repeat(some[:, None], channels, axis=1).reshape(len(some), -1)
            occluded = np.where(hidden, self.mean_, X[:, None]).reshape(-1, X.shape[1])
            after = self._scored(occluded).reshape(len(X), len(some))
            falls += np.tensordot(before - after, some, 1)
        return falls


def load(place: str) -> Callable[..., Any]:
    """What stands at "package.module:Class"; ValueError where nothing does."""
    try:
        return resolve_name(place)
    except (ImportError, AttributeError, ValueError) as error:
        raise ValueError(
            f"shallow: cannot import {place!r} ({error}); write 'package.module:Class'"
        ) from error


def occluders(h: int, w: int, patch: int, stride: int) -> np.ndarray:
    """Squares that together cover an image, bool ``(p, h, w)``."""

    def corners(size: int) -> list[int]:
        last = max(0, size - patch)
        return [*range(0, last, stride), last]

    squares = np.zeros((len(corners(h)) * len(corners(w)), h, w), dtype=bool)
    places = [(top, left) for top in corners(h) for left in corners(w)]
    for square, (top, left) in zip(squares, places, strict=True):
        square[top : top + patch, left : left + patch] = True
    return squares


def shallow(
    detector: Callable[..., Any] | str,
    *,
    pca: float | None = None,
    patch: int = 8,
    stride: int = 4,
    seed: int = 0,
    normalise: Normaliser = PIXELS,
    contamination: float = 0.1,
    **params: Any,
) -> Shallow:
    """A detector of PyOD by one line, e.g. ``shallow("pyod.models.knn:KNN", n_neighbors=5)``.

    The named options are those of `Shallow`; all others go to the detector's class.
    """
    return Shallow(
        detector, params, pca, patch, stride, seed, normalise, contamination=contamination
    )
