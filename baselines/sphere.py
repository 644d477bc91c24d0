"""The smallest soft sphere around points known by their Gram matrix: SVDD's dual, solved by SMO.

Tax and Duin (2004), Support Vector Data Description, sections 2.1, 2.2. In signed coefficients a,
with ``0 <= a_i <= C`` for normal rows, ``-C_anomaly <= a_i <= 0`` for known anomalies and
``sum a = 1``, minimise ``a'Ka - sum_i a_i K_ii``. The linear term is what sets SVDD apart from the
one-class SVM; the two agree only where ``K_ii`` is constant.

Pairs are chosen by second-order information (Fan, Chen and Lin 2005, Working set selection using
second order information for training support vector machines). Started from the rows farthest from
the mean, it needs some hundred pairs for 6,000 images, with linear and polynomial kernels as well.
"""

import warnings
from dataclasses import dataclass

import numpy as np
from sklearn.exceptions import ConvergenceWarning

MAX_ITERATIONS = 200_000  # ours: about ten seconds at 6,000 rows, a thousand times the usual need
ROUNDING = 1e-13  # ours: shares of a bound, or of the largest K_ii, that count as zero


@dataclass(frozen=True)
class Sphere:
    """A solved sphere.

    ``alpha``: signed coefficients, float64 ``(n,)``; ``radius2``: squared radius in feature space;
    ``centre_norm2``: squared norm of the centre; ``objective``: ``a'Ka - sum a_i K_ii``; ``kkt``:
    how far the worst pair violates optimality, in squared distances (0 or less: not at all);
    ``support``: indices of the rows whose coefficient is not 0.
    """

    alpha: np.ndarray
    radius2: float
    centre_norm2: float
    objective: float
    kkt: float
    iterations: int
    support: np.ndarray


@dataclass(frozen=True)
class _Dual:
    """The problem: Gram matrix, its diagonal, the bounds of every coefficient, and the squared
    distance below which all is rounding error."""

    gram: np.ndarray
    diagonal: np.ndarray
    low: np.ndarray
    high: np.ndarray
    rounding: float

    def slope(self, alpha: np.ndarray) -> np.ndarray:
        return 2 * (self.gram @ alpha) - self.diagonal


def fit_sphere(
    gram: np.ndarray,
    anomaly: np.ndarray | None = None,
    C: float = 1.0,
    C_anomaly: float = 1.0,
    tol: float = 1e-5,
    max_iterations: int = MAX_ITERATIONS,
) -> Sphere:
    """Solve the dual for a Gram matrix ``(n, n)``, symmetric and positive semidefinite.

    anomaly: bool ``(n,)``, rows to keep outside (default: none).
    C, C_anomaly: bounds on the size of the coefficients of normal rows and of anomalies.
    tol: the violation to stop at, as a share of the normal rows' scatter (their mean squared
    distance from their mean). Without anomalies the objective is then within the same distance of
    the optimum.

    Raises ValueError where the normal coefficients cannot sum to 1. Warns with ConvergenceWarning
    where the iterations end first: the sphere is then feasible, but not the optimal one.
    """
    outside = np.zeros(len(gram), dtype=bool) if anomaly is None else np.asarray(anomaly, bool)
    dual = _posed(np.asarray(gram, dtype=np.float64), outside, C, C_anomaly)
    share = ~outside / (~outside).sum()
    to_mean = dual.gram @ share
    alpha = _farthest_first(dual, ~outside, dual.diagonal - 2 * to_mean)
    scatter = (dual.diagonal - to_mean) @ share
    target = max(tol * float(scatter), dual.rounding)
    iterations = _descend(dual, alpha, target, max_iterations)
    sphere = _summary(dual, alpha, iterations)
    if iterations == max_iterations and sphere.kkt > target:
        warnings.warn(
            f"SVDD: KKT residual {sphere.kkt:.3g} after {iterations} iterations, wanted "
            f"{target:.3g}; scale the data, lower C, or raise tol",
            ConvergenceWarning,
            stacklevel=2,
        )
    return sphere


def _posed(gram: np.ndarray, outside: np.ndarray, C: float, C_anomaly: float) -> _Dual:
    """The checked problem."""
    n, inside = len(gram), int((~outside).sum())
    if gram.shape != (n, n) or outside.shape != (n,):
        raise ValueError(f"gram: expected (n, n) with n rows marked, got {gram.shape}")
    if not C * inside >= 1 - ROUNDING * n:
        raise ValueError(f"C: {C:.4g} is infeasible; for {inside} normal rows at least 1/{inside}")
    if not C_anomaly > 0:
        raise ValueError(f"C_anomaly: must be positive, got {C_anomaly}")
    low, high = np.where(outside, -C_anomaly, 0.0), np.where(outside, 0.0, C)
    diagonal = gram.diagonal().copy()
    return _Dual(gram, diagonal, low, high, ROUNDING * (float(np.abs(diagonal).max()) or 1.0))


def _farthest_first(dual: _Dual, normal: np.ndarray, distance: np.ndarray) -> np.ndarray:
    """A feasible start: full coefficients for the normal rows at the largest `distance`."""
    order = np.flatnonzero(normal)[np.argsort(-distance[normal], kind="stable")]
    before = np.concatenate(([0.0], np.cumsum(dual.high[order])[:-1]))
    alpha = np.zeros(len(normal))
    alpha[order] = np.clip(1 - before, 0, dual.high[order])
    return alpha


def _descend(dual: _Dual, alpha: np.ndarray, target: float, max_iterations: int) -> int:
    """Improve `alpha` in place to a violation of `target`, a pair at a time; returns how many.

    Rows that may not rise (fall) are hidden from the search by an infinite ``up`` (``down``).
    """
    gram, diagonal = dual.gram, dual.diagonal
    slope = dual.slope(alpha)
    up, down = np.where(alpha < dual.high, 0, np.inf), np.where(alpha > dual.low, 0, np.inf)
    for iteration in range(max_iterations):
        i = int((slope + up).argmin())
        gap = slope - down - (slope[i] + up[i])
        if gap.max() <= target:
            return iteration
        curve = np.maximum(diagonal + diagonal[i] - 2 * gram[i], dual.rounding)
        j = int((np.maximum(gap, 0) ** 2 / curve).argmax())
        rise, fall = dual.high[i] - alpha[i], alpha[j] - dual.low[j]
        step = min(gap[j] / (2 * curve[j]), rise, fall)
        # Onto the bound exactly: a rounding error beside it would free the row again.
        alpha[i] = dual.high[i] if step == rise else alpha[i] + step
        alpha[j] = dual.low[j] if step == fall else alpha[j] - step
        for k in (i, j):
            up[k] = 0 if alpha[k] < dual.high[k] else np.inf
            down[k] = 0 if alpha[k] > dual.low[k] else np.inf
        slope += 2 * step * (gram[i] - gram[j])
    return max_iterations


def _summary(dual: _Dual, alpha: np.ndarray, iterations: int) -> Sphere:
    """Radius, objective and residual, from a slope computed afresh."""
    slope = dual.slope(alpha)
    may_rise, may_fall = alpha < dual.high, alpha > dual.low
    highest = slope[may_fall].max()
    lowest = slope[may_rise].min() if may_rise.any() else highest  # none may rise at nu = 1
    free = may_rise & may_fall
    # Where no row is free, every radius between the two bounds is optimal.
    level = slope[free].mean() if free.any() else (highest + lowest) / 2
    centre_norm2 = (slope + dual.diagonal) @ alpha / 2
    return Sphere(
        alpha=alpha,
        radius2=float(centre_norm2 - level),
        centre_norm2=float(centre_norm2),
        objective=float((slope - dual.diagonal) @ alpha / 2),
        kkt=max(0.0, float(highest - lowest)),
        iterations=iterations,
        support=np.flatnonzero(alpha),
    )
