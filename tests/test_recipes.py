"""Every setting of every recipe builds and trains; the papers' values are the papers'."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.base import clone

from baselines.anomalies import Append, Exposure, Replace
from baselines.augment import Crop, Flip, GlobalContrast, UnitRange
from baselines.deep import DeepDetector
from baselines.schedules import Exponential, Milestones, adam, sgd
from benchmarks.datasets import EXPOSURES
from benchmarks.suites import DATASETS, DETECTORS, RECIPES

SHAPES = {"digits": (1, 28, 28), "textures": (3, 32, 32), "mnist": (1, 28, 28)}
SETTINGS = [
    (recipe, name, dataset)
    for recipe in RECIPES
    for name, entry in DETECTORS.items()
    for dataset in ("mnist", "fmnist", "digits", "textures")
    if entry.has(recipe, dataset)
]


def short(detector: DeepDetector, shape: tuple[int, int, int]) -> DeepDetector:
    """The detector with one epoch of each of its trainings, and noise as exposure."""
    given = detector.get_params(deep=False)
    values = {"recipe": replace(detector.recipe, epochs=1), "device": "cpu"}
    if given.get("pretraining") is not None:
        start = given["pretraining"]
        values["pretraining"] = replace(start, recipe=replace(start.recipe, epochs=1))
    if "anomalies" in given:
        noise = torch.randint(0, 256, (32, *shape), dtype=torch.uint8)
        values["anomalies"] = Exposure(noise, "noise")
    return clone(detector).set_params(**values)


@pytest.mark.parametrize(("recipe", "name", "dataset"), SETTINGS)
def test_every_setting_trains(recipe, name, dataset):
    shape = SHAPES.get(dataset, (1, 28, 28))
    images = np.random.default_rng(0).integers(0, 256, (150, *shape)).astype(np.uint8)
    detector = DETECTORS[name].make(recipe, dataset)
    if isinstance(detector, DeepDetector):
        detector = short(detector, shape)
    detector.fit(images)
    assert np.isfinite(detector.decision_function(images[:9])).all()
    assert detector.score_map(images[:3]).shape == (3, *shape[1:])


def test_every_setting_names_its_source():
    for recipe, name, dataset in SETTINGS:
        setting = DETECTORS[name].setting(recipe, dataset)
        assert len(setting.source) > 10
        assert setting.exposure is None or setting.exposure in EXPOSURES
        assert (setting.exposure is not None) == DETECTORS[name].exposed
    assert set(DATASETS) >= {dataset for _, _, dataset in SETTINGS}


def paper(name: str, dataset: str) -> DeepDetector:
    return DETECTORS[name].setting("paper", dataset).detector


def test_fcdd_is_the_papers():
    """Liznerski et al. 2021 and its code: Fashion-MNIST."""
    fcdd = paper("fcdd", "fmnist")
    recipe = fcdd.recipe
    assert (recipe.epochs, recipe.batch, recipe.lr, recipe.weight_decay) == (400, 128, 1e-2, 1e-6)
    assert recipe.optimiser is sgd and recipe.schedule == Exponential(0.98)
    assert recipe.placement == Replace(0.5) and recipe.normalise == GlobalContrast()
    assert recipe.augment == (Crop(2), Flip()) and not recipe.drop_last
    assert fcdd.sigma == 1.2 and fcdd.net.width == 128
    assert DETECTORS["fcdd"].setting("paper", "fmnist").exposure == "cifar100"


@pytest.mark.parametrize("name", ["deep_svdd", "deep_svdd_soft"])
def test_deep_svdd_is_the_papers(name):
    """Ruff et al. 2018, section 4.2: MNIST; lambda = 1e-6."""
    member = paper(name, "mnist")
    assert member.net.channels == (8, 4) and member.net.code == 32 and not member.net.bias
    for recipe, decay in ((member.recipe, 1e-6), (member.pretraining.recipe, 1e-3)):
        assert (recipe.epochs, recipe.batch, recipe.lr) == (150, 200, 1e-4)
        assert recipe.optimiser is adam and recipe.schedule == Milestones((50,))
        assert recipe.weight_decay == decay and recipe.normalise == GlobalContrast()
    assert member.pretraining.total
    assert getattr(member, "warm_up", 10) == 10 and getattr(member, "nu", 0.1) == 0.1


def test_deep_sad_and_hsc_are_the_papers():
    """The README command of Deep SAD's code and the MNIST script of HSC's."""
    sad, hsc = paper("deep_sad", "mnist"), paper("hsc", "mnist")
    assert (sad.recipe.epochs, sad.recipe.batch, sad.recipe.lr) == (150, 128, 1e-4)
    assert sad.recipe.weight_decay == 5e-7 and sad.recipe.drop_last and sad.eta == 1
    assert sad.recipe.normalise == UnitRange() and sad.pretrain_on_anomalies
    assert sad.pretraining.recipe.weight_decay == 5e-4 and not sad.pretraining.total
    assert (hsc.recipe.epochs, hsc.recipe.batch, hsc.recipe.lr) == (150, 128, 1e-3)
    assert hsc.recipe.schedule == Milestones((50, 100)) and hsc.recipe.placement == Append()
    assert (hsc.net.channels, hsc.net.hidden, hsc.net.code) == ((16, 32), 64, 32)
    assert hsc.net.bias and hsc.net.affine
