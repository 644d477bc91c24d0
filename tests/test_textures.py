"""The drawn textures: the same everywhere, exact masks, neither trivial nor impossible."""

import hashlib
from time import perf_counter

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter, label
from sklearn.decomposition import PCA
from sklearn.metrics import roc_auc_score

from benchmarks.datasets.textures import (
    CATEGORIES,
    DEFECTS,
    VERSION,
    damage,
    load_category,
    surfaces,
)

# A change of these numbers is a new data set: raise VERSION with them.
PINNED = {
    "1": {
        "weave": "1a7a0abb5af1474373b06826c853b1a607a009b7817d1f95f891b2206eda08f2",
        "bricks": "2cb0f12a7c3daffd297dbaef02fbe7097b89819ac2476194a7843711b967308d",
        "speckle": "944a4a76231fbabbfe40fbb5b03471a1fe2f0f7c967ed238e3333ddbb13ea80a",
        "wood": "458b7f4f4647196840e861cd3eca4fe3b2a3ed32d8fc2514bd9d58ccf7f23c4c",
    }
}


@pytest.fixture(scope="module", params=CATEGORIES)
def category(request):
    return load_category(request.param)


def reconstruction_maps(train, test):
    """Smoothed squared error (m, h, w) of 30 principal components, a detector without learning."""
    rows, seen = train.reshape(len(train), -1) / 255, test.reshape(len(test), -1) / 255
    pca = PCA(30, svd_solver="full").fit(rows)
    error = (seen - pca.inverse_transform(pca.transform(seen))).reshape(test.shape) ** 2
    return gaussian_filter(error.mean(axis=1), (0, 1, 1))


@pytest.mark.parametrize("name", CATEGORIES)
def test_every_pixel_is_pinned(name):
    drawn = load_category(name)
    digest = hashlib.sha256()
    for array in (drawn.train, drawn.test, drawn.test_masks):
        digest.update(array.tobytes())
    assert digest.hexdigest() == PINNED[VERSION][name]


def test_shapes_types_and_counts(category):
    assert category.train.shape == (200, 3, 32, 32)
    assert category.test.shape == (120, 3, 32, 32)
    assert category.train.dtype == category.test.dtype == np.uint8
    assert category.test_labels.tolist() == [0] * 60 + [1] * 60
    assert category.test_masks.shape == (120, 32, 32)
    assert category.test_masks.dtype == bool
    assert category.test_kinds.count("good") == 60
    assert [category.test_kinds.count(kind) for kind in DEFECTS] == [12] * len(DEFECTS)


def test_masks_are_one_region_exactly_under_anomalies(category):
    regions = [label(mask, np.ones((3, 3)))[1] for mask in category.test_masks]
    assert regions == category.test_labels.tolist()
    assert [kind != "good" for kind in category.test_kinds] == [r == 1 for r in regions]
    assert category.test_masks[60:].sum(axis=(1, 2)).min() >= 12
    assert 0.02 < category.test_masks[60:].mean() < 0.10


@pytest.mark.parametrize("name", CATEGORIES)
@pytest.mark.parametrize("kind", DEFECTS)
def test_a_defect_changes_its_mask_and_nothing_else(name, kind):
    twins = surfaces(name, "anomalies", 40)
    before = twins.copy()
    damaged, masks = damage(twins, (kind,) * 40, np.random.default_rng(0))
    assert np.array_equal(twins, before)
    change = np.abs(damaged - twins).max(axis=1)
    assert not change[~masks].any()
    # One grey level survives rounding; a dent has a line between its light and its shadow.
    assert (change[masks] > 1).mean() > 0.95
    # Clearly visible: well above the pixel noise of 3.4 levels.
    assert np.median(change[masks]) > 15


def test_the_anomalies_are_their_damaged_twins():
    category, twins = load_category("bricks"), surfaces("bricks", "anomalies", 60)
    unlike = (np.rint(twins).clip(0, 255).astype(np.uint8) != category.test[60:]).any(axis=1)
    assert not (unlike & ~category.test_masks[60:]).any()
    assert unlike[category.test_masks[60:]].mean() > 0.95


def test_splits_and_normal_images_differ(category):
    images = np.concatenate([category.train, category.test]).reshape(320, -1)
    assert len(np.unique(images, axis=0)) == 320
    assert category.train.std(axis=0).mean() > 8  # phase, light and colour vary, not only noise
    assert ((category.test == 0) | (category.test == 255)).mean() < 0.001


def test_the_pixel_task_is_neither_trivial_nor_impossible(category):
    maps = reconstruction_maps(category.train, category.test)
    assert 0.75 < roc_auc_score(category.test_masks.ravel(), maps.ravel()) < 0.99
    assert 0.65 < roc_auc_score(category.test_labels, maps.max(axis=(1, 2))) < 0.97


def test_brightness_alone_does_not_tell_the_images(category):
    brightness = category.test.mean(axis=(1, 2, 3))
    assert 0.3 < roc_auc_score(category.test_labels, brightness) < 0.7


def test_unknown_category_names_the_choices():
    with pytest.raises(ValueError, match="no category 'silk'; choose from weave, bricks, "):
        load_category("silk")


def test_the_whole_set_is_drawn_in_a_moment():
    start = perf_counter()
    for name in CATEGORIES:
        load_category(name)
    assert perf_counter() - start < 2  # 0.25 s alone; the margin is for busy machines
