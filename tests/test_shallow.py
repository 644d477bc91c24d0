"""PyOD's detectors behind the contract, on scikit-learn's digits."""

import subprocess
import sys

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.metrics import roc_auc_score

from baselines.shallow import Shallow, load, occluders, shallow

DETECTORS = {
    "iforest:IForest": {},
    "kde:KDE": {},
    "ocsvm:OCSVM": {},
    "ecod:ECOD": {},
    "knn:KNN": {"n_neighbors": 3},
    "pca:PCA": {},
}


def digits(normal: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Training images of one digit, and images with labels for testing, one in ten anomalous."""
    bunch = load_digits()
    images = (bunch.images * 255 / 16).round().astype(np.uint8)[:, None]
    own, rest = images[bunch.target == normal], images[bunch.target != normal]
    test = np.concatenate([own[100:], rest[::200]])
    return own[:100], test, np.arange(len(test)) >= len(own[100:])


@pytest.mark.parametrize("name", DETECTORS)
@pytest.mark.parametrize("pca", [None, 0.95])
def test_anomalies_score_higher(name, pca):
    train, test, anomaly = digits()
    detector = shallow(f"pyod.models.{name}", pca=pca, **DETECTORS[name]).fit(train)
    scores = detector.decision_function(test)
    assert scores.shape == (len(test),)
    assert scores.dtype == np.float64
    assert roc_auc_score(anomaly, scores) > 0.9
    assert detector.projection_ is None or detector.projection_.n_components_ < 64


def test_importing_it_and_building_a_detector_leaves_pyod_alone():
    code = (
        "import sys; from baselines.shallow import shallow; shallow('pyod.models.iforest:IForest');"
        "sys.exit(any(name.split('.')[0] in ('pyod', 'numba') for name in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_class_and_its_place_are_the_same_detector():
    from pyod.models.iforest import IForest

    train, test, _ = digits()
    by_class = shallow(IForest, n_estimators=10).fit(train).decision_function(test)
    by_place = shallow("pyod.models.iforest:IForest", n_estimators=10).fit(train)
    assert (by_class == by_place.decision_function(test)).all()


def test_seed_decides_and_an_explicit_random_state_wins():
    train, test, _ = digits()

    def scores(**options):
        forest = shallow("pyod.models.iforest:IForest", n_estimators=10, **options)
        return forest.fit(train).decision_function(test)

    assert (scores(seed=1) == scores(seed=1)).all()
    assert (scores(seed=1) != scores(seed=2)).any()
    assert (scores(seed=2, random_state=1) == scores(seed=1)).all()


def test_a_clone_is_equal_and_refitting_forgets():
    train, test, _ = digits()
    detector = shallow("pyod.models.knn:KNN", n_neighbors=3, pca=0.9, contamination=0.2)
    assert isinstance(detector, Shallow)
    assert detector.params == {"n_neighbors": 3}
    assert clone(detector).get_params() == detector.get_params()
    refitted = detector.fit(test).fit(train)
    fresh = clone(detector).fit(train)
    assert (refitted.decision_function(test) == fresh.decision_function(test)).all()
    assert fresh.labels_.mean() <= 0.2


def test_known_anomalies_are_left_out():
    train, test, anomaly = digits()
    X = np.concatenate([train, test[anomaly]])
    y = (np.arange(len(X)) >= len(train)).astype(int)
    alone = shallow("pyod.models.kde:KDE").fit(train).decision_function(test)
    assert (shallow("pyod.models.kde:KDE").fit(X, y).decision_function(test) == alone).all()


def test_the_map_shows_where_a_stain_is_and_does_not_depend_on_the_batch(monkeypatch):
    train, test, _ = digits()
    stained = test[:3].copy()
    stained[:, :, 0:3, 0:3] = 255
    detector = shallow("pyod.models.knn:KNN", patch=3, stride=1).fit(train)
    maps = detector.score_map(stained)
    assert maps.shape == (3, 8, 8)
    inside = maps[:, 0:3, 0:3].mean((1, 2))
    assert (inside > 2 * np.abs(maps[:, 5:, 5:]).mean((1, 2))).all()
    monkeypatch.setattr("baselines.shallow.BLOCK", 64 * 5)  # five squares at a time
    assert maps == pytest.approx(detector.score_map(stained))


def test_one_square_as_large_as_the_image_gives_the_whole_fall():
    train, test, _ = digits()
    detector = shallow("pyod.models.kde:KDE", patch=8).fit(train)
    mean = detector.detector_.decision_function(train.reshape(100, 64).mean(0, keepdims=True) / 255)
    fall = detector.decision_function(test[:2]) - mean
    expected = np.broadcast_to(fall[:, None, None], (2, 8, 8))
    assert detector.score_map(test[:2]) == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize(("patch", "stride", "count"), [(8, 4, 36), (5, 3, 81), (40, 4, 1)])
def test_the_squares_cover_the_image(patch, stride, count):
    squares = occluders(28, 28, patch, stride)
    assert len(squares) == count
    assert squares.any(0).all()


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: shallow("pyod.models.kde:Nothing"), "cannot import"),
        (lambda: shallow("pyod.models.nothing:KDE"), "cannot import"),
        (lambda: shallow("pyod.models.kde:KDE", pca=1.5), "pca"),
        (lambda: shallow("pyod.models.kde:KDE", patch=2, stride=3), "stride"),
    ],
)
def test_bad_parameters_are_named(build, message):
    with pytest.raises(ValueError, match=message) as error:
        build().fit(digits()[0])
    assert "\n" not in str(error.value)


def test_load_finds_what_stands_there():
    assert load("collections:OrderedDict").__name__ == "OrderedDict"
