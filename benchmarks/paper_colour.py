"""The papers' recipes on colour images: CIFAR-10 and ImageNet-30, value by value."""

from dataclasses import replace

from baselines.anomalies import Append, Replace
from baselines.augment import Crop, Flip, Jitter, Noise
from baselines.autoencoder import Autoencoder, ErrorOf, Pretraining
from baselines.deep import DeepDetector
from baselines.deep_sad import DeepSAD, ExposedSAD
from baselines.deep_svdd import DeepSVDD, SoftDeepSVDD
from baselines.hsc import BCE, HSC, Focal
from baselines.large import Centre, Window
from baselines.nets import LeNet, MirroredLeNet, xavier_weights
from baselines.normalise import GlobalContrast, ImageNetStandard, Standard
from baselines.resnet import AttentionResNet, Logit
from baselines.schedules import Milestones
from baselines.trainer import Recipe
from baselines.trunks import Trunk, vgg11_bn
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
from benchmarks.setting import Setting, Settings
from fcdd.detector import FCDD
from fcdd.nets import Net32

SVDD_CIFAR = "Ruff et al. 2018 (Deep SVDD), section 4.2, and its PyTorch code's CIFAR-10 command"
SAD_CIFAR = "Ruff et al. 2020 (Deep SAD), section 4.2, and its code's CIFAR-10 net"
HSC_CIFAR = "Ruff et al. 2020 (Rethinking Assumptions), its code's CIFAR-10 script"
HSC_LARGE = "Ruff et al. 2020 (Rethinking Assumptions), its code's ImageNet-30 script"
FCDD_CIFAR = "Liznerski et al. 2021 (FCDD), section 4.1, appendix, and its code's CIFAR-10 runner"
FCDD_LARGE = "Liznerski et al. 2021 (FCDD), section 4.1, appendix, and its code's ImageNet runner"

LENET = LeNet((32, 64, 128), None, 128)
CLASSIFIER = LeNet((32, 64, 128), 512, 256, bias=True, affine=True, weights=xavier_weights)
RESNET = AttentionResNet(256)
VGG = Trunk(vgg11_bn, cut=21, frozen=0, pretrained=None)  # FCDD_CNN224_VGG_NOPT

# Deep SVDD: 150 epochs, tenfold slower after 50; its autoencoder 350 epochs, after 250. The paper's
# lambda of 1e-6 is Adam's coupled weight decay of 1e-6 (the port halves it).
CENTRING = Recipe(
    150,
    200,
    1e-4,
    schedule=Milestones((50,)),
    weight_decay=1e-6,
    normalise=GlobalContrast(),
)
CODING = replace(CENTRING, epochs=350, schedule=Milestones((250,)))
SVDD_START = Pretraining(CODING, norm_code=True, total=True)
SAD = Recipe(150, 128, 1e-4, schedule=Milestones((50,)), weight_decay=5e-7, drop_last=True)
SAD_START = Pretraining(Recipe(150, 128, 1e-4, weight_decay=5e-4, drop_last=True))
CIFAR_SCALE = ImageNetStandard((0.491373, 0.482353, 0.446667), (0.247059, 0.243529, 0.261569))
HSC_RECIPE = Recipe(
    200,
    128,
    1e-3,
    schedule=Milestones((100, 150)),
    weight_decay=5e-7,
    augment=(Jitter(0.01), Flip(), Crop(4), Noise(0.001)),
    normalise=CIFAR_SCALE,
    placement=Append(),
    drop_last=True,
)
LARGE = replace(
    HSC_RECIPE,
    epochs=150,
    schedule=Milestones((100, 125)),
    augment=(Jitter(0.01), Flip(), Window(224), Noise(0.001)),
    normalise=Centre(224, ImageNetStandard()),
)
FCDD_RECIPE = Recipe(
    600,
    200,
    1e-3,
    schedule=Milestones((400, 500)),
    weight_decay=1e-6,
    augment=(Jitter(0.01), Crop(4), Flip(), Noise(0.001)),
    normalise=Standard(),
    placement=Replace(0.5),
)
FCDD_LARGE_RECIPE = replace(FCDD_RECIPE, augment=LARGE.augment, normalise=LARGE.normalise)

THEANO = "trained on all 5,000 rows; the paper's Theano runs held out 1,000 of them"
DRAWN = "encoder and decoder drawn as PyTorch does; the authors draw both Xavier-uniform"
DECODER = "the decoder drawn as PyTorch does; the authors draw it Xavier-uniform"
TINY = "exposed to CIFAR-100; the paper's 80 Million Tiny Images were withdrawn by their makers"
MIDDLE = "random crops from the middle 256 x 256 of the resized picture, not from all of it"
SYNSETS = "ImageNet-22k without the 30 classes, as the code; the paper says without all 1,000"
FEWER = "50,000 pictures of the exposure unless --exposure-size says more; the authors' 14 million"
OTHER_TEST = "where the data are ILSVRC's, 50 test images of a class; the authors' 100 are ss-ood's"
NAME = "the code's WideResNet is a ResNet-18 with CBAM"
ORDER = "jitter in a fixed order (torchvision shuffles it)"
VGG_DRAWN = "convolutions drawn as PyTorch does by default; torchvision's VGG normal, by fan-out"
FCDD_NOTES = (
    WITH_REPLACEMENT,
    "maps are spread about the exact, half-pixel centre of the field; the authors count its "
    "middle twice (maps only, where the field is even)",
    "batches of 200 at once, as in the code, which joins ten of 20 before the forward pass",
    ORDER,
    PRECISION,
)
LARGE_NOTES = (SYNSETS, FEWER, MIDDLE)


def exposed(small: DeepDetector, large: DeepDetector, *notes: str) -> Settings:
    """Settings of a classifier on both data sets."""
    own = (*notes, ORDER, *HSC_NOTES)
    more = (*LARGE_NOTES, OTHER_TEST, NAME, *own)
    return {
        "cifar10": Setting(small, HSC_CIFAR, (TINY, LAST_LAYER, *own), "cifar100"),
        "imagenet30": Setting(large, HSC_LARGE, more, "imagenet22k"),
    }


def centred(detector: DeepDetector, *notes: str) -> Settings:
    """The setting of Deep SVDD, one-class or soft, and of its autoencoder."""
    return {"cifar10": Setting(detector, SVDD_CIFAR, (*notes, THEANO, DRAWN, *SVDD_NOTES))}


LARGE_FCDD_NOTES = (*LARGE_NOTES, VGG_DRAWN, *FCDD_NOTES)
COLOUR_SETTINGS: dict[str, Settings] = {
    "autoencoder": centred(
        Autoencoder(ErrorOf(MirroredLeNet(LENET, norm_code=True)), CODING, total=True)
    ),
    "deep_svdd": centred(DeepSVDD(LENET, CENTRING, pretraining=SVDD_START)),
    "deep_svdd_soft": centred(
        SoftDeepSVDD(LENET, CENTRING, pretraining=SVDD_START, warm_up=10), SOFT_NOTE
    ),
    "deep_sad": {
        "cifar10": Setting(
            DeepSAD(LENET, SAD, pretraining=SAD_START), SAD_CIFAR, (BORROWED, DECODER, *SAD_NOTES)
        )
    },
    "deep_sad_oe": exposed(
        ExposedSAD(CLASSIFIER, HSC_RECIPE), ExposedSAD(RESNET, LARGE), SAD_GUARD
    ),
    "hsc": exposed(HSC(CLASSIFIER, HSC_RECIPE), HSC(RESNET, LARGE), GUARD),
    "bce": exposed(BCE(Logit(CLASSIFIER), HSC_RECIPE), BCE(Logit(RESNET), LARGE)),
    "focal": exposed(Focal(Logit(CLASSIFIER), HSC_RECIPE), Focal(Logit(RESNET), LARGE)),
    "fcdd": {
        "cifar10": Setting(
            FCDD(Net32(128), FCDD_RECIPE, sigma=1.2), FCDD_CIFAR, FCDD_NOTES, "cifar100"
        ),
        "imagenet30": Setting(
            FCDD(VGG, FCDD_LARGE_RECIPE, sigma=8.0), FCDD_LARGE, LARGE_FCDD_NOTES, "imagenet22k"
        ),
    },
}
