"""Every setting of a detector with its source.

Here the `fast` ones, ours (`baselines.fast`), for two CPU cores, and the shallow detectors'; those
on CIFAR-10 and ImageNet-30 are in `fast_colour.py`, the papers' in `paper.py`.
"""

from dataclasses import replace
from typing import Any

from sklearn.base import clone

from baselines.autoencoder import Autoencoder
from baselines.deep import DeepDetector
from baselines.deep_sad import DeepSAD, ExposedSAD
from baselines.deep_svdd import DeepSVDD, SoftDeepSVDD
from baselines.detector import Detector
from baselines.hsc import BCE, HSC, Focal
from baselines.kernels import RBF
from baselines.normalise import GlobalContrast, UnitRange
from baselines.shallow import shallow
from baselines.svdd import SVDD
from baselines.synthetic import Confetti
from baselines.trainer import Recipe
from benchmarks.fast_colour import FAST_COLOUR
from benchmarks.setting import ANY, Setting, Settings
from benchmarks.surfaces import SHALLOW_SURFACES, SURFACES
from fcdd.detector import FCDD
from fcdd.nets import Net32

FAST = (
    "ours: one cycle, few epochs, narrow nets, for two CPU cores; chosen on Fashion-MNIST's "
    "training images (suite validate: 5,000 rows of a class train; its other 1,000 and 9,000 of "
    "the other classes compare)"
)
SMALL = "ours: as on Fashion-MNIST, batches of 32, 3,000 rows in all, for few rows"
PLAIN = f"{SMALL}; Net32, contrast as it is, for it tells defects, and confetti as on MVTec AD"
SPOTTED = f"{SMALL}; against confetti, as on MVTec AD"
SIZES = ((ANY, None, FAST), ("digits", 90, SMALL), ("textures", 200, SMALL))


def fast(detector: DeepDetector, exposure: str | None = None) -> Settings:
    """The detector as it is by default, its recipes stretched where rows are few. On textures those
    that train against anomalies take confetti."""
    settings = {
        name: Setting(stretched(detector, rows), source, exposure=exposure)
        for name, rows, source in SIZES
    }
    if exposure is None:
        return settings
    spotted = settings["textures"].detector.set_params(anomalies=Confetti())
    return settings | {"textures": Setting(spotted, SPOTTED)}


def stretched(detector: DeepDetector, rows: int | None) -> DeepDetector:
    """A clone whose recipes, its pretraining's too, suit a data set of so few rows."""
    twin = clone(detector)
    if rows is None:
        return twin
    found = {"recipe": small(detector.recipe, rows)}
    start = detector.get_params(deep=False).get("pretraining")
    if start is not None:
        found["pretraining"] = replace(start, recipe=small(start.recipe, rows))
    return twin.set_params(**found)


def small(recipe: Recipe, rows: int) -> Recipe:
    """Batches of 32, and as many epochs as make 3,000 rows."""
    return replace(recipe, batch=32, epochs=max(recipe.epochs, 3000 // rows))


def fast_fcdd() -> Settings:
    coloured = replace(small(FCDD().recipe, 200), normalise=UnitRange())
    detector = FCDD(Net32(32), coloured, anomalies=Confetti(), level=True)
    return fast(FCDD(), "photos") | {"textures": Setting(detector, PLAIN)}


def joined(some: dict[str, Settings], others: dict[str, Settings]) -> dict[str, Settings]:
    """The settings of both, by detector; in the order of the second."""
    return {name: found | some.get(name, {}) for name, found in others.items()}


def every(detector: Detector, source: str, *deviations: str) -> Settings:
    """One setting for every data set."""
    return {ANY: Setting(detector, source, deviations)}


TUNED = "kernel width and nu fixed before; the papers choose them on test data"
DEFAULTS = "PyOD's defaults; not in the papers"
CONTRAST = "global contrast normalisation (Ruff et al. 2018, section 4.1)"


def pixels(place: str, source: str, *deviations: str, **params: Any) -> Settings:
    """A detector of PyOD on images as they are; on those of Deep SVDD's paper, MNIST and CIFAR-10,
    of normalised contrast, as all of its shallow baselines are."""
    level = Setting(
        shallow(place, normalise=GlobalContrast(), **params), f"{source}; {CONTRAST}", deviations
    )
    plain = every(shallow(place, **params), source, *deviations)
    return plain | dict.fromkeys(("mnist", "cifar10"), level)


FAST_SETTINGS: dict[str, Settings] = joined(
    SURFACES,
    joined(
        FAST_COLOUR,
        {
            "svdd": every(
                SVDD(RBF("median"), nu=0.5), "Tax & Duin 2004; nu chosen as the fast recipes"
            ),
            "autoencoder": fast(Autoencoder()),
            "deep_svdd": fast(DeepSVDD()),
            "deep_svdd_soft": fast(SoftDeepSVDD()),
            "deep_sad": fast(DeepSAD(pretrain_on_anomalies=False)),
            "deep_sad_oe": fast(ExposedSAD(), "photos"),
            "hsc": fast(HSC(), "photos"),
            "bce": fast(BCE(), "photos"),
            "focal": fast(Focal(), "photos"),
            "fcdd": fast_fcdd(),
        },
    ),
)
# Shallow detectors have one setting for either recipe.
SHALLOW_SETTINGS: dict[str, Settings] = joined(
    SHALLOW_SURFACES,
    {
        "iforest": pixels(
            "pyod.models.iforest:IForest",
            "Liu et al. 2008; 100 trees of 256 rows, 95 % of the variance (Ruff et al. 2018)",
            pca=0.95,
        ),
        "kde": pixels(
            "pyod.models.kde:KDE",
            "Parzen 1962; 95 % of the variance (Ruff et al. 2018)",
            "PyOD's bandwidth of 1; the paper chooses it by cross-validated likelihood",
            pca=0.95,
            bandwidth=1.0,
        ),
        "ocsvm": pixels(
            "pyod.models.ocsvm:OCSVM",
            "Schoelkopf et al. 2001; 95 % of the variance (Ruff et al. 2018)",
            TUNED,
            pca=0.95,
            nu=0.1,
            gamma="scale",
        ),
        "knn": pixels("pyod.models.knn:KNN", "Ramaswamy et al. 2000", DEFAULTS),
        "pca": pixels("pyod.models.pca:PCA", "Shyu et al. 2003", DEFAULTS, n_components=0.95),
    },
)
