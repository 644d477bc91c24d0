"""Image and pixel metrics against scikit-learn, a slow AU-PRO and hand-made cases."""

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import ndimage
from sklearn.metrics import average_precision_score, roc_auc_score

from baselines.areas import au_pro, count
from baselines.metrics import LIMITS, METRICS, MODEL, image_metrics, pixel_metrics
from baselines.pixels import collect

ROOT = Path(__file__).parents[1]
DTYPES = st.sampled_from([np.float32, np.float64])


def au_pro_to(masks, maps, limit):
    """AU-PRO up to any limit; the metrics of a row know two."""
    pixels = collect(masks, np.array(maps))
    counts = count(pixels.normals, pixels.anomalies, "pixels", pixels.times, pixels.anomaly_times)
    return au_pro(counts, pixels.shares, pixels.regions, limit)


def slow_au_pro(masks, maps, limit):
    """Threshold sweep over all distinct values, overlap per region, trapezoids up to the limit."""
    regions = []
    for index, mask in enumerate(masks):
        labels, n = ndimage.label(mask, np.ones((3, 3)))
        for region in range(1, n + 1):
            inside = np.zeros(masks.shape, dtype=bool)
            inside[index] = labels == region
            regions.append(inside)
    fpr, pro = [0.0], [0.0]
    for threshold in np.unique(maps)[::-1]:
        found = maps >= threshold
        fpr.append(found[~masks].mean())
        pro.append(np.mean([found[region].mean() for region in regions]))
    area = 0.0
    for x0, x1, y0, y1 in zip(fpr[:-1], fpr[1:], pro[:-1], pro[1:], strict=True):
        if x0 >= limit or x1 == x0:
            continue
        if x1 > limit:
            x1, y1 = limit, y0 + (y1 - y0) * (limit - x0) / (x1 - x0)
        area += (x1 - x0) * (y0 + y1) / 2
    return area / limit


@st.composite
def labelled_scores(draw):
    n = draw(st.integers(2, 60))
    labels = draw(arrays(np.int64, n, elements=st.integers(0, 1)))
    labels[:2] = 0, 1
    levels = draw(st.integers(1, 8))  # few levels: most scores are tied
    scores = draw(arrays(np.int64, n, elements=st.integers(0, levels)))
    offset = draw(st.sampled_from([-3.0, 0.0, 1e6]))
    return labels, (scores * 0.25 + offset).astype(draw(DTYPES))


@st.composite
def masked_maps(draw):
    shape = draw(st.tuples(st.integers(1, 4), st.integers(2, 7), st.integers(2, 7)))
    masks = draw(arrays(bool, shape))
    masks.flat[:2] = True, False
    levels = draw(st.sampled_from([1, 3, 9, 1000]))
    maps = draw(arrays(np.int64, shape, elements=st.integers(0, levels)))
    return masks, (maps * 0.5 - 7).astype(draw(DTYPES))


@given(labelled_scores())
@settings(max_examples=300, deadline=None)
def test_image_metrics_equal_scikit_learn_under_heavy_ties(case):
    labels, scores = case
    before = scores.copy()
    ours = image_metrics(labels, scores)
    assert np.array_equal(scores, before)
    assert ours["image_auroc"] == pytest.approx(roc_auc_score(labels, scores), abs=1e-12)
    assert ours["image_ap"] == pytest.approx(average_precision_score(labels, scores), abs=1e-12)


@given(masked_maps())
@settings(max_examples=200, deadline=None)
def test_pixel_metrics_equal_scikit_learn_and_the_slow_au_pro(case):
    masks, maps = case
    before = maps.copy()
    ours = pixel_metrics(masks, maps)
    assert np.array_equal(maps, before)
    labels, scores = masks.ravel(), maps.ravel()
    assert ours["pixel_auroc"] == pytest.approx(roc_auc_score(labels, scores), abs=1e-12)
    assert ours["pixel_ap"] == pytest.approx(average_precision_score(labels, scores), abs=1e-12)
    for name, limit in LIMITS.items():
        assert ours[name] == pytest.approx(slow_au_pro(masks, maps, limit), abs=1e-12)
    assert au_pro_to(masks, maps, 1.0) == pytest.approx(slow_au_pro(masks, maps, 1.0), abs=1e-12)


def test_a_million_continuous_scores_equal_scikit_learn():
    rng = np.random.default_rng(0)
    masks = rng.random((4, 500, 500)) < 0.03
    maps = rng.standard_normal(masks.shape, dtype=np.float32) + masks
    ours = pixel_metrics(masks, maps)
    labels, scores = masks.ravel(), maps.ravel()
    assert ours["pixel_auroc"] == pytest.approx(roc_auc_score(labels, scores), abs=1e-12)
    assert ours["pixel_ap"] == pytest.approx(average_precision_score(labels, scores), abs=1e-12)


@pytest.mark.parametrize("increasing", [np.cbrt, lambda s: np.exp(s / 4), lambda s: 1e6 + s])
def test_monotone_maps_change_nothing(increasing):
    rng = np.random.default_rng(0)
    masks = rng.random((3, 8, 8)) < 0.2
    maps = rng.integers(-20, 20, masks.shape).astype(float)
    assert pixel_metrics(masks, increasing(maps)) == pixel_metrics(masks, maps)
    labels, scores = np.arange(64) % 2, maps[0].ravel()
    assert image_metrics(labels, increasing(scores)) == image_metrics(labels, scores)


def test_au_pro_by_hand():
    # Regions {6, 4} and {3}; normals 5, 2, 1, 0. Overlap (share of both regions found): 1/4 at
    # rate 0, 1/2 from the pixel 4 and 1 from the pixel 3, both met at rate 1/4 and up.
    masks = np.array([[[1, 1, 0, 0, 0, 0, 1]]])
    maps = np.array([[[6, 4, 5, 2, 1, 0, 3]]])
    assert au_pro_to(masks, maps, 0.25) == pytest.approx(1 / 4)
    assert au_pro_to(masks, maps, 0.5) == pytest.approx((1 / 4 + 1) / 2)
    # The pixel 3 tied with the normal 2: from rate 1/4 to 1/2 the overlap climbs from 1/2 to 1.
    maps[0, 0, 3] = 3
    assert au_pro_to(masks, maps, 0.5) == pytest.approx((1 / 4 + 3 / 4) / 2)


def test_diagonal_neighbours_are_one_region():
    # The pair is found, the pixel at the right is not: 1 region of 2, not 2 of 3.
    masks = np.zeros((1, 2, 5), dtype=bool)
    masks[0, 0, 0] = masks[0, 1, 1] = masks[0, 0, 4] = True
    maps = np.where(masks, 2.0, 1.0)
    maps[0, 0, 4] = 0
    assert pixel_metrics(masks, maps)["au_pro"] == pytest.approx(1 / 2)


def test_perfect_reversed_and_constant_scores():
    masks = np.zeros((2, 4, 4), dtype=bool)
    masks[0, 1, 1:3] = True
    perfect = pixel_metrics(masks, masks * 9.0)
    assert perfect == {"pixel_auroc": 1, "pixel_ap": 1, "au_pro": 1, "au_pro_05": 1}
    assert pixel_metrics(masks, masks * -9.0)["pixel_auroc"] == 0
    constant = pixel_metrics(masks, np.full(masks.shape, 3.0))
    areas = {"pixel_auroc": 0.5, "pixel_ap": 2 / 32, "au_pro": 0.15, "au_pro_05": 0.025}
    assert constant == pytest.approx(areas)
    assert image_metrics([0, 1, 1, 1], np.zeros(4)) == {"image_auroc": 0.5, "image_ap": 0.75}


def test_a_single_empty_mask_is_just_normal_pixels():
    rng = np.random.default_rng(1)
    masks = rng.random((2, 5, 5)) < 0.3
    masks[1] = False
    maps = rng.random(masks.shape)
    ours = pixel_metrics(masks, maps)
    assert ours["pixel_auroc"] == pytest.approx(roc_auc_score(masks.ravel(), maps.ravel()))
    assert ours["au_pro"] == pytest.approx(slow_au_pro(masks, maps, 0.3))


def test_grey_masks_and_float64_detail_survive():
    masks = np.array([[[0, 255], [0, 1]]], dtype=np.uint8)
    maps = 1e6 + np.array([[[0, 1], [0, 1]]]) * 1e-9  # equal in float32
    assert pixel_metrics(masks, maps)["pixel_auroc"] == 1


@pytest.mark.parametrize(
    ("labels", "scores", "message"),
    [
        ([0, 1, 1], [0.0, np.nan, np.inf], "2 of 3 are NaN or infinite"),
        ([0, 0], [0.0, 1.0], "0 of 2 images are anomalous"),
        ([1, 1], [0.0, 1.0], "2 of 2 images are anomalous"),
        ([], [], "0 of 0 images are anomalous"),
        ([0, 1], [0.0, 1.0, 2.0], r"expected shape \(2,\), got \(3,\)"),
        ([[0, 1]], [[0.0, 1.0]], r"labels: expected shape \(n,\)"),
        ([1, -1], [0.0, 1.0], "0 .normal. and 1 .anomaly. only"),
        ([0, 1], ["a", "b"], "expected real numbers"),
    ],
)
def test_image_metrics_refuse_in_one_line(labels, scores, message):
    with pytest.raises(ValueError, match=message) as error:
        image_metrics(np.array(labels), np.array(scores))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("kind", [np.float16, np.int32, np.uint8, bool])
def test_scores_of_any_real_type(kind):
    rng = np.random.default_rng(0)
    masks = rng.random((2, 9, 9)) < 0.3
    maps = rng.integers(0, 2, masks.shape).astype(kind)
    exact = pytest.approx(pixel_metrics(masks, maps.astype(float)), abs=1e-12)
    assert pixel_metrics(masks, maps) == exact
    labels, scores = masks[0].ravel(), maps[0].ravel()
    exact = pytest.approx(image_metrics(labels.astype(int), scores.astype(float)), abs=1e-12)
    assert image_metrics(labels, scores) == exact


EYE = np.eye(3)[None]


@pytest.mark.parametrize(
    ("masks", "maps", "labels", "message"),
    [
        (np.zeros((2, 3, 3)), np.zeros((2, 3, 3)), None, "0 of 18 pixels are anomalous"),
        (np.ones((2, 3, 3)), np.zeros((2, 3, 3)), None, "18 of 18 pixels are anomalous"),
        (np.zeros((0, 3, 3)), np.zeros((0, 3, 3)), None, "0 of 0 pixels are anomalous"),
        (EYE, np.full((1, 3, 3), np.nan), None, "9 of 9 are NaN or infinite"),
        (EYE, np.full((1, 3, 3), -np.inf), None, "9 of 9 are NaN or infinite"),
        (EYE, EYE * 1j, None, "expected real numbers"),
        (EYE, np.zeros((2, 3, 3)), None, "masks: expected 2, one for each map, got 1"),
        (EYE, np.eye(3), None, r"maps: expected shape \(n, h, w\), got \(3, 3\)"),
        (EYE, np.zeros((1, 0, 3)), None, r"maps: expected shape"),
        (np.eye(3), EYE, None, r"masks: expected shape \(n, h, w\)"),
        ([np.zeros(9)], EYE, None, r"mask of image 0: expected shape \(h, w\), got \(9,\)"),
        ([np.zeros((0, 3))], EYE, None, r"mask of image 0: expected shape"),
        ([EYE[0], 0 * EYE[0]], np.zeros((2, 3, 3)), [1, 1], "image 1: .* an anomaly, but its mask"),
        ([EYE[0], EYE[0]], np.zeros((2, 3, 3)), [1, 0], "image 1: .* normal, but its mask is not"),
        (EYE, EYE, [1, 0], r"labels: expected shape \(1,\), got \(2,\)"),
    ],
)
def test_pixel_metrics_refuse_in_one_line(masks, maps, labels, message):
    with pytest.raises(ValueError, match=message) as error:
        pixel_metrics(masks, maps, labels)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("limit", [0.0, 1.5, -0.3, np.nan])
def test_a_limit_is_a_rate(limit):
    with pytest.raises(ValueError, match="limit: a false positive rate"):
        au_pro_to(EYE, EYE, limit)


def test_metrics_lists_what_is_returned():
    masks = np.eye(4)[None]
    pixels = set(pixel_metrics(masks, masks))
    small = {f"{name}{MODEL}" for name in pixels}
    assert set(METRICS) == set(image_metrics([0, 1], [0, 1])) | pixels | small


def test_sixty_six_million_pixels_on_one_core():
    """8 s and 2 GB, maps and masks included: seconds of processor time, for machines are busy."""
    command = [sys.executable, "-m", "benchmarks.speed", "pixels"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.startswith("66633728 pixels")
    seconds = float(re.search(r"\(([\d.]+) s of processor", done.stdout)[1])
    peak = int(re.search(r"peak (\d+) MiB", done.stdout)[1])
    assert seconds < 8 and peak < 1900, done.stdout


def test_torch_is_not_imported():
    code = "import sys, baselines.metrics; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0
