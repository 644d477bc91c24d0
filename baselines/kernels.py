"""Kernels as things: frozen, comparable, and able to differentiate the score they lead to.

`resolve` turns rules into numbers on the training rows; all else needs that. Rows: float64 (n, d).
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from scipy.spatial.distance import pdist

MEDIAN_ROWS = 1000  # ours: half a million pairs fix the median to a few per mille
CACHED = 2**18  # numbers of a Gram matrix worked on at once (2 MiB), to stay in the cache


class Kernel(ABC):
    """Abstract inner product ``k(x, y)`` of a feature space."""

    @abstractmethod
    def resolve(self, X: np.ndarray) -> Self:
        """This kernel with numbers in place of rules, read off the training rows."""

    @abstractmethod
    def choose(self, X: np.ndarray, index: np.ndarray | slice) -> np.ndarray:
        """What ``gram`` needs, as its second argument, of the training rows at `index`."""

    @abstractmethod
    def gram(self, X: np.ndarray, Y: np.ndarray) -> np.ndarray:
        """``k(x, y)`` of all pairs, float64 ``(n, m)``."""

    @abstractmethod
    def diagonal(self, X: np.ndarray) -> np.ndarray:
        """``k(x, x)`` of each row, float64 ``(n,)``."""

    @abstractmethod
    def gradient(self, X: np.ndarray, Y: np.ndarray, alpha: np.ndarray) -> np.ndarray:
        """Gradient ``(n, d)``, at each row x of X, of ``k(x, x) - 2 sum_i alpha_i k(y_i, x)``."""


def scale_gamma(X: np.ndarray) -> float:
    """1 / (d * variance of all entries), scikit-learn's "scale"; 1 where nothing varies."""
    return float(1 / (X.shape[1] * X.var() or 1.0))


def median_gamma(X: np.ndarray) -> float:
    """1 / median squared distance over pairs of at most 1,000 evenly spaced rows; 1 where it is 0.

    The median heuristic, e.g. Gretton et al. (2012), A kernel two-sample test.
    """
    rows = X[:: -(-len(X) // MEDIAN_ROWS)]
    return float(1 / (np.median(pdist(rows, "sqeuclidean")) or 1.0)) if len(rows) > 1 else 1.0


GAMMA_RULES: dict[str, Callable] = {"scale": scale_gamma, "median": median_gamma}


def numeric_gamma(gamma: float | str, X: np.ndarray) -> float:
    """`gamma` itself, or the value of its rule on `X`; ValueError on anything else."""
    if isinstance(gamma, str) and gamma in GAMMA_RULES:
        return GAMMA_RULES[gamma](X)
    if isinstance(gamma, str) or not 0 < gamma < np.inf:
        raise ValueError(f"gamma: a positive number or one of {[*GAMMA_RULES]}, got {gamma!r}")
    return float(gamma)


def bands(gram: np.ndarray) -> Iterator[slice]:
    """A few rows at a time, small enough for the cache, to be worked on in place."""
    step = max(1, CACHED // max(1, gram.shape[1]))
    return (slice(start, start + step) for start in range(0, len(gram), step))


@dataclass(frozen=True)
class RBF(Kernel):
    """``exp(-gamma |x - y|^2)``."""

    gamma: float | str = "scale"

    def resolve(self, X: np.ndarray) -> Self:
        return replace(self, gamma=numeric_gamma(self.gamma, X))

    def choose(self, X: np.ndarray, index: np.ndarray | slice) -> np.ndarray:
        return X[index]

    def gram(self, X: np.ndarray, Y: np.ndarray) -> np.ndarray:
        gamma, gram = float(self.gamma), X @ Y.T
        x, y = np.einsum("nd,nd->n", X, X), np.einsum("nd,nd->n", Y, Y)
        for band in bands(gram):
            part = gram[band]
            part *= 2
            part -= x[band, None]
            part -= y
            np.minimum(part, 0, out=part)  # a rounding error would give similarities above 1
            part *= gamma
            np.exp(part, out=part)
        return gram

    def diagonal(self, X: np.ndarray) -> np.ndarray:
        return np.ones(len(X))

    def gradient(self, X: np.ndarray, Y: np.ndarray, alpha: np.ndarray) -> np.ndarray:
        pull = self.gram(X, Y) * alpha
        return 4 * float(self.gamma) * (X * pull.sum(1, keepdims=True) - pull @ Y)


@dataclass(frozen=True)
class Linear(Kernel):
    """``x'y``: a ball in the space of the rows themselves."""

    def resolve(self, X: np.ndarray) -> Self:
        return self

    def choose(self, X: np.ndarray, index: np.ndarray | slice) -> np.ndarray:
        return X[index]

    def gram(self, X: np.ndarray, Y: np.ndarray) -> np.ndarray:
        return X @ Y.T

    def diagonal(self, X: np.ndarray) -> np.ndarray:
        return np.einsum("nd,nd->n", X, X)

    def gradient(self, X: np.ndarray, Y: np.ndarray, alpha: np.ndarray) -> np.ndarray:
        return 2 * (X - alpha @ Y)


@dataclass(frozen=True)
class Polynomial(Kernel):
    """``(gamma x'y + coef0) ** degree``; `coef0` 0 or more, `degree` a positive integer."""

    degree: int = 3
    gamma: float | str = "scale"
    coef0: float = 1.0

    def resolve(self, X: np.ndarray) -> Self:
        if self.degree != int(self.degree) or self.degree < 1 or not self.coef0 >= 0:
            raise ValueError(f"{self}: degree must be a positive integer, coef0 0 or more")
        return replace(self, gamma=numeric_gamma(self.gamma, X))

    def choose(self, X: np.ndarray, index: np.ndarray | slice) -> np.ndarray:
        return X[index]

    def gram(self, X: np.ndarray, Y: np.ndarray) -> np.ndarray:
        gram = X @ Y.T
        for band in bands(gram):
            part = gram[band]
            part *= float(self.gamma)
            part += self.coef0
            base = part.copy()
            for _ in range(self.degree - 1):
                part *= base  # much faster than numpy's power
        return gram

    def diagonal(self, X: np.ndarray) -> np.ndarray:
        return (float(self.gamma) * np.einsum("nd,nd->n", X, X) + self.coef0) ** self.degree

    def gradient(self, X: np.ndarray, Y: np.ndarray, alpha: np.ndarray) -> np.ndarray:
        # The gradient of (gamma x'y + coef0)^p is p gamma (...)^(p - 1) y, and twice that at y = x.
        lower = replace(self, degree=self.degree - 1)
        own = lower.diagonal(X)[:, None] * X
        pull = (float(self.gamma) * (X @ Y.T) + self.coef0) ** lower.degree * alpha
        return 2 * self.degree * float(self.gamma) * (own - pull @ Y)


@dataclass(frozen=True)
class Precomputed(Kernel):
    """Rows are similarities to the n training rows: ``(n, n)`` at fit, ``(m, n)`` at scoring.

    The score of a row needs its similarity to itself, which such rows do not hold. It is known only
    where it is the same for all, as for an RBF kernel; ``resolve`` reads this constant off the Gram
    matrix and refuses one whose diagonal varies, rather than rank rows by half a distance.
    """

    constant: float | None = None

    def resolve(self, X: np.ndarray) -> Self:
        if X.ndim != 2 or X.shape[0] != X.shape[1]:
            raise ValueError(f"Precomputed: fit expects a Gram matrix (n, n), got {X.shape}")
        own = X.diagonal()
        if not np.allclose(X, X.T, rtol=1e-6, atol=1e-6 * float(np.abs(own).max())):
            raise ValueError(
                "Precomputed: the Gram matrix is not symmetric; k(x, y) must be k(y, x)"
            )
        if np.ptp(own) > 1e-6 * float(np.abs(own).max()):
            remedy = "normalise to K_ij / sqrt(K_ii K_jj), or pass the kernel itself"
            raise ValueError(f"Precomputed: k(x, x) varies, so new rows have no score; {remedy}")
        return replace(self, constant=float(own.mean()))

    def choose(self, X: np.ndarray, index: np.ndarray | slice) -> np.ndarray:
        return np.arange(len(X))[index]

    def gram(self, X: np.ndarray, Y: np.ndarray) -> np.ndarray:
        return X[:, Y]

    def diagonal(self, X: np.ndarray) -> np.ndarray:
        return np.full(len(X), self.constant)

    def gradient(self, X: np.ndarray, Y: np.ndarray, alpha: np.ndarray) -> np.ndarray:
        raise ValueError("Precomputed: similarities have no gradient; pass the kernel itself")
