"""Settings of MVTec AD: `fast`, ours, at 224 pixels for two CPU cores; and FCDD's own recipe."""

from dataclasses import replace
from typing import Any

import torch

from baselines.anomalies import Append, Replace
from baselines.augment import Jitter
from baselines.autoencoder import Autoencoder, ErrorOf
from baselines.deep import DeepDetector
from baselines.deep_sad import DeepSAD, ExposedSAD
from baselines.deep_svdd import DeepSVDD, SoftDeepSVDD
from baselines.detector import Detector
from baselines.hourglass import Hourglass
from baselines.hsc import BCE, HSC, Focal
from baselines.kernels import RBF
from baselines.normalise import GlobalContrast
from baselines.pictures import NEAREST
from baselines.schedules import Exponential, OneCycle, sgd
from baselines.shallow import shallow
from baselines.svdd import SVDD
from baselines.synthetic import Confetti
from baselines.trainer import Recipe
from baselines.trunks import SQUEEZE, VGG11, Code
from baselines.variations import OneOf, OwnNoise, Shrunk, WindowOrWhole
from benchmarks.datasets.categories import Pictures
from benchmarks.setting import Setting, Settings
from fcdd.defaults import RECIPE, SIGMA, SYNTHETIC
from fcdd.detector import FCDD

SOURCE = (
    "ours: SqueezeNet's first eleven modules, the last of them trained, against confetti and "
    "scars, one cycle of AdamW; one recipe for every category, for two CPU cores"
)
SHALLOW = "ours: as on other images, on the components of 95 % of the variance; larger squares"
BLUR = SIGMA  # for every detector's map
LEARNING = replace(RECIPE, placement=None)
SPOTS = SYNTHETIC["both"]
HELD = replace(SQUEEZE, frozen=11)


def on_mvtec(detector: Detector, source: str = SOURCE) -> Settings:
    """The setting of MVTec AD."""
    return {"mvtec": Setting(detector, source)}


def classifying(make: type[DeepDetector], code: int) -> Settings:
    """A classifier against synthetic anomalies, its code the mean over the image."""
    return on_mvtec(
        make(
            replace(SQUEEZE, head=Code(code)),
            replace(LEARNING, epochs=4, placement=Append()),
            anomalies=SPOTS,
            smoothing=BLUR,
            mirrored=True,
        )
    )


CENTRED = replace(HELD, head=Code(64, bias=False))
CENTRING = replace(LEARNING, epochs=4, lr=1e-4)
REBUILDING = Recipe(epochs=20, batch=16, lr=2e-3, schedule=OneCycle())
SURFACES: dict[str, Settings] = {
    "svdd": on_mvtec(SVDD(RBF("median"), nu=0.5, smoothing=BLUR), "ours: as on Fashion-MNIST"),
    "autoencoder": on_mvtec(Autoencoder(ErrorOf(Hourglass()), REBUILDING, smoothing=BLUR)),
    "deep_svdd": on_mvtec(DeepSVDD(CENTRED, CENTRING, pretraining=None, smoothing=BLUR)),
    "deep_svdd_soft": on_mvtec(SoftDeepSVDD(CENTRED, CENTRING, pretraining=None, smoothing=BLUR)),
    "deep_sad": on_mvtec(DeepSAD(CENTRED, CENTRING, pretraining=None, smoothing=BLUR)),
    "deep_sad_oe": classifying(ExposedSAD, 64),
    "hsc": classifying(HSC, 64),
    "bce": classifying(BCE, 1),
    "focal": classifying(Focal, 1),
    "fcdd": on_mvtec(
        FCDD(
            SQUEEZE,
            RECIPE,
            anomalies=SPOTS,
            sigma=SIGMA,
            level=True,
            mirrored=True,
        )
    ),
}


def occluding(place: str, **params: Any) -> Settings:
    """A shallow detector on the components of 95 % of the variance; squares of 32 pixels hidden."""
    detector = shallow(place, pca=0.95, patch=32, stride=16, **params)
    return on_mvtec(detector.set_params(smoothing=BLUR), SHALLOW)


SHALLOW_SURFACES: dict[str, Settings] = {
    "iforest": occluding("pyod.models.iforest:IForest"),
    "kde": occluding("pyod.models.kde:KDE", bandwidth=1.0),
    "ocsvm": occluding("pyod.models.ocsvm:OCSVM", nu=0.1, gamma="scale"),
    "knn": occluding("pyod.models.knn:KNN"),
    "pca": occluding("pyod.models.pca:PCA"),
}

# The code enlarges the training set tenfold and calls ten passes an epoch: 200 of those.
PASSES = 10
FCDD_2021 = "Liznerski et al. 2021 (FCDD), section 4.3 and appendix D, and its code"
FCDD_RECIPE = Recipe(
    precision=torch.float32,  # bfloat16 costs screw up to five points (`fcdd.defaults`)
    epochs=200 * PASSES,
    batch=128,
    lr=1e-3,
    optimiser=sgd,
    schedule=Exponential(0.985 ** (1 / PASSES)),
    weight_decay=1e-4,
    placement=Replace(0.5),
    augment=(WindowOrWhole(224), OneOf(Jitter(0.04), Jitter(0.005)), OwnNoise(0.1)),
    normalise=Shrunk(224, GlobalContrast(per_channel=True)),
)
DARK = Confetti(relative=False, both_signs=False, everywhere=True)
PAPER_SURFACES: dict[str, Settings] = {
    "fcdd": {
        "mvtec": Setting(
            FCDD(VGG11, FCDD_RECIPE, anomalies=DARK, sigma=12.0, pixels=True),
            FCDD_2021,
            (
                "the whole image is the mask of its confetti, and the loss that of the upsampled "
                "map, as in the code; the paper's text has the map's mean there",
                "a batch never spans two passes over the training rows; the rate falls every pass",
                "the weaker of the two jitters changes contrast, saturation and hue by 0.005 as it "
                "does brightness, the authors' by 0.0005: no grey level",
                "squares of confetti that overlap add up; the authors' later one covers the former",
                "maps are spread about the exact, half-pixel centre of the field; the authors "
                "count its middle twice, so that their maps, and losses, are 6 % larger",
            ),
            pictures=Pictures(240, NEAREST),
        )
    }
}
