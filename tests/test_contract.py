"""The contract, once for every registered detector."""

import pickle
from copy import deepcopy

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter
from sklearn.base import clone
from sklearn.metrics import roc_auc_score

from baselines.anomalies import Exposure
from baselines.describe import fields
from baselines.detector import Detector
from baselines.metrics import pixel_metrics
from benchmarks.datasets.digits import DIGITS
from benchmarks.suites import DETECTORS

NORMAL = 0


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    images = DIGITS.load(tmp_path_factory.mktemp("root"))
    train = images.train[images.train_labels == NORMAL]
    return train, images.test[:200], (images.test_labels[:200] != NORMAL).astype(int)


def made(name: str, **values) -> Detector:
    """The registered detector with its `fast` recipe for digits."""
    detector = DETECTORS[name].make("fast", "digits")
    given = {"seed": 3, "device": "cpu"} | values
    names = detector.get_params(deep=False)
    return detector.set_params(**{k: v for k, v in given.items() if k in names})


@pytest.fixture(scope="module", params=list(DETECTORS))
def fitted(request, digits):
    torch.manual_seed(0)
    before = global_state()
    detector = made(request.param).fit(digits[0])
    return request.param, detector, before == global_state()


def global_state() -> tuple:
    """The state of torch's and numpy's global generators."""
    numpy_state = np.random.get_state()[1]  # noqa: NPY002 - it is what must not be touched
    return torch.random.get_rng_state().numpy().tobytes(), numpy_state.tobytes()


def test_a_mirrored_detector_tells_no_side_from_the_other(fitted, digits):
    _, detector, _ = fitted
    images, flipped = digits[1][:8], np.ascontiguousarray(digits[1][:8, :, :, ::-1])
    one, other = (detector.decision_function(each) for each in (images, flipped))
    maps = [detector.score_map(each) for each in (images, flipped)]
    both = deepcopy(detector).set_params(mirrored=True)
    for each in (images, flipped):
        assert np.allclose(both.decision_function(each), (one + other) / 2)
    mean = (maps[0] + maps[1][:, :, ::-1]) / 2
    assert np.allclose(both.score_map(images), mean, atol=1e-5 * np.abs(mean).max())
    assert np.allclose(both.score_map(flipped)[:, :, ::-1], mean, atol=1e-5 * np.abs(mean).max())


def test_fit_gives_pyods_attributes(fitted, digits):
    _, detector, _ = fitted
    scores = detector.decision_scores_
    assert scores.shape == (len(digits[0]),) and scores.dtype == np.float64
    assert np.isfinite(scores).all()
    assert detector.threshold_ == np.quantile(scores, 1 - detector.contamination)
    assert (detector.labels_ == (scores > detector.threshold_)).all()
    assert 0 < detector.labels_.sum() <= np.ceil(detector.contamination * len(scores))


def test_larger_is_more_anomalous_and_not_constant(fitted, digits):
    name, detector, _ = fitted
    scores = detector.decision_function(digits[1])
    assert scores.shape == (200,) and scores.dtype == np.float64
    assert len(np.unique(scores)) > 100
    assert roc_auc_score(digits[2], scores) > 0.75, name


def test_score_map_is_one_number_per_pixel(fitted, digits):
    _, detector, _ = fitted
    maps = detector.score_map(digits[1][:6])
    assert maps.shape == (6, 28, 28) and maps.dtype == np.float32
    assert np.isfinite(maps).all() and maps.std((1, 2)).min() > 0


def test_smoothing_spreads_maps_and_leaves_scores(fitted, digits):
    _, detector, _ = fitted
    images = digits[1][:4]
    plain = detector.score_map(images)
    twin = deepcopy(detector).set_params(smoothing=2.0)
    smoothed = twin.score_map(images)
    assert smoothed.shape == plain.shape and smoothed.dtype == np.float32
    np.testing.assert_allclose(smoothed, gaussian_filter(plain, (0, 2, 2)), rtol=1e-6)
    # A mirrored border keeps the mass of the map.
    np.testing.assert_allclose(smoothed.sum((1, 2)), plain.sum((1, 2)), rtol=1e-4, atol=1e-4)
    assert (smoothed.std((1, 2)) < plain.std((1, 2))).all()
    assert np.array_equal(twin.decision_function(images), detector.decision_function(images))
    masks = digits[1][:4, 0] > 128
    assert pixel_metrics(masks, smoothed) != pixel_metrics(masks, plain)


@pytest.mark.parametrize("name", list(DETECTORS))
def test_smoothing_is_described_only_where_it_smooths(name):
    detector = made(name)
    plain = fields(detector)
    assert detector.get_params(deep=False)["smoothing"] == 0 and "smoothing" not in plain
    assert fields(made(name, smoothing=1.0)) == plain | {"smoothing": 1.0}


def test_predict_follows_the_threshold(fitted, digits):
    _, detector, _ = fitted
    labels = detector.predict(digits[1])
    assert (labels == (detector.decision_function(digits[1]) > detector.threshold_)).all()
    assert set(labels) <= {0, 1}


def test_same_seed_same_scores_and_refit_forgets(fitted, digits):
    name, detector, _ = fitted
    other = made(name).fit(digits[1][:100])  # something else first
    again = other.fit(digits[0]).decision_function(digits[1])
    assert np.array_equal(again, detector.decision_function(digits[1]))


def test_clone_is_unfitted_with_equal_parameters(fitted):
    _, detector, _ = fitted
    twin = clone(detector)
    assert not hasattr(twin, "threshold_")
    assert repr(twin.get_params()) == repr(detector.get_params())


def test_fit_leaves_parameters_and_global_generators_alone(fitted):
    name, detector, untouched = fitted
    assert repr(detector.get_params()) == repr(made(name).get_params())
    assert untouched, "fit must not draw from a global generator"


def test_pickle_keeps_scores(fitted, digits):
    _, detector, _ = fitted
    twin = pickle.loads(pickle.dumps(detector))
    images = digits[1]
    assert np.array_equal(twin.decision_function(images), detector.decision_function(images))


def test_tensors_arrays_and_floats_are_one(fitted, digits):
    _, detector, _ = fitted
    images = digits[1]
    scores = detector.decision_function(images)
    assert np.array_equal(detector.decision_function(torch.from_numpy(images)), scores)
    assert np.array_equal(detector.decision_function(images / np.float32(255)), scores)


def test_batch_size_does_not_matter(fitted, digits):
    _, detector, _ = fitted
    alone = np.concatenate([detector.decision_function(digits[1][i : i + 1]) for i in range(5)])
    together = detector.decision_function(digits[1][:5])
    np.testing.assert_allclose(alone, together, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("name", list(DETECTORS))
def test_known_anomalies_are_accepted(name, digits):
    train, test, labels = digits
    images = np.concatenate([train, test[labels == 1][:5]])
    y = np.r_[np.zeros(len(train), int), np.ones(5, int)]
    detector = made(name).fit(images, y)
    assert detector.decision_scores_.shape == (len(images),)
    with_known = roc_auc_score(labels, detector.decision_function(test))
    assert with_known > 0.7, name


@pytest.mark.parametrize("name", [name for name, entry in DETECTORS.items() if entry.exposed])
def test_exposed_detectors_learn_from_what_they_are_given(name, digits):
    train, test, _ = digits
    noise = np.random.default_rng(0).integers(0, 256, (64, 1, 28, 28)).astype(np.uint8)
    exposure = Exposure(torch.from_numpy(noise), "noise")
    detector = made(name, anomalies=exposure).fit(train)
    assert detector.decision_function(noise).mean() > detector.decision_function(test).mean()
    assert clone(detector).anomalies is exposure


BAD = [
    (np.zeros((4, 28, 28), np.uint8), None, "expected shape"),
    (np.zeros((0, 1, 28, 28), np.uint8), None, "expected shape"),
    (np.full((4, 1, 28, 28), 1.5), None, r"must lie in \[0, 1\]"),
    (np.full((4, 1, 28, 28), np.nan), None, "NaN"),
    (np.zeros((4, 1, 28, 28), np.int64), None, "uint8"),
    (np.zeros((4, 1, 28, 28), np.uint8), [0, 0, 2, 0], r"labels in \{0, 1\}"),
    (np.zeros((4, 1, 28, 28), np.uint8), [0, 0, 1], "expected 4 labels"),
    (np.zeros((4, 1, 28, 28), np.uint8), [1, 1, 1, 1], "at least one normal row"),
]


@pytest.mark.parametrize("name", list(DETECTORS))
def test_bad_input_is_one_clear_line(name):
    for images, y, words in BAD:
        with pytest.raises(ValueError, match=words) as caught:
            made(name).fit(images, y)
        assert "\n" not in str(caught.value)
    with pytest.raises(ValueError, match="contamination"):
        made(name, contamination=0.7).fit(np.zeros((4, 1, 28, 28), np.uint8))
    for smoothing in (-1.0, np.nan, np.inf):
        with pytest.raises(ValueError, match="smoothing: "):
            made(name, smoothing=smoothing).fit(np.zeros((4, 1, 28, 28), np.uint8))


def test_unfitted_and_wrong_size_are_refused(fitted):
    name, detector, _ = fitted
    with pytest.raises(Exception, match="not fitted"):
        made(name).decision_function(np.zeros((1, 1, 28, 28), np.uint8))
    with pytest.raises(ValueError, match="fitted on shape"):
        detector.decision_function(np.zeros((1, 1, 32, 32), np.uint8))


def test_masks_and_known_normals_are_checked(digits):
    train = digits[0]
    with pytest.raises(ValueError, match="masks: expected shape"):
        made("fcdd").fit(train, None, np.zeros((len(train), 8, 8)))
    with pytest.raises(ValueError, match="known_normal"):
        made("deep_sad").fit(train, known_normal=np.ones(3, bool))
    both = np.zeros(len(train), int), np.zeros(len(train), bool)
    both[0][0], both[1][0] = 1, True
    with pytest.raises(ValueError, match="cannot be known normal and a known anomaly"):
        made("deep_sad").fit(train, both[0], known_normal=both[1])
