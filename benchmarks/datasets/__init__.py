"""Every data set and every exposure the harness knows, one dict each."""

from benchmarks.datasets.base import ExposureSet
from benchmarks.datasets.cifar import CIFAR10, CIFAR100
from benchmarks.datasets.digits import DIGITS
from benchmarks.datasets.exposures import EMNIST, MNIST_EXPOSURE
from benchmarks.datasets.folders import IMAGENET1K, IMAGENET22K, PREFIX, folder_exposure
from benchmarks.datasets.imagenet30 import IMAGENET30
from benchmarks.datasets.mnist import FASHION_MNIST, MNIST
from benchmarks.datasets.photos import PHOTOS

EXPOSURES: dict[str, ExposureSet] = {
    exposure.name: exposure
    for exposure in (PHOTOS, CIFAR100, EMNIST, MNIST_EXPOSURE, IMAGENET22K, IMAGENET1K)
}
LABELLED = (DIGITS, FASHION_MNIST, MNIST, CIFAR10, IMAGENET30)


def exposure_set(name: str) -> ExposureSet:
    """The exposure of a name: one of EXPOSURES, or ``folder:PATH``. Raises KeyError."""
    return folder_exposure(name) if name.startswith(PREFIX) else EXPOSURES[name]
