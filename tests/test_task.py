"""Tasks: who is in the training rows, who is in the test set, under which label."""

import numpy as np
import pytest

from benchmarks.datasets.base import Images
from benchmarks.datasets.digits import DIGITS
from benchmarks.datasets.held_back import held_back
from benchmarks.scenario import Scenario
from benchmarks.suites import DATASETS, TEXTURES
from benchmarks.task import one_vs_rest

CLASSES = tuple("abcde")


@pytest.fixture
def images() -> Images:
    rng = np.random.default_rng(0)
    train_labels = np.repeat(np.arange(5), 100)
    train = np.arange(500, dtype=np.uint16).view(np.uint8).reshape(500, 1, 1, 2)
    test_labels = np.repeat(np.arange(5), 10)
    test = rng.integers(0, 256, (50, 1, 1, 2)).astype(np.uint8)
    return Images(train, train_labels, test, test_labels, CLASSES)


def numbers(images: np.ndarray) -> np.ndarray:
    """Which training rows these are."""
    return np.ascontiguousarray(images).reshape(-1, 2).view(np.uint16).ravel()


def test_one_class_is_normal_and_the_whole_test_set_is_used(images):
    task = one_vs_rest(images, "c", Scenario(), 0)
    assert sorted(numbers(task.train)) == list(range(200, 300))
    assert not task.train_labels.any()
    assert len(task.test) == 50 and task.test_labels.sum() == 40
    assert (task.test_labels == (images.test_labels != 2)).all()


@pytest.mark.parametrize("seed", range(4))
def test_known_anomalies_have_the_share_asked_for(images, seed):
    task = one_vs_rest(images, "b", Scenario(labelled=0.2, known_classes=1), seed)
    known = numbers(task.train)[task.train_labels == 1] // 100
    assert task.train_labels.mean() == pytest.approx(0.2)
    assert set(known) == {(2 + seed) % 5}  # the next class, one further with each seed
    assert task.notes == (f"known anomalies: {CLASSES[(2 + seed) % 5]}",)


def test_seeds_go_through_every_known_class(images):
    tasks = [one_vs_rest(images, "e", Scenario(labelled=0.1), seed) for seed in range(4)]
    assert {task.notes for task in tasks} == {(f"known anomalies: {c}",) for c in "abcd"}


def test_pollution_is_hidden_and_apart_from_the_known(images):
    scenario = Scenario(labelled=0.1, known_classes=3, pollution=0.2)
    task = one_vs_rest(images, "a", scenario, 1)
    rows, known = numbers(task.train), task.train_labels == 1
    unlabelled = rows[~known]
    assert (unlabelled >= 100).mean() == pytest.approx(0.2)
    assert known.mean() == pytest.approx(0.1, abs=0.005)
    assert len(set(rows)) == len(rows)
    assert len(set(rows[known] // 100)) == 3
    assert len(set(unlabelled[unlabelled >= 100] // 100)) == 4


def test_the_draw_depends_on_the_seed_alone(images):
    scenario = Scenario(labelled=0.2)
    first, again, other = (one_vs_rest(images, "a", scenario, s).train for s in (1, 1, 5))
    assert np.array_equal(first, again) and not np.array_equal(first, other)


@pytest.mark.parametrize(
    ("scenario", "words"),
    [
        (Scenario(labelled=0.1, known_classes=5), "known classes: between 1 and 4"),
        (Scenario(labelled=0.6, known_classes=1), "too few anomalies"),
        (Scenario(pollution=0.9), "too few anomalies"),
    ],
)
def test_impossible_scenarios_are_refused(images, scenario, words):
    with pytest.raises(ValueError, match=words):
        one_vs_rest(images, "a", scenario, 0)


def test_a_class_without_test_anomalies_is_refused(images):
    alone = images.test_labels == 3
    only = Images(
        images.train, images.train_labels, images.test[alone], images.test_labels[alone], CLASSES
    )
    with pytest.raises(ValueError, match="class d: the test split holds no anomalies"):
        one_vs_rest(only, "d", Scenario(), 0)
    with pytest.raises(ValueError, match="class a: the test split holds no normal images"):
        one_vs_rest(only, "a", Scenario(), 0)


def test_categories_come_with_masks(tmp_path):
    task = TEXTURES.task(tmp_path, "weave", Scenario(), 0)
    assert task.test_masks is not None and task.test_masks.shape == (
        *task.test_labels.shape,
        32,
        32,
    )
    assert (task.test_masks.any((1, 2)) == task.test_labels.astype(bool)).all()
    with pytest.raises(ValueError, match="no anomalies to pollute"):
        TEXTURES.task(tmp_path, "weave", Scenario(pollution=0.1), 0)


@pytest.mark.parametrize("seed", range(2))
def test_real_anomalies_leave_the_test_set(tmp_path, seed):
    whole = TEXTURES.task(tmp_path, "wood", Scenario(), seed)
    task = TEXTURES.task(tmp_path, "wood", Scenario(real=2), seed)
    kinds = sorted(set(whole.test_kinds) - {"good"})
    known = task.train_labels == 1
    assert known.sum() == 2 * len(kinds) and np.array_equal(task.train[~known], whole.train)
    index = {image.tobytes(): place for place, image in enumerate(whole.test)}
    rows = [index[image.tobytes()] for image in task.train[known]]
    assert sorted(whole.test_kinds[row] for row in rows) == sorted(kinds * 2)
    assert np.array_equal(task.train_masks[known], whole.test_masks[rows])
    assert not task.train_masks[~known].any()
    left = [index[image.tobytes()] for image in task.test]
    assert sorted(left + rows) == list(range(len(whole.test))) and left == sorted(left)
    assert np.array_equal(task.test_labels, whole.test_labels[left])
    assert np.array_equal(task.test_masks, whole.test_masks[left])
    assert task.original_masks is None, "drawn masks have no other size"
    assert task.test_kinds == tuple(whole.test_kinds[row] for row in left)
    assert task.notes == (
        "trained with 10 real anomalies (2 of each kind of defect) and their masks, "
        "held out of the test set",
    )


def test_real_anomalies_may_stay_or_not_be_shown(tmp_path):
    held = TEXTURES.task(tmp_path, "wood", Scenario(real=1), 0)
    stay = TEXTURES.task(tmp_path, "wood", Scenario(real=1, held_out=False), 0)
    unseen = TEXTURES.task(tmp_path, "wood", Scenario(real=1, shown=False), 0)
    assert np.array_equal(held.train, stay.train)  # the same images are drawn
    assert np.array_equal(held.test, unseen.test) and not unseen.train_labels.any()
    assert unseen.train_masks is None and len(unseen.train) == 200
    assert len(stay.test) == 120 == len(stay.test_masks)
    assert "stay in the test set, as in FCDD's code" in stay.notes[0]
    assert "not trained with here" in unseen.notes[0]


def test_real_anomalies_are_drawn_by_seed_and_fewer_are_some_of_more(tmp_path):
    def known(real: int, seed: int) -> set[bytes]:
        task = TEXTURES.task(tmp_path, "weave", Scenario(real=real), seed)
        return {image.tobytes() for image in task.train[task.train_labels == 1]}

    assert known(1, 0) < known(3, 0) and known(1, 0) != known(1, 1) != known(1, 2)
    with pytest.raises(ValueError, match=r"textures/weave: 12 images of \w+, so at most 11"):
        known(12, 0)
    with pytest.raises(ValueError, match="digits: no kinds of defects"):
        DATASETS["digits"].task(tmp_path, "3", Scenario(real=1), 0)


def test_held_back_images_are_training_images(tmp_path):
    whole, split = DIGITS.load(tmp_path), held_back(DIGITS, 20).load(tmp_path)
    assert np.bincount(split.test_labels).tolist() == [20] * 10
    assert len(split.train) + len(split.test) == len(whole.train)
    known = {image.tobytes() for image in whole.train}
    assert all(image.tobytes() in known for image in split.test)
    fours = whole.train[whole.train_labels == 4]
    assert np.array_equal(split.train[split.train_labels == 4], fours[:-20])
    assert np.array_equal(split.test[split.test_labels == 4], fours[-20:])


def test_every_data_set_says_what_it_is():
    for name, data in DATASETS.items():
        assert data.name == name and data.normals and data.source and data.remedy and data.title
