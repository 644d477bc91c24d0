"""MNIST and Fashion-MNIST: 60,000 + 10,000 grey images of 28 x 28 pixels in ten classes."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.datasets.base import (
    DataMissing,
    Dataset,
    Files,
    Images,
    content_revision,
    prepare_command,
)
from benchmarks.datasets.idx import IdxContent, find_idx, pieces, read_idx

DEBIAN = Path("/usr/share/datasets/fashion-mnist")  # apt install dataset-fashion-mnist
_PARTS = (("train-images", 3), ("train-labels", 1), ("t10k-images", 3), ("t10k-labels", 1))


@dataclass(frozen=True)
class IdxPlaces:
    """Where the four idx files of a data set may lie: all four in one folder."""

    name: str
    title: str
    folders: Callable[[Path], tuple[Path, ...]]

    def find(self, root: Path) -> Files | None:
        """Train images and labels, test images and labels of the first complete folder."""
        for folder in self.folders(root):
            found = [find_idx(folder, stem, dimensions) for stem, dimensions in _PARTS]
            files = tuple(path for path in found if path is not None)
            if len(files) == len(_PARTS):
                return files
        return None

    def files(self, root: Path) -> Files:
        """As ``find``; raises DataMissing instead of returning None."""
        files = self.find(root)
        if files is None:
            remedy = prepare_command(self.name, root)
            raise DataMissing(self.title, self.folders(root), remedy)
        return files

    def read(self, path: Path) -> IdxContent:
        """Content of one of the files; ValueError if it is damaged."""
        with path.open("rb") as file:
            return read_idx(file, str(path), prepare_command(self.name))

    def pieces(self, path: Path) -> Iterator[bytes]:
        """Bytes of one of the files, unpacked: the same for plain and gzipped data."""
        with path.open("rb") as file:
            yield from pieces(file, str(path), prepare_command(self.name))


def _fashion_folders(root: Path) -> tuple[Path, ...]:
    usual = ("FashionMNIST/raw", "fashion-mnist", "fmnist")
    return (*(root / folder for folder in usual), DEBIAN)


def _mnist_folders(root: Path) -> tuple[Path, ...]:
    return root / "MNIST/raw", root / "mnist"


def _pair(images: IdxContent, labels: IdxContent, classes: int) -> tuple[np.ndarray, np.ndarray]:
    pixels, given = images.images(), labels.labels(classes)
    if len(pixels) != len(given):
        raise labels.fault(f"{len(given)} labels for the {len(pixels)} images of {images.name}")
    return pixels, given


def _dataset(places: IdxPlaces, classes: tuple[str, ...], licence: str, source: str) -> Dataset:
    def load(root: Path) -> Images:
        # Threads, since zlib releases the lock.
        with ThreadPoolExecutor() as pool:
            contents = list(pool.map(places.read, places.files(root)))
        train = _pair(contents[0], contents[1], len(classes))
        test = _pair(contents[2], contents[3], len(classes))
        return Images(*train, *test, classes)

    return Dataset(
        name=places.name,
        title=places.title,
        classes=classes,
        find=places.find,
        load=load,
        revision=lambda root: content_revision(places.files(root), places.pieces),
        licence=licence,
        source=source,
        remedy=prepare_command(places.name),
    )


MNIST_FILES = IdxPlaces("mnist", "MNIST", _mnist_folders)

MNIST = _dataset(
    MNIST_FILES,
    tuple("0123456789"),
    licence="CC BY-SA 3.0",
    source="LeCun, Cortes, Burges 1998, http://yann.lecun.com/exdb/mnist/",
)

FASHION_MNIST = _dataset(
    IdxPlaces("fmnist", "Fashion-MNIST", _fashion_folders),
    (
        "t-shirt/top",
        "trouser",
        "pullover",
        "dress",
        "coat",
        "sandal",
        "shirt",
        "sneaker",
        "bag",
        "ankle boot",
    ),
    licence="MIT",
    source="Xiao, Rasul, Vollgraf 2017, https://github.com/zalandoresearch/fashion-mnist",
)
