"""What can be named at the door: detectors, data sets, suites."""

from dataclasses import dataclass, replace
from pathlib import Path

from baselines.autoencoder import Autoencoder
from baselines.deep_sad import DeepSAD
from baselines.deep_svdd import DeepSVDD, SoftDeepSVDD
from baselines.hsc import BCE, CLASSIFIER, HSC, LOGIT, Focal
from benchmarks import recipes as r
from benchmarks.datasets import LABELLED, textures
from benchmarks.task import Categories, OneVsRest, Scenario, Source

RECIPES = ("fast", "paper")


@dataclass(frozen=True)
class Entry:
    """A detector at the door: what it is, and its settings by recipe and data set.

    `exposed` detectors train against an exposure, `labelled` ones are given known anomalies.
    """

    title: str
    fast: r.Settings
    paper: r.Settings
    exposed: bool = False
    labelled: bool = False

    def setting(self, recipe: str, dataset: str) -> r.Setting:
        """Raises KeyError where the recipe has nothing for the data set."""
        settings = {"fast": self.fast, "paper": self.paper}[recipe]
        return settings[dataset] if dataset in settings else settings[r.ANY]

    def has(self, recipe: str, dataset: str) -> bool:
        settings = {"fast": self.fast, "paper": self.paper}[recipe]
        return dataset in settings or r.ANY in settings


def _shallow(title: str, settings: r.Settings) -> Entry:
    return Entry(title, settings, settings)


DETECTORS: dict[str, Entry] = {
    "svdd": Entry("SVDD", r.SPHERE, r.PAPER_SPHERE),
    "autoencoder": Entry(
        "Autoencoder",
        r.fast(lambda recipe: Autoencoder(r.ErrorOf(r.MirroredLeNet(r.CODER)), recipe), r.CODING),
        r.paper_autoencoder(),
    ),
    "deep_svdd": Entry("Deep SVDD", r.fast_centred(DeepSVDD, r.CENTRING), r.paper_svdd(DeepSVDD)),
    "deep_svdd_soft": Entry(
        "Deep SVDD (soft boundary)",
        r.fast_centred(SoftDeepSVDD, r.CENTRING, warm_up=2),
        r.paper_svdd(SoftDeepSVDD, ("R by the batch's quantile; the paper searches it",)),
    ),
    "deep_sad": Entry(
        "Deep SAD",
        r.fast_centred(DeepSAD, r.CENTRING, pretrain_on_anomalies=False),
        r.paper_sad(),
        labelled=True,
    ),
    "hsc": Entry(
        "HSC",
        r.fast(lambda recipe: HSC(CLASSIFIER, recipe), r.CLASSIFYING, "photos"),
        r.paper_hsc(lambda recipe: HSC(CLASSIFIER, recipe)),
        exposed=True,
    ),
    "bce": Entry(
        "BCE",
        r.fast(lambda recipe: BCE(LOGIT, recipe), r.CLASSIFYING, "photos"),
        r.paper_hsc(lambda recipe: BCE(LOGIT, recipe)),
        exposed=True,
    ),
    "focal": Entry(
        "Focal",
        r.fast(lambda recipe: Focal(LOGIT, recipe), r.CLASSIFYING, "photos"),
        r.paper_hsc(lambda recipe: Focal(LOGIT, recipe)),
        exposed=True,
    ),
    "fcdd": Entry("FCDD", r.fast_fcdd(r.EXPLAINING), r.paper_fcdd(), exposed=True),
    "iforest": _shallow("Isolation forest", r.FOREST),
    "kde": _shallow("KDE", r.DENSITY),
    "ocsvm": _shallow("OC-SVM", r.ONE_CLASS),
    "knn": _shallow("k nearest neighbours", r.NEIGHBOURS),
    "pca": _shallow("PCA", r.SUBSPACE),
}

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

DATASETS: dict[str, Source] = {
    **{data.name: OneVsRest(data) for data in LABELLED},
    "textures": TEXTURES,
}


@dataclass(frozen=True)
class Suite:
    """A named sweep: data sets, and how many of their normals (None: all)."""

    about: str
    datasets: tuple[str, ...]
    normals: int | None = None


SUITES: dict[str, Suite] = {
    "quick": Suite("embedded data, minutes: digits and textures", ("digits", "textures")),
    "fmnist": Suite("Fashion-MNIST, every class against the rest", ("fmnist",)),
    "mnist": Suite("MNIST, every class against the rest", ("mnist",)),
    "all": Suite("everything above", ("digits", "textures", "fmnist", "mnist")),
}

LABELS = Scenario(labelled=0.05, known_classes=1)


def scenario_of(entry: Entry, dataset: str, asked: Scenario) -> Scenario:
    """The scenario a detector runs in: known anomalies where it takes them and there are some."""
    labelled = asked.labelled if entry.labelled and not DATASETS[dataset].masked else 0.0
    return replace(asked, labelled=labelled)
