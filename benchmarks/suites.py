"""What can be named at the door: detectors, data sets, suites."""

from dataclasses import dataclass, replace
from pathlib import Path

from sklearn.base import clone

from baselines.detector import Detector
from benchmarks.category import Categories
from benchmarks.datasets import LABELLED, textures
from benchmarks.datasets.categories import CategorySet
from benchmarks.datasets.cifar import CIFAR10
from benchmarks.datasets.held_back import SUFFIX, held_back
from benchmarks.datasets.mnist import FASHION_MNIST
from benchmarks.datasets.mvtec import MVTEC
from benchmarks.paper import PAPER_SETTINGS
from benchmarks.recipes import ANY, FAST_SETTINGS, SHALLOW_SETTINGS, Setting, Settings
from benchmarks.scenario import Scenario
from benchmarks.task import OneVsRest, TaskSource

RECIPES = ("fast", "paper")
LABELS = ("deep_sad",)  # are given known anomalies


@dataclass(frozen=True)
class Entry:
    """A detector at the door: its settings by recipe and data set, and what it trains with."""

    settings: dict[str, Settings]
    labelled: bool

    @property
    def exposed(self) -> bool:
        """Whether it trains against an exposure on any data set."""
        found = (one.exposure for some in self.settings.values() for one in some.values())
        return any(found)

    def has(self, recipe: str, dataset: str) -> bool:
        found = self.settings[recipe]
        return dataset.removesuffix(SUFFIX) in found or ANY in found

    def setting(self, recipe: str, dataset: str) -> Setting:
        """Raises KeyError where the recipe has nothing for the data set."""
        found, name = self.settings[recipe], dataset.removesuffix(SUFFIX)
        return found[name] if name in found else found[ANY]

    def make(self, recipe: str, dataset: str, scenario: Scenario | None = None) -> Detector:
        """A fresh, unfitted detector. One that can learn from masks does so in a scenario with real
        anomalies to train with: only those show what is normal beside a defect. (With synthetic
        ones alone, screw's image AUROC on MVTec AD falls from .77 to .67, the pixels' rises from
        .92 to .94.)"""
        detector = clone(self.setting(recipe, dataset).detector)
        taught = scenario is not None and scenario.real and scenario.shown
        if taught and getattr(detector, "pixels", None) is False:
            detector.set_params(joint=True)
        return detector


def _entry(name: str) -> Entry:
    if name in SHALLOW_SETTINGS:
        settings = dict.fromkeys(RECIPES, SHALLOW_SETTINGS[name])
    else:
        settings = {"fast": FAST_SETTINGS[name], "paper": PAPER_SETTINGS.get(name, {})}
    return Entry(settings, name in LABELS)


DETECTORS: dict[str, Entry] = {name: _entry(name) for name in (*FAST_SETTINGS, *SHALLOW_SETTINGS)}
EXPOSED = tuple(name for name, entry in DETECTORS.items() if entry.exposed)

TEXTURES = Categories(
    CategorySet(
        name="textures",
        title="Textures",
        categories=textures.CATEGORIES,
        here=lambda root: textures.CATEGORIES,
        home=lambda root: Path(textures.__file__).parent,
        find=lambda root: (Path(textures.__file__),),
        load=lambda root, name, pictures: textures.load_category(name),
        revision=lambda root, name, pictures: f"textures-{textures.VERSION}",
        kinds=lambda root, name: textures.load_category(name).test_kinds,
        licence="MIT",
        source="ours: procedural surfaces with planted defects",
        remedy="it is part of this project",
    )
)
VALIDATION = held_back(FASHION_MNIST)
CIFAR10_VALIDATION = held_back(CIFAR10)

DATASETS: dict[str, TaskSource] = {
    **{data.name: OneVsRest(data) for data in (*LABELLED, VALIDATION, CIFAR10_VALIDATION)},
    "textures": TEXTURES,
    "mvtec": Categories(MVTEC),
}


def scenario_of(entry: Entry, dataset: str, asked: Scenario) -> Scenario:
    """The scenario a detector runs in: known anomalies where it takes them and there are some.

    Real anomalies are for all that train against anomalies; for the others they only leave the
    test set, so that every detector is tested on the same images.
    """
    if not DATASETS[dataset].masked:
        labelled = asked.labelled if entry.labelled else 0.0
        return Scenario(labelled, asked.known_classes, asked.pollution)
    shown = entry.labelled or entry.exposed
    if not asked.real or not (shown or asked.held_out):
        return Scenario(0.0, asked.known_classes, asked.pollution)
    return replace(asked, labelled=0.0, shown=shown)
