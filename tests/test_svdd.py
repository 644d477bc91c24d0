"""SVDD against libsvm, a general solver, cases solved by hand, and finite differences."""

import gzip
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize
from scipy.spatial.distance import pdist
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.svm import OneClassSVM

from baselines.kernels import RBF, Linear, Polynomial, Precomputed
from baselines.normalise import PerImageStandard
from baselines.sphere import fit_sphere
from baselines.svdd import SVDD

FASHION = Path("/usr/share/datasets/fashion-mnist")  # where Debian's package installs it
KERNELS = [RBF(0.3), Linear(), Polynomial(3, 0.5, 1.0)]


def blob(n: int, d: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(n, d))


def libsvm_objective(X: np.ndarray, nu: float, gamma: float) -> float:
    """libsvm's solution on SVDD's scale: its coefficients sum to nu * n, ours to 1."""
    libsvm = OneClassSVM(nu=nu, gamma=gamma, tol=1e-6).fit(X)
    alpha, support = libsvm.dual_coef_[0] / (nu * len(X)), libsvm.support_vectors_
    return float(alpha @ RBF(gamma).gram(support, support) @ alpha - alpha.sum())


@pytest.mark.parametrize("nu", [0.02, 0.1, 0.5])
def test_rbf_reaches_libsvms_objective(nu):
    objective = SVDD(RBF(0.1), nu=nu, tol=1e-7).fit(blob(300, 5)).objective_
    assert objective == pytest.approx(libsvm_objective(blob(300, 5), nu, 0.1), abs=1e-6)


@pytest.mark.skipif(not FASHION.exists(), reason=f"Fashion-MNIST is not in {FASHION}")
def test_six_thousand_images_match_libsvm_and_are_as_fast():
    files = [FASHION / f"train-{name}-ubyte.gz" for name in ("images-idx3", "labels-idx1")]
    pixels, labels = [np.frombuffer(gzip.decompress(f.read_bytes()), np.uint8) for f in files]
    images = pixels[16:].reshape(-1, 1, 28, 28)[labels[8:] == 0]
    X, start = images.reshape(6000, 784) / 255, time.perf_counter()
    detector = SVDD(nu=0.1).fit(images)
    middle = time.perf_counter()
    OneClassSVM(nu=0.1, gamma="scale").fit(X)
    end = time.perf_counter()
    expected = libsvm_objective(X, 0.1, 1 / (784 * X.var()))
    assert detector.objective_ == pytest.approx(expected, abs=1e-4)
    assert detector.kkt_ < 1e-3
    # Measured 0.5 to 0.7 of libsvm's time; the margin is for a busy machine.
    assert middle - start < 2 * (end - middle)


@pytest.mark.parametrize("kernel", KERNELS, ids=repr)
@pytest.mark.parametrize("anomalies", [0, 4])
def test_a_general_solver_finds_no_smaller_objective(kernel, anomalies):
    X = blob(16, 3)
    gram, anomaly = kernel.gram(X, X), np.arange(16) < anomalies
    bounds = [(-0.15, 0) if a else (0, 0.2) for a in anomaly]
    sums_to_one = {"type": "eq", "fun": lambda a: a.sum() - 1}
    solved = minimize(
        lambda a: (a @ gram @ a - a @ gram.diagonal(), 2 * gram @ a - gram.diagonal()),
        np.where(anomaly, 0, 1 / (~anomaly).sum()),
        jac=True,
        method="SLSQP",
        bounds=bounds,
        constraints=sums_to_one,
        options={"ftol": 1e-14, "maxiter": 1000},
    )
    objective = fit_sphere(gram, anomaly, C=0.2, C_anomaly=0.15, tol=1e-9).objective
    assert objective == pytest.approx(solved.fun, rel=1e-6)


@pytest.mark.parametrize(
    ("c_anomaly", "alpha", "radius2_and_objective"),
    [
        # Normal rows (-1, 0), (1, 0), anomaly (0, 1/2): the ball of radius 1 would hold it. From a
        # centre (0, -t), radius^2 = 1 + t^2 and the anomaly is at (1/2 + t)^2: equal at t = 3/4.
        # The centre sum a_i x_i is (0, a_3 / 2), so a_3 = -3/2, and a_1 = a_2 = 5/4 make the sum 1.
        # Without slack the objective is -radius^2.
        (2, [1.25, 1.25, -1.5], [1.5625, -1.5625]),
        # a_3 held at -1: a_1 = a_2 = 1, centre (0, -1/2), radius^2 = 1 + 1/4, and objective
        # |c|^2 - sum a_i |x_i|^2 = 1/4 - (2 - 1/4).
        (1, [1, 1, -1], [1.25, -1.5]),
    ],
)
def test_negative_example_solved_by_hand(c_anomaly, alpha, radius2_and_objective):
    X = np.array([[-1.0, 0], [1, 0], [0, 0.5]])
    sphere = fit_sphere(X @ X.T, np.array([False, False, True]), 2.0, c_anomaly, tol=1e-12)
    assert sphere.alpha == pytest.approx(alpha)
    assert [sphere.radius2, sphere.objective] == pytest.approx(radius2_and_objective)


def test_radius_is_the_middle_of_the_bounds_where_no_row_is_free():
    X = np.array([[0.0], [1], [10]])
    sphere = fit_sphere(X @ X.T, C=0.5)  # centre 5: rows at squared distances 25, 16, 25
    assert [*sphere.alpha, sphere.radius2] == pytest.approx([0.5, 0, 0.5, 20.5])


def test_a_known_anomaly_raises_its_score():
    X, y = np.concatenate([blob(60, 2), [[0.5, 2.0]]]), np.arange(61) // 60
    detector = SVDD(RBF(0.5), nu_anomaly=1.0).fit(X, y)
    assert detector.alpha_[60] < 0
    assert detector.decision_scores_[60] > SVDD(RBF(0.5)).fit(X[:60]).decision_function(X[60:])


@pytest.mark.parametrize("kernel", KERNELS, ids=repr)
def test_free_support_vectors_lie_on_the_sphere_and_nu_bounds_the_rest(kernel):
    X, nu = blob(200, 4), 0.15
    detector = SVDD(kernel, nu=nu, tol=1e-8).fit(X)
    scores, alpha, size = detector.decision_scores_, detector.alpha_, detector.radius2_
    free = (alpha > 0) & (alpha < 1 / (nu * 200))
    assert np.abs(scores[free]).max() < 1e-6 * size
    assert (scores > 1e-6 * size).mean() <= nu <= len(detector.support_) / 200
    assert (scores[alpha == 0] < 1e-6 * size).all()
    assert detector.radius_ == pytest.approx(size**0.5)


def test_precomputed_equals_rbf():
    X, new, kernel = blob(50, 3), blob(7, 3, seed=1), RBF(0.3)
    direct = SVDD(kernel).fit(X)
    given_gram = SVDD(Precomputed()).fit(kernel.gram(X, X))
    rows = kernel.gram(new, X)
    assert given_gram.decision_function(rows) == pytest.approx(direct.decision_function(new))
    with pytest.raises(ValueError, match="score_map"):
        given_gram.score_map(rows)


@pytest.mark.parametrize("kernel", KERNELS, ids=repr)
def test_the_score_map_is_the_gradient(kernel):
    images = np.random.default_rng(0).integers(0, 256, (30, 2, 3, 3), dtype=np.uint8)
    # Vectors are scored as they are, so a twin fitted on them allows steps below a grey level.
    X, step = images.reshape(30, 18) / 255, 1e-5 * np.eye(18)
    score = SVDD(kernel).fit(X).decision_function
    slope = np.array([score(x + step) - score(x - step) for x in X[:4]]) / 2e-5
    expected = np.abs(slope).reshape(4, 2, 3, 3).sum(1)
    maps = SVDD(kernel).fit(images).score_map(images[:4])
    assert maps == pytest.approx(expected, rel=1e-3, abs=1e-6)


def test_gamma_rules():
    X = blob(40, 3)
    rules = [RBF(rule).resolve(X).gamma for rule in ("scale", "median", 0.7)]
    assert rules == pytest.approx([1 / (3 * X.var()), 1 / np.median(pdist(X) ** 2), 0.7])
    assert RBF("scale").resolve(np.ones((4, 3))).gamma == 1
    assert RBF("median").resolve(blob(2500, 2)) == RBF("median").resolve(blob(2500, 2)[::3])


@pytest.mark.parametrize(
    ("options", "rows", "message"),
    [
        ({"nu": 0.0}, blob(20, 2), "nu: must lie"),
        ({"C": 0.01}, blob(20, 2), "infeasible"),
        ({"kernel": RBF("auto")}, blob(20, 2), "gamma"),
        ({"kernel": Polynomial(degree=0)}, blob(20, 2), "degree"),
        ({"kernel": Precomputed()}, np.diag([1.0, 2.0]), "normalise"),
        ({"kernel": Precomputed()}, np.array([[1.0, 0.5], [0.2, 1.0]]), "not symmetric"),
    ],
)
def test_bad_parameters_are_named(options, rows, message):
    with pytest.raises(ValueError, match=message) as error:
        SVDD(**options).fit(rows)
    assert "\n" not in str(error.value)


def test_a_clone_is_equal_and_refitting_forgets():
    detector = SVDD(Polynomial(2), nu=0.2)
    assert clone(detector).get_params() == detector.get_params()
    refitted = detector.fit(blob(25, 3, seed=1)).fit(blob(40, 3))
    assert (refitted.decision_scores_ == clone(detector).fit(blob(40, 3)).decision_scores_).all()


@pytest.mark.filterwarnings("error")
def test_the_iteration_cap_warns_and_stays_feasible():
    X = blob(100, 3)
    with pytest.warns(ConvergenceWarning, match="KKT residual"):
        sphere = fit_sphere(X @ X.T, np.arange(100) < 30, 1.0, 1.0, max_iterations=5)
    assert sphere.alpha.sum() == pytest.approx(1)
    still = fit_sphere(np.eye(5), C=0.2)  # nu = 1: nothing may move
    assert [still.kkt, still.radius2] == pytest.approx([0, 0.8])


@settings(max_examples=60, deadline=None)
@given(st.integers(2, 40), st.integers(1, 6), st.floats(0.05, 1), st.integers(0, 2**32 - 1))
def test_random_problems_end_optimal(n, rank, nu, seed):
    rng = np.random.default_rng(seed)
    factor = rng.normal(size=(n, rank)) * 10 ** rng.uniform(-2, 2, rank)
    gram, anomaly = factor @ factor.T, (rng.random(n) < 0.3) & (np.arange(n) > 0)
    c = 1 / (nu * (~anomaly).sum())
    alpha = fit_sphere(gram, anomaly, c, c, tol=1e-5).alpha
    low, high, slope = -c * anomaly, c * ~anomaly, 2 * gram @ alpha - gram.diagonal()
    assert alpha.sum() == pytest.approx(1)
    assert ((low <= alpha) & (alpha <= high)).all()
    residual = slope[alpha > low].max() - slope[alpha < high].min(initial=np.inf)
    assert residual <= 1.1e-5 * gram.diagonal().max()


def test_images_are_normalised_first():
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (60, 3, 6, 6), generator=generator, dtype=torch.uint8)
    found = SVDD(RBF("median"), normalise=PerImageStandard()).fit(images[:50])
    rows = images.double().flatten(1).numpy()
    rows = (rows - rows.mean(1, keepdims=True)) / rows.std(1, keepdims=True)
    expected = SVDD(RBF("median")).fit(rows[:50])
    np.testing.assert_allclose(
        found.decision_function(images[50:]), expected.decision_function(rows[50:]), rtol=1e-9
    )
    assert found.score_map(images[50:]).shape == (10, 6, 6)
