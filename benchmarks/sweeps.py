"""Suites: named sweeps over data sets and, some of them, over what is trained with."""

from dataclasses import dataclass

from benchmarks.scenario import Scenario
from benchmarks.suites import CIFAR10_VALIDATION, EXPOSED, VALIDATION

# HSC exposes 1, 2, 4 ... images (Ruff et al. 2020, Rethinking Assumptions; its code: up to 2^21 of
# 80 Million Tiny Images, 2^18 of ImageNet-22k). What an exposure does not hold becomes all of it.
POWERS = tuple(2**k for k in range(22))
# Deep SAD (Ruff et al. 2020), section 4.2 and tables 3 to 5: (i) the share of known anomalies,
# (ii) the share of hidden ones, (iii) the number of classes that the known ones come from.
SHARES = tuple(Scenario(labelled) for labelled in (0.0, 0.01, 0.05, 0.1, 0.2))
POLLUTED = tuple(Scenario(0.05, 1, pollution) for pollution in (0.0, 0.01, 0.05, 0.1, 0.2))
CLASSES = (Scenario(pollution=0.1), *(Scenario(0.05, known, 0.1) for known in (1, 2, 3, 5)))


@dataclass(frozen=True)
class Suite:
    """A named sweep over data sets.

    Empty `detectors` are all of them. `scenarios` and `sizes` (of the exposure) are swept where the
    suite has some; else one of each runs, as asked for at the command line.
    """

    about: str
    datasets: tuple[str, ...]
    detectors: tuple[str, ...] = ()
    scenarios: tuple[Scenario, ...] = ()
    sizes: tuple[int, ...] = ()


SUITES: dict[str, Suite] = {
    "quick": Suite("embedded data, minutes: digits and textures", ("digits", "textures")),
    "fmnist": Suite("Fashion-MNIST, every class against the rest", ("fmnist",)),
    "mnist": Suite("MNIST, every class against the rest", ("mnist",)),
    "cifar10": Suite("CIFAR-10, every class against the rest", ("cifar10",)),
    "imagenet30": Suite("ImageNet-30, every class against the rest", ("imagenet30",), EXPOSED),
    "mvtec": Suite("MVTec AD, the categories that are there", ("mvtec",)),
    "all": Suite(
        "quick, fmnist, mnist, cifar10, mvtec and imagenet30",
        ("digits", "textures", "fmnist", "mnist", "cifar10", "mvtec", "imagenet30"),
    ),
    "validate": Suite(
        "Fashion-MNIST's training images, split: where fast recipes are chosen", (VALIDATION.name,)
    ),
    "cifar10-validation": Suite(
        "CIFAR-10's training images, split: where its fast recipes are chosen",
        (CIFAR10_VALIDATION.name,),
    ),
    "exposure": Suite(
        "CIFAR-10 against 1, 2, 4 ... all images of the exposure",
        ("cifar10",),
        EXPOSED,
        sizes=POWERS,
    ),
    "exposure-imagenet30": Suite(
        "the same on ImageNet-30", ("imagenet30",), EXPOSED, sizes=POWERS[:19]
    ),
    "deepsad": Suite(
        "Deep SAD's three scenarios; seeds 0-8 let each other class be the known one",
        ("mnist", "fmnist", "cifar10"),
        ("deep_sad",),
        scenarios=tuple(dict.fromkeys((*SHARES, *POLLUTED, *CLASSES))),
    ),
}
