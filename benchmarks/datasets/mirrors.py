"""Where the data sets and exposures are downloaded from, and what must arrive."""

from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.datasets.base import Dataset, ExposureSet
from benchmarks.datasets.cifar import CIFAR10, CIFAR100, TEN
from benchmarks.datasets.download import Remote
from benchmarks.datasets.exposures import EMNIST
from benchmarks.datasets.mnist import FASHION_MNIST, MNIST


@dataclass(frozen=True)
class Download:
    """What brings a data set or exposure: its files, and their folder under the data root."""

    entry: Dataset | ExposureSet
    folder: str
    files: tuple[Remote, ...]

    @property
    def megabytes(self) -> float:
        """Size of the transfer."""
        return sum(remote.size for remote in self.files) / 1e6


def _mirrored(homes: Sequence[str], files: Sequence[tuple[str, int, str]]) -> tuple[Remote, ...]:
    return tuple(
        Remote(name, tuple(f"{home}/{name}" for home in homes), checksum, size)
        for name, size, checksum in files
    )


# Checksums as torchvision lists them; sizes as the homes state them.
DOWNLOADS = {
    "fmnist": Download(
        FASHION_MNIST,
        "FashionMNIST/raw",
        _mirrored(
            (
                "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion",
                "https://storage.googleapis.com/tensorflow/tf-keras-datasets",
                "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com",
            ),
            (
                ("train-images-idx3-ubyte.gz", 26421880, "8d4fb7e6c68d591d4c3dfef9ec88bf0d"),
                ("train-labels-idx1-ubyte.gz", 29515, "25c81989df183df01b3e8a0aad5dffbe"),
                ("t10k-images-idx3-ubyte.gz", 4422102, "bef4ecab320f06d8554ea6380940ec79"),
                ("t10k-labels-idx1-ubyte.gz", 5148, "bb300cfdad3c16e7a12a480ee83cd310"),
            ),
        ),
    ),
    "mnist": Download(
        MNIST,
        "MNIST/raw",
        _mirrored(
            (
                "https://ossci-datasets.s3.amazonaws.com/mnist",
                "https://storage.googleapis.com/cvdf-datasets/mnist",
            ),
            (
                ("train-images-idx3-ubyte.gz", 9912422, "f68b3c2dcbeaaa9fbdd348bbdeb94873"),
                ("train-labels-idx1-ubyte.gz", 28881, "d53e105ee54ea40749a09fcbcd1e9432"),
                ("t10k-images-idx3-ubyte.gz", 1648877, "9fb629c4189551a2d022fa330f9573f3"),
                ("t10k-labels-idx1-ubyte.gz", 4542, "ec29112dd5afa0611ce80d1b7f02629c"),
            ),
        ),
    ),
    "cifar10": Download(
        CIFAR10,
        "cifar-10-batches-bin",
        (
            Remote(
                "cifar-10-binary.tar.gz",
                ("https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",),
                "c32a1d4ab5d03f1284b67883e8d87530",
                170052171,
                members=TEN.binary,
            ),
        ),
    ),
    "cifar100": Download(
        CIFAR100,
        "cifar-100-binary",
        (
            Remote(
                "cifar-100-binary.tar.gz",
                ("https://www.cs.toronto.edu/~kriz/cifar-100-binary.tar.gz",),
                "03b5dce01913d631647c71ecec9e9cb8",
                168513733,
                members=("cifar-100-binary/train.bin",),
            ),
        ),
    ),
    "emnist": Download(
        EMNIST,
        "EMNIST/raw",
        (
            Remote(
                "gzip.zip",
                ("https://biometrics.nist.gov/cs_links/EMNIST/gzip.zip",),
                "58c8d27c78d21e728a6bc7b3cc06412e",
                561753746,
                members=("gzip/emnist-letters-train-images-idx3-ubyte.gz",),
            ),
        ),
    ),
}
