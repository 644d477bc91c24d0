"""Support vector data description (Tax and Duin 2004): the smallest soft sphere, by a kernel."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
import torch

from baselines.checks import ANOMALY
from baselines.detector import Detector, Rows, normal
from baselines.kernels import RBF, Kernel
from baselines.later import LATER
from baselines.normalise import Normaliser, UnitRange, unit
from baselines.sphere import fit_sphere

BLOCK = 2**24  # numbers per temporary array while scoring (128 MiB)


def flat(images: torch.Tensor, normalise: Normaliser, measured: torch.Tensor) -> np.ndarray:
    """Rows float64 ``(n, d)``: pixels of uint8 images, normalised; vectors as they are."""
    if images.dtype == torch.uint8:
        images = normalise(unit(images, torch.float64), measured)
    return images.reshape(len(images), -1).cpu().numpy().astype(np.float64)


def measured(rows: Rows, normalise: Normaliser) -> torch.Tensor:
    """What the normaliser measures on the normal images; nothing of vectors."""
    if rows.images.dtype == torch.uint8:
        return normalise.measure(normal(rows).images)
    return torch.zeros(0)


@dataclass(eq=False, repr=False)
class SVDD(Detector):
    """The smallest soft sphere around the normal rows, in the feature space of a kernel.

    Tax and Duin (2004), Support Vector Data Description, with negative examples (section 2.2):
    known anomalies are kept outside. The score of x is ``|phi(x) - centre|^2 - radius^2``, positive
    outside the sphere; the score map is the size of its gradient with respect to the pixels, summed
    over the channels (Simonyan et al. 2014). Rows known to be normal count as unlabelled ones.

    kernel: a `Kernel`; its rules are resolved on all training rows.
    nu: without known anomalies, the upper bound on the share of training rows outside, and the
    lower bound on that of support vectors, in (0, 1]: ``C = 1 / (nu * normal rows)``.
    C: the bound itself, at least 1 / (normal rows); overrides nu.
    normalise: what is done to images, not to vectors, beforehand; maps are of the pixels after it.
    nu_anomaly: the same for known anomalies, ``1 / (nu_anomaly * anomalies)`` (default: the bound
    of the normal rows, so an error weighs the same on either side).
    tol: where to stop, see `fit_sphere`.

    The Gram matrix is held in memory: 8 n^2 bytes, 288 MB for 6,000 rows.

    Fitted: ``radius2_``, ``radius_``, ``alpha_`` (signed coefficients, ``(n,)``), ``support_``
    (indices), ``support_vectors_`` (their rows; under Precomputed their indices),
    ``centre_norm2_``, ``objective_``, ``kkt_`` (residual, in squared distances) and ``kernel_``
    (resolved).
    """

    vectors: ClassVar[bool] = True

    kernel: Kernel = field(default_factory=RBF)
    nu: float = 0.1
    C: float | None = None
    nu_anomaly: float | None = None
    tol: float = 1e-5
    normalise: Normaliser = field(default=UnitRange(), metadata=LATER)

    def _fit(self, rows: Rows) -> None:
        anomaly = (rows.labels == ANOMALY).cpu().numpy()
        inside, outside = self._bounds(anomaly)
        self.measured_ = measured(rows, self.normalise)
        X = flat(rows.images, self.normalise, self.measured_)
        self.kernel_ = self.kernel.resolve(X)
        gram = self.kernel_.gram(X, self.kernel_.choose(X, slice(None)))
        sphere = fit_sphere(gram, anomaly, inside, outside, self.tol)
        self.alpha_, self.support_ = sphere.alpha, sphere.support
        self.support_vectors_ = self.kernel_.choose(X, sphere.support)
        self.radius2_, self.radius_ = sphere.radius2, max(sphere.radius2, 0.0) ** 0.5
        self.centre_norm2_, self.objective_ = sphere.centre_norm2, sphere.objective
        self.kkt_ = sphere.kkt

    def _bounds(self, anomaly: np.ndarray) -> tuple[float, float]:
        """Bounds on the coefficients of normal rows and of known anomalies."""
        for name, share in (("nu", self.nu), ("nu_anomaly", self.nu_anomaly)):
            if share is not None and not 0 < share <= 1:
                raise ValueError(f"{name}: must lie in (0, 1], got {share}")
        if not self.tol > 0:
            raise ValueError(f"tol: must be positive, got {self.tol}")
        inside = 1 / (self.nu * int((~anomaly).sum())) if self.C is None else self.C
        if self.nu_anomaly is None or not anomaly.any():
            return inside, inside
        return inside, 1 / (self.nu_anomaly * int(anomaly.sum()))

    def _score(self, images: torch.Tensor) -> np.ndarray:
        return np.concatenate([self._distance(X) for X in self._blocks(images)]) - self.radius2_

    def _distance(self, X: np.ndarray) -> np.ndarray:
        """Squared distance of each row from the centre."""
        to_centre = self.kernel_.gram(X, self.support_vectors_) @ self.alpha_[self.support_]
        return self.kernel_.diagonal(X) - 2 * to_centre + self.centre_norm2_

    def _map(self, images: torch.Tensor) -> np.ndarray:
        alpha = self.alpha_[self.support_]
        parts = [
            self.kernel_.gradient(X, self.support_vectors_, alpha) for X in self._blocks(images)
        ]
        shape = self.normalise(unit(images[:1]), self.measured_).shape[1:]
        return np.abs(np.concatenate(parts)).reshape(len(images), *shape).sum(1)

    def _blocks(self, images: torch.Tensor) -> Iterator[np.ndarray]:
        """The rows in blocks that bound the memory of their similarities."""
        size = max(1, BLOCK // max(len(self.support_), int(images[0].numel())))
        return (flat(part, self.normalise, self.measured_) for part in images.split(size))
