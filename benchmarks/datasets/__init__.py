"""Every data set and every exposure the harness knows, one dict each."""

from benchmarks.datasets.base import ExposureSet
from benchmarks.datasets.digits import DIGITS
from benchmarks.datasets.exposures import CIFAR100, EMNIST, MNIST_EXPOSURE
from benchmarks.datasets.mnist import FASHION_MNIST, MNIST
from benchmarks.datasets.photos import PHOTOS

EXPOSURES: dict[str, ExposureSet] = {
    exposure.name: exposure for exposure in (PHOTOS, CIFAR100, EMNIST, MNIST_EXPOSURE)
}
LABELLED = (DIGITS, FASHION_MNIST, MNIST)
