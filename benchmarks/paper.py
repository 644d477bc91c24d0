"""The papers' recipes, value by value, each with its source and with what differs from it."""

from collections.abc import Callable
from dataclasses import replace

from baselines.anomalies import Append, Replace
from baselines.augment import Crop, Flip
from baselines.autoencoder import Autoencoder, ErrorOf, Pretraining
from baselines.deep import DeepDetector
from baselines.deep_sad import DeepSAD, ExposedSAD
from baselines.deep_svdd import DeepSVDD, SoftDeepSVDD
from baselines.detector import Detector
from baselines.hsc import BCE, HSC, Focal
from baselines.kernels import RBF
from baselines.nets import LeNet, MirroredLeNet, xavier_weights
from baselines.normalise import GlobalContrast
from baselines.resnet import Logit
from baselines.schedules import Exponential, Milestones, sgd
from baselines.svdd import SVDD
from baselines.trainer import Recipe
from benchmarks.paper_colour import COLOUR_SETTINGS
from benchmarks.paper_notes import (
    BORROWED,
    GUARD,
    HSC_NOTES,
    LAST_LAYER,
    PRECISION,
    SAD_GUARD,
    SAD_NOTES,
    SOFT_NOTE,
    SVDD_NOTES,
    WITH_REPLACEMENT,
)
from benchmarks.recipes import CONTRAST, TUNED, every
from benchmarks.setting import Setting, Settings
from benchmarks.surfaces import PAPER_SURFACES
from fcdd.detector import FCDD
from fcdd.nets import Net28

ALL_PIXELS = "on all pixels; the papers keep the components of 95 % of the variance"
SVDD_2018 = "Ruff et al. 2018 (Deep SVDD), section 4.2, and its PyTorch code"
SAD_2020 = "Ruff et al. 2020 (Deep SAD), its code's README command for MNIST"
HSC_2020 = "Ruff et al. 2020 (Rethinking Assumptions), its code's MNIST script"
FCDD_2021 = "Liznerski et al. 2021 (FCDD), section 4.1 and appendix, and its code"
LENET_MNIST = LeNet((8, 4), None, 32)
LENET_FMNIST = LeNet((16, 32), 128, 64)
CLASSIFIER = LeNet((16, 32), 64, 32, bias=True, affine=True, weights=xavier_weights)
AE_28 = ErrorOf(MirroredLeNet(LeNet((128, 64), None, 48, bias=True, affine=True), widths=(4, 8)))
DROP = Milestones((50,))

SVDD_RECIPE = Recipe(150, 200, 1e-4, schedule=DROP, weight_decay=1e-6, normalise=GlobalContrast())
SVDD_CODING = Pretraining(replace(SVDD_RECIPE, weight_decay=1e-3), total=True)
SAD_RECIPE = Recipe(150, 128, 1e-4, schedule=DROP, weight_decay=5e-7, drop_last=True)
SAD_CODING = Pretraining(Recipe(150, 128, 1e-4, weight_decay=5e-4, drop_last=True))
HSC_RECIPE = Recipe(
    150,
    128,
    1e-3,
    schedule=Milestones((50, 100)),
    weight_decay=5e-7,
    placement=Append(),
    drop_last=True,
)
FCDD_RECIPE = Recipe(
    400,
    128,
    1e-2,
    optimiser=sgd,
    schedule=Exponential(0.98),
    weight_decay=1e-6,
    placement=Replace(0.5),
    augment=(Crop(2), Flip()),
    normalise=GlobalContrast(),
)

UPRIGHT = "EMNIST stands upright here (as in FCDD's code), transposed there"
FCDD_NOTES = (
    WITH_REPLACEMENT,
    "maps are spread about the exact, half-pixel centre of the field; the authors round it and "
    "quarter the kernel (maps only)",
    PRECISION,
)


def paper_svdd(make: Callable[..., DeepDetector], *more: str, **values: object) -> Settings:
    mnist = make(LENET_MNIST, SVDD_RECIPE, pretraining=SVDD_CODING, **values)
    fmnist = make(LENET_FMNIST, SAD_RECIPE, pretraining=SAD_CODING, **values)
    case = f"{SAD_2020}, whose table 3 holds Deep SVDD as the case without labels"
    return {
        "mnist": Setting(mnist, SVDD_2018, (*SVDD_NOTES, *more)),
        "fmnist": Setting(fmnist, case, (BORROWED, PRECISION, *more)),
    }


def paper_description() -> Settings:
    """SVDD, which with this kernel is the OC-SVM of Deep SVDD's table 1."""
    source, notes = "Tax & Duin 2004; nu of Ruff et al. 2018", (TUNED, ALL_PIXELS)
    level = SVDD(RBF("scale"), nu=0.1, normalise=GlobalContrast())
    settings = every(SVDD(RBF("scale"), nu=0.1), source, *notes)
    return settings | dict.fromkeys(
        ("mnist", "cifar10"), Setting(level, f"{source}; {CONTRAST}", notes)
    )


def paper_sad() -> Settings:
    mnist = DeepSAD(LENET_MNIST, SAD_RECIPE, pretraining=SAD_CODING)
    fmnist = DeepSAD(LENET_FMNIST, SAD_RECIPE, pretraining=SAD_CODING)
    return {
        "mnist": Setting(mnist, SAD_2020, SAD_NOTES),
        "fmnist": Setting(fmnist, SAD_2020, (BORROWED, *SAD_NOTES)),
    }


def paper_hsc(detector: Detector, *more: str) -> Settings:
    notes = (*more, LAST_LAYER, *HSC_NOTES)
    return {
        "mnist": Setting(detector, HSC_2020, (UPRIGHT, *notes), "emnist"),
        "fmnist": Setting(detector, HSC_2020, (BORROWED, *notes), "cifar100"),
    }


def paper_autoencoder() -> Settings:
    mnist = Autoencoder(ErrorOf(MirroredLeNet(LENET_MNIST)), SVDD_CODING.recipe, total=True)
    fmnist = Autoencoder(AE_28, replace(FCDD_RECIPE, placement=None))
    return {
        "mnist": Setting(mnist, f"{SVDD_2018}: the autoencoder it starts from", SVDD_NOTES),
        "fmnist": Setting(fmnist, f"{FCDD_2021}: its AE28", (PRECISION,)),
    }


def paper_fcdd() -> Settings:
    detector = FCDD(Net28(128), FCDD_RECIPE, sigma=1.2)
    return {"fmnist": Setting(detector, FCDD_2021, FCDD_NOTES, "cifar100")}


GREY_SETTINGS: dict[str, Settings] = {
    "svdd": paper_description(),
    "autoencoder": paper_autoencoder(),
    "deep_svdd": paper_svdd(DeepSVDD),
    "deep_svdd_soft": paper_svdd(SoftDeepSVDD, SOFT_NOTE, warm_up=10),
    "deep_sad": paper_sad(),
    "deep_sad_oe": paper_hsc(ExposedSAD(CLASSIFIER, HSC_RECIPE), SAD_GUARD),
    "hsc": paper_hsc(HSC(CLASSIFIER, HSC_RECIPE), GUARD),
    "bce": paper_hsc(BCE(Logit(CLASSIFIER), HSC_RECIPE)),
    "focal": paper_hsc(Focal(Logit(CLASSIFIER), HSC_RECIPE)),
    "fcdd": paper_fcdd(),
}
PAPER_SETTINGS = {
    name: own | COLOUR_SETTINGS.get(name, {}) | PAPER_SURFACES.get(name, {})
    for name, own in GREY_SETTINGS.items()
}
