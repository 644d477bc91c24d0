"""What can be named at the door: detectors, data sets, suites."""

from dataclasses import dataclass, replace
from pathlib import Path

from sklearn.base import clone

from baselines.detector import Detector
from benchmarks.datasets import LABELLED, textures
from benchmarks.datasets.held_back import held_back
from benchmarks.datasets.mnist import FASHION_MNIST
from benchmarks.paper import PAPER_SETTINGS
from benchmarks.recipes import ANY, FAST_SETTINGS, SHALLOW_SETTINGS, Setting, Settings
from benchmarks.task import Categories, OneVsRest, Scenario, TaskSource

RECIPES = ("fast", "paper")
EXPOSED = ("hsc", "bce", "focal", "fcdd")  # train against an exposure
LABELS = ("deep_sad",)  # are given known anomalies


@dataclass(frozen=True)
class Entry:
    """A detector at the door: its settings by recipe and data set, and what it trains with."""

    settings: dict[str, Settings]
    exposed: bool
    labelled: bool

    def has(self, recipe: str, dataset: str) -> bool:
        return dataset in self.settings[recipe] or ANY in self.settings[recipe]

    def setting(self, recipe: str, dataset: str) -> Setting:
        """Raises KeyError where the recipe has nothing for the data set."""
        found = self.settings[recipe]
        return found[dataset] if dataset in found else found[ANY]

    def make(self, recipe: str, dataset: str) -> Detector:
        """A fresh, unfitted detector."""
        return clone(self.setting(recipe, dataset).detector)


def _entry(name: str) -> Entry:
    if name in SHALLOW_SETTINGS:
        settings = dict.fromkeys(RECIPES, SHALLOW_SETTINGS[name])
    else:
        settings = {"fast": FAST_SETTINGS[name], "paper": PAPER_SETTINGS[name]}
    return Entry(settings, name in EXPOSED, name in LABELS)


DETECTORS: dict[str, Entry] = {name: _entry(name) for name in (*FAST_SETTINGS, *SHALLOW_SETTINGS)}

TEXTURES = Categories(
    name="textures",
    title="Textures",
    normals=textures.CATEGORIES,
    find=lambda root: (Path(textures.__file__),),
    load=lambda root, name: textures.load_category(name),
    version=lambda root: f"textures-{textures.VERSION}",
    source="ours: procedural surfaces with planted defects (MIT)",
    remedy="it is part of this project",
)
VALIDATION = held_back(FASHION_MNIST)

DATASETS: dict[str, TaskSource] = {
    **{data.name: OneVsRest(data) for data in (*LABELLED, VALIDATION)},
    "textures": TEXTURES,
}


@dataclass(frozen=True)
class Suite:
    """A named sweep over data sets."""

    about: str
    datasets: tuple[str, ...]


SUITES: dict[str, Suite] = {
    "quick": Suite("embedded data, minutes: digits and textures", ("digits", "textures")),
    "fmnist": Suite("Fashion-MNIST, every class against the rest", ("fmnist",)),
    "mnist": Suite("MNIST, every class against the rest", ("mnist",)),
    "all": Suite("quick, fmnist and mnist", ("digits", "textures", "fmnist", "mnist")),
    "validate": Suite(
        "Fashion-MNIST's training images, split: where fast recipes are chosen", (VALIDATION.name,)
    ),
}


def scenario_of(entry: Entry, dataset: str, asked: Scenario) -> Scenario:
    """The scenario a detector runs in: known anomalies where it takes them and there are some."""
    labelled = asked.labelled if entry.labelled and not DATASETS[dataset].masked else 0.0
    return replace(asked, labelled=labelled)
