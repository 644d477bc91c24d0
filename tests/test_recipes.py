"""Every setting of every recipe builds and trains; the papers' values are the papers'."""

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.base import clone
from torch import nn

from baselines.anomalies import Append, Exposure, Replace
from baselines.augment import Crop, Flip, Jitter, Noise
from baselines.deep import DeepDetector
from baselines.detector import Rows
from baselines.hsc import HSC
from baselines.large import Centre, Window
from baselines.nets import LeNet
from baselines.normalise import GlobalContrast, ImageNetStandard, Standard, UnitRange
from baselines.parts import fresh_net
from baselines.resnet import AttentionResNet
from baselines.schedules import Exponential, Milestones, adam, sgd
from baselines.trainer import TrainingSet
from benchmarks import suites
from benchmarks.datasets import EXPOSURES
from benchmarks.recipes import ANY, FAST_SETTINGS, SHALLOW_SETTINGS
from benchmarks.setting import Setting
from benchmarks.suites import DATASETS, DETECTORS, RECIPES

SHAPES = {"textures": (3, 32, 32), "cifar10": (3, 32, 32), "imagenet30": (3, 230, 230)}
SETTINGS = [
    (recipe, name, dataset)
    for recipe in RECIPES
    for name, entry in DETECTORS.items()
    for dataset in ("mnist", "fmnist", "digits", "textures", "cifar10", "imagenet30")
    # Defaults of small images are not for large ones.
    if (
        dataset in entry.settings[recipe] if dataset == "imagenet30" else entry.has(recipe, dataset)
    )
]


def short(detector: DeepDetector, shape: tuple[int, int, int]) -> DeepDetector:
    """The detector with one epoch of each of its trainings, and noise as exposure."""
    given = detector.get_params(deep=False)
    recipe = replace(detector.recipe, epochs=1)
    if shape[1] > 100:  # large images, of which few are enough
        recipe = replace(recipe, batch=2)
    values = {"recipe": recipe, "device": "cpu"}
    if given.get("pretraining") is not None:
        start = given["pretraining"]
        values["pretraining"] = replace(start, recipe=replace(start.recipe, epochs=1))
    if "anomalies" in given:
        noise = torch.randint(0, 256, (8, *shape), dtype=torch.uint8)
        values["anomalies"] = Exposure(noise, "noise")
    return clone(detector).set_params(**values)


@pytest.mark.parametrize(("recipe", "name", "dataset"), SETTINGS)
def test_every_setting_trains(recipe, name, dataset):
    shape = SHAPES.get(dataset, (1, 28, 28))
    rows = 4 if shape[1] > 100 else 150
    images = np.random.default_rng(0).integers(0, 256, (rows, *shape)).astype(np.uint8)
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
        own = setting.detector.get_params(deep=False).get("anomalies")
        assert (setting.exposure is not None or own is not None) == DETECTORS[name].exposed
    assert set(DATASETS) >= {dataset for _, _, dataset in SETTINGS}


@pytest.mark.parametrize("dataset", ["mnist", "cifar10", "cifar10_held_back"])
def test_shallow_detectors_normalise_contrast_where_deep_svdds_paper_does(dataset):
    names = [("fast", name) for name in SHALLOW_SETTINGS] + [("paper", "svdd")]
    for recipe, name in names:
        assert DETECTORS[name].make(recipe, dataset).normalise == GlobalContrast()
        assert DETECTORS[name].make(recipe, "fmnist").normalise == UnitRange()


def test_a_detector_without_a_papers_recipe_needs_none(monkeypatch):
    monkeypatch.setitem(FAST_SETTINGS, "mine", {ANY: Setting(HSC(), "ours", exposure="photos")})
    entry = suites._entry("mine")
    assert entry.exposed and entry.has("fast", "fmnist") and not entry.has("paper", "fmnist")


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


@pytest.mark.parametrize("name", ["hsc", "bce", "focal", "deep_sad_oe"])
def test_hsc_and_its_siblings_are_the_papers_on_colour(name):
    """The CIFAR-10 and ImageNet-30 scripts of HSC's code."""
    small, large = paper(name, "cifar10"), paper(name, "imagenet30")
    for member, epochs, drops in ((small, 200, (100, 150)), (large, 150, (100, 125))):
        recipe = member.recipe
        assert (recipe.epochs, recipe.batch, recipe.lr) == (epochs, 128, 1e-3)
        assert recipe.weight_decay == 5e-7 and recipe.drop_last and recipe.optimiser is adam
        assert recipe.schedule == Milestones(drops) and recipe.placement == Append()
    assert small.recipe.augment == (Jitter(0.01), Flip(), Crop(4), Noise(0.001))
    assert large.recipe.augment == (Jitter(0.01), Flip(), Window(224), Noise(0.001))
    assert large.recipe.normalise == Centre(224, ImageNetStandard())
    lenet, resnet = (getattr(m.net, "net", m.net) for m in (small, large))
    assert (lenet.channels, lenet.hidden, lenet.code) == ((32, 64, 128), 512, 256)
    assert lenet.bias and lenet.affine
    assert resnet == AttentionResNet(256, (64, 128, 256, 512))
    assert hasattr(small.net, "net") == hasattr(large.net, "net") == (name in ("bce", "focal"))
    for dataset, exposure in (("cifar10", "cifar100"), ("imagenet30", "imagenet22k")):
        assert DETECTORS[name].setting("paper", dataset).exposure == exposure


def test_fcdd_is_the_papers_on_colour():
    """Liznerski et al. 2021 and its code: CIFAR-10 and ImageNet-30."""
    small, large = paper("fcdd", "cifar10"), paper("fcdd", "imagenet30")
    for recipe in (small.recipe, large.recipe):
        assert (recipe.epochs, recipe.batch, recipe.lr, recipe.weight_decay) == (
            600,
            200,
            1e-3,
            1e-6,
        )
        assert recipe.schedule == Milestones((400, 500)) and recipe.optimiser is adam
        assert recipe.placement == Replace(0.5) and not recipe.drop_last
    assert small.recipe.augment == (Jitter(0.01), Crop(4), Flip(), Noise(0.001))
    assert small.recipe.normalise == Standard() and small.net.width == 128 and small.sigma == 1.2
    assert large.net.pretrained is None and large.net.frozen == 0 and large.sigma == 8
    net = large.net((3, 224, 224)).eval()
    with torch.no_grad():
        assert net(torch.zeros(1, 3, 224, 224)).shape == (1, 1, 28, 28)
    assert sum(p.numel() for p in net.parameters()) == pytest.approx(4.50e6, rel=0.003)


@pytest.mark.parametrize("name", ["deep_svdd", "deep_svdd_soft", "autoencoder"])
def test_deep_svdd_is_the_papers_on_cifar10(name):
    """Ruff et al. 2018, section 4.2: 32-64-128, an autoencoder of 350 epochs with a normed code."""
    member = paper(name, "cifar10")
    coding = member if name == "autoencoder" else member.pretraining
    assert (coding.recipe.epochs, coding.recipe.batch, coding.recipe.lr) == (350, 200, 1e-4)
    assert coding.recipe.schedule == Milestones((250,)) and coding.total
    assert coding.recipe.weight_decay == 1e-6 and coding.recipe.normalise == GlobalContrast()
    if name == "autoencoder":
        assert coding.net.mirror.norm_code and coding.net.mirror.lenet.channels == (32, 64, 128)
        return
    assert coding.norm_code and member.net == LeNet((32, 64, 128), None, 128)
    assert (member.recipe.epochs, member.recipe.batch, member.recipe.lr) == (150, 200, 1e-4)
    assert member.recipe.schedule == Milestones((50,)) and member.recipe.weight_decay == 1e-6


def test_the_attention_net_is_the_authors():
    rows = Rows(torch.zeros(1, 3, 256, 256, dtype=torch.uint8), torch.zeros(1, dtype=torch.int64))
    net = fresh_net(paper("hsc", "imagenet30"), TrainingSet(rows, None, 0))
    # ResNet-18 without its classifier, 256 codes, and eight pairs of gates.
    trunk, code, gates = 11_176_512, 512 * 256 + 256, 0
    for c in (64, 128, 256, 512):
        gates += 2 * (2 * c * (c // 16) + c // 16 + c + 2 * 49 + 2)
    assert sum(p.numel() for p in net.parameters()) == trunk + code + gates
    norms = [m for m in net.modules() if isinstance(m, nn.BatchNorm2d) and m.num_features == 1]
    assert len(norms) == 8 and all(not m.weight.any() and m.momentum == 0.01 for m in norms)
    first = net[0]
    assert first.weight.std().item() == pytest.approx((2 / (64 * 49)) ** 0.5, rel=0.03)
    assert not net[-1].bias.any()
    with torch.no_grad():
        assert net.eval()(torch.rand(2, 3, 224, 224)).shape == (2, 256)


def test_recipes_are_listed_with_their_values():
    command = [sys.executable, "-m", "benchmarks.list", "--recipes", "md"]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    rows = [line.split(" | ") for line in text.splitlines()]
    assert len({len(row) for row in rows}) == 1
    told = [(row[0].strip("| "), row[1], row[2]) for row in rows[2:]]
    wanted = [
        (recipe, name, "every other" if dataset == "*" and len(own) > 1 else dataset)
        for recipe in RECIPES
        for name, entry in DETECTORS.items()
        for own in [entry.settings[recipe]]
        for dataset in own
    ]
    assert told == wanted
    (fcdd,) = (row for row in rows if row[0] == "| paper" and row[1:3] == ["fcdd", "cifar10"])
    assert "epochs=600, batch=200" in fcdd[3] and "Milestones(at=(400, 500)" in fcdd[3]
